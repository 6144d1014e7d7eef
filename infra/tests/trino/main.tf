# The catalog as an environment has it, once for each lake, in an emulator's Glue: what test_trino.py asks Trino about.

variable "endpoint" {
  description = "The emulator's address."
  type        = string
}

variable "lakes" {
  description = "Lakes by name: the bucket that holds one, folders of columns files of its own contracts, models that are on. The name is part of the database's."
  type        = map(object({ bucket = string, table_folders = list(string), models = list(string) }))
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true

  endpoints {
    glue = var.endpoint
    sts  = var.endpoint
  }
}

locals {
  # A quotient, as the price of a check is one: Terraform keeps more digits of it than an engine reads.
  per_check_usd = 1 / 81000
}

module "catalog" {
  source                = "../../modules/catalog"
  for_each              = var.lakes
  database              = "quotelake_${each.key}"
  bucket_name           = each.value.bucket
  table_folders         = concat(["${path.module}/../../generated"], each.value.table_folders)
  quality_tables_folder = "${path.module}/../../generated/quality"
  models                = each.value.models
  prices                = { per_check_usd = local.per_check_usd }
}

output "views" {
  description = "By lake and view: its SQL, and its columns with their types."
  value = { for lake, catalog in module.catalog : lake => {
    for name, sql in catalog.view_sql : name => { sql = sql, columns = catalog.view_columns[name] }
  } }
}
