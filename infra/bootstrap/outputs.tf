output "state_bucket" {
  description = "For STATE_BUCKET."
  value       = module.state.name
}

output "deploy_role_arn" {
  description = "For the repository variable AWS_ROLE_ARN."
  value       = module.oidc.role_arn
}
