output "name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "The function's ARN."
  value       = aws_lambda_function.this.arn
}

output "role_arn" {
  description = "The role it runs as."
  value       = aws_iam_role.this.arn
}

output "timeout_seconds" {
  description = "Longest run of one invocation."
  value       = aws_lambda_function.this.timeout
}

output "url" {
  description = "The Function URL, null without one."
  value       = one(aws_lambda_function_url.this[*].function_url)
}

output "caller_policy_arn" {
  description = "The policy that lets a principal of this account call the URL, null without one."
  value       = one(aws_iam_policy.caller[*].arn)
}
