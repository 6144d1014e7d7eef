variable "name" {
  description = "The schedule group's name."
  type        = string
}

variable "account_id" {
  description = "This account: the only one whose schedules may use the role."
  type        = string
}

variable "schedules" {
  description = "By name: when (`cron(...)` or `rate(...)`), in which IANA time zone, and the JSON that the target gets, in which `<aws.scheduler.execution-id>` and the like are filled in. Times from 01:00 to 03:00 local may be skipped or doubled when clocks change."
  type = map(object({
    description = optional(string, "")
    cron        = string
    timezone    = string
    payload     = string
    enabled     = optional(bool, true)
  }))

  validation {
    condition     = alltrue([for schedule in var.schedules : can(jsondecode(schedule.payload))])
    error_message = "Each schedule's payload is a JSON document."
  }
  validation {
    condition     = alltrue([for schedule in var.schedules : can(regex("^(cron|rate|at)\\(.+\\)$", schedule.cron))])
    error_message = "Each schedule's cron is cron(...), rate(...) or at(...)."
  }
}

variable "target_arn" {
  description = "The function or state machine to start."
  type        = string
}

variable "target_action" {
  description = "What starts it: `lambda:InvokeFunction` or `states:StartExecution`."
  type        = string
  default     = "lambda:InvokeFunction"
}

variable "dead_letter_queue_arn" {
  description = "Where a start goes that failed five times or for an hour."
  type        = string
}
