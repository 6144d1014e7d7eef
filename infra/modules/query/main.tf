# Athena: a workgroup for people, one for dashboards, a bucket for results, and the questions that come up every week.

locals {
  workgroups = {
    main       = { description = "People and programs", cutoff_mb = var.main_cutoff_mb }
    dashboards = { description = "Dashboards: small scans only", cutoff_mb = var.dashboards_cutoff_mb }
  }
  queries = {
    freshness  = "The newest day of each dataset, and how many instruments have it"
    gaps       = "Days that an instrument has no daily bar for, though most others do"
    duplicates = "Keys that appear twice: there should be none"
    outliers   = "Closes that moved by more than 25 % in a day without a split"
    quarantine = "Rows in quarantine of the last days, by reason"
    cost       = "What checks cost in the last days"
  }
}

module "results" {
  source          = "../bucket"
  name            = var.results_bucket_name
  versioning      = false
  noncurrent_days = 1
  expire_days     = { "main/" = var.result_days, "dashboards/" = var.result_days }
  require_tls     = var.require_tls
  # Results can be had again by asking again.
  force_destroy = true
}

resource "aws_athena_workgroup" "this" {
  for_each      = local.workgroups
  name          = "${var.name}-${each.key}"
  description   = each.value.description
  force_destroy = true

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = each.value.cutoff_mb * 1024 * 1024

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "s3://${module.results.name}/${each.key}/"
      expected_bucket_owner = var.account_id

      encryption_configuration {
        encryption_option = "SSE_S3"
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each    = local.queries
  name        = "${var.name}-${each.key}"
  description = each.value
  workgroup   = aws_athena_workgroup.this["main"].id
  database    = var.database
  query       = file("${path.module}/queries/${each.key}.sql")
}
