output "name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "The function's ARN, without a version."
  value       = aws_lambda_function.this.arn
}

output "live_arn" {
  description = "The ARN of the alias `live`: what is to be invoked."
  value       = aws_lambda_alias.live.arn
}

output "version" {
  description = "The newest version."
  value       = aws_lambda_function.this.version
}

output "caller_role_arn" {
  description = "The role that callers of other accounts take, null without such."
  value       = one(aws_iam_role.caller[*].arn)
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
