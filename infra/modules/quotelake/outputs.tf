output "bucket" {
  description = "The lake's bucket."
  value       = module.lake.name
}

output "database" {
  description = "The Glue database."
  value       = module.catalog.database
}

output "workgroups" {
  description = "The Athena workgroups."
  value       = module.query.workgroups
}

output "results_bucket" {
  description = "The bucket of query results."
  value       = module.query.results_bucket
}

output "function_url" {
  description = "Where ad hoc requests are sent, signed; null without one."
  value       = module.function["fetch"].url
}

output "caller_policy_arn" {
  description = "Attach it to who may call the URL."
  value       = module.function["fetch"].caller_policy_arn
}

output "functions" {
  description = "The functions' names by stage."
  value       = { for stage, function in module.function : stage => function.name }
}

output "roles" {
  description = "The functions' roles by stage."
  value       = { for stage, function in module.function : stage => function.role_arn }
}

output "caller_role_arn" {
  description = "The role that callers of other accounts take, null without such."
  value       = module.function["fetch"].caller_role_arn
}

output "versions" {
  description = "The newest version of each function, for `live_versions`."
  value       = { for stage, function in module.function : stage => function.version }
}

output "database_network" {
  description = "Subnets and security groups for what reads or serves a database; null without legacy_network."
  value       = one(module.legacy_network[*].network)
}

output "queues" {
  description = "Queue URLs by name."
  value       = module.queues.urls
}

output "stream" {
  description = "The delivery stream."
  value       = module.stream.name
}

output "bus" {
  description = "The event bus."
  value       = module.notifications.bus_name
}

output "topic_arn" {
  description = "The topic that people hear of things from."
  value       = module.notifications.topic_arn
}

output "schedule_group" {
  description = "The schedules' group."
  value       = module.schedule.group
}

output "secret_parameter" {
  description = "The parameter that wants the vendor's key; null where the key is kept elsewhere."
  value       = one(aws_ssm_parameter.source_key[*].name)
}

output "alarms" {
  description = "The alarms' names, and how many metrics they are billed for."
  value       = { names = module.alarms.names, metrics = module.alarms.metric_count }
}

output "view_sql" {
  description = "The SQL of each view."
  value       = module.catalog.view_sql
}

output "view_columns" {
  description = "The columns of each view with their types."
  value       = module.catalog.view_columns
}
