# One CloudWatch dashboard: what came in, what went where, what is late. AWS gives three for nothing.

locals {
  charts = [
    { title = "Rows checked", metrics = [
      [var.namespace, "rows_staged", "service", "quotelake-check", "env", var.environment, { stat = "Sum" }],
      [var.namespace, "rows_quarantined", "service", "quotelake-check", "env", var.environment, { stat = "Sum" }],
    ] },
    { title = "Partitions rewritten; hours since the oldest dataset was published", metrics = [
      [var.namespace, "partitions_changed", "service", "quotelake-publish", "env", var.environment, { stat = "Sum" }],
      [var.namespace, "hours_since_published", "service", "quotelake-fetch", "env", var.environment, { stat = "Maximum", yAxis = "right" }],
    ] },
    { title = "Rows fetched, units failed", metrics = [
      [var.namespace, "rows_fetched", "service", "quotelake-fetch", "env", var.environment, { stat = "Sum" }],
      [var.namespace, "units_failed", "service", "quotelake-fetch", "env", var.environment, { stat = "Sum" }],
    ] },
    { title = "Age of the oldest message (s)", metrics = [for queue in concat(var.entry_queues, var.work_queues) :
      ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue, { stat = "Maximum" }]
    ] },
    { title = "Dead letters", metrics = [for queue in concat(var.dead_letter_queues, [var.undelivered_queue]) :
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, { stat = "Maximum" }]
    ] },
    { title = "Stream: age of the oldest record (s)", metrics = [
      ["AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName", var.stream, { stat = "Maximum" }],
    ] },
    { title = "Duration (ms)", metrics = [for name in values(var.functions) :
      ["AWS/Lambda", "Duration", "FunctionName", name, { stat = "p95" }]
    ] },
    { title = "Errors and throttles", metrics = [for pair in setproduct(["Errors", "Throttles"], values(var.functions)) :
      ["AWS/Lambda", pair[0], "FunctionName", pair[1], { stat = "Sum" }]
    ] },
    { title = "Athena: bytes scanned", metrics = [for workgroup in var.workgroups :
      ["AWS/Athena", "ProcessedBytes", "WorkGroup", workgroup, { stat = "Sum" }]
    ] },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  count          = var.dashboard ? 1 : 0
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [for index, chart in local.charts : {
      type       = "metric", x = 8 * (index % 3), y = 6 * floor(index / 3), width = 8, height = 6
      properties = { title = chart.title, region = var.region, view = "timeSeries", period = 300, metrics = chart.metrics }
    }]
  })
}
