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
  senders = {
    check       = [local.from_bucket]
    ingest      = [local.from_bucket]
    undelivered = [local.from_bucket]
    invocations = [{
      service    = "events.amazonaws.com"
      source_arn = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.name}/*"
      account_id = local.account
    }]
  }
}
