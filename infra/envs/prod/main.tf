# Production: `terraform destroy` stops at buckets that hold data.

locals {
  environment = "prod"
}

module "quotelake" {
  source                    = "../../modules/quotelake"
  name                      = var.name
  size                      = var.size
  stage_settings            = var.stage_settings
  sources                   = var.sources
  more_secrets              = var.more_secrets
  retention_days            = var.retention_days
  archive_bronze_after_days = var.archive_bronze_after_days
  budget_usd                = var.budget_usd
  freshness_hours           = var.freshness_hours
  log_level                 = var.log_level
  more_alarms               = var.more_alarms
  live_versions             = var.live_versions
  images                    = var.images
  permissions_boundary      = var.permissions_boundary == "" ? null : var.permissions_boundary
  workflow                  = var.optional_parts.workflow
  crawl_prefix              = var.optional_parts.crawl_prefix
  tracing                   = var.optional_parts.tracing
  legacy_network            = var.optional_parts.legacy_network
  quicksight                = var.optional_parts.quicksight
  environment               = local.environment
  architecture              = var.architecture
  artifacts_dir             = coalesce(var.artifacts_dir, "${path.root}/../../../target/lambda")
  schedules                 = merge({ for name, schedule in local.schedules : name => schedule if var.schedules == null }, var.schedules == null ? {} : var.schedules)
  fetch_environment         = var.fetch_environment
  source_min_interval_ms    = var.source_min_interval_ms
  emails                    = var.emails
  table_folders             = var.table_folders
  models                    = var.models
  preferred                 = var.preferred
  price_files               = var.price_files
  log_retention_days        = 30
  # An emulator speaks plain HTTP.
  require_tls = !local.emulated
}
