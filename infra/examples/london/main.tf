# The FTSE 100 from Yahoo: daily bars, dividends and splits after London's close, and bars of 15 minutes while London trades. Yahoo's
# terms allow personal use only: the schedules are off, and the source refuses, until you say that this is your use (personal_use).

variable "region" {
  description = "Where everything is."
  type        = string
  default     = "eu-west-2"
}

variable "personal_use" {
  description = "Your use of Yahoo's data is personal, and you pass nothing on: docs/guides/sources.md."
  type        = bool
  default     = false
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = "quotelake", Environment = "london", ManagedBy = "terraform" }
  }
}

locals {
  # Which day it is of: scripts/watchlist-check.py holds it against a list of today.
  watchlist = jsondecode(file("${path.root}/../../../samples/watchlists/ftse100.json"))

  # On weekdays. A bank holiday has no bars and changes nothing, since the windows reach back over the longest rest, of Easter and
  # Christmas, and what is published again counts as published. A hundred companies in one call each take five minutes.
  schedules = {
    # The closing auction ends at 16:35 and Yahoo is 15 minutes late: by 18:15 the day's bar is final. A year and more is one call, as two
    # weeks are: dividends and splits are among the answers of every day, and the prices that a split changed come with it.
    london-close = {
      description = "Daily bars, dividends and splits of the FTSE 100, after London's close"
      cron        = "cron(15 18 ? * MON-FRI *)"
      request     = { datasets = ["daily_bars", "dividends", "splits"], from = "today-400d" }
    }
    # From 08:20, when the first quarter of an hour of the day is to be had, to 17:20, when the last one is.
    london-intraday = {
      description = "Bars of 15 minutes of the FTSE 100, each hour while London trades"
      cron        = "cron(20 8-17 ? * MON-FRI *)"
      request     = { datasets = ["intraday_bars"], interval = "15m", from = "today-5d" }
    }
  }
}

module "quotelake" {
  source        = "../../modules/quotelake"
  environment   = "london"
  artifacts_dir = "${path.root}/../../../target/lambda"
  function_url  = false
  # One request in three seconds, the least that is allowed here.
  sources = { yahoo = { personal_use = var.personal_use, min_interval_ms = 3000 } }
  # Schedules rest at weekends.
  freshness_hours = 74
  schedules = { for name, schedule in local.schedules : name => {
    description = schedule.description
    cron        = schedule.cron
    timezone    = "Europe/London"
    enabled     = var.personal_use
    payload = jsonencode(merge(schedule.request, {
      source    = "yahoo"
      watchlist = local.watchlist
      to        = "today"
      # Names the run from the schedule to the rows it brought.
      run_id = "<aws.scheduler.execution-id>"
    }))
  } }
}

output "stack" {
  description = "Names, URLs and ARNs."
  value       = { for name, value in module.quotelake : name => value if !startswith(name, "view_") }
}
