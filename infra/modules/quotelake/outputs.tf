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
  value       = module.fetch.url
}

output "caller_policy_arn" {
  description = "Attach it to who may call the URL."
  value       = module.fetch.caller_policy_arn
}

output "functions" {
  description = "The functions' names by stage."
  value = {
    fetch     = module.fetch.name
    transform = module.transform.name
    check     = module.check.name
    publish   = module.publish.name
    ingest    = module.ingest.name
  }
}

output "roles" {
  description = "The functions' roles by stage."
  value = {
    fetch     = module.fetch.role_arn
    transform = module.transform.role_arn
    check     = module.check.role_arn
    publish   = module.publish.role_arn
    ingest    = module.ingest.role_arn
  }
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
