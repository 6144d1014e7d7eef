variable "name" {
  description = "The function's name; its role and log group are named after it."
  type        = string
}

variable "description" {
  description = "What the function does, for the console."
  type        = string
}

variable "artifact" {
  description = "The zip with the `bootstrap` binary. It has to be there to apply, not to plan. Null with image_uri."
  type        = string
  default     = null

  validation {
    condition     = (var.artifact == null) != (var.image_uri == null)
    error_message = "A function is a zip (artifact) or a container image (image_uri), one of the two."
  }
}

variable "image_uri" {
  description = "A container image of this account's ECR, in place of the zip: `<account>.dkr.ecr.<region>.amazonaws.com/<name>@sha256:...`."
  type        = string
  default     = null
}

variable "live_version" {
  description = "The version that the alias `live` is held on, to go back; null is the newest."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the roles; null for none."
  type        = string
  default     = null
}

variable "architecture" {
  description = "`arm64` or `x86_64`: what the zip was built for."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "memory_mb" {
  description = "Memory in MB; CPU grows with it."
  type        = number
  default     = 256
}

variable "timeout_seconds" {
  description = "Longest run of one invocation."
  type        = number
  default     = 60
}

variable "environment" {
  description = "Environment variables: docs/reference/environment.md."
  type        = map(string)
  default     = {}
}

variable "statements" {
  description = "What the function may do beside its logs and its queue: the IAM statements of its Context."
  type        = list(object({ sid = string, actions = list(string), resources = list(string) }))
  default     = []
}

variable "queue_trigger" {
  description = "The SQS queue that invokes the function. A FIFO queue takes batch_size up to 10 and no batching window."
  type = object({
    queue_arn               = string
    batch_size              = optional(number, 10)
    batching_window_seconds = optional(number, 0)
    maximum_concurrency     = optional(number)
  })
  default = null
}

variable "bounds_recursion" {
  description = "The function sends to the queue that invokes it and counts how often: Lambda is not to end the chain."
  type        = bool
  default     = false
}

variable "failure_queue" {
  description = "The queue where events of asynchronous invocations go after two more tries."
  type        = object({ arn = string })
  default     = null
}

variable "url" {
  description = "A Function URL with IAM authorization. `callers`: ARNs of principals of other accounts, by a name of letters and digits of your choice, that may take the role `caller_role_arn`; those of this account need only the policy `caller_policy_arn`."
  type        = object({ callers = optional(map(string), {}) })
  default     = null
}

variable "network" {
  description = "Subnets and security groups; null keeps the function out of any VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "reserved_concurrency" {
  description = "Most invocations at the same time, taken from the account's pool; -1 takes none."
  type        = number
  default     = -1
}

variable "tracing" {
  description = "X-Ray active tracing."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Days that logs stay."
  type        = number
  default     = 30
}

variable "log_level" {
  description = "Least level that is logged. Metrics and the reports of invocations are written at any level."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], var.log_level)
    error_message = "log_level is TRACE, DEBUG, INFO, WARN, ERROR or FATAL."
  }
}
