# Lets GitHub Actions of one repository take a role without any stored key, one role for each environment:
# https://docs.github.com/actions/concepts/security/openid-connect
# A role manages the resources of its environment and no other's, its own part of the state bucket, and makes roles only under a
# boundary that it cannot change: what it may not do itself, no role that it makes may do either.

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
  for_each             = var.environments
  name                 = "${var.role_name}-${each.key}"
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
          "token.actions.githubusercontent.com:sub" = "repo:${var.repository}:environment:${each.key}"
        }
      }
    }]
  })
}

# A policy of a role holds 10,240 characters at most: what manages services, and what manages roles and state.
resource "aws_iam_role_policy" "deploy" {
  #checkov:skip=CKV_AWS_355:Statement Lists of statements.tf: infra/iam-exceptions.json has the reason.
  #checkov:skip=CKV_AWS_290:The same.
  for_each = var.environments
  name     = "deploy"
  role     = aws_iam_role.deploy[each.key].id
  policy   = jsonencode({ Version = "2012-10-17", Statement = concat(local.statements[each.key], local.role_statements[each.key], local.network_statements[each.key]) })
}

resource "aws_iam_policy" "boundary" {
  for_each    = var.environments
  name        = "${var.role_name}-${each.key}-boundary"
  description = "The most that a role of ${var.name}-${each.key} may do"
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.boundary[each.key] })
}
