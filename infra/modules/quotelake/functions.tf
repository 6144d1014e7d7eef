# The functions. Each one's statements are the ports of its crates/<stage>/src/context.rs, no more.

locals {
  artifact = { for stage in keys(local.timeouts) : stage => "${var.artifacts_dir}/${var.architecture}/quotelake-${stage}/bootstrap.zip" }
  objects  = { for zone in ["raw", "landing", "staged", "quarantine", "quality", "bronze", "undelivered", "contracts", "inbox", "ingested"] : zone => "${module.lake.arn}/${zone}/*" }

  # The lists of keys of tables whose rows may move between partitions.
  key_lists = "${module.lake.arn}/state/keys/*"

  lake_uri      = "s3://${module.lake.name}"
  source_secret = var.source_secret == null ? "ssm:/${var.name}/${var.environment}/polygon_api_key" : var.source_secret.reference
  secret_statement = var.source_secret == null ? {
    sid       = "ReadKey"
    actions   = ["ssm:GetParameter"]
    resources = [aws_ssm_parameter.source_key[0].arn]
    } : {
    sid       = "ReadKey"
    actions   = [var.source_secret.action]
    resources = [var.source_secret.arn]
  }

  # Without the right to list, S3 answers 403 and not 404 for an object that is not there, and the functions have to tell
  # the two apart. The right cannot be limited to prefixes: a GET has none. It shows names, not contents.
  list_statement = { sid = "List", actions = ["s3:ListBucket"], resources = [module.lake.arn] }

  glue_arn = "arn:${local.partition}:glue:${local.region}:${local.account}"
}

module "fetch" {
  source             = "../function"
  name               = "${local.name}-fetch"
  description        = "Asks a vendor and puts its answers on the stream"
  artifact           = local.artifact.fetch
  architecture       = var.architecture
  memory_mb          = 256
  timeout_seconds    = local.timeouts.fetch
  tracing            = var.tracing
  log_retention_days = var.log_retention_days
  log_level          = var.log_level
  failure_queue      = { arn = module.queues.arns["invocations"] }
  network            = one(module.legacy_network[*].network)
  url                = var.function_url ? { callers = var.function_url_callers } : null
  # A vendor counts calls: units that wait are taken up one message at a time.
  queue_trigger = { queue_arn = module.queues.arns["fetch"], batch_size = 1, maximum_concurrency = 2 }
  # Units that wait for the vendor go through fetch's own queue again and again: MAX_HOPS in crates/fetch/src/context.rs bounds it.
  bounds_recursion = true

  environment = merge({
    QUOTELAKE_ENV          = var.environment
    LAKE_URI               = local.lake_uri
    STREAM_URI             = "firehose://${module.stream.name}"
    UNITS_QUEUE_URI        = "sqs:${module.queues.urls["fetch"]}"
    DEAD_LETTER_QUEUE_URI  = "sqs:${module.queues.urls["fetch-dlq"]}"
    SOURCE_SECRET          = local.source_secret
    SOURCE_MIN_INTERVAL_MS = tostring(var.source_min_interval_ms)
  }, var.sources == null ? {} : { SOURCES = jsonencode(var.sources) }, var.fetch_environment)

  statements = concat([
    { sid = "PutRecords", actions = ["firehose:PutRecordBatch"], resources = [module.stream.arn] },
    { sid = "SendUnits", actions = ["sqs:SendMessage"], resources = [module.queues.arns["fetch"], module.queues.arns["fetch-dlq"]] },
    local.secret_statement,
    # The pace of a source is one small document that all workers share.
    { sid = "SharePace", actions = ["s3:GetObject", "s3:PutObject"], resources = ["${module.lake.arn}/pacing/*"] },
    # What the stream took, which `quotelake status` holds against landing/.
    { sid = "NoteSent", actions = ["s3:PutObject"], resources = ["${module.lake.arn}/state/sent/*"] },
    # A page that the stream cannot carry is kept and landed by fetch itself.
    { sid = "LandLargePages", actions = ["s3:PutObject"], resources = [local.objects.raw, local.objects.landing] },
    # A page that transform gave back is landed by fetch, and what cannot be read stays.
    { sid = "SweepRefused", actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], resources = ["${module.lake.arn}/undelivered/processing-failed/*"] },
    local.list_statement,
    ], [for index, secret in var.more_secrets : {
      sid       = "ReadKey${index + 1}"
      actions   = [secret.action]
      resources = [secret.arn]
  }])
}

module "transform" {
  source             = "../function"
  name               = "${local.name}-transform"
  description        = "Vendor answers to canonical lines, for the stream"
  artifact           = local.artifact.transform
  architecture       = var.architecture
  memory_mb          = 256
  timeout_seconds    = local.timeouts.transform
  tracing            = var.tracing
  log_retention_days = var.log_retention_days
  log_level          = var.log_level

  # A full answer is 5 MB. glibc gives blocks of that size back to the system and takes new pages, zeroed, for the next
  # invocation, which took a third of its time: below 64 MiB it keeps them.
  environment = {
    QUOTELAKE_ENV          = var.environment
    MALLOC_MMAP_THRESHOLD_ = "33554432"
    MALLOC_TRIM_THRESHOLD_ = "67108864"
  }
}

module "check" {
  source             = "../function"
  name               = "${local.name}-check"
  description        = "Holds every row of a landing object against its contract and rules"
  artifact           = local.artifact.check
  architecture       = var.architecture
  memory_mb          = 512
  timeout_seconds    = local.timeouts.check
  tracing            = var.tracing
  log_retention_days = var.log_retention_days
  log_level          = var.log_level
  queue_trigger      = { queue_arn = module.queues.arns["check"], batch_size = 5, maximum_concurrency = 10 }

  environment = {
    QUOTELAKE_ENV         = var.environment
    LAKE_URI              = local.lake_uri
    PUBLISH_QUEUE_URI     = "sqs:${module.queues.urls["publish"]}"
    OWN_QUEUE_URI         = "sqs:${module.queues.urls["check"]}"
    DEAD_LETTER_QUEUE_URI = "sqs:${module.queues.urls["check-dlq"]}"
    EVENTS_URI            = "eventbridge://${module.notifications.bus_name}"
  }

  statements = [
    local.list_statement,
    { sid = "Read", actions = ["s3:GetObject"], resources = [local.objects.landing, local.objects.contracts, local.objects.bronze, local.objects.quality] },
    { sid = "Write", actions = ["s3:PutObject"], resources = [local.objects.staged, local.objects.quarantine, local.objects.quality] },
    { sid = "Send", actions = ["sqs:SendMessage"], resources = [for queue in ["publish", "check", "check-dlq"] : module.queues.arns[queue]] },
    { sid = "Tell", actions = ["events:PutEvents"], resources = [module.notifications.bus_arn] },
  ]
}

module "publish" {
  source             = "../function"
  name               = "${local.name}-publish"
  description        = "Merges staged rows into the tables' partitions"
  artifact           = local.artifact.publish
  architecture       = var.architecture
  memory_mb          = 1024
  timeout_seconds    = local.timeouts.publish
  tracing            = var.tracing
  log_retention_days = var.log_retention_days
  log_level          = var.log_level
  queue_trigger      = { queue_arn = module.queues.arns["publish"], batch_size = 10, maximum_concurrency = 5 }

  environment = merge({
    QUOTELAKE_ENV         = var.environment
    LAKE_URI              = local.lake_uri
    CATALOG_URI           = "glue://${module.catalog.database}"
    OWN_QUEUE_URI         = "sqs:${module.queues.urls["publish"]}"
    DEAD_LETTER_QUEUE_URI = "sqs:${module.queues.urls["publish-dlq"]}"
    EVENTS_URI            = "eventbridge://${module.notifications.bus_name}"
  }, var.changes_queue ? { CHANGES_QUEUE_URI = "sqs:${module.queues.urls["changes"]}" } : {})

  statements = [
    local.list_statement,
    { sid = "Read", actions = ["s3:GetObject"], resources = [local.objects.staged, local.objects.bronze, local.objects.contracts, local.key_lists] },
    { sid = "Write", actions = ["s3:PutObject"], resources = [local.objects.bronze, local.key_lists, "${module.lake.arn}/undelivered/staged/*"] },
    { sid = "UseUp", actions = ["s3:DeleteObject"], resources = [local.objects.staged] },
    {
      sid     = "AddPartitions"
      actions = ["glue:GetTable", "glue:GetPartition", "glue:BatchCreatePartition"]
      resources = [
        "${local.glue_arn}:catalog",
        "${local.glue_arn}:database/${module.catalog.database}",
        "${local.glue_arn}:table/${module.catalog.database}/*",
      ]
    },
    { sid = "Tell", actions = ["events:PutEvents"], resources = [module.notifications.bus_arn] },
    { sid = "Send", actions = ["sqs:SendMessage"], resources = [for queue in concat(["publish-dlq"], var.changes_queue ? ["changes"] : []) : module.queues.arns[queue]] },
  ]
}

module "ingest" {
  source             = "../function"
  name               = "${local.name}-ingest"
  description        = "Files dropped in inbox/ to landing lines"
  artifact           = local.artifact.ingest
  architecture       = var.architecture
  memory_mb          = 512
  timeout_seconds    = local.timeouts.ingest
  tracing            = var.tracing
  log_retention_days = var.log_retention_days
  log_level          = var.log_level
  queue_trigger      = { queue_arn = module.queues.arns["ingest"], batch_size = 1, maximum_concurrency = 5 }

  environment = {
    QUOTELAKE_ENV         = var.environment
    LAKE_URI              = local.lake_uri
    OWN_QUEUE_URI         = "sqs:${module.queues.urls["ingest"]}"
    DEAD_LETTER_QUEUE_URI = "sqs:${module.queues.urls["ingest-dlq"]}"
    EVENTS_URI            = "eventbridge://${module.notifications.bus_name}"
  }

  statements = [
    local.list_statement,
    { sid = "Read", actions = ["s3:GetObject"], resources = [local.objects.inbox, local.objects.ingested, local.objects.contracts] },
    { sid = "Write", actions = ["s3:PutObject"], resources = [local.objects.landing, local.objects.ingested] },
    { sid = "Tell", actions = ["events:PutEvents"], resources = [module.notifications.bus_arn] },
    { sid = "Send", actions = ["sqs:SendMessage"], resources = [module.queues.arns["ingest-dlq"]] },
  ]
}
