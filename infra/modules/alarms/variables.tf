variable "name" {
  description = "First part of the alarms' names; the dashboard's name."
  type        = string
}

variable "environment" {
  description = "The environment, a dimension of the functions' own metrics."
  type        = string
}

variable "region" {
  description = "The region, for the dashboard."
  type        = string
}

variable "namespace" {
  description = "Namespace of the functions' own metrics."
  type        = string
  default     = "Quotelake"
}

variable "topic_arn" {
  description = "The topic that alarms tell."
  type        = string
}

variable "functions" {
  description = "The functions' names by stage; their log groups are there."
  type        = map(string)
}

variable "patient_functions" {
  description = "Stages that work until their time is up by design, and are not slow when they do."
  type        = set(string)
  default     = []
}

variable "scheduled" {
  description = "Whether something is fetched by schedule: then the alarm stale-tables also tells when no schedule ran."
  type        = bool
  default     = false
}

variable "timeout_seconds" {
  description = "The functions' timeouts by stage."
  type        = map(number)
}

variable "stream" {
  description = "The delivery stream's name."
  type        = string
}

variable "more" {
  description = "All ten alarms: also those on slow and throttled functions, quarantine, fetches that failed, and the age of every queue. Seven metrics more than AWS gives for nothing, $0.70 a month."
  type        = bool
  default     = false
}

variable "entry_queues" {
  description = "Names of the queues that everything passes: their age is always watched."
  type        = list(string)
}

variable "work_queues" {
  description = "Names of the other queues in which nothing waits by design: their age is watched with `more`."
  type        = list(string)
}

variable "dead_letter_queues" {
  description = "Names of the dead letter queues: each is one alarm metric."
  type        = list(string)
}

variable "undelivered_queue" {
  description = "Name of the queue that hears of undelivered objects."
  type        = string
}

variable "workgroups" {
  description = "Names of the Athena workgroups, for the dashboard."
  type        = list(string)
}

variable "freshness_hours" {
  description = "Hours since a scheduled dataset was published that raise an alarm: 26 where a schedule runs every day, 74 where it rests at weekends."
  type        = number
  default     = 26

  validation {
    condition     = var.freshness_hours >= 1 && var.freshness_hours <= 168
    error_message = "freshness_hours is 1 to 168: CloudWatch looks back seven days at most."
  }
}

variable "quarantine_percent" {
  description = "Share of an hour's rows in quarantine that raises an alarm, in percent."
  type        = number
  default     = 5
}

variable "dashboard" {
  description = "Whether to make the CloudWatch dashboard."
  type        = bool
  default     = true
}
