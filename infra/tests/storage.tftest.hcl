# Buckets.

mock_provider "aws" {
  source = "./mocks"
}

run "bucket_is_private_and_encrypted" {
  module {
    source = "../modules/bucket"
  }
  variables {
    name        = "quotelake-test"
    expire_days = { "raw/" = 30 }

    noncurrent_days_by_prefix = { "raw/" = 1 }
    archive_days              = { "bronze/" = 90 }
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All four blocks of public access are on."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Encrypted by S3's own keys, which cost nothing."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Versioned unless told otherwise."
  }
  assert {
    condition     = jsondecode(aws_s3_bucket_policy.tls_only[0].policy).Statement[0].Effect == "Deny"
    error_message = "Requests without TLS are denied."
  }
  assert {
    condition = { for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id => one(rule.expiration[*].days) if length(rule.expiration) > 0 && startswith(rule.id, "expire") } == {
      "expire-raw" = 30
    }
    error_message = "raw/ goes after 30 days."
  }
  assert {
    condition = { for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id => one(rule.noncurrent_version_expiration[*].noncurrent_days) if length(rule.noncurrent_version_expiration) > 0 } == {
      "noncurrent" = 30, "noncurrent-raw" = 1
    }
    error_message = "Versions under raw/ go a day after the object, others after 30."
  }
  assert {
    condition     = one(one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "archive-bronze"]).transition).storage_class == "GLACIER_IR"
    error_message = "bronze/ moves to Glacier Instant Retrieval: queries can still read it."
  }
}

run "tls_can_be_switched_off_for_an_emulator" {
  module {
    source = "../modules/bucket"
  }
  variables {
    name        = "quotelake-test"
    require_tls = false
  }
  assert {
    condition     = length(aws_s3_bucket_policy.tls_only) == 0
    error_message = "There is no policy."
  }
}

run "zones_live_as_long_as_the_documents_say" {
  module {
    source = "../modules/lake"
  }
  variables {
    bucket_name = "quotelake-test"
  }
  assert {
    condition     = var.raw_days == 30 && var.landing_days == 30 && var.quarantine_days == 180
    error_message = "raw 30, landing 30, quarantine 180 days."
  }
  assert {
    condition     = alltrue([for prefix in keys(local.expire_days) : module.bucket.noncurrent_days_by_prefix[prefix] == 1])
    error_message = "What expires is gone a day later: 30 days are not 60."
  }
  assert {
    condition     = alltrue([for prefix in ["staged/", "pacing/", "state/published/"] : module.bucket.noncurrent_days_by_prefix[prefix] == 1])
    error_message = "What is used up or rewritten all the time leaves no versions behind."
  }
  assert {
    condition     = !anytrue([for prefix in keys(module.bucket.noncurrent_days_by_prefix) : startswith("bronze/", prefix) || startswith("contracts/", prefix) || startswith("state/backfill/", prefix)])
    error_message = "Overwritten tables, contracts and checkpoints can be brought back for noncurrent_days."
  }
  assert {
    condition     = var.archive_bronze_after_days == null && length(module.bucket.archived) == 0
    error_message = "Tables stay in Standard unless asked otherwise."
  }
  assert {
    condition     = length(aws_s3_bucket_notification.this.queue) == 0
    error_message = "No queue was asked for."
  }
}

run "the_month_in_work_is_not_archived" {
  command = plan
  module {
    source = "../modules/lake"
  }
  variables {
    bucket_name               = "quotelake-test"
    archive_bronze_after_days = 7
  }
  expect_failures = [var.archive_bronze_after_days]
}
