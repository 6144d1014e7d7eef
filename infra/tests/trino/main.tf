# The catalog as an environment has it, in an emulator's Glue: what test_trino.py asks Trino about.

variable "endpoint" {
  description = "The emulator's address."
  type        = string
}

variable "bucket" {
  description = "The emulator's bucket that holds the lake."
  type        = string
}

variable "database" {
  description = "The Glue database to make."
  type        = string
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true

  endpoints {
    glue = var.endpoint
    sts  = var.endpoint
  }
}

module "catalog" {
  source                = "../../modules/catalog"
  database              = var.database
  bucket_name           = var.bucket
  table_folders         = ["${path.module}/../../generated"]
  quality_tables_folder = "${path.module}/../../generated/quality"
  prices                = { per_check_usd = 0.00001 }
}
