variable "name" {
  description = "The crawler's name."
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

variable "bucket_name" {
  description = "The bucket to crawl."
  type        = string
}

variable "bucket_arn" {
  description = "Its ARN."
  type        = string
}

variable "prefix" {
  description = "The folder to crawl, with its slash; outside Quotelake's zones."
  type        = string

  validation {
    condition     = !can(regex("^(raw|landing|undelivered|staged|quarantine|quality|bronze|contracts|inbox)/", var.prefix)) && endswith(var.prefix, "/")
    error_message = "prefix ends with a slash and is none of Quotelake's zones: their tables come from contracts."
  }
}

variable "database" {
  description = "The Glue database; its tables get the prefix `crawled_`."
  type        = string
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the role; null for none."
  type        = string
  default     = null
}
