variable "name" {
  description = "First part of the machines' names."
  type        = string
}

variable "account_id" {
  description = "This account."
  type        = string
}

variable "region" {
  description = "This region."
  type        = string
}

variable "partition" {
  description = "`aws`, `aws-cn` or `aws-us-gov`."
  type        = string
  default     = "aws"
}

variable "fetch_arn" {
  description = "The fetch function."
  type        = string
}

variable "topic_arn" {
  description = "The topic that hears of a request that failed."
  type        = string
}

variable "backfill_concurrency" {
  description = "Windows that are fetched at the same time: 1 for a vendor that counts calls."
  type        = number
  default     = 1
}

variable "log_retention_days" {
  description = "Days that logs stay."
  type        = number
  default     = 30
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the role; null for none."
  type        = string
  default     = null
}
