# AWS gives ten alarm metrics for nothing: without `more` there are the six alarms that need no more than those, with it all ten (nobody
# reads the eleventh). Each names its runbook. Another function adds no alarm and no metric: what functions do
# wrong is counted out of their logs into one metric for all of them, which exists, and is paid for, only in hours in which it counts
# something. Another work queue adds the metric of its dead letters.
#
# An alarm is a threshold over one expression of metrics. A metric's `dimensions` select it; missing data means all is well
# unless `missing` says otherwise.

locals {
  # The dimensions of crates/telemetry/src/metrics.rs.
  custom = { for key in keys(var.functions) : key => { service = "quotelake-${key}", env = var.environment } }

  # What is counted out of the functions' logs: the reports of invocations, which Lambda writes at INFO.
  # https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
  counted_namespace = "${var.namespace}/${var.name}"
  counted = merge(
    { for key, name in var.functions : "${key}-failed" => {
      function = name, metric = "failed_invocations"
      pattern  = "{ ($.type = \"platform.report\") && ($.record.status != \"success\") }"
    } },
    # Functions that work until their time is up by design are not slow.
    { for key, name in var.functions : "${key}-slow" => {
      function = name, metric = "slow_invocations"
      pattern  = "{ ($.type = \"platform.report\") && ($.record.metrics.durationMs > ${800 * var.timeout_seconds[key]}) }"
    } if !contains(var.patient_functions, key) },
  )

  free = ["dead-letters", "undelivered-pages", "stale-tables", "stream-delay", "function-errors", "waiting-messages"]

  alarms = { for key, alarm in local.all : key => alarm if var.more || contains(local.free, key) }

  all = {
    dead-letters = {
      summary   = "messages wait in a dead letter queue"
      period    = 300
      threshold = 0
      sum_of = [for queue in var.dead_letter_queues : {
        namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", stat = "Maximum", dimensions = { QueueName = queue }
      }]
    }
    # Of what was sent, not of what waits: nobody takes these messages away, and an alarm that stays red is blind. S3 tells a queue that
    # it may send by a test message of some 300 bytes; the notification of an object has more than 600.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    undelivered-pages = {
      summary   = "vendor pages could not be transformed"
      period    = 300
      threshold = 500
      sum_of = [{
        namespace  = "AWS/SQS", name = "SentMessageSize", stat = "Maximum"
        dimensions = { QueueName = var.undelivered_queue }
      }]
    }
    # Each run of a schedule says of every dataset that it asks for how long ago it was published; the oldest counts. Nothing is said of
    # a dataset that was never published, nor where nothing is scheduled: a new lake and one that is fed by drops are not stale. A
    # schedule that no longer runs says nothing either, and then the alarm has too little data, which is told as well.
    stale-tables = {
      summary   = "a scheduled dataset was not published for ${var.freshness_hours} hours, or no schedule ran"
      period    = 3600
      periods   = var.freshness_hours
      points    = 1
      threshold = var.freshness_hours
      missing   = var.scheduled ? "missing" : "notBreaching"
      no_data   = var.scheduled
      sum_of = [{
        namespace = var.namespace, name = "hours_since_published", stat = "Maximum", dimensions = local.custom.fetch
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
      sum_of    = [{ namespace = local.counted_namespace, name = "failed_invocations", stat = "Sum", dimensions = null }]
    }
    waiting-messages = {
      summary    = "the oldest message of a queue has waited for an hour"
      period     = 300
      periods    = 2
      threshold  = 3600
      expression = "MAX(METRICS())"
      sum_of = [for queue in var.more ? concat(var.entry_queues, var.work_queues) : var.entry_queues : {
        namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", stat = "Maximum", dimensions = { QueueName = queue }
      }]
    }
    slow-functions = {
      summary   = "a function used more than 80 % of its time"
      period    = 300
      threshold = 0
      sum_of    = [{ namespace = local.counted_namespace, name = "slow_invocations", stat = "Sum", dimensions = null }]
    }
    # Of the whole account and region: functions without reserved concurrency share one pool, and who throttles them is in it.
    throttled-functions = {
      summary   = "invocations were throttled in this account and region"
      period    = 300
      periods   = 3
      threshold = 0
      sum_of    = [{ namespace = "AWS/Lambda", name = "Throttles", stat = "Sum", dimensions = null }]
    }
  }
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  for_each       = local.counted
  name           = "${each.value.function}-${each.value.metric}"
  log_group_name = "/aws/lambda/${each.value.function}"
  pattern        = each.value.pattern

  metric_transformation {
    namespace = local.counted_namespace
    name      = each.value.metric
    value     = "1"
    unit      = "Count"
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
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = lookup(each.value, "periods", 1)
  datapoints_to_alarm = lookup(each.value, "points", null)
  threshold           = each.value.threshold
  treat_missing_data  = lookup(each.value, "missing", "notBreaching")
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]

  insufficient_data_actions = lookup(each.value, "no_data", false) ? [var.topic_arn] : []

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
