# Optional state machines over the fetch function: the daily run as one execution that shows which request failed, and a
# backfill as a distributed map over windows of days.

locals {
  machines = {
    daily    = templatefile("${path.module}/definitions/daily.json", { function = var.fetch_arn, topic = var.topic_arn })
    backfill = templatefile("${path.module}/definitions/backfill.json", { function = var.fetch_arn, concurrency = var.backfill_concurrency })
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-workflow"
  permissions_boundary = var.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "workflow"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Fetch", Effect = "Allow", Action = "lambda:InvokeFunction", Resource = var.fetch_arn },
      { Sid = "Tell", Effect = "Allow", Action = "sns:Publish", Resource = var.topic_arn },
      # A distributed map starts executions of its own machine.
      {
        Sid      = "Map"
        Effect   = "Allow"
        Action   = "states:StartExecution"
        Resource = "arn:${var.partition}:states:${var.region}:${var.account_id}:stateMachine:${var.name}-backfill"
      },
      {
        Sid      = "MapRuns"
        Effect   = "Allow"
        Action   = ["states:DescribeExecution", "states:StopExecution"]
        Resource = "arn:${var.partition}:states:${var.region}:${var.account_id}:execution:${var.name}-backfill/*"
      },
      # Delivery of logs cannot be limited to a resource: see infra/iam-exceptions.json.
      {
        Sid    = "DeliverLogs"
        Effect = "Allow"
        Action = [
          "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
          "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
        ]
        Resource = "*"
      },
    ]
  })
}

resource "aws_sfn_state_machine" "this" {
  #checkov:skip=CKV_AWS_285:Errors are logged; inputs are not, they repeat the schedule.
  #checkov:skip=CKV_AWS_284:Tracing is a setting of the functions.
  for_each   = local.machines
  name       = "${var.name}-${each.key}"
  role_arn   = aws_iam_role.this.arn
  definition = each.value

  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.this.arn}:*"
    include_execution_data = false
    level                  = "ERROR"
  }

  depends_on = [aws_iam_role_policy.this]
}
