# Once for an account that CI deploys to: the bucket of Terraform's states and a role for each GitHub environment.
#   terraform -chdir=infra/bootstrap apply -var repository=owner/repository

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = var.name, Environment = "bootstrap", ManagedBy = "terraform" }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

module "state" {
  source          = "../modules/bucket"
  name            = "${var.name}-state-${data.aws_caller_identity.current.account_id}"
  noncurrent_days = 90
}

module "oidc" {
  source           = "../modules/oidc"
  name             = var.name
  role_name        = "deploy-${var.name}"
  repository       = var.repository
  environments     = var.environments
  account_id       = data.aws_caller_identity.current.account_id
  partition        = data.aws_partition.current.partition
  create_provider  = var.create_provider
  state_bucket_arn = module.state.arn
  more_secret_arns = var.more_secret_arns
  database_network = var.database_network
}
