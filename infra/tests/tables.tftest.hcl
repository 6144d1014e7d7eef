# Catalog, queries, alarms, notifications, budget.

mock_provider "aws" {
  source = "./mocks"
}

run "tables_come_from_the_contracts" {
  module {
    source = "../modules/catalog"
  }
  variables {
    database       = "quotelake_test"
    bucket_name    = "quotelake-test"
    table_folders  = ["../generated"]
    extra_datasets = ["orders"]
    prices         = { per_check_usd = 0.0001 }

    quality_tables_folder = "../generated/quality"
    models                = ["all"]
  }

  assert {
    condition = alltrue([for name, table in aws_glue_catalog_table.dataset :
      table.storage_descriptor[0].location == "s3://quotelake-test/${try(jsondecode(file("../generated/${name}.columns.json")).zone, "bronze")}/${name}/"
    ]) && length([for name, table in aws_glue_catalog_table.dataset : name if strcontains(table.storage_descriptor[0].location, "/silver/")]) > 5
    error_message = "Tables of models are in silver/, the others in bronze/."
  }
  assert {
    condition     = contains(keys(output.view_sql), "adjusted_daily_bars")
    error_message = "A model that is a view is a view."
  }

  assert {
    condition = alltrue([for name, table in aws_glue_catalog_table.quality :
      table.parameters["storage.location.template"] == "s3://quotelake-test/${name == "runs" ? "" : "quality/"}${name}/day=$${day}/" && table.partition_keys[0].type == "date"
    ]) && join(",", sort(keys(aws_glue_catalog_table.quality))) == "rule_results,runs,statistics"
    error_message = "What the stages did and check measured is projected by day."
  }
  assert {
    condition     = sort(output.tables) == sort([for file in fileset("../generated", "*.columns.json") : trimsuffix(file, ".columns.json")])
    error_message = "Each columns file is a table."
  }
  assert {
    condition = alltrue([for name, table in aws_glue_catalog_table.dataset :
      { for column in table.storage_descriptor[0].columns : column.name => column.type } ==
      { for column in jsondecode(file("../generated/${name}.columns.json")).columns : column.name => column.type }
    ])
    error_message = "A table's columns are its contract's."
  }
  assert {
    condition     = aws_glue_catalog_table.dataset["intraday_bars"].partition_keys[0].type == "date"
    error_message = "Intraday bars are partitioned by a DATE, which dashboards can prune by."
  }
  assert {
    condition     = alltrue([for name, columns in output.view_columns : alltrue([for type in values(columns) : !startswith(type, "decimal")]) if endswith(name, "_dash")])
    error_message = "A _dash view has no decimal: Grafana would get strings."
  }
  assert {
    condition     = strcontains(output.view_sql["daily_bars_dash"], "CAST(\"close\" AS double) AS \"close\"")
    error_message = "Decimals are cast to doubles."
  }
  assert {
    condition     = aws_glue_catalog_table.zone["quarantine"].parameters["storage.location.template"] == "s3://quotelake-test/quarantine/dataset=$${dataset}/"
    error_message = "Quarantine is projected by dataset."
  }
  assert {
    condition     = contains(split(",", aws_glue_catalog_table.zone["quality_results"].parameters["projection.dataset.values"]), "orders")
    error_message = "Datasets of one's own are projected."
  }
  assert {
    condition = alltrue([for view in aws_glue_catalog_table.view :
      jsondecode(base64decode(trimsuffix(trimprefix(view.view_original_text, "/* Presto View: "), " */"))).schema == "quotelake_test"
    ])
    error_message = "A view's text is Presto's: base64 of JSON in a comment."
  }
  assert {
    condition     = alltrue([for view in aws_glue_catalog_table.view : view.description == null && view.owner != null])
    error_message = "Trino takes a view with a description for none, and runs none without an owner."
  }
}

run "the_preferred_series_is_the_usual_one" {
  command = plan
  module {
    source = "../modules/catalog"
  }
  variables {
    database      = "quotelake_test"
    bucket_name   = "quotelake-test"
    table_folders = ["../generated"]
    prices        = { per_check_usd = 0 }

    quality_tables_folder = "../generated/quality"
  }
  assert {
    condition     = strcontains(output.view_sql["daily_series_dash"], "CASE provider WHEN 'polygon' THEN '000' WHEN 'brapi' THEN '001' WHEN 'yahoo' THEN '002' WHEN 'legacy_pg' THEN '003' ELSE '004' END || ' ' || provider || ' ' || CASE adjustment WHEN 'raw' THEN '000'")
    error_message = "The view for charts has the same order, as a text."
  }
  assert {
    condition     = strcontains(output.view_sql["daily_bars_preferred"], "ORDER BY CASE provider WHEN 'polygon' THEN 0 WHEN 'brapi' THEN 1 WHEN 'yahoo' THEN 2 WHEN 'legacy_pg' THEN 3 ELSE 4 END, provider, CASE adjustment WHEN 'raw' THEN 0 WHEN 'split' THEN 1 WHEN 'split_dividend' THEN 2 WHEN 'unknown' THEN 3 ELSE 4 END, adjustment,")
    error_message = "Without a preference the view has the usual order."
  }
}

run "the_preferred_series_follows_the_variable" {
  command = plan
  module {
    source = "../modules/catalog"
  }
  variables {
    database      = "quotelake_test"
    bucket_name   = "quotelake-test"
    table_folders = ["../generated"]
    prices        = { per_check_usd = 0 }
    preferred     = { providers = ["bob's", "yahoo"], adjustments = [] }

    quality_tables_folder = "../generated/quality"
  }
  assert {
    condition     = strcontains(output.view_sql["daily_bars_preferred"], "ORDER BY CASE provider WHEN 'bob''s' THEN 0 WHEN 'yahoo' THEN 1 ELSE 2 END, provider, adjustment,")
    error_message = "The view ranks as var.preferred says, and an empty list prefers none."
  }
  assert {
    condition     = strcontains(output.view_sql["daily_series_dash"], "CASE provider WHEN 'bob''s' THEN '000' WHEN 'yahoo' THEN '001' ELSE '002' END || ' ' || provider || ' ' || adjustment || ' '")
    error_message = "The view for charts ranks as var.preferred says too."
  }
}

run "a_provider_is_preferred_once" {
  command = plan
  module {
    source = "../modules/catalog"
  }
  variables {
    database      = "quotelake_test"
    bucket_name   = "quotelake-test"
    table_folders = ["../generated"]
    prices        = { per_check_usd = 0 }
    preferred     = { providers = ["yahoo", "yahoo"] }

    quality_tables_folder = "../generated/quality"
  }
  expect_failures = [var.preferred]
}

run "an_adjustment_is_one_of_the_contracts" {
  command = plan
  module {
    source = "../modules/catalog"
  }
  variables {
    database      = "quotelake_test"
    bucket_name   = "quotelake-test"
    table_folders = ["../generated"]
    prices        = { per_check_usd = 0 }
    preferred     = { adjustments = ["splits"] }

    quality_tables_folder = "../generated/quality"
  }
  expect_failures = [var.preferred]
}

run "databases_are_lower_case" {
  command = plan
  module {
    source = "../modules/catalog"
  }
  variables {
    database      = "Quotelake-Test"
    bucket_name   = "quotelake-test"
    table_folders = ["../generated"]
    prices        = { per_check_usd = 0 }

    quality_tables_folder = "../generated/quality"
  }
  expect_failures = [var.database]
}

run "queries_have_a_limit" {
  module {
    source = "../modules/query"
  }
  variables {
    name                = "quotelake-test"
    account_id          = "000000000000"
    database            = "quotelake_test"
    results_bucket_name = "quotelake-test-results"
  }
  assert {
    condition = alltrue([for workgroup in aws_athena_workgroup.this :
      workgroup.configuration[0].enforce_workgroup_configuration &&
      workgroup.configuration[0].bytes_scanned_cutoff_per_query <= 10240 * 1024 * 1024 &&
      workgroup.configuration[0].engine_version[0].selected_engine_version == "Athena engine version 3"
    ])
    error_message = "Workgroups stop a query that scans too much, and clients cannot override it."
  }
  assert {
    condition     = aws_athena_workgroup.this["dashboards"].configuration[0].bytes_scanned_cutoff_per_query < aws_athena_workgroup.this["main"].configuration[0].bytes_scanned_cutoff_per_query
    error_message = "Dashboards are held shorter than people."
  }
  assert {
    condition     = toset(keys(aws_athena_named_query.this)) == toset(["freshness", "gaps", "duplicates", "outliers", "quarantine", "cost"])
    error_message = "The named queries."
  }
}

run "alarms_name_their_runbook" {
  module {
    source = "../modules/alarms"
  }
  variables {
    name               = "quotelake-test"
    environment        = "test"
    region             = "us-east-1"
    topic_arn          = "arn:aws:sns:us-east-1:000000000000:quotelake-test"
    functions          = { fetch = "f", transform = "t", check = "c", publish = "p", ingest = "i" }
    timeout_seconds    = { fetch = 300, transform = 60, check = 120, publish = 300, ingest = 300 }
    stream             = "quotelake-test"
    entry_queues       = ["check"]
    work_queues        = ["publish.fifo"]
    more               = true
    dead_letter_queues = ["check-dlq"]
    undelivered_queue  = "undelivered"
    workgroups         = ["main"]
    patient_functions  = ["fetch"]
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) <= 10
    error_message = "At most ten alarms."
  }
  assert {
    condition     = alltrue([for key, alarm in aws_cloudwatch_metric_alarm.this : fileexists("../../docs/runbooks/${key}.md") && endswith(alarm.alarm_description, "docs/runbooks/${key}.md")])
    error_message = "Each alarm names a runbook that is there."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["undelivered-pages"].metric_name == "SentMessageSize" &&
      aws_cloudwatch_metric_alarm.this["undelivered-pages"].threshold > 320 && aws_cloudwatch_metric_alarm.this["undelivered-pages"].threshold < 600
    )
    error_message = "What was sent counts, not what waits; S3's test message of some 300 bytes does not, the notification of an object does."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["stale-tables"].metric_name == "hours_since_published" &&
      aws_cloudwatch_metric_alarm.this["stale-tables"].statistic == "Maximum" &&
      aws_cloudwatch_metric_alarm.this["stale-tables"].treat_missing_data == "notBreaching" &&
      length(aws_cloudwatch_metric_alarm.this["stale-tables"].insufficient_data_actions) == 0
    )
    error_message = "The oldest dataset counts; where nothing is scheduled, no news is no alarm."
  }
  assert {
    condition = alltrue([for stage in keys(var.functions) : anytrue([for filter in aws_cloudwatch_log_metric_filter.this :
      filter.metric_transformation[0].name == "failed_invocations" && filter.log_group_name == "/aws/lambda/${var.functions[stage]}"
    ])])
    error_message = "The failures of every function are counted."
  }
  assert {
    condition = { for key, filter in aws_cloudwatch_log_metric_filter.this : key => filter.pattern if filter.metric_transformation[0].name == "slow_invocations" } == {
      "transform-slow" = "{ ($.type = \"platform.report\") && ($.record.metrics.durationMs > 48000) }"
      "check-slow"     = "{ ($.type = \"platform.report\") && ($.record.metrics.durationMs > 96000) }"
      "publish-slow"   = "{ ($.type = \"platform.report\") && ($.record.metrics.durationMs > 240000) }"
      "ingest-slow"    = "{ ($.type = \"platform.report\") && ($.record.metrics.durationMs > 240000) }"
    }
    error_message = "More than 80 % of each function's timeout is slow, but for those that work until their time is up."
  }
}

# Functions are added without another alarm metric; a schedule that stops is told.
run "more_functions_cost_no_more_alarms" {
  module {
    source = "../modules/alarms"
  }
  variables {
    name               = "quotelake-test"
    environment        = "test"
    region             = "us-east-1"
    topic_arn          = "arn:aws:sns:us-east-1:000000000000:quotelake-test"
    functions          = { fetch = "f", transform = "t", check = "c", publish = "p", ingest = "i", query = "q", serve = "s", model = "m" }
    timeout_seconds    = { fetch = 300, transform = 60, check = 120, publish = 300, ingest = 300, query = 30, serve = 30, model = 900 }
    stream             = "quotelake-test"
    entry_queues       = ["check"]
    work_queues        = ["publish.fifo"]
    more               = true
    dead_letter_queues = ["check-dlq"]
    undelivered_queue  = "undelivered"
    workgroups         = ["main"]
    patient_functions  = ["fetch"]
    scheduled          = true
  }
  assert {
    condition     = output.metric_count == run.alarms_name_their_runbook.metric_count && length(output.names) == length(run.alarms_name_their_runbook.names)
    error_message = "Three functions more are no alarm metric more."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["stale-tables"].treat_missing_data == "missing" && aws_cloudwatch_metric_alarm.this["stale-tables"].insufficient_data_actions == toset([var.topic_arn])
    error_message = "A schedule that no longer runs is told."
  }
}

run "freshness_has_a_limit" {
  command = plan
  module {
    source = "../modules/alarms"
  }
  variables {
    name               = "quotelake-test"
    environment        = "test"
    region             = "us-east-1"
    topic_arn          = "arn:aws:sns:us-east-1:000000000000:quotelake-test"
    functions          = { fetch = "f", transform = "t", check = "c", publish = "p", ingest = "i" }
    timeout_seconds    = { fetch = 300, transform = 60, check = 120, publish = 300, ingest = 300 }
    stream             = "quotelake-test"
    entry_queues       = []
    work_queues        = []
    dead_letter_queues = []
    undelivered_queue  = "undelivered"
    workgroups         = []
    freshness_hours    = 200
  }
  expect_failures = [var.freshness_hours]
}

run "success_is_told_only_if_wanted" {
  module {
    source = "../modules/notifications"
  }
  variables {
    name                  = "quotelake-test"
    account_id            = "000000000000"
    emails                = ["ops@example.com"]
    dead_letter_queue_arn = "arn:aws:sqs:us-east-1:000000000000:invocations"
  }
  assert {
    condition     = keys(aws_cloudwatch_event_rule.this) == ["file-rejected", "quality-failed"]
    error_message = "Only failures are told by default."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this["quality-failed"].event_pattern).detail.decision == [{ "anything-but" = "publish" }]
    error_message = "What is told is a decision other than publish."
  }
}

run "budget_tells_before_it_is_late" {
  module {
    source = "../modules/budget"
  }
  variables {
    name      = "quotelake-test"
    topic_arn = "arn:aws:sns:us-east-1:000000000000:quotelake-test"
    tag       = { key = "Project", value = "quotelake" }
  }
  assert {
    condition     = aws_budgets_budget.this.limit_amount == "10" && { for n in aws_budgets_budget.this.notification : n.notification_type => n.threshold } == { ACTUAL = 80, FORECASTED = 100 }
    error_message = "Ten dollars, told at 80 % spent and when 100 % are forecast."
  }
  assert {
    condition     = one(aws_budgets_budget.this.cost_filter).values == tolist(["user:Project$quotelake"])
    error_message = "The tag's filter is in the form that AWS wants."
  }
}

run "a_contract_does_not_take_the_name_of_another_table" {
  command = plan
  module {
    source = "../modules/catalog"
  }
  variables {
    database      = "quotelake_test"
    bucket_name   = "quotelake-test"
    table_folders = ["../generated", "./names"]
    prices        = { per_check_usd = 0 }

    quality_tables_folder = "../generated/quality"
  }
  expect_failures = [aws_glue_catalog_database.this]
}

run "a_model_has_a_table_where_it_is_computed" {
  module {
    source = "../modules/catalog"
  }
  variables {
    database      = "quotelake_test"
    bucket_name   = "quotelake-test"
    table_folders = ["../generated"]
    prices        = { per_check_usd = 0.0001 }

    quality_tables_folder = "../generated/quality"
    models                = ["daily_stats"]
  }
  assert {
    condition     = contains(output.tables, "daily_stats") && !contains(output.tables, "adjustment_factors") && contains(output.tables, "daily_bars")
    error_message = "Of models those have a table that are computed."
  }
}

run "quicksight_has_one_series_of_each_instrument" {
  module {
    source = "../modules/quicksight"
  }
  variables {
    name          = "quotelake-test"
    database      = "quotelake_test"
    workgroup     = "quotelake-test-dashboards"
    principal_arn = "arn:aws:quicksight:us-east-1:000000000000:user/default/analyst"
  }
  assert {
    condition     = keys(aws_quicksight_data_set.this) == ["closes", "freshness", "quality"] && alltrue([for set in aws_quicksight_data_set.this : set.import_mode == "SPICE"])
    error_message = "Three datasets are read into QuickSight, not asked at each visit."
  }
  assert {
    condition = alltrue([for name, set in aws_quicksight_data_set.this :
      strcontains(one(set.physical_table_map).custom_sql[0].sql_query, "FROM \"quotelake_test\".${ { closes = "daily_series", freshness = "freshness", quality = "quality" }[name]}_dash")
    ])
    error_message = "A query names the database of its view."
  }
  assert {
    condition = alltrue([for name, set in aws_quicksight_data_set.this : alltrue([for column in one(set.physical_table_map).custom_sql[0].columns :
      strcontains(split("FROM", one(set.physical_table_map).custom_sql[0].sql_query)[0], column.name)
    ])])
    error_message = "A dataset's columns are those that its query selects."
  }
  assert {
    condition     = alltrue([for schedule in aws_quicksight_refresh_schedule.this : schedule.schedule[0].schedule_frequency[0].time_of_the_day == "23:00"])
    error_message = "Each dataset is read again once a day."
  }
  assert {
    condition = length(aws_quicksight_analysis.this.definition[0].sheets) == 2 && toset([
      for declared in aws_quicksight_analysis.this.definition[0].data_set_identifiers_declarations : declared.identifier
    ]) == toset(keys(aws_quicksight_data_set.this))
    error_message = "The analysis is of the three datasets."
  }
}

run "quicksight_is_owned_by_somebody" {
  command = plan
  module {
    source = "../modules/quicksight"
  }
  variables {
    name          = "quotelake-test"
    database      = "quotelake_test"
    workgroup     = "quotelake-test-dashboards"
    principal_arn = "analyst"
    refresh_at    = "25:00"
  }
  expect_failures = [var.principal_arn, var.refresh_at]
}
