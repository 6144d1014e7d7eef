variable "region" {
  description = "Where the state bucket is."
  type        = string
  default     = "us-east-1"
}

variable "repository" {
  description = "`owner/repository` on GitHub."
  type        = string
}

variable "environments" {
  description = "GitHub environments whose jobs may deploy."
  type        = list(string)
  default     = ["dev", "prod"]
}

variable "create_provider" {
  description = "Whether to make the account's identity provider for GitHub; false where it has one."
  type        = bool
  default     = true
}
