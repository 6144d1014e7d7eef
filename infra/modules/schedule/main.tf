# Schedules in the exchange's own time zone: EventBridge Scheduler knows daylight saving, rules do not.

resource "aws_scheduler_schedule_group" "this" {
  name = var.name
}

resource "aws_iam_role" "this" {
  name = "${var.name}-schedule"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "schedule"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Target", Effect = "Allow", Action = var.target_action, Resource = var.target_arn },
      { Sid = "DeadLetters", Effect = "Allow", Action = "sqs:SendMessage", Resource = var.dead_letter_queue_arn },
    ]
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
    arn      = var.target_arn
    role_arn = aws_iam_role.this.arn
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

  depends_on = [aws_iam_role_policy.this]
}
