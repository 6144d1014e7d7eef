output "database" {
  description = "The database's name."
  value       = aws_glue_catalog_database.this.name
}

output "tables" {
  description = "The datasets' tables."
  value       = keys(local.tables)
}

output "views" {
  description = "The views."
  value       = keys(local.views)
}

output "view_sql" {
  description = "The SQL of each view, for tests."
  value       = { for name, view in local.views : name => view.sql }
}

output "view_columns" {
  description = "The columns of each view with their types, for tests."
  value       = { for name, view in local.views : name => { for column in view.columns : column[0] => column[1] } }
}
