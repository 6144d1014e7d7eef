output "role_arns" {
  description = "The role for `role-to-assume`, by environment."
  value       = { for environment, role in aws_iam_role.deploy : environment => role.arn }
}

output "boundary_arns" {
  description = "The boundary that the stack's roles need, by environment: TF_VAR_permissions_boundary."
  value       = { for environment, policy in aws_iam_policy.boundary : environment => policy.arn }
}
