variable "name" {
  description = "First part of the names of everything that may be deployed; the stack's `name`."
  type        = string
  default     = "quotelake"
}

variable "role_name" {
  description = "The role's name. Not one that begins with `name`: the role must not be able to change itself."
  type        = string
  default     = "deploy-quotelake"
}

variable "repository" {
  description = "`owner/repository` on GitHub."
  type        = string
}

variable "environments" {
  description = "GitHub environments whose jobs may take the role."
  type        = list(string)
  default     = ["dev"]
}

variable "account_id" {
  description = "This account."
  type        = string
}

variable "partition" {
  description = "`aws`, `aws-cn` or `aws-us-gov`."
  type        = string
  default     = "aws"
}

variable "create_provider" {
  description = "Whether to make the account's identity provider for GitHub; an account has one at most."
  type        = bool
  default     = true
}
