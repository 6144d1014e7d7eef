# Ten alarms at most: AWS gives ten alarm metrics for nothing, and nobody reads the eleventh. Each names its runbook.
#
# An alarm is a threshold over one expression of metrics. A metric's `dimensions` select it; missing data means all is well
# unless `missing` says otherwise.

locals {
  function_metric = { for key, name in var.functions : key => { FunctionName = name } }
  # The dimensions of crates/telemetry/src/metrics.rs.
  custom = { for key in keys(var.functions) : key => { service = "quotelake-${key}", env = var.environment } }

  alarms = {
    dead-letters = {
      summary   = "messages wait in a dead letter queue"
      period    = 300
      threshold = 0
      sum_of = [for queue in var.dead_letter_queues : {
        namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", stat = "Maximum", dimensions = { QueueName = queue }
      }]
    }
    undelivered-pages = {
      summary   = "vendor pages could not be transformed"
      period    = 300
      threshold = 0
      sum_of = [{
        namespace  = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", stat = "Maximum"
        dimensions = { QueueName = var.undelivered_queue }
      }]
    }
    # How often publish told of a dataset, not how much changed: a quiet day is no stale table.
    stale-tables = {
      summary   = "nothing was published for ${var.freshness_hours} hours"
      period    = 3600
      periods   = var.freshness_hours
      threshold = 1
      below     = true
      missing   = "breaching"
      sum_of = [{
        namespace = var.namespace, name = "partitions_changed", stat = "SampleCount", dimensions = local.custom.publish
      }]
    }
    stream-delay = {
      summary   = "the stream has held records back for 15 minutes"
      period    = 300
      periods   = 2
      threshold = 900
      sum_of = [{
        namespace  = "AWS/Firehose", name = "DeliveryToS3.DataFreshness", stat = "Maximum"
        dimensions = { DeliveryStreamName = var.stream }
      }]
    }
    quarantine-ratio = {
      summary    = "more than ${var.quarantine_percent} % of an hour's rows went to quarantine"
      period     = 3600
      threshold  = var.quarantine_percent
      expression = "100 * m0 / (m0 + m1)"
      sum_of = [
        { namespace = var.namespace, name = "rows_quarantined", stat = "Sum", dimensions = local.custom.check },
        { namespace = var.namespace, name = "rows_staged", stat = "Sum", dimensions = local.custom.check },
      ]
    }
    fetch-failures = {
      summary   = "units of a vendor failed for good"
      period    = 3600
      threshold = 0
      sum_of = [{
        namespace = var.namespace, name = "units_failed", stat = "Sum", dimensions = local.custom.fetch
      }]
    }
    function-errors = {
      summary   = "a function failed as a whole"
      period    = 300
      threshold = 2
      sum_of = [for key in ["fetch", "publish"] : {
        namespace = "AWS/Lambda", name = "Errors", stat = "Sum", dimensions = local.function_metric[key]
      }]
    }
    waiting-messages = {
      summary    = "the oldest message of a queue has waited for an hour"
      period     = 300
      periods    = 2
      threshold  = 3600
      expression = "MAX(METRICS())"
      sum_of = [for queue in var.work_queues : {
        namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", stat = "Maximum", dimensions = { QueueName = queue }
      }]
    }
    slow-functions = {
      summary    = "a function used more than 80 % of its time"
      period     = 300
      threshold  = 80
      expression = "MAX([${join(", ", [for index, key in ["check", "publish"] : "m${index} / ${10 * var.timeout_seconds[key]}"])}])"
      sum_of = [for key in ["check", "publish"] : {
        namespace = "AWS/Lambda", name = "Duration", stat = "Maximum", dimensions = local.function_metric[key]
      }]
    }
    throttled-functions = {
      summary   = "invocations were throttled"
      period    = 300
      periods   = 3
      threshold = 0
      sum_of = [for key in ["check", "publish"] : {
        namespace = "AWS/Lambda", name = "Throttles", stat = "Sum", dimensions = local.function_metric[key]
      }]
    }
  }
}

locals {
  # One metric as it is needs no expression.
  plain = { for key, alarm in local.alarms : key => alarm.sum_of[0] if length(alarm.sum_of) == 1 }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${var.name}: ${each.value.summary}. Runbook: docs/runbooks/${each.key}.md"
  comparison_operator = lookup(each.value, "below", false) ? "LessThanThreshold" : "GreaterThanThreshold"
  evaluation_periods  = lookup(each.value, "periods", 1)
  threshold           = each.value.threshold
  treat_missing_data  = lookup(each.value, "missing", "notBreaching")
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]

  namespace   = try(local.plain[each.key].namespace, null)
  metric_name = try(local.plain[each.key].name, null)
  dimensions  = try(local.plain[each.key].dimensions, null)
  statistic   = try(local.plain[each.key].stat, null)
  period      = contains(keys(local.plain), each.key) ? each.value.period : null

  dynamic "metric_query" {
    for_each = contains(keys(local.plain), each.key) ? {} : { value = lookup(each.value, "expression", "SUM(METRICS())") }
    content {
      id          = metric_query.key
      expression  = metric_query.value
      label       = each.value.summary
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = contains(keys(local.plain), each.key) ? [] : each.value.sum_of
    content {
      id = "m${metric_query.key}"
      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.stat
        period      = each.value.period
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.alarms) <= 10
      error_message = "At most ten alarms: take one out, or put its metric into another."
    }
  }
}
