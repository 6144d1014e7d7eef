# The functions. Each one's statements are the ports of its crates/<stage>/src/context.rs, no more.

locals {
  objects = { for zone in ["raw", "landing", "staged", "quarantine", "quality", "bronze", "silver", "models", "undelivered", "contracts", "inbox", "ingested", "runs"] : zone => "${module.lake.arn}/${zone}/*" }

  # The lists of keys of tables whose rows may move between partitions.
  key_lists = "${module.lake.arn}/state/keys/*"
  # By which contract each table's files were written.
  table_contracts = "${module.lake.arn}/state/contracts/*"
  # From which versions of its inputs each partition of a model was computed.
  model_states = "${module.lake.arn}/state/refine/*"
  # When each dataset was published.
  published = "${module.lake.arn}/state/published/*"

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

  catalog_arns = [
    "${local.glue_arn}:catalog",
    "${local.glue_arn}:database/${module.catalog.database}",
    "${local.glue_arn}:table/${module.catalog.database}/*",
  ]

  add_partitions = {
    sid       = "AddPartitions"
    actions   = ["glue:GetTable", "glue:GetPartition", "glue:BatchCreatePartition"]
    resources = local.catalog_arns
  }
}

# What each stage gets from its environment, and what it may do beside writing its log and reading its queue.
locals {
  # Known before they are made: the stream names the function that transforms, and fetch names the stream.
  stream = { name = local.name, arn = "arn:${local.partition}:firehose:${local.region}:${local.account}:deliverystream/${local.name}" }

  functions = {
    fetch = {
      environment = merge({
        QUOTELAKE_ENV          = var.environment
        LAKE_URI               = local.lake_uri
        STREAM_URI             = "firehose://${local.stream.name}"
        UNITS_QUEUE_URI        = "sqs:${module.queues.urls["fetch"]}"
        DEAD_LETTER_QUEUE_URI  = "sqs:${module.queues.urls["fetch-dlq"]}"
        SOURCE_SECRET          = local.source_secret
        SOURCE_MIN_INTERVAL_MS = tostring(var.source_min_interval_ms)
      }, var.sources == null ? {} : { SOURCES = jsonencode(var.sources) }, var.fetch_environment)
      statements = concat([
        { sid = "PutRecords", actions = ["firehose:PutRecordBatch"], resources = [local.stream.arn] },
        { sid = "SendUnits", actions = ["sqs:SendMessage"], resources = [module.queues.arns["fetch"], module.queues.arns["fetch-dlq"]] },
        local.secret_statement,
        # The pace of a source is one small document that all workers share.
        { sid = "SharePace", actions = ["s3:GetObject", "s3:PutObject"], resources = ["${module.lake.arn}/pacing/*"] },
        # What the stream took, which `quotelake status` holds against landing/.
        { sid = "NoteSent", actions = ["s3:PutObject"], resources = ["${module.lake.arn}/state/sent/*"] },
        # When each dataset was published, for the metric that the alarm stale-tables watches.
        { sid = "ReadPublished", actions = ["s3:GetObject"], resources = [local.published] },
        # A page that the stream cannot carry is kept and landed by fetch itself.
        { sid = "LandLargePages", actions = ["s3:PutObject"], resources = [local.objects.raw, local.objects.landing] },
        { sid = "NoteRun", actions = ["s3:PutObject"], resources = [local.objects.runs] },
        # A page that transform gave back is landed by fetch, and what cannot be read stays.
        { sid = "SweepRefused", actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], resources = ["${module.lake.arn}/undelivered/processing-failed/*"] },
        local.list_statement,
        ], [for index, secret in var.more_secrets : {
          sid       = "ReadKey${index + 1}"
          actions   = [secret.action]
          resources = [secret.arn]
      }])
    }
    transform = {
      # A full answer is 5 MB. glibc gives blocks of that size back to the system and takes new pages, zeroed, for the next
      # invocation, which took a third of its time: below 64 MiB it keeps them.
      environment = {
        QUOTELAKE_ENV          = var.environment
        MALLOC_MMAP_THRESHOLD_ = "33554432"
        MALLOC_TRIM_THRESHOLD_ = "67108864"
      }
      statements = []
    }
    check = {
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
        { sid = "Write", actions = ["s3:PutObject"], resources = [local.objects.staged, local.objects.quarantine, local.objects.quality, local.objects.runs] },
        { sid = "Send", actions = ["sqs:SendMessage"], resources = [for queue in ["publish", "check", "check-dlq"] : module.queues.arns[queue]] },
        { sid = "Tell", actions = ["events:PutEvents"], resources = [module.notifications.bus_arn] },
      ]
    }
    publish = {
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
        { sid = "Read", actions = ["s3:GetObject"], resources = [local.objects.staged, local.objects.bronze, local.objects.contracts, local.key_lists, local.table_contracts] },
        { sid = "Write", actions = ["s3:PutObject"], resources = [local.objects.bronze, local.key_lists, local.table_contracts, local.published, "${module.lake.arn}/undelivered/staged/*", local.objects.runs] },
        { sid = "UseUp", actions = ["s3:DeleteObject"], resources = [local.objects.staged] },
        local.add_partitions,
        # Which partitions there were, where a file is not found.
        { sid = "ListPartitions", actions = ["glue:GetPartitions"], resources = local.catalog_arns },
        { sid = "Tell", actions = ["events:PutEvents"], resources = [module.notifications.bus_arn] },
        { sid = "Send", actions = ["sqs:SendMessage"], resources = [for queue in concat(["publish-dlq"], var.changes_queue ? ["changes"] : []) : module.queues.arns[queue]] },
      ]
    }
    ingest = {
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
        { sid = "Write", actions = ["s3:PutObject"], resources = [local.objects.landing, local.objects.ingested, local.objects.runs] },
        { sid = "Tell", actions = ["events:PutEvents"], resources = [module.notifications.bus_arn] },
        { sid = "Send", actions = ["sqs:SendMessage"], resources = [module.queues.arns["ingest-dlq"]] },
      ]
    }
    refine = {
      environment = {
        QUOTELAKE_ENV         = var.environment
        LAKE_URI              = local.lake_uri
        CATALOG_URI           = "glue://${module.catalog.database}"
        OWN_QUEUE_URI         = "sqs:${lookup(module.queues.urls, "refine", "")}"
        DEAD_LETTER_QUEUE_URI = "sqs:${lookup(module.queues.urls, "refine-dlq", "")}"
        EVENTS_URI            = "eventbridge://${module.notifications.bus_name}"
      }
      statements = [
        local.list_statement,
        { sid = "Read", actions = ["s3:GetObject"], resources = [local.objects.bronze, local.objects.silver, local.objects.contracts, local.objects.models, local.objects.quality, local.model_states] },
        { sid = "Write", actions = ["s3:PutObject"], resources = [local.objects.silver, local.objects.quarantine, local.objects.quality, local.model_states, local.objects.runs] },
        local.add_partitions,
        { sid = "Tell", actions = ["events:PutEvents"], resources = [module.notifications.bus_arn] },
        { sid = "Send", actions = ["sqs:SendMessage"], resources = [for queue in ["refine-dlq"] : lookup(module.queues.arns, queue, "")] },
      ]
    }
  }
}

module "function" {
  for_each             = local.stages
  source               = "../function"
  name                 = "${local.name}-${each.key}"
  description          = each.value.does
  artifact             = contains(keys(var.images), each.key) ? null : "${var.artifacts_dir}/${var.architecture}/quotelake-${each.key}/bootstrap.zip"
  image_uri            = lookup(var.images, each.key, null)
  live_version         = lookup(var.live_versions, each.key, null)
  architecture         = var.architecture
  permissions_boundary = var.permissions_boundary
  memory_mb            = local.sizes[each.key].memory_mb
  timeout_seconds      = local.sizes[each.key].timeout_seconds
  tracing              = var.tracing
  log_retention_days   = var.log_retention_days
  log_level            = var.log_level
  environment          = local.functions[each.key].environment
  statements           = local.functions[each.key].statements

  # A vendor counts calls: units that wait are taken up one message at a time.
  queue_trigger = each.value.queue == null ? null : {
    queue_arn               = module.queues.arns[each.key]
    batch_size              = local.sizes[each.key].batch_size
    batching_window_seconds = local.sizes[each.key].batching_window_seconds
    maximum_concurrency     = local.sizes[each.key].maximum_concurrency
  }

  # What people and schedules start.
  failure_queue = each.key == "fetch" ? { arn = module.queues.arns["invocations"] } : null
  url           = each.key == "fetch" && var.function_url ? { callers = var.function_url_callers } : null

  # Units that wait for the vendor go through fetch's own queue again and again: MAX_HOPS in crates/fetch/src/context.rs bounds it.
  bounds_recursion = each.key == "fetch"

  # What reads or serves a database, and nothing else: a function in a VPC reaches no vendor without a NAT gateway.
  network = each.value.database ? one(module.legacy_network[*].network) : null
}

moved {
  from = module.fetch
  to   = module.function["fetch"]
}

moved {
  from = module.transform
  to   = module.function["transform"]
}

moved {
  from = module.check
  to   = module.function["check"]
}

moved {
  from = module.publish
  to   = module.function["publish"]
}

moved {
  from = module.ingest
  to   = module.function["ingest"]
}
