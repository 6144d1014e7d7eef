# Amazon QuickSight over Athena: a data source, three datasets that are read once a day, and an analysis of them. The account has to be
# subscribed to QuickSight, and QuickSight allowed to use Athena and the two buckets: docs/guides/quicksight.md.
#
# Datasets are queries, not tables: of each instrument they have one series, whose name says its adjustment, currency and provider.

locals {
  # The columns of each query, in its order.
  data_sets = {
    closes    = [["series", "STRING"], ["symbol", "STRING"], ["currency", "STRING"], ["trading_date", "DATETIME"], ["close", "DECIMAL"], ["volume", "DECIMAL"]]
    quality   = [["day", "DATETIME"], ["dataset", "STRING"], ["staged", "INTEGER"], ["quarantined", "INTEGER"], ["duplicates", "INTEGER"]]
    freshness = [["dataset", "STRING"], ["provider", "STRING"], ["newest_day", "DATETIME"]]
  }

  owner = {
    data_source = ["DescribeDataSource", "DescribeDataSourcePermissions", "PassDataSource", "UpdateDataSource", "DeleteDataSource", "UpdateDataSourcePermissions"]
    data_set = [
      "DescribeDataSet", "DescribeDataSetPermissions", "PassDataSet", "DescribeIngestion", "ListIngestions", "UpdateDataSet", "DeleteDataSet",
      "CreateIngestion", "CancelIngestion", "UpdateDataSetPermissions",
    ]
    analysis = [
      "RestoreAnalysis", "UpdateAnalysisPermissions", "DeleteAnalysis", "DescribeAnalysisPermissions", "QueryAnalysis", "DescribeAnalysis",
      "UpdateAnalysis",
    ]
  }
  actions = { for kind, names in local.owner : kind => [for name in names : "quicksight:${name}"] }

  # Lines of a chart by day or month: title, granularity.
  lines = {
    daily-close   = { title = "Daily close", granularity = "DAY" }
    average-close = { title = "Average close by month", granularity = "MONTH" }
  }
}

resource "aws_quicksight_data_source" "this" {
  data_source_id = var.name
  name           = var.name
  type           = "ATHENA"

  parameters {
    athena {
      work_group = var.workgroup
    }
  }

  permission {
    principal = var.principal_arn
    actions   = local.actions.data_source
  }
}

resource "aws_quicksight_data_set" "this" {
  for_each    = local.data_sets
  data_set_id = "${var.name}-${each.key}"
  name        = "${var.name}-${each.key}"
  # Read once a day: a visit of a direct query costs a scan.
  import_mode = "SPICE"

  physical_table_map {
    physical_table_map_id = each.key
    custom_sql {
      data_source_arn = aws_quicksight_data_source.this.arn
      name            = each.key
      # A query of QuickSight names the database, which a data source of Athena does not have.
      sql_query = replace(file("${path.module}/queries/${each.key}.sql"), "/FROM (\\w+_dash)/", "FROM \"${var.database}\".$1")

      dynamic "columns" {
        for_each = each.value
        content {
          name = columns.value[0]
          type = columns.value[1]
        }
      }
    }
  }

  permissions {
    principal = var.principal_arn
    actions   = local.actions.data_set
  }
}

resource "aws_quicksight_refresh_schedule" "this" {
  for_each    = aws_quicksight_data_set.this
  data_set_id = each.value.data_set_id
  schedule_id = "daily"

  schedule {
    refresh_type = "FULL_REFRESH"
    schedule_frequency {
      interval        = "DAILY"
      time_of_the_day = var.refresh_at
      timezone        = var.timezone
    }
  }
}

resource "aws_quicksight_analysis" "this" {
  analysis_id = var.name
  name        = var.name

  permissions {
    principal = var.principal_arn
    actions   = local.actions.analysis
  }

  definition {
    dynamic "data_set_identifiers_declarations" {
      for_each = aws_quicksight_data_set.this
      content {
        identifier   = data_set_identifiers_declarations.key
        data_set_arn = data_set_identifiers_declarations.value.arn
      }
    }

    sheets {
      sheet_id = "prices"
      name     = "Prices"
      title    = "Prices, one series of each instrument"

      dynamic "visuals" {
        for_each = local.lines
        content {
          line_chart_visual {
            visual_id = visuals.key
            title {
              format_text {
                plain_text = visuals.value.title
              }
            }
            chart_configuration {
              field_wells {
                line_chart_aggregated_field_wells {
                  category {
                    date_dimension_field {
                      field_id         = "${visuals.key}-date"
                      date_granularity = visuals.value.granularity
                      column {
                        data_set_identifier = "closes"
                        column_name         = "trading_date"
                      }
                    }
                  }
                  values {
                    numerical_measure_field {
                      field_id = "${visuals.key}-close"
                      column {
                        data_set_identifier = "closes"
                        column_name         = "close"
                      }
                      aggregation_function {
                        simple_numerical_aggregation = "AVERAGE"
                      }
                    }
                  }
                  colors {
                    categorical_dimension_field {
                      field_id = "${visuals.key}-series"
                      column {
                        data_set_identifier = "closes"
                        column_name         = "series"
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }

      layouts {
        configuration {
          grid_layout {
            dynamic "elements" {
              for_each = keys(local.lines)
              content {
                element_id   = elements.value
                element_type = "VISUAL"
                column_span  = 36
                row_span     = 12
              }
            }
          }
        }
      }
    }

    sheets {
      sheet_id = "quality"
      name     = "Quality"
      title    = "Where rows went, and how new they are"

      visuals {
        bar_chart_visual {
          visual_id = "rows"
          title {
            format_text {
              plain_text = "Where rows went"
            }
          }
          chart_configuration {
            orientation      = "VERTICAL"
            bars_arrangement = "STACKED"
            field_wells {
              bar_chart_aggregated_field_wells {
                category {
                  date_dimension_field {
                    field_id         = "rows-day"
                    date_granularity = "DAY"
                    column {
                      data_set_identifier = "quality"
                      column_name         = "day"
                    }
                  }
                }
                dynamic "values" {
                  for_each = ["staged", "quarantined", "duplicates"]
                  content {
                    numerical_measure_field {
                      field_id = "rows-${values.value}"
                      column {
                        data_set_identifier = "quality"
                        column_name         = values.value
                      }
                      aggregation_function {
                        simple_numerical_aggregation = "SUM"
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }

      visuals {
        table_visual {
          visual_id = "newest"
          title {
            format_text {
              plain_text = "Newest day of each dataset and provider"
            }
          }
          chart_configuration {
            field_wells {
              table_unaggregated_field_wells {
                dynamic "values" {
                  for_each = ["dataset", "provider", "newest_day"]
                  content {
                    field_id = "newest-${values.value}"
                    column {
                      data_set_identifier = "freshness"
                      column_name         = values.value
                    }
                  }
                }
              }
            }
          }
        }
      }

      layouts {
        configuration {
          grid_layout {
            dynamic "elements" {
              for_each = ["rows", "newest"]
              content {
                element_id   = elements.value
                element_type = "VISUAL"
                column_span  = 36
                row_span     = 12
              }
            }
          }
        }
      }
    }
  }
}
