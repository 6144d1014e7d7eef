# Views that Terraform owns. Athena keeps a view as a Glue table whose text is `/* Presto View: <base64 of JSON> */`; the
# JSON holds the SQL and the columns in Presto's types. So a view is there after `apply`, with no query to run.
#
# Trino, Athena's engine, knows a view by its parameter `comment`, which a description of the Glue table overrides: a view has
# none. It runs a view as its owner: without one it refuses to. It takes numbers of 38 digits at most, and a column's name may be
# a word of SQL: every name is quoted. `make test-trino` asks it.
#
# `<table>_dash` is made from the table's columns: every decimal as a double, since Grafana's Athena plugin turns decimals
# into strings. The other views are in views/*.sql, with their columns below.

locals {
  dash_views = {
    for name, table in local.tables : "${name}_dash" => {
      sql = format("SELECT %s FROM \"%s\"", join(", ", [
        for column in concat(table.columns, table.partition_keys) :
        startswith(column.type, "decimal") ? "CAST(\"${column.name}\" AS double) AS \"${column.name}\"" : "\"${column.name}\""
      ]), name)
      columns = [
        for column in concat(table.columns, table.partition_keys) :
        [column.name, startswith(column.type, "decimal") ? "double" : column.type]
      ]
    }
  }

  written_views = {
    freshness_dash = {
      columns = [
        ["dataset", "string"], ["provider", "string"], ["symbol", "string"], ["day", "date"], ["fetched_at", "timestamp"], ["month", "string"],
      ]
    }
    quality_dash = {
      columns = [
        ["dataset", "string"], ["day", "date"], ["checked_at", "timestamp"], ["decision", "string"], ["score", "double"],
        ["rows_in", "bigint"], ["staged", "bigint"], ["quarantined", "bigint"], ["duplicates", "bigint"], ["source", "string"],
        ["check_id", "string"],
      ]
    }
    quarantine_dash = {
      columns = [
        ["dataset", "string"], ["day", "date"], ["reason", "string"], ["quarantined", "bigint"], ["source", "string"],
        ["check_id", "string"],
      ]
    }
    # Of the same work done again, what it came to last; and each row once while files are put together.
    runs_dash = {
      columns = concat([for column in local.quality_tables["runs"].columns : [column.name, column.type]], [
        ["seconds", "double"], ["day", "date"],
      ])
    }
    cost_dash = {
      columns = [
        ["day", "date"], ["dataset", "string"], ["checks", "bigint"], ["rows_in", "bigint"], ["usd", "double"],
      ]
    }
  }

  # One series of each instrument. A list that var.preferred does not have is the usual one of `Preference` in crates/core, which
  # `make generate` writes down. A name that is not listed comes after those that are, by name.
  usual_preference = jsondecode(file("${path.module}/../../generated/preferred.json"))
  preference = {
    providers   = coalesce(var.preferred.providers, local.usual_preference.providers)
    adjustments = coalesce(var.preferred.adjustments, local.usual_preference.adjustments)
  }
  # `CASE provider WHEN 'polygon' THEN 0 ... ELSE 4 END, `; of an empty list nothing. `preferred_text` is the same order as a text.
  preferred_rank = {
    for column, names in { provider = local.preference.providers, adjustment = local.preference.adjustments } :
    column => length(names) == 0 ? "" : format("CASE %s %s ELSE %d END, ", column, join(" ", [
      for place, name in names : "WHEN '${replace(name, "'", "''")}' THEN ${place}"
    ]), length(names))
  }

  preferred_text = {
    for column, names in { provider = local.preference.providers, adjustment = local.preference.adjustments } :
    column => length(names) == 0 ? "" : format("CASE %s %s ELSE '%03d' END || ' ' || ", column, join(" ", [
      for place, name in names : "WHEN '${replace(name, "'", "''")}' THEN '${format("%03d", place)}'"
    ]), length(names))
  }

  preferred_columns = concat(local.tables["daily_bars"].columns, local.tables["daily_bars"].partition_keys)
  preferred_views = {
    daily_bars_preferred = {
      columns = [for column in local.preferred_columns : [column.name, column.type]]
      sql = trimspace(templatefile("${path.module}/views/daily_bars_preferred.sql", {
        columns    = join(", ", [for column in local.preferred_columns : "\"${column.name}\""])
        provider   = local.preferred_rank.provider
        adjustment = local.preferred_rank.adjustment
      }))
    }
    # For charts: a panel that is bounded by `month` reads those partitions only, and ranks what it has read by `preference`. A view
    # that ranks reads every partition.
    daily_series_dash = {
      columns = concat(
        [for name in ["series", "preference", "symbol", "provider", "provider_symbol", "adjustment", "session", "currency"] : [name, "string"]],
        [["trading_date", "date"]],
        [for name in ["open", "high", "low", "close", "volume"] : [name, "double"]],
        [["month", "string"]],
      )
      sql = trimspace(templatefile("${path.module}/views/daily_series_dash.sql", {
        provider   = local.preferred_text.provider
        adjustment = local.preferred_text.adjustment
      }))
    }
  }

  # Views of models in SQL, as `make generate` writes them out of models and their contracts.
  model_views = {
    for view in [for file in fileset("${path.module}/../../generated/views", "*.json") : jsondecode(file("${path.module}/../../generated/views/${file}"))] :
    view.view => { sql = view.sql, columns = view.columns }
    if contains(var.models, "all") || contains(var.models, view.view)
  }

  views = merge(local.dash_views, local.preferred_views, local.model_views, {
    for name, view in local.written_views : name => {
      columns = view.columns
      sql = trimspace(templatefile("${path.module}/views/${name}.sql", {
        # A double's digits: of a quotient Terraform keeps more than any engine reads.
        per_check_usd = format("%.12e", var.prices.per_check_usd)
        run_columns   = join(", ", [for column in local.quality_tables["runs"].columns : "\"${column.name}\""])
      }))
    }
  })

  presto_types = { string = "varchar", int = "integer", timestamp = "timestamp(3)" }
}

resource "aws_glue_catalog_table" "view" {
  for_each      = local.views
  database_name = aws_glue_catalog_database.this.name
  name          = each.key
  owner         = "hadoop"
  table_type    = "VIRTUAL_VIEW"

  parameters = {
    presto_view = "true"
    comment     = "Presto View"
  }

  view_original_text = format("/* Presto View: %s */", base64encode(jsonencode({
    originalSql = each.value.sql
    catalog     = "awsdatacatalog"
    schema      = var.database
    columns     = [for column in each.value.columns : { name = column[0], type = lookup(local.presto_types, column[1], column[1]) }]
  })))
  view_expanded_text = "/* Presto View */"

  storage_descriptor {
    dynamic "columns" {
      for_each = each.value.columns
      content {
        name = columns.value[0]
        type = columns.value[1]
      }
    }
    # A view has no SerDe, and readers of the catalog trip over a table without one.
    ser_de_info {
      name                  = "-"
      serialization_library = "-"
    }
  }

  depends_on = [aws_glue_catalog_table.dataset, aws_glue_catalog_table.quality, aws_glue_catalog_table.zone]
}
