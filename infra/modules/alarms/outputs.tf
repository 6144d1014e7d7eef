output "names" {
  description = "The alarms' names."
  value       = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]
}

output "metric_count" {
  description = "Alarm metrics, which is what AWS bills."
  value       = sum([for alarm in local.alarms : length(alarm.sum_of)])
}
