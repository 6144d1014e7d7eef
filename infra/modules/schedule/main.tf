# Schedules in the exchange's own time zone: EventBridge Scheduler knows daylight saving, rules do not.

# A schedule starts the function or state machine that all share, or a target of its own: another function, or an operation of any
# service (`arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun`, `...:athena:startQueryExecution`). Such a target has a role of its
# own, which may do what the schedule says and nothing else. https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html

locals {
  own = { for name, schedule in var.schedules : name => schedule.target if schedule.target != null }

  dead_letters = { Sid = "DeadLetters", Effect = "Allow", Action = "sqs:SendMessage", Resource = var.dead_letter_queue_arn }
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.name
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-schedule"
  permissions_boundary = var.permissions_boundary
  assume_role_policy   = local.trust
}

resource "aws_iam_role_policy" "this" {
  name = "schedule"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Target", Effect = "Allow", Action = var.target_action, Resource = var.target_arn },
      local.dead_letters,
    ]
  })
}

resource "aws_iam_role" "own" {
  for_each             = local.own
  name                 = "${var.name}-schedule-${each.key}"
  permissions_boundary = var.permissions_boundary
  assume_role_policy   = local.trust
}

resource "aws_iam_role_policy" "own" {
  for_each = local.own
  name     = "schedule"
  role     = aws_iam_role.own[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([local.dead_letters], [for index, statement in each.value.statements : {
      Sid      = "Target${index}"
      Effect   = "Allow"
      Action   = statement.actions
      Resource = statement.resources
    }])
  })
}

resource "aws_scheduler_schedule" "this" {
  for_each                     = var.schedules
  name                         = each.key
  group_name                   = aws_scheduler_schedule_group.this.name
  description                  = each.value.description
  schedule_expression          = each.value.cron
  schedule_expression_timezone = each.value.timezone
  state                        = each.value.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = try(local.own[each.key].arn, var.target_arn)
    role_arn = try(aws_iam_role.own[each.key].arn, aws_iam_role.this.arn)
    # jsonencode() writes < and > as escapes, which would hide <aws.scheduler.execution-id> from the scheduler.
    input = replace(replace(each.value.payload, "\\u003c", "<"), "\\u003e", ">")

    retry_policy {
      maximum_retry_attempts       = 5
      maximum_event_age_in_seconds = 3600
    }

    dead_letter_config {
      arn = var.dead_letter_queue_arn
    }
  }

  depends_on = [aws_iam_role_policy.this, aws_iam_role_policy.own]
}
