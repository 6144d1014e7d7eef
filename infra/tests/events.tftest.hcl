# Queues, functions, schedules, the stream: what invokes what, and what happens when it fails.

mock_provider "aws" {
  source = "./mocks"
}

run "queues_have_dead_letters_and_time" {
  module {
    source = "../modules/queues"
  }
  variables {
    prefix = "quotelake-test"
    work = {
      check   = { function_timeout_seconds = 120 }
      publish = { function_timeout_seconds = 300, fifo = true }
      ingest  = { function_timeout_seconds = 300, visibility_timeout_seconds = 420 }
    }
    collecting = ["undelivered"]
    senders = {
      check = [
        { service = "s3.amazonaws.com", source_arn = "arn:aws:s3:::quotelake-test", account_id = "000000000000" },
        { service = "events.amazonaws.com", source_arn = "arn:aws:events:us-east-1:000000000000:rule/quotelake-test/*", account_id = "000000000000" },
      ]
    }
  }

  assert {
    condition     = aws_sqs_queue.work["check"].visibility_timeout_seconds == 720 && aws_sqs_queue.work["publish"].visibility_timeout_seconds == 1800
    error_message = "A message stays invisible for six times the function's timeout."
  }
  assert {
    condition     = aws_sqs_queue.work["ingest"].visibility_timeout_seconds == 420
    error_message = "A queue may have a visibility of its own."
  }
  assert {
    condition     = [for statement in jsondecode(aws_sqs_queue_policy.senders["check"].policy).Statement : statement.Principal.Service] == ["s3.amazonaws.com", "events.amazonaws.com"]
    error_message = "A queue may have several senders."
  }
  assert {
    condition     = length(distinct([for statement in jsondecode(aws_sqs_queue_policy.senders["check"].policy).Statement : statement.Sid])) == 2
    error_message = "Each statement has a name of its own."
  }
  assert {
    condition     = alltrue([for queue in aws_sqs_queue.work : jsondecode(queue.redrive_policy).maxReceiveCount == 5])
    error_message = "Five tries, then the dead letter queue."
  }
  assert {
    condition     = aws_sqs_queue.work["publish"].name == "quotelake-test-publish.fifo" && aws_sqs_queue.dead_letters["publish"].name == "quotelake-test-publish-dlq.fifo"
    error_message = "A FIFO queue's dead letter queue is FIFO."
  }
  assert {
    condition     = alltrue([for queue in merge(aws_sqs_queue.work, aws_sqs_queue.dead_letters, aws_sqs_queue.collecting) : queue.sqs_managed_sse_enabled])
    error_message = "Messages are encrypted at rest."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_sqs_queue_policy.senders["check"].policy).Statement : statement.Condition.StringEquals["aws:SourceAccount"] == "000000000000"])
    error_message = "Only this account's bucket may send."
  }
}

run "function_reports_failures" {
  module {
    source = "../modules/function"
  }
  variables {
    name          = "quotelake-test-check"
    description   = "test"
    artifact      = "no-such.zip"
    queue_trigger = { queue_arn = "arn:aws:sqs:us-east-1:000000000000:check", maximum_concurrency = 10 }
    failure_queue = { arn = "arn:aws:sqs:us-east-1:000000000000:invocations" }
    url           = { callers = { partner = "arn:aws:iam::111111111111:root" } }
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue[0].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "Messages fail one by one, not as a batch."
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.this[0].destination_config[0].on_failure[0].destination == "arn:aws:sqs:us-east-1:000000000000:invocations"
    error_message = "An event that failed is kept."
  }
  assert {
    condition     = aws_lambda_function_url.this[0].authorization_type == "AWS_IAM"
    error_message = "The URL is not public."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role.caller[0].assume_role_policy).Statement : statement.Principal.AWS] == ["arn:aws:iam::111111111111:root"] && aws_iam_role_policy_attachment.caller[0].policy_arn == aws_iam_policy.caller[0].arn
    error_message = "A caller of another account takes a role that may call the URL."
  }
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_policy.caller[0].policy).Statement :
      statement.Action == "lambda:InvokeFunction" ? statement.Condition.Bool["lambda:InvokedViaFunctionUrl"] == "true" : statement.Condition.StringEquals["lambda:FunctionUrlAuthType"] == "AWS_IAM"
    ])
    error_message = "Callers invoke the function through its URL only."
  }
  assert {
    condition = alltrue([
      aws_lambda_alias.live.function_version == aws_lambda_function.this.version, aws_lambda_function.this.publish,
      aws_lambda_event_source_mapping.queue[0].function_name == aws_lambda_alias.live.arn,
      aws_lambda_function_url.this[0].qualifier == "live", aws_lambda_function_event_invoke_config.this[0].qualifier == "live",
    ])
    error_message = "Whatever invokes the function does so by the alias, which stands on the newest version."
  }
  assert {
    condition     = aws_lambda_function.this.logging_config[0].system_log_level == "INFO"
    error_message = "The reports of invocations, which alarms and runbooks read, are INFO."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "Logs have an end."
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_iam_policy.caller[0].policy).Statement : statement.Action])) == toset(["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"])
    error_message = "The caller's policy holds both permissions."
  }
}

run "changes_are_never_taken_for_one_another" {
  module {
    source = "../modules/queues"
  }
  variables {
    prefix  = "quotelake-test"
    work    = {}
    changes = true
  }
  assert {
    condition     = !aws_sqs_queue.changes[0].content_based_deduplication && aws_sqs_queue.changes[0].name == "quotelake-test-changes.fifo"
    error_message = "A partition that goes from A to B and back to A within five minutes is three messages."
  }
}

run "function_that_bounds_its_chain" {
  module {
    source = "../modules/function"
  }
  variables {
    name             = "quotelake-test-fetch"
    description      = "test"
    artifact         = "no-such.zip"
    bounds_recursion = true
    queue_trigger    = { queue_arn = "arn:aws:sqs:us-east-1:000000000000:fetch" }
  }
  assert {
    condition     = aws_lambda_function_recursion_config.this[0].recursive_loop == "Allow"
    error_message = "Lambda would end the chain after some 16 invocations."
  }
  assert {
    condition     = contains(flatten([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Action]), "sqs:ChangeMessageVisibility")
    error_message = "A message that failed cannot be handed back before its visibility timeout is over."
  }
}

run "function_without_extras_may_only_log" {
  module {
    source = "../modules/function"
  }
  variables {
    name        = "quotelake-test-transform"
    description = "test"
    artifact    = "no-such.zip"
  }
  assert {
    condition     = flatten([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Action]) == ["logs:CreateLogStream", "logs:PutLogEvents"]
    error_message = "A function that asks for nothing may do nothing but log."
  }
  assert {
    condition     = length(aws_lambda_function.this.vpc_config) == 0 && aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "No VPC, nothing taken from the account's concurrency."
  }
}

run "a_quiet_function_keeps_its_metrics" {
  module {
    source = "../modules/function"
  }
  variables {
    name        = "quotelake-test-check"
    description = "test"
    artifact    = "no-such.zip"
    log_level   = "WARN"
  }
  assert {
    condition     = aws_lambda_function.this.logging_config[0].application_log_level == "INFO"
    error_message = "Lambda takes a metric for a line of INFO, and drops it where the least level is higher."
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables["RUST_LOG"] == "warn"
    error_message = "The function itself is quiet."
  }
}

run "a_function_can_be_held_on_a_version" {
  module {
    source = "../modules/function"
  }
  variables {
    name                 = "quotelake-test-check"
    description          = "test"
    artifact             = "no-such.zip"
    live_version         = "7"
    permissions_boundary = "arn:aws:iam::000000000000:policy/bound"
  }
  assert {
    condition     = aws_lambda_alias.live.function_version == "7"
    error_message = "The alias stands on the version that was asked for."
  }
  assert {
    condition     = aws_iam_role.this.permissions_boundary == "arn:aws:iam::000000000000:policy/bound"
    error_message = "The role is bounded."
  }
}

run "a_function_can_read_a_database" {
  module {
    source = "../modules/function"
  }
  variables {
    name        = "quotelake-test-serve"
    description = "test"
    artifact    = "no-such.zip"
    network     = { subnet_ids = ["subnet-00000000"], security_group_ids = ["sg-00000000"] }
  }
  assert {
    condition     = one(aws_lambda_function.this.vpc_config).security_group_ids == toset(["sg-00000000"])
    error_message = "It is in the database's network."
  }
}

run "a_function_can_be_an_image" {
  module {
    source = "../modules/function"
  }
  variables {
    name        = "quotelake-test-check"
    description = "test"
    image_uri   = "000000000000.dkr.ecr.us-east-1.amazonaws.com/check@sha256:0000"
  }
  assert {
    condition     = aws_lambda_function.this.package_type == "Image" && aws_lambda_function.this.filename == null && aws_lambda_function.this.runtime == null && aws_lambda_function.this.handler == null
    error_message = "An image brings its own runtime and entry point."
  }
}

run "a_zip_or_an_image" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    name        = "quotelake-test-check"
    description = "test"
  }
  expect_failures = [var.artifact]
}

run "a_queue_hides_messages_at_least_as_long_as_its_function_works" {
  command = plan
  module {
    source = "../modules/queues"
  }
  variables {
    prefix = "quotelake-test"
    work   = { check = { function_timeout_seconds = 120, visibility_timeout_seconds = 60 } }
  }
  expect_failures = [var.work]
}

run "architecture_is_checked" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    name         = "quotelake-test"
    description  = "test"
    artifact     = "no-such.zip"
    architecture = "riscv"
  }
  expect_failures = [var.architecture]
}

run "schedule_keeps_time_zone_and_context" {
  module {
    source = "../modules/schedule"
  }
  variables {
    name                  = "quotelake-test"
    account_id            = "000000000000"
    target_arn            = "arn:aws:lambda:us-east-1:000000000000:function:fetch"
    dead_letter_queue_arn = "arn:aws:sqs:us-east-1:000000000000:invocations"
    schedules = {
      b3 = { cron = "cron(30 18 ? * MON-FRI *)", timezone = "America/Sao_Paulo", payload = "{\"run_id\":\"\\u003caws.scheduler.execution-id\\u003e\"}" }
      weekly = {
        cron     = "cron(0 6 ? * SUN *)"
        timezone = "UTC"
        payload  = "{\"QueryString\":\"SELECT 1\",\"WorkGroup\":\"main\"}"
        target = {
          arn        = "arn:aws:scheduler:::aws-sdk:athena:startQueryExecution"
          statements = [{ actions = ["athena:StartQueryExecution"], resources = ["arn:aws:athena:us-east-1:000000000000:workgroup/main"] }]
        }
      }
    }
  }
  assert {
    condition     = aws_scheduler_schedule.this["weekly"].target[0].arn == "arn:aws:scheduler:::aws-sdk:athena:startQueryExecution" && aws_scheduler_schedule.this["b3"].target[0].arn == var.target_arn
    error_message = "A schedule may have a target of its own."
  }
  assert {
    condition = (
      toset(flatten([for statement in jsondecode(aws_iam_role_policy.own["weekly"].policy).Statement : statement.Action])) == toset(["sqs:SendMessage", "athena:StartQueryExecution"]) &&
      toset(flatten([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Action])) == toset(["sqs:SendMessage", "lambda:InvokeFunction"])
    )
    error_message = "Each target's role may start its own target only."
  }
  assert {
    condition     = aws_scheduler_schedule.this["b3"].schedule_expression_timezone == "America/Sao_Paulo"
    error_message = "The schedule is in the exchange's time zone."
  }
  assert {
    condition     = aws_scheduler_schedule.this["b3"].target[0].input == "{\"run_id\":\"<aws.scheduler.execution-id>\"}"
    error_message = "The scheduler sees its context attributes unescaped."
  }
  assert {
    condition     = aws_scheduler_schedule.this["b3"].target[0].dead_letter_config[0].arn == var.dead_letter_queue_arn && aws_scheduler_schedule.this["b3"].target[0].retry_policy[0].maximum_retry_attempts == 5
    error_message = "A start that fails is tried again and then kept."
  }
}

run "schedule_refuses_what_is_no_cron" {
  command = plan
  module {
    source = "../modules/schedule"
  }
  variables {
    name                  = "quotelake-test"
    account_id            = "000000000000"
    target_arn            = "arn:aws:lambda:us-east-1:000000000000:function:fetch"
    dead_letter_queue_arn = "arn:aws:sqs:us-east-1:000000000000:invocations"
    schedules             = { bad = { cron = "15 18 * * *", timezone = "UTC", payload = "not json" } }
  }
  expect_failures = [var.schedules]
}

run "stream_is_what_the_laptop_does" {
  module {
    source = "../modules/stream"
  }
  variables {
    name          = "quotelake-test"
    account_id    = "000000000000"
    bucket_arn    = "arn:aws:s3:::quotelake-test"
    transform_arn = "arn:aws:lambda:us-east-1:000000000000:function:transform"

    transform_buffer_mb = jsondecode(file("../generated/stream.json")).transform_buffer_mb
  }
  assert {
    condition = contains([for parameter in aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].processing_configuration[0].processors[0].parameters :
    "${parameter.parameter_name}=${parameter.parameter_value}"], "BufferSizeInMBs=${jsondecode(file("../generated/stream.json")).transform_buffer_mb}")
    error_message = "The buffer in front of transform is not what its answer has room for."
  }
  assert {
    condition = alltrue([for s3 in aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration :
      s3.prefix == "landing/!{timestamp:yyyy/MM/dd/HH}/" &&
      s3.error_output_prefix == "undelivered/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/" &&
      s3.compression_format == "GZIP" && s3.buffering_size == 5 && s3.buffering_interval == 60 &&
      s3.s3_backup_mode == "Enabled" && s3.s3_backup_configuration[0].prefix == "raw/!{timestamp:yyyy/MM/dd/HH}/"
    ])
    error_message = "The stream's settings differ from crates/local/src/stream/settings.rs."
  }
}
