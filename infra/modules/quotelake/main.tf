# The whole stack of one environment: what each part is called, who may do what, what invokes what. The parts themselves
# are the small modules beside this one. events.tf holds queues and notifications, functions.tf the functions with their
# policies, optional.tf what is off unless asked for.

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  # The stages, and what they are given by the size of the installation.
  map    = jsondecode(file("${path.module}/../../stages.json"))
  with   = { models = length(var.models) > 0 }
  stages = { for stage, settings in local.map.stages : stage => settings if try(local.with[settings.with], true) }
  sizes = { for stage in keys(local.stages) : stage => merge(
    { batch_size = null, batching_window_seconds = null, maximum_concurrency = null, visibility_timeout_seconds = null },
    local.map.sizes[var.size][stage],
    { for setting, value in try(var.stage_settings[stage], {}) : setting => value if value != null },
  ) }
}

locals {
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.name
  partition = data.aws_partition.current.partition
  name      = "${var.name}-${var.environment}"
  database  = replace(local.name, "-", "_")

  bucket_name = "${local.name}-lake-${local.account}"
  bucket_arn  = "arn:${local.partition}:s3:::${local.bucket_name}"

  # Of one dataset of a landing object: writing quarantine, staged rows, result, its two tables of rows, table file and the runs of
  # check and publish, reading what they are made of, the messages between the functions, an event, and the time of check and
  # publish. docs/guides/cost.md has the formula.
  prices = jsondecode(file("${path.module}/../../prices.json"))
  price  = { for name, price in local.prices.prices : name => price.usd }
  per_check_usd = (
    8 * local.price.s3_put / 1000 + 4 * local.price.s3_get / 1000
    + 3 * local.price.sqs_standard / 1000000 + 3 * local.price.sqs_fifo / 1000000
    + 2 * local.price.eventbridge_custom / 1000000 + 2 * local.price.lambda_request / 1000000
    + local.price.lambda_arm64_gb_second * (
      local.prices.model.seconds_per_check * local.prices.model.check_memory_gb
      + local.prices.model.seconds_per_publish * local.prices.model.publish_memory_gb
    )
  )
}

module "lake" {
  source                    = "../lake"
  bucket_name               = local.bucket_name
  require_tls               = var.require_tls
  force_destroy             = var.force_destroy
  raw_days                  = var.retention_days.raw
  landing_days              = var.retention_days.landing
  quarantine_days           = var.retention_days.quarantine
  record_days               = var.retention_days.records
  archive_bronze_after_days = var.archive_bronze_after_days

  object_created = {
    check       = { prefix = "landing/", queue_arn = module.queues.arns["check"] }
    ingest      = { prefix = "inbox/", queue_arn = module.queues.arns["ingest"] }
    undelivered = { prefix = "undelivered/", queue_arn = module.queues.arns["undelivered"] }
  }
}

module "stream" {
  source               = "../stream"
  name                 = local.name
  account_id           = local.account
  bucket_arn           = module.lake.arn
  transform_arn        = module.function["transform"].live_arn
  log_retention_days   = var.log_retention_days
  permissions_boundary = var.permissions_boundary
  transform_buffer_mb  = jsondecode(file("${path.module}/../../generated/stream.json")).transform_buffer_mb
}

module "catalog" {
  source        = "../catalog"
  database      = local.database
  bucket_name   = module.lake.name
  table_folders = concat(["${path.module}/../../generated"], var.table_folders)

  quality_tables_folder = "${path.module}/../../generated/quality"
  extra_datasets        = var.extra_datasets
  prices                = { per_check_usd = local.per_check_usd }
  preferred             = var.preferred
  models                = var.models
}

# What the functions prefer is what the view prefers: both are var.preferred. Without one both have the usual order, and the lake
# has no such file.
locals {
  preferred = { for list, names in var.preferred : list => names if names != null }
}

resource "aws_s3_object" "preferred" {
  count        = length(local.preferred) > 0 ? 1 : 0
  bucket       = module.lake.name
  key          = "contracts/preferred.json"
  content      = jsonencode(local.preferred)
  content_type = "application/json"
}

# Which models are computed. Without the file none that is shipped is.
resource "aws_s3_object" "models" {
  count        = length(var.models) > 0 ? 1 : 0
  bucket       = module.lake.name
  key          = "models/enabled.json"
  content      = contains(var.models, "all") ? jsonencode({ models = "all" }) : jsonencode({ models = sort(var.models) })
  content_type = "application/json"
}

resource "aws_s3_object" "price_files" {
  count        = length(var.price_files) > 0 ? 1 : 0
  bucket       = module.lake.name
  key          = "contracts/price-files.json"
  content      = jsonencode(var.price_files)
  content_type = "application/json"
}

module "query" {
  source              = "../query"
  name                = local.name
  account_id          = local.account
  database            = module.catalog.database
  results_bucket_name = "${local.name}-results-${local.account}"
  require_tls         = var.require_tls
}

module "schedule" {
  source                = "../schedule"
  name                  = local.name
  account_id            = local.account
  target_arn            = var.workflow ? module.workflow[0].arns["daily"] : module.function["fetch"].live_arn
  target_action         = var.workflow ? "states:StartExecution" : "lambda:InvokeFunction"
  dead_letter_queue_arn = module.queues.arns["invocations"]
  permissions_boundary  = var.permissions_boundary
  schedules = merge({ for name, schedule in var.schedules : name => merge(schedule, {
    payload = var.workflow && schedule.target == null ? jsonencode({ requests = [jsondecode(schedule.payload)] }) : schedule.payload
  }) }, local.sweeps)
}

# Once a day check and fetch look for work that nobody asked for: landing objects without a result, staged rows without a request,
# pages that transform gave back (docs/runbooks/left-behind.md). Each is asked by a message on its own queue, so that a sweep that
# fails is tried again and is a dead letter in the end, like anything else.
locals {
  sweeps = { for stage in ["check", "fetch"] : "sweep-${stage}" => {
    description = "Asks ${stage} to look for work that nobody asked for"
    cron        = var.sweep_cron
    timezone    = "UTC"
    payload     = jsonencode({ sweep = {} })
    enabled     = true
    target = {
      arn        = module.queues.arns[stage]
      statements = [{ actions = ["sqs:SendMessage"], resources = [module.queues.arns[stage]] }]
    }
  } }
}

module "notifications" {
  source                = "../notifications"
  name                  = local.name
  account_id            = local.account
  emails                = var.emails
  notify_success        = var.notify_success
  dead_letter_queue_arn = module.queues.arns["invocations"]
}

module "alarms" {
  source             = "../alarms"
  name               = local.name
  environment        = var.environment
  region             = local.region
  topic_arn          = module.notifications.topic_arn
  functions          = { for stage, function in module.function : stage => function.name }
  timeout_seconds    = { for stage in keys(local.stages) : stage => local.sizes[stage].timeout_seconds }
  patient_functions  = [for stage, settings in local.stages : stage if settings.queue == null ? false : settings.queue.waits_by_design]
  scheduled          = anytrue([for schedule in var.schedules : schedule.enabled && schedule.target == null])
  stream             = module.stream.name
  more               = var.more_alarms
  entry_queues       = [for stage in keys(local.work) : module.queues.names[stage] if local.stages[stage].queue.entry]
  work_queues        = [for stage in keys(local.work) : module.queues.names[stage] if !local.stages[stage].queue.entry && !local.stages[stage].queue.waits_by_design]
  dead_letter_queues = concat([for stage in keys(local.work) : module.queues.names["${stage}-dlq"]], [module.queues.names["invocations"]])
  undelivered_queue  = module.queues.names["undelivered"]
  workgroups         = values(module.query.workgroups)
  freshness_hours    = var.freshness_hours
  quarantine_percent = var.quarantine_percent
  dashboard          = var.dashboard
}

module "budget" {
  source    = "../budget"
  name      = local.name
  limit_usd = var.budget_usd
  topic_arn = module.notifications.topic_arn
  tag       = var.budget_tag
}

# The vendor's key. Terraform makes the parameter and never knows the value: it is write-only, and set afterwards with
# `aws ssm put-parameter --overwrite`.
resource "aws_ssm_parameter" "source_key" {
  count            = var.source_secret == null ? 1 : 0
  name             = "/${var.name}/${var.environment}/polygon_api_key"
  description      = "The vendor's API key"
  type             = "SecureString"
  value_wo         = "not set"
  value_wo_version = 1
}
