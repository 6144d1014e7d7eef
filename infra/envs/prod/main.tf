# Production: `terraform destroy` stops at buckets that hold data.

locals {
  environment = "prod"
}

module "quotelake" {
  source                    = "../../modules/quotelake"
  environment               = local.environment
  architecture              = var.architecture
  artifacts_dir             = coalesce(var.artifacts_dir, "${path.root}/../../../target/lambda")
  schedules                 = var.schedules == null ? local.schedules : var.schedules
  fetch_environment         = var.fetch_environment
  source_min_interval_ms    = var.source_min_interval_ms
  emails                    = var.emails
  table_folders             = var.table_folders
  preferred                 = var.preferred
  price_files               = var.price_files
  archive_bronze_after_days = 90
  log_retention_days        = 30
  # An emulator speaks plain HTTP.
  require_tls = !local.emulated
}
