output "role_arn" {
  description = "The role for `role-to-assume`."
  value       = aws_iam_role.deploy.arn
}
