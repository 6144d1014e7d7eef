variable "name" {
  description = "The stream's name."
  type        = string
}

variable "account_id" {
  description = "This account: the only one for which Firehose may use the role."
  type        = string
}

variable "bucket_arn" {
  description = "The lake bucket."
  type        = string
}

variable "transform_arn" {
  description = "The transform function, with the alias or version that is invoked."
  type        = string
}

variable "transform_buffer_mb" {
  description = "Records are handed to the transform function in invocations of about this many MB: generated/stream.json has what the code counts on."
  type        = string
}

variable "buffer_mb" {
  description = "An object is written when this many MB wait..."
  type        = number
  default     = 5
}

variable "buffer_seconds" {
  description = "...or the oldest record has waited this long."
  type        = number
  default     = 60
}

variable "encrypt_in_flight" {
  description = "Encrypt records while they wait in the stream, by a key that AWS owns and that costs nothing."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "Days that delivery errors stay in the log."
  type        = number
  default     = 30
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the role; null for none."
  type        = string
  default     = null
}
