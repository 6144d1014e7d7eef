variable "name" {
  description = "The budget's name."
  type        = string
}

variable "limit_usd" {
  description = "What a month may cost, in US dollars."
  type        = number
  default     = 10
}

variable "topic_arn" {
  description = "The SNS topic that is told."
  type        = string
}

variable "tag" {
  description = "Count only what carries this tag; null counts the whole account. The tag has to be activated for cost allocation first."
  type        = object({ key = string, value = string })
  default     = null
}
