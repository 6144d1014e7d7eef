variable "prefix" {
  description = "First part of every queue's name."
  type        = string
}

variable "work" {
  description = "Queues that invoke a function, by name. A message in hand stays invisible for six times the function's timeout, as AWS advises, unless `visibility_timeout_seconds` says otherwise (at least the timeout); it goes to the dead letter queue after five tries."
  type = map(object({
    fifo                       = optional(bool, false)
    function_timeout_seconds   = number
    visibility_timeout_seconds = optional(number)
  }))

  validation {
    condition = alltrue([for queue in var.work : (
      queue.visibility_timeout_seconds == null ? true : queue.visibility_timeout_seconds >= queue.function_timeout_seconds && queue.visibility_timeout_seconds <= 43200
    )])
    error_message = "visibility_timeout_seconds is between the function's timeout, below which Lambda refuses the queue, and 12 hours."
  }
}

variable "collecting" {
  description = "Queues that hold what somebody has to look at, and invoke nothing."
  type        = set(string)
  default     = []
}

variable "changes" {
  description = "Whether there is a FIFO queue `changes`, to which publish sends every change of a partition."
  type        = bool
  default     = false
}

variable "senders" {
  description = "AWS services that send to a queue on their own: queue name => each one's service, the ARN (pattern) that it acts for, and that one's account."
  type        = map(list(object({ service = string, source_arn = string, account_id = string })))
  default     = {}
}
