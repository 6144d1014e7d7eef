output "analysis_id" {
  description = "The analysis, to make a dashboard of."
  value       = aws_quicksight_analysis.this.analysis_id
}

output "data_set_arns" {
  description = "The datasets by name, for analyses of your own."
  value       = { for name, data_set in aws_quicksight_data_set.this : name => data_set.arn }
}
