variable "name" {
  description = "First part of the names."
  type        = string
}

variable "region" {
  description = "This region."
  type        = string
}

variable "vpc_id" {
  description = "The database's VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets that reach the database."
  type        = list(string)
}

variable "route_table_ids" {
  description = "Their route tables, for the S3 gateway endpoint."
  type        = list(string)
}

variable "database_security_group_id" {
  description = "The database's security group; it gets a rule that lets the functions in."
  type        = string
}

variable "database_port" {
  description = "The database's port."
  type        = number
  default     = 5432
}

variable "interface_services" {
  description = "Services that are needed there and have no free endpoint; each costs about $7.30 a month in each zone."
  type        = set(string)
  default     = ["sqs", "ssm"]
}
