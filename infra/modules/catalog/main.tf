# The database, and a table for each dataset from the columns that `make generate` writes out of the contracts. Nothing
# infers a type and nothing crawls: publish adds partitions, Terraform owns everything else.

locals {
  files = flatten([for folder in var.table_folders : [for file in fileset(folder, "*.columns.json") : "${folder}/${file}"]])
  # Of the tables of models those that are computed.
  tables = { for table in [for file in local.files : jsondecode(file(file))] : table.table => table
    if lookup(table, "zone", "bronze") == "bronze" || contains(var.models, "all") || contains(var.models, table.table)
  }

  # What the stages did, and what check measures, as rows: Parquet in a folder for each day.
  quality_tables = { for table in [for file in fileset(var.quality_tables_folder, "*.columns.json") :
    jsondecode(file("${var.quality_tables_folder}/${file}"))] : table.table => table
  }
  day_folders = { for name in keys(local.quality_tables) : name => name == "runs" ? "runs" : "quality/${name}" }

  # Every dataset that quarantine and results may name.
  datasets = sort(distinct(concat(keys(local.tables), var.extra_datasets, ["unknown"])))

  zone_tables = {
    quarantine = {
      description = "Rows that failed, whole, with every reason: docs/reference/quarantine.md"
      folder      = "quarantine"
      columns = [
        ["reason", "string", "The first reason, to group by."],
        ["reasons", "array<struct<reason:string,severity:string,column:string,rule:string,detail:string>>", "Everything that is wrong."],
        ["source", "string", "The landing object."],
        ["line", "bigint", "The line in it, from 1."],
        ["check_id", "string", "The check that found it: lineage.check_id of quality_results."],
        ["raw", "string", "The line as it was."],
        ["raw_base64", "string", "The same, where it is not UTF-8."],
      ]
    }
    quality_results = {
      description = "How each check went: docs/reference/quality-result.md"
      folder      = "quality"
      columns = [
        ["schema", "string", "dq-result/1"],
        ["glue", join("", [
          "struct<resultid:string,score:double,rulesetname:string,startedon:string,completedon:string,",
          "ruleresults:array<struct<name:string,description:string,evaluationmessage:string,result:string,evaluatedrule:string,",
          "evaluatedmetrics:map<string,double>,rulemetrics:map<string,double>,labels:map<string,string>>>,",
          "aggregatedmetrics:map<string,double>>",
        ]), "A DataQualityResult as AWS Glue writes it."],
        ["gate", join("", [
          "struct<decision:string,reasons:array<string>,",
          "blocked_series:array<struct<series:string,rows:bigint,reasons:array<string>>>>",
        ]), "What was decided and why."],
        ["rows", "struct<rows_in:bigint,staged:bigint,quarantined:bigint,duplicates:bigint>", "How many rows went where."],
        ["quarantine", "struct<key:string,by_reason:map<string,bigint>>", "What is in quarantine."],
        ["flags", "map<string,bigint>", "Staged rows by flag."],
        ["lineage", join("", [
          "struct<dataset:string,contract_version:string,ruleset:string,ruleset_sha256:string,source:string,source_sha256:string,",
          "check_id:string,staged:string,context:string,unknown_fields:map<string,bigint>>",
        ]), "What was checked, by what."],
      ]
    }
  }
}

locals {
  # Names of tables and views that a contract, or the view made of it, may not have too: one would stand for the other.
  own_names      = concat(keys(local.zone_tables), keys(local.quality_tables), keys(local.written_views), keys(local.preferred_views), keys(local.model_views))
  contract_names = concat(keys(local.tables), keys(local.dash_views))
  taken_names = distinct([for name in local.contract_names : name
  if contains(local.own_names, name) || length([for other in local.contract_names : other if other == name]) > 1])
}

resource "aws_glue_catalog_database" "this" {
  name        = var.database
  description = "Quotelake: tables of ${var.bucket_name}"

  lifecycle {
    precondition {
      condition     = length(local.taken_names) == 0
      error_message = "Contracts whose table or _dash view has the name of another table or view: ${join(", ", local.taken_names)}. Rename them."
    }
  }
}

resource "aws_glue_catalog_table" "dataset" {
  for_each      = local.tables
  database_name = aws_glue_catalog_database.this.name
  name          = each.key
  description   = substr(trimspace(each.value.description), 0, 2048)
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL              = "TRUE"
    classification        = "parquet"
    "parquet.compression" = "ZSTD"
    contract_version      = each.value.contract_version
  }

  storage_descriptor {
    location      = "s3://${var.bucket_name}/${lookup(each.value, "zone", "bronze")}/${each.key}/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      parameters            = { "serialization.format" = "1" }
    }

    dynamic "columns" {
      for_each = each.value.columns
      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = substr(columns.value.comment, 0, 255)
      }
    }
  }

  dynamic "partition_keys" {
    for_each = each.value.partition_keys
    content {
      name    = partition_keys.value.name
      type    = partition_keys.value.type
      comment = substr(partition_keys.value.comment, 0, 255)
    }
  }
}

# One small Parquet file for each run, or checked object and dataset, in a folder for each day: projected, like the zones below.
resource "aws_glue_catalog_table" "quality" {
  for_each      = local.quality_tables
  database_name = aws_glue_catalog_database.this.name
  name          = each.key
  description   = substr(trimspace(each.value.description), 0, 2048)
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                       = "TRUE"
    classification                 = "parquet"
    contract_version               = each.value.contract_version
    "projection.enabled"           = "true"
    "projection.day.type"          = "date"
    "projection.day.format"        = "yyyy-MM-dd"
    "projection.day.range"         = "2024-01-01,NOW+1DAYS"
    "projection.day.interval"      = "1"
    "projection.day.interval.unit" = "DAYS"
    "storage.location.template"    = "s3://${var.bucket_name}/${local.day_folders[each.key]}/day=$${day}/"
  }

  storage_descriptor {
    location      = "s3://${var.bucket_name}/${local.day_folders[each.key]}/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      parameters            = { "serialization.format" = "1" }
    }

    dynamic "columns" {
      for_each = each.value.columns
      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = substr(columns.value.comment, 0, 255)
      }
    }
  }

  dynamic "partition_keys" {
    for_each = each.value.partition_keys
    content {
      name = partition_keys.value.name
      type = partition_keys.value.type
    }
  }
}

# Written by check, one object for each checked object, in folders that follow from the datasets' names: projected, so that
# check needs no right to touch the catalog.
resource "aws_glue_catalog_table" "zone" {
  for_each      = local.zone_tables
  database_name = aws_glue_catalog_database.this.name
  name          = each.key
  description   = each.value.description
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                    = "TRUE"
    classification              = "json"
    "projection.enabled"        = "true"
    "projection.dataset.type"   = "enum"
    "projection.dataset.values" = join(",", local.datasets)
    "storage.location.template" = "s3://${var.bucket_name}/${each.value.folder}/dataset=$${dataset}/"
  }

  storage_descriptor {
    location      = "s3://${var.bucket_name}/${each.value.folder}/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      # Documents of a later version may hold more than this table knows; a line that is no JSON is an error, not a hole.
      parameters = { "ignore.malformed.json" = "false" }
    }

    dynamic "columns" {
      for_each = each.value.columns
      content {
        name    = columns.value[0]
        type    = columns.value[1]
        comment = columns.value[2]
      }
    }
  }

  partition_keys {
    name = "dataset"
    type = "string"
  }
}
