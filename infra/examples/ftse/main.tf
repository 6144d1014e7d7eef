# Prices of an index by files that somebody drops once a day (docs/guides/ftse-100-by-csv.md): no schedule and no vendor. Decades of
# table files that are seldom read move to Glacier Instant Retrieval, which Athena reads; those under 128 kB stay where they are.

variable "region" {
  description = "Where everything is."
  type        = string
  default     = "eu-west-2"
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = "quotelake", Environment = "ftse", ManagedBy = "terraform" }
  }
}

module "quotelake" {
  source                    = "../../modules/quotelake"
  environment               = "ftse"
  artifacts_dir             = "${path.root}/../../../target/lambda"
  function_url              = false
  archive_bronze_after_days = 90
  retention_days            = { landing = 60 }
}

output "stack" {
  description = "Names, URLs and ARNs."
  value       = { for name, value in module.quotelake : name => value if !startswith(name, "view_") }
}
