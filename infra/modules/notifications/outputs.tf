output "bus_name" {
  description = "The bus."
  value       = aws_cloudwatch_event_bus.this.name
}

output "bus_arn" {
  description = "The bus's ARN."
  value       = aws_cloudwatch_event_bus.this.arn
}

output "topic_arn" {
  description = "The topic's ARN."
  value       = aws_sns_topic.this.arn
}
