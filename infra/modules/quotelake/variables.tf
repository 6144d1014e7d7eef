variable "name" {
  description = "First part of every name."
  type        = string
  default     = "quotelake"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "name is 2 to 21 lower case letters, digits and hyphens: it is part of bucket names."
  }
}

variable "environment" {
  description = "Second part of every name: `dev`, `prod`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,9}$", var.environment))
    error_message = "environment is 1 to 10 lower case letters and digits."
  }
}

variable "artifacts_dir" {
  description = "Folder of the functions' zips: `<architecture>/quotelake-<stage>/bootstrap.zip`."
  type        = string
}

variable "architecture" {
  description = "`arm64` or `x86_64`."
  type        = string
  default     = "arm64"
}

variable "size" {
  description = "Size of the installation, `s`, `m` or `l`: what functions and queues are given, by infra/stages.json."
  type        = string
  default     = "s"

  validation {
    condition     = contains(["s", "m", "l"], var.size)
    error_message = "size is s, m or l."
  }
}

variable "stage_settings" {
  description = "Settings of single stages in place of those of `size`: `{ check = { memory_mb = 1024 } }`."
  type = map(object({
    memory_mb                  = optional(number)
    timeout_seconds            = optional(number)
    batch_size                 = optional(number)
    maximum_concurrency        = optional(number)
    visibility_timeout_seconds = optional(number)
  }))
  default = {}

  validation {
    condition     = alltrue([for stage in keys(var.stage_settings) : contains(keys(jsondecode(file("${path.module}/../../stages.json")).stages), stage)])
    error_message = "stage_settings names a stage that infra/stages.json does not have."
  }
  validation {
    condition = alltrue([for settings in var.stage_settings : (
      coalesce(settings.timeout_seconds, 1) <= 900 && coalesce(settings.maximum_concurrency, 2) >= 2 && coalesce(settings.maximum_concurrency, 2) <= 1000
    )])
    error_message = "A function runs for 900 seconds at most; a queue invokes it 2 to 1000 times at once."
  }
}

variable "images" {
  description = "Stages that run a container image of this account's ECR in place of their zip: stage => image URI."
  type        = map(string)
  default     = {}
}

variable "live_versions" {
  description = "Versions that stages are held on, to go back: `{ check = \"12\" }`; the output `versions` has the newest."
  type        = map(string)
  default     = {}
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds every role of the stack; null for none. infra/bootstrap makes one, without which the role of CI may make no role."
  type        = string
  default     = null
}

variable "schedules" {
  description = "What is fetched when: see the schedule module. The payload is a request of fetch as JSON, or an object `{requests = [...]}` is made of it where `workflow` is on; with a `target` of its own it is that one's input."
  type = map(object({
    description = optional(string, "")
    cron        = string
    timezone    = string
    payload     = string
    enabled     = optional(bool, true)
    target = optional(object({
      arn        = string
      statements = list(object({ actions = list(string), resources = list(string) }))
    }))
  }))
  default = {}
}

variable "sources" {
  description = "How each source is asked, as under `sources` of a run configuration (docs/reference/run-config.md), keys by reference: `{ polygon = {...}, brapi = {...} }`. Null asks Polygon by source_secret and source_min_interval_ms."
  type        = any
  default     = null
}

variable "more_secrets" {
  description = "Keys that `sources` refers to besides source_secret: each one's ARN and the action that reads it."
  type        = list(object({ arn = string, action = string }))
  default     = []

  validation {
    condition     = alltrue([for secret in var.more_secrets : contains(["ssm:GetParameter", "secretsmanager:GetSecretValue"], secret.action)])
    error_message = "more_secrets[*].action is ssm:GetParameter or secretsmanager:GetSecretValue."
  }
}

variable "source_secret" {
  description = "A key that is kept elsewhere: `reference` as in SOURCE_SECRET, its ARN, and the action that reads it. Null makes an SSM parameter to be filled."
  type        = object({ reference = string, arn = string, action = string })
  default     = null

  validation {
    condition     = var.source_secret == null ? true : contains(["ssm:GetParameter", "secretsmanager:GetSecretValue"], var.source_secret.action)
    error_message = "source_secret.action is ssm:GetParameter or secretsmanager:GetSecretValue."
  }
}

variable "source_min_interval_ms" {
  description = "Least time between two calls to the vendor; 12000 is the free plan of five calls a minute."
  type        = number
  default     = 12000
}

variable "changes_queue" {
  description = "Whether publish sends every change of a partition to a FIFO queue, one group per table, for programs that follow the changes of tables. Off, there is the event on the bus alone."
  type        = bool
  default     = false
}

variable "sweep_cron" {
  description = "When landing objects, staged rows and refused pages are looked for that nobody asked for, UTC."
  type        = string
  default     = "cron(17 4 * * ? *)"
}

variable "fetch_environment" {
  description = "More variables of fetch, such as SOURCE_BASE_URL: docs/reference/environment.md."
  type        = map(string)
  default     = {}
}

variable "function_url" {
  description = "Whether fetch has a URL for ad hoc requests, with IAM authorization."
  type        = bool
  default     = true
}

variable "function_url_callers" {
  description = "Principals of other accounts that may take the role which calls the URL: a name of your choice => ARN."
  type        = map(string)
  default     = {}
}

variable "table_folders" {
  description = "More folders of `<table>.columns.json` files, for datasets of your own."
  type        = list(string)
  default     = []
}

variable "extra_datasets" {
  description = "Datasets of your own without a columns file."
  type        = list(string)
  default     = []
}

variable "retention_days" {
  description = "Days that zones keep their objects; `records` are result documents, rule results, statistics and runs."
  type = object({
    raw        = optional(number, 30)
    landing    = optional(number, 30)
    quarantine = optional(number, 180)
    records    = optional(number, 400)
  })
  default = {}
}

variable "archive_bronze_after_days" {
  description = "Days after which table files move to Glacier Instant Retrieval, which Athena reads; null never. Saves cents, and every read of what moved costs: for tables that are seldom read."
  type        = number
  default     = null
}

variable "emails" {
  description = "Addresses that hear of quality failures, alarms and the budget; each has to confirm."
  type        = set(string)
  default     = []
}

variable "notify_success" {
  description = "Also announce every partition that was rewritten."
  type        = bool
  default     = false
}

variable "freshness_hours" {
  description = "Hours since a scheduled dataset was published that raise an alarm: 26 where schedules run every day, 74 where one rests at weekends."
  type        = number
  default     = 26
}

variable "quarantine_percent" {
  description = "Share of an hour's rows in quarantine that raises an alarm, in percent."
  type        = number
  default     = 5
}

variable "more_alarms" {
  description = "All ten alarms, over seven metrics more than AWS gives for nothing ($0.70 a month): also slow and throttled functions, quarantine, fetches that failed, and the age of every queue."
  type        = bool
  default     = false
}

variable "dashboard" {
  description = "Whether to make the CloudWatch dashboard."
  type        = bool
  default     = true
}

variable "budget_usd" {
  description = "What a month may cost before somebody is told, in US dollars."
  type        = number
  default     = 10
}

variable "budget_tag" {
  description = "Count only what carries this tag; it has to be activated for cost allocation first."
  type        = object({ key = string, value = string })
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs stay."
  type        = number
  default     = 30
}

variable "log_level" {
  description = "Least level that functions log."
  type        = string
  default     = "INFO"
}

variable "tracing" {
  description = "X-Ray active tracing of the functions."
  type        = bool
  default     = false
}

variable "require_tls" {
  description = "Deny requests to the buckets without TLS. Off only for emulators."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes the lake's data."
  type        = bool
  default     = false
}

variable "workflow" {
  description = "Step Functions: the daily run as a state machine, which schedules then start, and a backfill machine."
  type        = bool
  default     = false
}

variable "crawl_prefix" {
  description = "A folder of the bucket for an optional Glue crawler; null makes none."
  type        = string
  default     = null
}

variable "legacy_network" {
  description = "The network of a database. Only stages that read or serve one are put into it (`database` in infra/stages.json), none today; the output `database_network` is for whatever else does. Null makes nothing."
  type = object({
    vpc_id                     = string
    subnet_ids                 = list(string)
    route_table_ids            = list(string)
    database_security_group_id = string
    database_port              = optional(number, 5432)
    interface_services         = optional(set(string), ["sqs", "ssm"])
  })
  default = null
}

variable "quicksight" {
  description = "Amazon QuickSight over the views, owned by a user or group of QuickSight: `{ principal_arn = \"arn:aws:quicksight:us-east-1:000000000000:user/default/analyst\" }`. The account has to be subscribed to it, and each author costs by the month. Null makes nothing."
  type = object({
    principal_arn = string
    refresh_at    = optional(string, "23:00")
    timezone      = optional(string, "UTC")
  })
  default = null
}

variable "price_files" {
  description = "Folders of the inbox whose files are read by the profile of a vendor, by folder: `{ \"daily_bars/london\" = { profile = \"yahoo-csv\", set = { exchange_mic = \"XLON\", quote_unit = \"GBp\" } } }`. It becomes contracts/price-files.json of the lake, which the functions read."
  type = map(object({
    profile = string
    set     = optional(map(string), {})
  }))
  default  = {}
  nullable = false
}

variable "models" {
  description = "Names of the models whose tables are computed (docs/concepts/models.md), or `[\"all\"]` for every shipped one. It becomes models/enabled.json of the lake. Without one there is no function `refine`."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "preferred" {
  description = "Which provider and adjustment speak for an instrument where only one can: `{ providers = [\"yahoo\", \"polygon\"], adjustments = [\"raw\"] }`. It becomes contracts/preferred.json of the lake, which the functions read, and the order of the views daily_bars_preferred and daily_series_dash."
  type = object({
    providers   = optional(list(string))
    adjustments = optional(list(string))
  })
  default  = {}
  nullable = false
}
