variable "name" {
  description = "First part of the names of everything that may be deployed; the stack's `name`."
  type        = string
  default     = "quotelake"
}

variable "role_name" {
  description = "First part of the roles' and boundaries' names; the environment is the rest. Not one that begins with `name`: a role must not be able to change itself."
  type        = string
  default     = "deploy-quotelake"
}

variable "repository" {
  description = "`owner/repository` on GitHub."
  type        = string
}

variable "environments" {
  description = "Environments: each has a role of its own, which jobs of the GitHub environment of that name may take."
  type        = set(string)
  default     = ["dev"]
}

variable "state_bucket_arn" {
  description = "The bucket of Terraform's states, of which a role gets its environment's part; null for none."
  type        = string
  default     = null
}

variable "more_secret_arns" {
  description = "Keys of vendors that are not under `/<name>/` in SSM or `<name>/` in Secrets Manager, which functions may read."
  type        = list(string)
  default     = []
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

variable "database_network" {
  description = "Whether CI may make the network of a database (`legacy_network`): security groups, their rules and endpoints in any VPC of the account."
  type        = bool
  default     = false
}
