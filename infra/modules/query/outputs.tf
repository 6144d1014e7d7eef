output "workgroups" {
  description = "The workgroups' names: `main` and `dashboards`."
  value       = { for key, workgroup in aws_athena_workgroup.this : key => workgroup.name }
}

output "results_bucket" {
  description = "The results bucket's name."
  value       = module.results.name
}

output "results_bucket_arn" {
  description = "The results bucket's ARN."
  value       = module.results.arn
}
