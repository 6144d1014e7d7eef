output "arns" {
  description = "The machines' ARNs: `daily` and `backfill`."
  value       = { for name, machine in aws_sfn_state_machine.this : name => machine.arn }
}
