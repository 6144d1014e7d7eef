variable "region" {
  description = "Where the state bucket is."
  type        = string
  default     = "us-east-1"
}

variable "name" {
  description = "First part of the names of everything that may be deployed; the stacks' `name`."
  type        = string
  default     = "quotelake"
}

variable "more_secret_arns" {
  description = "Keys of vendors that are not under `/<name>/` in SSM or `<name>/` in Secrets Manager, which functions may read."
  type        = list(string)
  default     = []
}

variable "repository" {
  description = "`owner/repository` on GitHub."
  type        = string
}

variable "environments" {
  description = "Environments: each has a role of its own, which jobs of the GitHub environment of that name may take."
  type        = set(string)
  default     = ["dev", "prod"]
}

variable "create_provider" {
  description = "Whether to make the account's identity provider for GitHub; false where it has one."
  type        = bool
  default     = true
}

variable "database_network" {
  description = "Whether CI may make the network of a database (`legacy_network`)."
  type        = bool
  default     = false
}
