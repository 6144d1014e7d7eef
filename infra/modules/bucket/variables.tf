variable "name" {
  description = "The bucket's name, unique in the world."
  type        = string
}

variable "versioning" {
  description = "Whether overwritten and deleted objects stay as noncurrent versions."
  type        = bool
  default     = true
}

variable "noncurrent_days" {
  description = "Days that a noncurrent version stays where noncurrent_days_by_prefix says nothing shorter."
  type        = number
  default     = 30
}

variable "noncurrent_days_by_prefix" {
  description = "Days that noncurrent versions under a prefix stay, fewer than noncurrent_days; the prefix ends with a slash. What expires under a prefix of expire_days needs an entry, or its days are added to noncurrent_days."
  type        = map(number)
  default     = {}
}

variable "expire_days" {
  description = "Days after which objects under a prefix are deleted; the prefix ends with a slash."
  type        = map(number)
  default     = {}
}

variable "archive_days" {
  description = "Days after which objects under a prefix move to Glacier Instant Retrieval; the prefix ends with a slash."
  type        = map(number)
  default     = {}
}

variable "require_tls" {
  description = "Deny requests without TLS. Off only for emulators, which speak plain HTTP."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes the bucket with everything in it."
  type        = bool
  default     = false
}
