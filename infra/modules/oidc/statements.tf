# What Terraform needs to manage one environment: services as a whole, but only resources of its names.

locals {
  stages = keys(jsondecode(file("${path.module}/../../stages.json")).stages)

  arn = { for service in [
    "lambda", "sqs", "sns", "firehose", "scheduler", "events", "glue", "athena", "logs", "cloudwatch", "ssm", "states", "ec2",
  ] : service => "arn:${var.partition}:${service}:*:${var.account_id}" }
  iam = "arn:${var.partition}:iam::${var.account_id}"

  # Names of an environment are its prefix, or begin with it and a hyphen: `quotelake-dev` does not reach `quotelake-dev2`.
  prefix   = { for environment in var.environments : environment => "${var.name}-${environment}" }
  database = { for environment in var.environments : environment => replace("${var.name}_${environment}", "-", "_") }
  boundary_arn = { for environment in var.environments : environment =>
    "${local.iam}:policy/${var.role_name}-${environment}-boundary"
  }

  # Who takes the roles that the stack makes.
  passed_to = ["lambda.amazonaws.com", "firehose.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com", "glue.amazonaws.com"]
  stack_roles = { for environment, prefix in local.prefix : environment => concat(
    [for stage in local.stages : "${local.iam}:role/${prefix}-${stage}"],
    [for part in ["fetch-caller", "schedule", "schedule-*", "stream", "workflow", "crawler"] : "${local.iam}:role/${prefix}-${part}"],
  ) }

  statements = { for environment, prefix in local.prefix : environment => [
    { Sid = "Buckets", Effect = "Allow", Action = ["s3:*"], Resource = [
      "arn:${var.partition}:s3:::${prefix}-*", "arn:${var.partition}:s3:::${prefix}-*/*",
    ] },
    { Sid = "Compute", Effect = "Allow", Action = ["lambda:*"], Resource = ["${local.arn.lambda}:function:${prefix}-*"] },
    { Sid = "Messages", Effect = "Allow", Action = ["sqs:*", "sns:*"], Resource = [
      "${local.arn.sqs}:${prefix}-*", "${local.arn.sns}:${prefix}", "${local.arn.sns}:${prefix}:*",
    ] },
    { Sid = "Stream", Effect = "Allow", Action = ["firehose:*"], Resource = ["${local.arn.firehose}:deliverystream/${prefix}"] },
    { Sid = "Schedules", Effect = "Allow", Action = ["scheduler:*"], Resource = [
      "${local.arn.scheduler}:schedule-group/${prefix}", "${local.arn.scheduler}:schedule/${prefix}/*",
    ] },
    { Sid = "Events", Effect = "Allow", Action = ["events:*"], Resource = [
      "${local.arn.events}:event-bus/${prefix}", "${local.arn.events}:rule/${prefix}/*",
    ] },
    { Sid = "Catalog", Effect = "Allow", Action = ["glue:*"], Resource = [
      "${local.arn.glue}:catalog", "${local.arn.glue}:database/${local.database[environment]}",
      "${local.arn.glue}:table/${local.database[environment]}/*", "${local.arn.glue}:userDefinedFunction/${local.database[environment]}/*",
      "${local.arn.glue}:crawler/${prefix}",
    ] },
    { Sid = "Queries", Effect = "Allow", Action = ["athena:*"], Resource = ["${local.arn.athena}:workgroup/${prefix}-*"] },
    { Sid = "Machines", Effect = "Allow", Action = ["states:*"], Resource = ["${local.arn.states}:stateMachine:${prefix}-*"] },
    { Sid = "Watch", Effect = "Allow", Action = ["logs:*", "cloudwatch:*"], Resource = concat(
      [for group in ["lambda/${prefix}-*", "kinesisfirehose/${prefix}", "vendedlogs/states/${prefix}"] : "${local.arn.logs}:log-group:/aws/${group}"],
      [for group in ["lambda/${prefix}-*", "kinesisfirehose/${prefix}", "vendedlogs/states/${prefix}"] : "${local.arn.logs}:log-group:/aws/${group}:*"],
      ["${local.arn.cloudwatch}:alarm:${prefix}-*", "arn:${var.partition}:cloudwatch::${var.account_id}:dashboard/${prefix}"],
    ) },
    { Sid = "Parameters", Effect = "Allow", Action = ["ssm:*"], Resource = ["${local.arn.ssm}:parameter/${var.name}/${environment}/*"] },
    { Sid = "Budgets", Effect = "Allow", Action = [
      "budgets:ViewBudget", "budgets:ModifyBudget", "budgets:ListTagsForResource", "budgets:TagResource", "budgets:UntagResource",
      ], Resource = ["arn:${var.partition}:budgets::${var.account_id}:budget/${prefix}"],
    },
    # A mapping's id is made up by AWS, so its tags cannot be told apart by name; mappings of others stay as they are but for tags.
    { Sid = "MappingTags", Effect = "Allow", Action = ["lambda:TagResource", "lambda:UntagResource", "lambda:ListTags"], Resource = [
      "${local.arn.lambda}:event-source-mapping:*",
    ] },
    # A mapping belongs to the function that it invokes.
    { Sid = "Mappings", Effect = "Allow", Action = [
      "lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping",
      ], Resource = "*", Condition = { ArnLike = { "lambda:FunctionArn" = "${local.arn.lambda}:function:${prefix}-*" } },
    },
    # These cannot be limited to a resource, or AWS makes up its id: see infra/iam-exceptions.json.
    { Sid = "Lists", Effect = "Allow", Action = [
      "lambda:GetEventSourceMapping", "lambda:ListEventSourceMappings", "logs:DescribeLogGroups", "ssm:DescribeParameters",
      "athena:CreateNamedQuery", "athena:GetNamedQuery", "athena:DeleteNamedQuery", "tag:GetResources",
      "states:ValidateStateMachineDefinition", "states:ListStateMachines", "sts:GetCallerIdentity",
      "ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules", "ec2:DescribeVpcEndpoints", "ec2:DescribePrefixLists",
      "ec2:DescribeManagedPrefixLists", "ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeRouteTables",
    ], Resource = "*" },
  ] }

  # Only where a database's network is asked for: its rules reach a security group that is not the stack's own.
  network_statements = { for environment in var.environments : environment => [for statement in [
    # Groups and endpoints of a database's network have ids that AWS makes up. What is made is tagged as this environment's at once, and
    # only what carries that tag is deleted.
    { Sid = "MakeNetwork", Effect = "Allow", Action = [
      "ec2:CreateSecurityGroup", "ec2:CreateVpcEndpoint", "ec2:CreateTags", "ec2:ModifyVpcEndpoint",
      "ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress",
      "ec2:ModifySecurityGroupRules",
      ], Resource = [for kind in ["vpc", "subnet", "route-table", "security-group", "security-group-rule", "vpc-endpoint"] :
      "${local.arn.ec2}:${kind}/*"
    ] },
    { Sid = "UnmakeNetwork", Effect = "Allow", Action = ["ec2:DeleteSecurityGroup", "ec2:DeleteVpcEndpoints", "ec2:DeleteTags"], Resource = [
      for kind in ["security-group", "security-group-rule", "vpc-endpoint"] : "${local.arn.ec2}:${kind}/*"
    ], Condition = { StringEquals = { "aws:ResourceTag/Project" = var.name, "aws:ResourceTag/Environment" = environment } } },
  ] : statement if var.database_network] }

  role_statements = { for environment, prefix in local.prefix : environment => concat([
    { Sid = "MakeRoles", Effect = "Allow", Action = [
      "iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary",
      ], Resource = local.stack_roles[environment], Condition = { StringEquals = { "iam:PermissionsBoundary" = local.boundary_arn[environment] } },
    },
    { Sid = "KeepRoles", Effect = "Allow", Action = [
      "iam:DeleteRole", "iam:GetRole", "iam:UpdateRole", "iam:UpdateAssumeRolePolicy", "iam:TagRole", "iam:UntagRole", "iam:ListRoleTags",
      "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:GetRolePolicy",
      "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
    ], Resource = local.stack_roles[environment] },
    { Sid = "PassRoles", Effect = "Allow", Action = ["iam:PassRole"], Resource = local.stack_roles[environment], Condition = {
      StringEquals = { "iam:PassedToService" = local.passed_to }
    } },
    { Sid = "CallerPolicy", Effect = "Allow", Action = [
      "iam:CreatePolicy", "iam:DeletePolicy", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions", "iam:CreatePolicyVersion",
      "iam:DeletePolicyVersion", "iam:TagPolicy", "iam:UntagPolicy", "iam:ListPolicyTags",
    ], Resource = ["${local.iam}:policy/${prefix}-fetch-caller"] },
    ], var.state_bucket_arn == null ? [] : [
    { Sid = "State", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], Resource = [
      "${var.state_bucket_arn}/${var.name}/${environment}/*",
    ] },
    { Sid = "StateBucket", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [var.state_bucket_arn] },
  ]) }
}
