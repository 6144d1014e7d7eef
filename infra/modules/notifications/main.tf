# The event bus that functions tell their news on, the topic that people hear of it from, and the rules between the two.

locals {
  rules = merge(
    {
      quality-failed = {
        description = "A check put rows in quarantine or blocked a batch"
        pattern = jsonencode({
          source        = ["quotelake.check"]
          "detail-type" = ["Data Quality Evaluation Results Available"]
          detail        = { decision = [{ "anything-but" = "publish" }] }
        })
        paths = { dataset = "$.detail.context.dataset", source = "$.detail.context.source", decision = "$.detail.decision" }
        text  = "\"<dataset>: <decision>. Object: <source>. Runbook: docs/runbooks/quarantine.md\""
      }
      file-rejected = {
        description = "A dropped file could not be taken"
        pattern     = jsonencode({ source = ["quotelake.ingest"], "detail-type" = ["File Rejected"] })
        paths       = { key = "$.detail.key", reason = "$.detail.reason" }
        text        = "\"<key> is rejected: <reason>. Runbook: docs/runbooks/dead-letters.md\""
      }
    },
    var.notify_success ? {
      file-ingested = {
        description = "A dropped file was taken"
        pattern     = jsonencode({ source = ["quotelake.ingest"], "detail-type" = ["File Ingested"] })
        paths       = { key = "$.detail.key", rows = "$.detail.rows" }
        text        = "\"<key> is in: <rows> rows.\""
      }
      partition-published = {
        description = "A partition was rewritten"
        pattern = jsonencode({
          source        = ["quotelake.publish"]
          "detail-type" = ["Partition Published"]
          detail        = { changed = [true] }
        })
        paths = { key = "$.detail.key", rows = "$.detail.rows", inserted = "$.detail.inserted", revised = "$.detail.revised" }
        text  = "\"<key>: <rows> rows, <inserted> new, <revised> revised.\""
      }
    } : {},
  )
}

resource "aws_cloudwatch_event_bus" "this" {
  name = var.name
}

resource "aws_sns_topic" "this" {
  name = var.name
}

resource "aws_sns_topic_policy" "this" {
  arn = aws_sns_topic.this.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Services"
      Effect    = "Allow"
      Principal = { Service = ["cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com"] }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.this.arn
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

# Each address gets a mail from AWS and has to confirm it.
resource "aws_sns_topic_subscription" "email" {
  for_each  = var.emails
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each       = local.rules
  name           = "${var.name}-${each.key}"
  description    = each.value.description
  event_bus_name = aws_cloudwatch_event_bus.this.name
  event_pattern  = each.value.pattern
}

resource "aws_cloudwatch_event_target" "topic" {
  for_each       = local.rules
  rule           = aws_cloudwatch_event_rule.this[each.key].name
  event_bus_name = aws_cloudwatch_event_bus.this.name
  target_id      = "topic"
  arn            = aws_sns_topic.this.arn

  input_transformer {
    input_paths    = each.value.paths
    input_template = each.value.text
  }

  retry_policy {
    maximum_retry_attempts       = 10
    maximum_event_age_in_seconds = 3600
  }

  dead_letter_config {
    arn = var.dead_letter_queue_arn
  }
}
