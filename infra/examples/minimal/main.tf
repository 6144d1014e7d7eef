# The least that makes a stack: no schedule, no mail, every default. Files dropped in `inbox/` become tables.

variable "region" {
  description = "Where everything is."
  type        = string
  default     = "us-east-1"
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = "quotelake", Environment = "minimal", ManagedBy = "terraform" }
  }
}

module "quotelake" {
  source        = "../../modules/quotelake"
  environment   = "minimal"
  artifacts_dir = "${path.root}/../../../target/lambda"
  force_destroy = true
}

output "stack" {
  description = "Names, URLs and ARNs."
  value       = { for name, value in module.quotelake : name => value if !startswith(name, "view_") }
}
