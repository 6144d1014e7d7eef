variable "name" {
  description = "First part of the workgroups' and queries' names."
  type        = string
}

variable "account_id" {
  description = "This account, which must own the results bucket."
  type        = string
}

variable "database" {
  description = "The Glue database."
  type        = string
}

variable "results_bucket_name" {
  description = "The results bucket's name."
  type        = string
}

variable "result_days" {
  description = "Days that query results stay."
  type        = number
  default     = 7
}

variable "main_cutoff_mb" {
  description = "A query of a person is stopped when it has scanned this many MB: 10240 MB cost $0.05."
  type        = number
  default     = 10240
}

variable "dashboards_cutoff_mb" {
  description = "A dashboard's query is stopped when it has scanned this many MB."
  type        = number
  default     = 1024
}

variable "require_tls" {
  description = "Deny requests to the results bucket without TLS. Off only for emulators."
  type        = bool
  default     = true
}
