variable "name" {
  description = "Name of the bus and the topic."
  type        = string
}

variable "account_id" {
  description = "This account: the only one whose services may publish to the topic."
  type        = string
}

variable "emails" {
  description = "Addresses that hear of quality failures, alarms and the budget."
  type        = set(string)
  default     = []
}

variable "notify_success" {
  description = "Also announce every partition that was rewritten."
  type        = bool
  default     = false
}

variable "dead_letter_queue_arn" {
  description = "Where a notification goes that cannot be delivered; the queue must let EventBridge send."
  type        = string
}
