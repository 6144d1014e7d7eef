variable "name" {
  description = "Begins the names and ids of what is made."
  type        = string
}

variable "database" {
  description = "The Glue database of the views."
  type        = string
}

variable "workgroup" {
  description = "The Athena workgroup that questions run in."
  type        = string
}

variable "principal_arn" {
  description = "The QuickSight user or group that owns data source, datasets and analysis: `arn:aws:quicksight:<region>:<account>:user/default/<name>`."
  type        = string
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:quicksight:[a-z0-9-]+:[0-9]{12}:(user|group)/", var.principal_arn))
    error_message = "principal_arn is the ARN of a QuickSight user or group."
  }
}

variable "refresh_at" {
  description = "When the datasets are read again each day, as hours and minutes of `timezone`: after the schedules have run."
  type        = string
  default     = "23:00"
  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.refresh_at))
    error_message = "refresh_at is a time as 23:00."
  }
}

variable "timezone" {
  description = "The IANA time zone of `refresh_at`."
  type        = string
  default     = "UTC"
}
