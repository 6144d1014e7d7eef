output "state_bucket" {
  description = "For STATE_BUCKET."
  value       = module.state.name
}

output "deploy_role_arns" {
  description = "For the variable AWS_ROLE_ARN of each GitHub environment."
  value       = module.oidc.role_arns
}

output "permissions_boundaries" {
  description = "For the variable PERMISSIONS_BOUNDARY of each GitHub environment."
  value       = module.oidc.boundary_arns
}
