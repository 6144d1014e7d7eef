# Once a day check and fetch look for work that nobody asked for: landing objects without a result, staged rows without a request,
# pages that transform gave back (docs/runbooks/left-behind.md). Each is asked by a message on its own queue, so that a sweep that
# fails is tried again and is a dead letter in the end, like anything else.

locals {
  sweeps = ["check", "fetch"]
}

resource "aws_iam_role" "sweeps" {
  name = "${local.name}-sweeps"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "sweeps" {
  name = "sweeps"
  role = aws_iam_role.sweeps.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Ask"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = [for queue in concat(local.sweeps, ["invocations"]) : module.queues.arns[queue]]
    }]
  })
}

resource "aws_scheduler_schedule" "sweeps" {
  for_each            = toset(local.sweeps)
  name                = "${local.name}-sweep-${each.key}"
  group_name          = local.name
  description         = "Asks ${each.key} to look for work that nobody asked for"
  schedule_expression = var.sweep_cron

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }

  target {
    arn      = module.queues.arns[each.key]
    role_arn = aws_iam_role.sweeps.arn
    input    = jsonencode({ sweep = {} })

    dead_letter_config {
      arn = module.queues.arns["invocations"]
    }
  }

  # The group is the schedule module's.
  depends_on = [aws_iam_role_policy.sweeps, module.schedule]
}
