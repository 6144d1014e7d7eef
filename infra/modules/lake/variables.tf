variable "bucket_name" {
  description = "The lake bucket's name."
  type        = string
}

variable "object_created" {
  description = "Queues that hear of new objects: name => prefix and queue. The queue must already let this bucket send."
  type        = map(object({ prefix = string, queue_arn = string }))
  default     = {}
}

variable "raw_days" {
  description = "Days that vendor answers are kept; a deleted or expired one can be brought back for one more day."
  type        = number
  default     = 30
}

variable "landing_days" {
  description = "Days that canonical lines and dropped files are kept."
  type        = number
  default     = 30
}

variable "undelivered_days" {
  description = "Days that pages which could not be transformed are kept."
  type        = number
  default     = 90
}

variable "quarantine_days" {
  description = "Days that rows in quarantine are kept."
  type        = number
  default     = 180
}

variable "record_days" {
  description = "Days that result documents, rule results, statistics and runs are kept."
  type        = number
  default     = 400
}

variable "noncurrent_days" {
  description = "Days that overwritten or deleted table files, contracts and checkpoints can be brought back."
  type        = number
  default     = 30
}

variable "archive_bronze_after_days" {
  description = "Days after which table files move to Glacier Instant Retrieval; null keeps them in Standard. Files under 128 kB do not move."
  type        = number
  default     = null

  validation {
    condition     = var.archive_bronze_after_days == null ? true : var.archive_bronze_after_days >= 30
    error_message = "archive_bronze_after_days is null or at least 30: partitions of the last weeks are still rewritten."
  }
}

variable "require_tls" {
  description = "Deny requests without TLS. Off only for emulators."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes the data too."
  type        = bool
  default     = false
}
