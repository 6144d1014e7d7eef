# The lake's bucket. Its prefixes are the zones of crates/core/src/keys.rs; each has the life that docs/ARCHITECTURE.md gives it.

locals {
  expire_days = {
    # What was checked and done. quality/history/ stays: rules compare with it.
    "runs/"                 = var.record_days
    "quality/dataset="      = var.record_days
    "quality/rule_results/" = var.record_days
    "quality/statistics/"   = var.record_days
    "raw/"                  = var.raw_days
    "landing/"              = var.landing_days
    "inbox/"                = var.landing_days
    "undelivered/"          = var.undelivered_days
    "quarantine/"           = var.quarantine_days
    # Notes of what was sent to the stream: `quotelake status` looks at those of two days.
    "state/sent/" = 7
  }
}

module "bucket" {
  source        = "../bucket"
  name          = var.bucket_name
  force_destroy = var.force_destroy
  require_tls   = var.require_tls

  noncurrent_days = var.noncurrent_days
  expire_days     = local.expire_days
  # What expires is gone a day later. What is rewritten all the time, or used up, leaves no versions behind for a month either.
  noncurrent_days_by_prefix = merge({ for prefix in keys(local.expire_days) : prefix => 1 }, {
    "staged/"          = 1
    "pacing/"          = 1
    "state/published/" = 1
  })
  archive_days = var.archive_bronze_after_days == null ? {} : { "bronze/" = var.archive_bronze_after_days }
}

# A bucket has one notification configuration: this resource owns it.
resource "aws_s3_bucket_notification" "this" {
  bucket = module.bucket.name

  dynamic "queue" {
    for_each = var.object_created
    content {
      id            = queue.key
      queue_arn     = queue.value.queue_arn
      events        = ["s3:ObjectCreated:*"]
      filter_prefix = queue.value.prefix
    }
  }
}
