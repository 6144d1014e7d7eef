# The stack as a whole: the default profile, and everything that can be switched on. test_stack.py reads the states of
# these runs and holds the default profile against its limits, and every policy against the rules of iam-exceptions.json.

mock_provider "aws" {
  source = "./mocks"
}

run "default_profile" {
  module {
    source = "../modules/quotelake"
  }
  variables {
    environment   = "test"
    artifacts_dir = "no-such-folder"
    schedules = {
      us-daily = { cron = "cron(15 18 * * ? *)", timezone = "America/New_York", payload = "{\"source\": \"polygon\"}" }
    }
  }

  assert {
    condition     = output.alarms.metrics <= jsondecode(file("../prices.json")).always_free.alarm_metrics.amount
    error_message = "The default profile's alarms cost something."
  }
  assert {
    condition     = { for name, sweep in local.sweeps : name => sweep.target.arn } == { sweep-check = module.queues.arns["check"], sweep-fetch = module.queues.arns["fetch"] }
    error_message = "Work that nobody asked for is looked for by check and fetch."
  }
  assert {
    condition     = output.function_url != null && output.secret_parameter == "/quotelake/test/polygon_api_key"
    error_message = "The default profile has a Function URL and a parameter for the vendor's key."
  }
  assert {
    condition     = output.functions == { for stage in ["fetch", "transform", "check", "publish", "ingest"] : stage => "quotelake-test-${stage}" }
    error_message = "Functions are named <name>-<environment>-<stage>."
  }
  assert {
    condition = output.functions == { for stage, settings in jsondecode(file("../stages.json")).stages : stage => "quotelake-test-${stage}"
    if !contains(keys(settings), "with") }
    error_message = "The functions are those of stages.json that nobody has to ask for."
  }
  assert {
    condition = (
      jsondecode(file("../prices.json")).stack.queues_standard == length([for queue in values(local.work) : queue if !queue.fifo]) &&
      jsondecode(file("../prices.json")).stack.queues_fifo == length([for queue in values(local.work) : queue if queue.fifo])
    )
    error_message = "The price file counts the queues that are polled as stages.json has them."
  }
  assert {
    condition = alltrue([for stage in ["fetch", "transform", "check", "publish"] :
      jsondecode(file("../prices.json")).model["${stage}_memory_gb"] == local.sizes[stage].memory_mb / 1024
    ])
    error_message = "The price file's memory is that of size s."
  }
  assert {
    condition     = output.alarms.metrics == jsondecode(file("../prices.json")).stack.alarm_metrics
    error_message = "stack.alarm_metrics of prices.json is not what the alarms are billed for."
  }
  assert {
    condition     = length(output.alarms.names) == jsondecode(file("../prices.json")).stack.alarms
    error_message = "stack.alarms of prices.json is not the number of alarms."
  }
}

# What a size changes is what functions and queues are given, and nothing else; single settings come before it.
run "size_l" {
  module {
    source = "../modules/quotelake"
  }
  variables {
    environment    = "test"
    artifacts_dir  = "no-such-folder"
    size           = "l"
    stage_settings = { check = { memory_mb = 3008 } }
    images         = { publish = "000000000000.dkr.ecr.us-east-1.amazonaws.com/publish@sha256:0000" }
    live_versions  = { fetch = "3" }
  }
  assert {
    condition     = local.sizes["check"].memory_mb == 3008 && local.sizes["check"].timeout_seconds == jsondecode(file("../stages.json")).sizes.l.check.timeout_seconds
    error_message = "A single setting comes before the size's, and the others stay."
  }
  assert {
    condition     = output.alarms.metrics == jsondecode(file("../prices.json")).stack.alarm_metrics
    error_message = "A larger size has no more alarm metrics."
  }
}

run "sizes_are_three" {
  command = plan
  module {
    source = "../modules/quotelake"
  }
  variables {
    environment    = "test"
    artifacts_dir  = "no-such-folder"
    size           = "xl"
    stage_settings = { chek = { memory_mb = 3008 } }
  }
  expect_failures = [var.size, var.stage_settings]
}

run "everything_on" {
  module {
    source = "../modules/quotelake"
  }
  variables {
    environment               = "test"
    artifacts_dir             = "no-such-folder"
    permissions_boundary      = "arn:aws:iam::000000000000:policy/deploy-quotelake-test-boundary"
    more_alarms               = true
    workflow                  = true
    tracing                   = true
    changes_queue             = true
    models                    = ["all"]
    crawl_prefix              = "others/"
    notify_success            = true
    emails                    = ["ops@example.com"]
    archive_bronze_after_days = 90
    budget_tag                = { key = "Project", value = "quotelake" }
    function_url_callers      = { partner = "arn:aws:iam::111111111111:root" }
    source_secret = {
      reference = "secretsmanager:quotelake/key"
      arn       = "arn:aws:secretsmanager:us-east-1:000000000000:secret:quotelake/key-AbCdEf"
      action    = "secretsmanager:GetSecretValue"
    }
    legacy_network = {
      vpc_id                     = "vpc-00000000"
      subnet_ids                 = ["subnet-00000000"]
      route_table_ids            = ["rtb-00000000"]
      database_security_group_id = "sg-11111111"
    }
    schedules = {
      us-daily = { cron = "cron(15 18 * * ? *)", timezone = "America/New_York", payload = "{\"source\": \"polygon\"}" }
    }
  }

  assert {
    condition     = keys(output.functions) == keys(jsondecode(file("../stages.json")).stages)
    error_message = "The functions are those of stages.json."
  }
  assert {
    condition = (
      jsondecode(aws_s3_object.models[0].content).models == "all" &&
      aws_cloudwatch_event_target.models[0].arn == module.queues.arns["refine"]
    )
    error_message = "The lake says which models there are, and the queue of refine hears of every partition."
  }
  assert {
    condition     = output.database_network != null
    error_message = "The database's network is there for what reads one."
  }
  assert {
    condition     = output.secret_parameter == null
    error_message = "A key that is kept elsewhere needs no parameter."
  }
  assert {
    condition     = length(output.alarms.names) == 10 && output.alarms.metrics == 19
    error_message = "All alarms are ten, over 17 metrics, and two more for the queues of models."
  }
}

run "quicksight_is_made_where_somebody_owns_it" {
  command = plan
  module {
    source = "../modules/quotelake"
  }
  variables {
    environment   = "test"
    artifacts_dir = "no-such-folder"
    quicksight    = { principal_arn = "arn:aws:quicksight:us-east-1:000000000000:group/default/analysts", refresh_at = "06:30", timezone = "Europe/London" }
  }
  assert {
    condition     = length(module.quicksight) == 1
    error_message = "The optional part is there."
  }
}

run "bootstrap" {
  module {
    source = "../modules/oidc"
  }
  variables {
    repository       = "example/quotelake"
    account_id       = "000000000000"
    environments     = ["test", "prod"]
    state_bucket_arn = "arn:aws:s3:::quotelake-state-000000000000"
    database_network = true
  }
  assert {
    condition     = jsondecode(aws_iam_role.deploy["test"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:example/quotelake:environment:test"
    error_message = "Only one environment of one repository may take the role."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.deploy["test"].policy, "quotelake-prod") && !strcontains(aws_iam_role_policy.deploy["test"].policy, "/prod/")
    error_message = "The role of one environment reaches nothing of another."
  }
  assert {
    condition     = length(aws_iam_role_policy.deploy["test"].policy) < 10240
    error_message = "AWS takes 10,240 characters of policies in a role."
  }
  assert {
    condition     = length(aws_iam_policy.boundary["test"].policy) < 6144
    error_message = "AWS takes 6,144 characters in a managed policy."
  }
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.deploy["test"].policy).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"] == "arn:aws:iam::000000000000:policy/deploy-quotelake-test-boundary", false)
      if length(setintersection(flatten([statement.Action]), ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"])) > 0
    ])
    error_message = "Roles are made, and given rights, only under the boundary."
  }
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.deploy["test"].policy).Statement :
      length(statement.Condition.StringEquals["iam:PassedToService"]) > 0 if contains(flatten([statement.Action]), "iam:PassRole")
    ])
    error_message = "Roles are passed only to the services that take them."
  }
  assert {
    condition     = !strcontains(aws_iam_policy.boundary["test"].policy, "iam:") && !strcontains(aws_iam_policy.boundary["test"].policy, "sts:")
    error_message = "No role under the boundary may do anything to roles."
  }
}

run "ci_makes_no_network_unless_asked" {
  module {
    source = "../modules/oidc"
  }
  variables {
    repository   = "example/quotelake"
    account_id   = "000000000000"
    environments = ["test"]
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.deploy["test"].policy, "ec2:Create") && !strcontains(aws_iam_role_policy.deploy["test"].policy, "ec2:Authorize")
    error_message = "Nothing of a network may be made."
  }
}

run "names_that_aws_would_refuse" {
  command = plan
  module {
    source = "../modules/quotelake"
  }
  variables {
    name          = "Quote_Lake"
    environment   = "test-1"
    artifacts_dir = "no-such-folder"
  }
  expect_failures = [var.name, var.environment]
}
