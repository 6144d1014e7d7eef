output "group" {
  description = "The schedule group's name."
  value       = aws_scheduler_schedule_group.this.name
}

output "arns" {
  description = "The schedules' ARNs by name."
  value       = { for name, schedule in aws_scheduler_schedule.this : name => schedule.arn }
}
