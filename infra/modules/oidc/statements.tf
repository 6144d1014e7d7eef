locals {
  regional = "${var.partition}:%s:*:${var.account_id}"
  arn = { for service in [
    "lambda", "sqs", "sns", "firehose", "scheduler", "events", "glue", "athena", "logs", "cloudwatch", "ssm", "states",
  ] : service => "arn:${format(local.regional, service)}" }
  database = replace(var.name, "-", "_")

  statements = [
    { Sid = "Buckets", Effect = "Allow", Action = ["s3:*"], Resource = [
      "arn:${var.partition}:s3:::${var.name}-*", "arn:${var.partition}:s3:::${var.name}-*/*",
    ] },
    { Sid = "Compute", Effect = "Allow", Action = ["lambda:*"], Resource = ["${local.arn.lambda}:function:${var.name}-*"] },
    { Sid = "Messages", Effect = "Allow", Action = ["sqs:*", "sns:*"], Resource = [
      "${local.arn.sqs}:${var.name}-*", "${local.arn.sns}:${var.name}-*",
    ] },
    { Sid = "Stream", Effect = "Allow", Action = ["firehose:*"], Resource = ["${local.arn.firehose}:deliverystream/${var.name}-*"] },
    { Sid = "Schedules", Effect = "Allow", Action = ["scheduler:*"], Resource = [
      "${local.arn.scheduler}:schedule-group/${var.name}-*", "${local.arn.scheduler}:schedule/${var.name}-*/*",
    ] },
    { Sid = "Events", Effect = "Allow", Action = ["events:*"], Resource = [
      "${local.arn.events}:event-bus/${var.name}-*", "${local.arn.events}:rule/${var.name}-*",
    ] },
    { Sid = "Catalog", Effect = "Allow", Action = ["glue:*"], Resource = [
      "${local.arn.glue}:catalog", "${local.arn.glue}:database/${local.database}_*", "${local.arn.glue}:table/${local.database}_*/*",
      "${local.arn.glue}:userDefinedFunction/${local.database}_*/*",
    ] },
    { Sid = "Queries", Effect = "Allow", Action = ["athena:*"], Resource = ["${local.arn.athena}:workgroup/${var.name}-*"] },
    { Sid = "Watch", Effect = "Allow", Action = ["logs:*", "cloudwatch:*"], Resource = [
      "${local.arn.logs}:log-group:/aws/lambda/${var.name}-*", "${local.arn.logs}:log-group:/aws/kinesisfirehose/${var.name}-*",
      "${local.arn.cloudwatch}:alarm:${var.name}-*", "arn:${var.partition}:cloudwatch::${var.account_id}:dashboard/${var.name}-*",
    ] },
    { Sid = "Parameters", Effect = "Allow", Action = ["ssm:*"], Resource = ["${local.arn.ssm}:parameter/${var.name}/*"] },
    { Sid = "Budgets", Effect = "Allow", Action = ["budgets:ViewBudget", "budgets:ModifyBudget", "budgets:ListTagsForResource", "budgets:TagResource"], Resource = [
      "arn:${var.partition}:budgets::${var.account_id}:budget/${var.name}-*",
    ] },
    { Sid = "Roles", Effect = "Allow", Action = [
      "iam:CreateRole", "iam:DeleteRole", "iam:GetRole", "iam:UpdateRole", "iam:UpdateAssumeRolePolicy", "iam:TagRole",
      "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:GetRolePolicy",
      "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:PassRole", "iam:CreatePolicy", "iam:DeletePolicy", "iam:GetPolicy",
      "iam:GetPolicyVersion", "iam:ListPolicyVersions", "iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:TagPolicy",
      ], Resource = [
      "arn:${var.partition}:iam::${var.account_id}:role/${var.name}-*", "arn:${var.partition}:iam::${var.account_id}:policy/${var.name}-*",
    ] },
    # These cannot be limited to a resource: see infra/iam-exceptions.json.
    { Sid = "Lists", Effect = "Allow", Action = [
      "lambda:CreateEventSourceMapping", "lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping",
      "lambda:DeleteEventSourceMapping", "lambda:ListEventSourceMappings", "lambda:ListTags", "logs:DescribeLogGroups",
      "ssm:DescribeParameters", "athena:CreateNamedQuery", "athena:GetNamedQuery", "athena:DeleteNamedQuery", "tag:GetResources",
    ], Resource = "*" },
  ]
}
