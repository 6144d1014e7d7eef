# Off unless asked for: each costs money or widens what is reachable.

module "workflow" {
  count              = var.workflow ? 1 : 0
  source             = "../workflow"
  name               = local.name
  account_id         = local.account
  region             = local.region
  partition          = local.partition
  fetch_arn          = module.function["fetch"].live_arn
  topic_arn          = module.notifications.topic_arn
  log_retention_days = var.log_retention_days

  permissions_boundary = var.permissions_boundary
}

module "crawler" {
  count       = var.crawl_prefix == null ? 0 : 1
  source      = "../crawler"
  name        = local.name
  account_id  = local.account
  region      = local.region
  partition   = local.partition
  bucket_name = module.lake.name
  bucket_arn  = module.lake.arn
  prefix      = var.crawl_prefix
  database    = module.catalog.database

  permissions_boundary = var.permissions_boundary
}

module "legacy_network" {
  count                      = var.legacy_network == null ? 0 : 1
  source                     = "../legacy_network"
  name                       = local.name
  region                     = local.region
  vpc_id                     = var.legacy_network.vpc_id
  subnet_ids                 = var.legacy_network.subnet_ids
  route_table_ids            = var.legacy_network.route_table_ids
  database_security_group_id = var.legacy_network.database_security_group_id
  database_port              = var.legacy_network.database_port
  interface_services         = var.legacy_network.interface_services
}

module "quicksight" {
  count         = var.quicksight == null ? 0 : 1
  source        = "../quicksight"
  name          = local.name
  database      = module.catalog.database
  workgroup     = module.query.workgroups["dashboards"]
  principal_arn = var.quicksight.principal_arn
  refresh_at    = var.quicksight.refresh_at
  timezone      = var.quicksight.timezone

  # A dataset is read when it is made: its views are there by then.
  depends_on = [module.catalog]
}
