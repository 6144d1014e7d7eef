# The roles of CI on an emulator, for the end-to-end run: it makes a stack with what they may do, and with nothing else.

variable "endpoint" {
  description = "The emulator's URL."
  type        = string
}

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true

  endpoints {
    iam = var.endpoint
    sts = var.endpoint
  }
}

module "oidc" {
  source          = "../../modules/oidc"
  repository      = "example/quotelake"
  environments    = ["dev", "prod"]
  account_id      = "000000000000"
  create_provider = false

  database_network = true
}

output "stack" {
  description = "The roles and their boundaries by environment."
  value       = { roles = module.oidc.role_arns, boundaries = module.oidc.boundary_arns }
}
