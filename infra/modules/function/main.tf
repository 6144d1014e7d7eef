# One Lambda function with a role of its own, a log group that is there before it, and the queue that invokes it.

locals {
  own_statements = concat(
    [{
      sid       = "WriteLogs"
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
    }],
    [for trigger in var.queue_trigger[*] : {
      sid = "ReadQueue"
      # The last one hands a message back before its visibility timeout is over.
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
      resources = [trigger.queue_arn]
    }],
    [for queue in var.failure_queue[*] : {
      sid       = "ReportFailedInvocations"
      actions   = ["sqs:SendMessage"]
      resources = [queue.arn]
    }],
    # The actions below cannot be limited to a resource: see infra/iam-exceptions.json.
    [for on in var.tracing ? ["on"] : [] : {
      sid       = "Trace"
      actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      resources = ["*"]
    }],
    [for network in var.network[*] : {
      sid = "JoinNetwork"
      actions = [
        "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"]
    }],
  )
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "this" {
  name = var.name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "function"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in concat(local.own_statements, var.statements) : {
      Sid      = statement.sid
      Effect   = "Allow"
      Action   = statement.actions
      Resource = statement.resources
    }]
  })
}

resource "aws_lambda_function" "this" {
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn
  runtime       = "provided.al2023"
  handler       = "bootstrap"
  architectures = [var.architecture]
  filename      = var.artifact
  # A plan needs no zip; a change of code is seen where there is one.
  source_code_hash               = fileexists(var.artifact) ? filebase64sha256(var.artifact) : null
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    # One heap for all threads: glibc keeps one for each, and memory that another thread freed stays with the process.
    variables = merge({ MALLOC_ARENA_MAX = "1" }, var.environment)
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "WARN"
    log_group             = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  dynamic "vpc_config" {
    for_each = var.network[*]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

# What invokes without waiting for an answer gets a failed event back in a queue.
resource "aws_lambda_function_event_invoke_config" "this" {
  count                        = var.failure_queue == null ? 0 : 1
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 6 * 3600

  destination_config {
    on_failure {
      destination = var.failure_queue.arn
    }
  }
}

resource "aws_lambda_event_source_mapping" "queue" {
  count                              = var.queue_trigger == null ? 0 : 1
  event_source_arn                   = var.queue_trigger.queue_arn
  function_name                      = aws_lambda_function.this.arn
  batch_size                         = var.queue_trigger.batch_size
  maximum_batching_window_in_seconds = var.queue_trigger.batching_window_seconds
  function_response_types            = ["ReportBatchItemFailures"]

  dynamic "scaling_config" {
    for_each = var.queue_trigger.maximum_concurrency[*]
    content {
      maximum_concurrency = scaling_config.value
    }
  }
}

# Lambda ends a chain of invocations that goes through a queue after some 16 of them. A function that bounds such chains itself is
# left alone: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
resource "aws_lambda_function_recursion_config" "this" {
  count          = var.bounds_recursion ? 1 : 0
  function_name  = aws_lambda_function.this.function_name
  recursive_loop = "Allow"
}

resource "aws_lambda_function_url" "this" {
  count              = var.url == null ? 0 : 1
  function_name      = aws_lambda_function.this.function_name
  authorization_type = "AWS_IAM"
}

# A URL is answered to callers who hold both permissions: InvokeFunctionUrl, and InvokeFunction since October 2025.
# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
resource "aws_lambda_permission" "url" {
  for_each               = var.url == null ? {} : var.url.callers
  statement_id           = "url-${each.key}"
  function_name          = aws_lambda_function.this.function_name
  principal              = each.value
  action                 = "lambda:InvokeFunctionUrl"
  function_url_auth_type = "AWS_IAM"
}

resource "aws_lambda_permission" "url_function" {
  for_each      = var.url == null ? {} : var.url.callers
  statement_id  = "invoke-${each.key}"
  function_name = aws_lambda_function.this.function_name
  principal     = each.value
  action        = "lambda:InvokeFunction"
}

# For people and programs of this account: attach it to whoever may ask for a fetch.
resource "aws_iam_policy" "caller" {
  count       = var.url == null ? 0 : 1
  name        = "${var.name}-caller"
  description = "May call the Function URL of ${var.name}, and the function in no other way"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "CallUrl"
        Effect    = "Allow"
        Action    = "lambda:InvokeFunctionUrl"
        Resource  = aws_lambda_function.this.arn
        Condition = { StringEquals = { "lambda:FunctionUrlAuthType" = "AWS_IAM" } }
      },
      {
        Sid       = "InvokeThroughUrl"
        Effect    = "Allow"
        Action    = "lambda:InvokeFunction"
        Resource  = aws_lambda_function.this.arn
        Condition = { Bool = { "lambda:InvokedViaFunctionUrl" = "true" } }
      },
    ]
  })
}
