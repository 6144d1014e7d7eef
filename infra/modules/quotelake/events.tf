# Queues, and who may send to them without being one of our functions.

locals {
  # One group per dataset keeps publishing of one table in order.
  work = { for stage, settings in local.stages : stage => {
    fifo                       = settings.queue.fifo
    function_timeout_seconds   = local.sizes[stage].timeout_seconds
    visibility_timeout_seconds = local.sizes[stage].visibility_timeout_seconds
  } if settings.queue != null }

  from_bucket = { service = "s3.amazonaws.com", source_arn = local.bucket_arn, account_id = local.account }
}

module "queues" {
  source = "../queues"
  prefix = local.name
  work   = local.work
  # `invocations`: schedules that could not start, invocations that failed, notifications that could not be delivered.
  # `undelivered`: objects that the stream or publish set aside.
  collecting = ["invocations", "undelivered"]
  changes    = var.changes_queue
  senders = merge({
    check       = [local.from_bucket]
    ingest      = [local.from_bucket]
    undelivered = [local.from_bucket]
    invocations = [{
      service    = "events.amazonaws.com"
      source_arn = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.name}/*"
      account_id = local.account
    }]
    }, local.with.models ? {
    refine = [{
      service    = "events.amazonaws.com"
      source_arn = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.name}/${local.name}-models"
      account_id = local.account
    }]
  } : {})
}

# Models hear of every partition that was published, and of those of models, since models may read models. Whoever hears looks at the
# table: events that come twice, late or in another order change nothing.
resource "aws_cloudwatch_event_rule" "models" {
  count          = local.with.models ? 1 : 0
  name           = "${local.name}-models"
  description    = "A partition was published that models may read"
  event_bus_name = module.notifications.bus_name
  event_pattern = jsonencode({
    source        = ["quotelake.publish", "quotelake.refine"]
    "detail-type" = ["Partition Published"]
  })
}

resource "aws_cloudwatch_event_target" "models" {
  count          = local.with.models ? 1 : 0
  rule           = aws_cloudwatch_event_rule.models[0].name
  event_bus_name = module.notifications.bus_name
  target_id      = "refine"
  arn            = module.queues.arns["refine"]

  retry_policy {
    maximum_retry_attempts       = 185
    maximum_event_age_in_seconds = 24 * 3600
  }

  dead_letter_config {
    arn = module.queues.arns["invocations"]
  }
}
