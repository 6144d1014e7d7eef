variable "name" {
  description = "The schedule group's name."
  type        = string
}

variable "account_id" {
  description = "This account: the only one whose schedules may use the role."
  type        = string
}

variable "schedules" {
  description = "By name: when (`cron(...)` or `rate(...)`), in which IANA time zone, and the JSON that the target gets, in which `<aws.scheduler.execution-id>` and the like are filled in. `target`: something else to start than target_arn, with what the schedule's own role may do for it. Times from 01:00 to 03:00 local may be skipped or doubled when clocks change."
  type = map(object({
    description = optional(string, "")
    cron        = string
    timezone    = string
    payload     = string
    enabled     = optional(bool, true)
    target = optional(object({
      arn        = string
      statements = list(object({ actions = list(string), resources = list(string) }))
    }))
  }))

  validation {
    condition     = alltrue([for schedule in var.schedules : can(jsondecode(schedule.payload))])
    error_message = "Each schedule's payload is a JSON document."
  }
  validation {
    condition     = alltrue([for schedule in var.schedules : can(regex("^(cron|rate|at)\\(.+\\)$", schedule.cron))])
    error_message = "Each schedule's cron is cron(...), rate(...) or at(...)."
  }
  validation {
    condition     = alltrue([for schedule in var.schedules : schedule.target == null ? true : length(schedule.target.statements) > 0 && startswith(schedule.target.arn, "arn:")])
    error_message = "A schedule's target has an ARN, and the statements that its role needs to start it."
  }
  validation {
    condition     = alltrue([for name in keys(var.schedules) : can(regex("^[A-Za-z0-9_-]{1,24}$", name))])
    error_message = "A schedule's name is 1 to 24 letters, digits, hyphens and underscores: it is part of a role's name."
  }
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the roles; null for none."
  type        = string
  default     = null
}

variable "target_arn" {
  description = "The function or state machine that schedules without a target of their own start."
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
