# With `endpoint` every call goes to an emulator on this machine; without it, to AWS. The credentials are those of the shell.

locals {
  emulated = var.endpoint != ""
}

provider "aws" {
  region                      = var.region
  skip_credentials_validation = local.emulated
  skip_metadata_api_check     = local.emulated
  skip_region_validation      = local.emulated
  s3_use_path_style           = local.emulated
  max_retries                 = local.emulated ? 2 : 25

  default_tags {
    tags = { Project = var.name, Environment = local.environment, ManagedBy = "terraform" }
  }

  dynamic "endpoints" {
    for_each = local.emulated ? [var.endpoint] : []
    content {
      athena         = endpoints.value
      budgets        = endpoints.value
      cloudwatch     = endpoints.value
      ec2            = endpoints.value
      events         = endpoints.value
      firehose       = endpoints.value
      glue           = endpoints.value
      iam            = endpoints.value
      lambda         = endpoints.value
      logs           = endpoints.value
      s3             = endpoints.value
      scheduler      = endpoints.value
      secretsmanager = endpoints.value
      sfn            = endpoints.value
      sns            = endpoints.value
      sqs            = endpoints.value
      ssm            = endpoints.value
      sts            = endpoints.value
    }
  }
}
