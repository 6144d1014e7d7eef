variable "database" {
  description = "The Glue database's name: lower case, digits, underscores."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]*$", var.database))
    error_message = "database is lower case letters, digits and underscores."
  }
}

variable "bucket_name" {
  description = "The lake bucket."
  type        = string
}

variable "table_folders" {
  description = "Folders of `<table>.columns.json` files, made by `make generate` and `quotelake generate` from contracts."
  type        = list(string)
}

variable "quality_tables_folder" {
  description = "The folder of the columns files of `rule_results` and `statistics`, made by `make generate`."
  type        = string
}

variable "extra_datasets" {
  description = "Datasets of your own contracts that have no columns file here: their quarantine and results become queryable."
  type        = list(string)
  default     = []
}

variable "prices" {
  description = "`per_check_usd`: what checking and publishing one landing object costs, from infra/prices.json."
  type        = object({ per_check_usd = number })
}

variable "models" {
  description = "Names of the models that have a table, or `[\"all\"]`."
  type        = set(string)
  default     = []
}

variable "preferred" {
  description = "Which provider and adjustment speak for an instrument where only one can, the first before the others. A list that is left out is the usual one."
  type = object({
    providers   = optional(list(string))
    adjustments = optional(list(string))
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for names in [coalesce(var.preferred.providers, []), coalesce(var.preferred.adjustments, [])] :
      length(names) == length(distinct(names)) && alltrue([for name in names : trimspace(name) == name && name != ""])
    ])
    error_message = "preferred names each provider and each adjustment once, without blanks around it."
  }
  validation {
    condition = alltrue([
      for name in coalesce(var.preferred.adjustments, []) : contains(["raw", "split", "split_dividend", "unknown"], name)
    ])
    error_message = "preferred.adjustments are raw, split, split_dividend and unknown."
  }
}
