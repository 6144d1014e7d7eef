variable "prefix" {
  description = "First part of every queue's name."
  type        = string
}

variable "work" {
  description = "Queues that invoke a function, by name: messages stay invisible for six times the function's timeout, go to the dead letter queue after five tries."
  type        = map(object({ fifo = optional(bool, false), function_timeout_seconds = number }))
}

variable "collecting" {
  description = "Queues that hold what somebody has to look at, and invoke nothing."
  type        = set(string)
  default     = []
}

variable "changes" {
  description = "Whether there is a FIFO queue `changes`, which publish tells of every partition."
  type        = bool
  default     = false
}

variable "senders" {
  description = "AWS services that send to a queue on their own: queue name => service, the ARN (pattern) that it acts for, and that one's account."
  type        = map(object({ service = string, source_arn = string, account_id = string }))
  default     = {}
}
