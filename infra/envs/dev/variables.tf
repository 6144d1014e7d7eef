variable "region" {
  description = "Where everything is."
  type        = string
  default     = "us-east-1"
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

variable "preferred" {
  description = "Which provider and adjustment speak for an instrument: see infra/modules/quotelake."
  type = object({
    providers   = optional(list(string))
    adjustments = optional(list(string))
  })
  default  = {}
  nullable = false
}
