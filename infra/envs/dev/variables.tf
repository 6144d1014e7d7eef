variable "region" {
  description = "Where everything is."
  type        = string
  default     = "us-east-1"
}

variable "name" {
  description = "First part of every name. Another one makes a second stack of the same environment in the account, in this region or another: roles and buckets have one name in all regions."
  type        = string
  default     = "quotelake"
}

variable "endpoint" {
  description = "An emulator's URL; empty for AWS."
  type        = string
  default     = ""
}

variable "architecture" {
  description = "`arm64` or `x86_64`: what `make build` built for."
  type        = string
  default     = "arm64"
}

variable "artifacts_dir" {
  description = "Folder of the functions' zips; null is target/lambda of this checkout."
  type        = string
  default     = null
}

variable "emails" {
  description = "Addresses that hear of quality failures, alarms and the budget."
  type        = set(string)
  default     = []
}

variable "schedules" {
  description = "Other schedules than those of schedules.tf: see infra/modules/schedule."
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
  default = null
}

variable "fetch_environment" {
  description = "More variables of the fetch function: docs/reference/environment.md."
  type        = map(string)
  default     = {}
}

variable "source_min_interval_ms" {
  description = "Least time between two calls to the vendor; 12000 is the free plan of five calls a minute."
  type        = number
  default     = 12000
}

variable "table_folders" {
  description = "Folders of `<table>.columns.json` files for datasets of your own: `quotelake generate --contract FILE --out FOLDER` writes them."
  type        = list(string)
  default     = []
}

variable "price_files" {
  description = "Folders of the inbox whose files are read by the profile of a vendor: see infra/modules/quotelake."
  type = map(object({
    profile = string
    set     = optional(map(string), {})
  }))
  default  = {}
  nullable = false
}

variable "models" {
  description = "Names of the models whose tables are computed (docs/concepts/models.md), or `[\"all\"]` for every shipped one. Without one there is no function `refine`."
  type        = set(string)
  default     = []
}

variable "preferred" {
  description = "Which provider and adjustment speak for an instrument: see infra/modules/quotelake."
  type = object({
    providers   = optional(list(string))
    adjustments = optional(list(string))
  })
  default  = {}
  nullable = false
}

variable "size" {
  description = "Size of the installation, `s`, `m` or `l`: infra/stages.json."
  type        = string
  default     = "s"
}

variable "stage_settings" {
  description = "Settings of single stages in place of those of `size`: see infra/modules/quotelake."
  type = map(object({
    memory_mb                  = optional(number)
    timeout_seconds            = optional(number)
    batch_size                 = optional(number)
    maximum_concurrency        = optional(number)
    visibility_timeout_seconds = optional(number)
  }))
  default = {}
}

variable "sources" {
  description = "How each source is asked, as under `sources` of a run configuration (docs/reference/run-config.md), keys by reference; null asks Polygon."
  type        = any
  default     = null
}

variable "more_secrets" {
  description = "Keys that `sources` refers to besides the parameter that Terraform makes: each one's ARN and the action that reads it."
  type        = list(object({ arn = string, action = string }))
  default     = []
}

variable "retention_days" {
  description = "Days that zones keep their objects."
  type = object({
    raw        = optional(number, 30)
    landing    = optional(number, 30)
    quarantine = optional(number, 180)
  })
  default = {}
}

variable "archive_bronze_after_days" {
  description = "Days after which table files move to Glacier Instant Retrieval; null never."
  type        = number
  default     = null
}

variable "budget_usd" {
  description = "What a month may cost before somebody is told, in US dollars."
  type        = number
  default     = 10
}

variable "freshness_hours" {
  description = "Hours since a scheduled dataset was published that raise an alarm: 26 where schedules run every day, 74 where one rests at weekends."
  type        = number
  default     = 26
}

variable "log_level" {
  description = "Least level that functions log."
  type        = string
  default     = "INFO"
}

variable "live_versions" {
  description = "Versions that stages are held on, to go back: `{ check = \"12\" }`."
  type        = map(string)
  default     = {}
}

variable "images" {
  description = "Stages that run a container image in place of their zip: stage => image URI."
  type        = map(string)
  default     = {}
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds every role; infra/bootstrap prints it, and CI may make no role without it."
  type        = string
  default     = null
}

variable "optional_parts" {
  description = "What is off by default: see infra/modules/quotelake/optional.tf."
  type = object({
    workflow     = optional(bool, false)
    crawl_prefix = optional(string)
    tracing      = optional(bool, false)
    legacy_network = optional(object({
      vpc_id                     = string
      subnet_ids                 = list(string)
      route_table_ids            = list(string)
      database_security_group_id = string
      database_port              = optional(number, 5432)
      interface_services         = optional(set(string), ["sqs", "ssm"])
    }))
    quicksight = optional(object({
      principal_arn = string
      refresh_at    = optional(string, "23:00")
      timezone      = optional(string, "UTC")
    }))
  })
  default = {}
}

variable "more_alarms" {
  description = "All ten alarms, over seven metrics more than AWS gives for nothing ($0.70 a month)."
  type        = bool
  default     = false
}
