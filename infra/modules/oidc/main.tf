# Lets GitHub Actions of one repository take a role without any stored key. https://docs.github.com/actions/concepts/security/openid-connect

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.create_provider ? 1 : 0
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  provider_arn = var.create_provider ? aws_iam_openid_connect_provider.github[0].arn : (
    "arn:${var.partition}:iam::${var.account_id}:oidc-provider/token.actions.githubusercontent.com"
  )
}

resource "aws_iam_role" "deploy" {
  name                 = var.role_name
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          # One environment of one repository; its protection rules say who may deploy.
          "token.actions.githubusercontent.com:sub" = [for name in var.environments : "repo:${var.repository}:environment:${name}"]
        }
      }
    }]
  })
}

# What Terraform needs to manage the stack: services as a whole, but only resources of this name where a service can tell.
resource "aws_iam_role_policy" "deploy" {
  #checkov:skip=CKV_AWS_355:Statement Lists of statements.tf: infra/iam-exceptions.json has the reason.
  #checkov:skip=CKV_AWS_290:The same.
  name   = "deploy"
  role   = aws_iam_role.deploy.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}
