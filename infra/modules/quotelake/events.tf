# Queues, and who may send to them without being one of our functions.

locals {
  timeouts = { fetch = 300, transform = 60, check = 120, publish = 300, ingest = 300 }

  # One group per dataset keeps publishing of one table in order.
  work = {
    fetch   = { function_timeout_seconds = local.timeouts.fetch }
    check   = { function_timeout_seconds = local.timeouts.check }
    ingest  = { function_timeout_seconds = local.timeouts.ingest }
    publish = { function_timeout_seconds = local.timeouts.publish, fifo = true }
  }

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
    check       = local.from_bucket
    ingest      = local.from_bucket
    undelivered = local.from_bucket
    invocations = {
      service    = "events.amazonaws.com"
      source_arn = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.name}/*"
      account_id = local.account
    }
  }
}
