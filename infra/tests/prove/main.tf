# What `make prove-aws` puts beside the stack: a vendor that answers from the recording of samples/, as a function with a URL that
# anybody may ask (its pages are in the public domain), and two roles for callers of the stack's URL, one of whom is given its policy.

variable "name" {
  description = "First part of every name."
  type        = string
}

variable "environment" {
  description = "Second part of every name."
  type        = string
}

variable "region" {
  description = "Where the function is."
  type        = string
}

variable "endpoint" {
  description = "An emulator's URL; empty for AWS."
  type        = string
  default     = ""
}

variable "zip" {
  description = "The vendor's zip."
  type        = string
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds every role; empty for none."
  type        = string
  default     = ""
}

locals {
  emulated = var.endpoint != ""
  prefix   = "${var.name}-${var.environment}"
  boundary = var.permissions_boundary == "" ? null : var.permissions_boundary
}

provider "aws" {
  region                      = var.region
  skip_credentials_validation = local.emulated
  skip_metadata_api_check     = local.emulated
  skip_region_validation      = local.emulated
  max_retries                 = local.emulated ? 2 : 25

  default_tags {
    tags = { Project = var.name, Environment = var.environment, ManagedBy = "terraform" }
  }

  dynamic "endpoints" {
    for_each = local.emulated ? [var.endpoint] : []
    content {
      iam    = endpoints.value
      lambda = endpoints.value
      logs   = endpoints.value
      sts    = endpoints.value
    }
  }
}

data "aws_caller_identity" "this" {}

resource "aws_iam_role" "vendor" {
  name                 = "${local.prefix}-vendor"
  permissions_boundary = local.boundary
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

# The function has no right to write logs. An emulator does so for it: the group goes with the rest.
resource "aws_cloudwatch_log_group" "vendor" {
  name              = "/aws/lambda/${local.prefix}-vendor"
  retention_in_days = 1
}

resource "aws_lambda_function" "vendor" {
  function_name    = "${local.prefix}-vendor"
  description      = "Answers from a recording, for the time of a proof"
  role             = aws_iam_role.vendor.arn
  filename         = var.zip
  source_code_hash = filebase64sha256(var.zip)
  handler          = "recorded.handle"
  runtime          = "python3.12"
  memory_size      = 256
  timeout          = 10
  depends_on       = [aws_cloudwatch_log_group.vendor]
}

resource "aws_lambda_function_url" "vendor" {
  function_name      = aws_lambda_function.vendor.function_name
  authorization_type = "NONE"
}

resource "aws_iam_role" "caller" {
  for_each             = toset(["caller", "stranger"])
  name                 = "${local.prefix}-${each.key}"
  permissions_boundary = local.boundary
  # The policy of the stack's URL is attached while the proof runs.
  force_detach_policies = true
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = data.aws_caller_identity.this.account_id }, Action = "sts:AssumeRole" }]
  })
}

output "stack" {
  description = "The vendor's function and URL, and the callers' roles."
  value = {
    vendor     = aws_lambda_function.vendor.function_name
    vendor_url = aws_lambda_function_url.vendor.function_url
    roles      = { for name, role in aws_iam_role.caller : name => role.arn }
  }
}
