# What is fetched when. Every day and not only on weekdays: the window reaches back, so a quiet day changes nothing, and
# the alarm stale-tables needs no calendar.

locals {
  schedules = {
    us-daily = {
      description = "Daily bars, splits and dividends of the sample watchlist, after the close"
      cron        = "cron(15 18 * * ? *)"
      timezone    = "America/New_York"
      payload = jsonencode({
        source    = "polygon"
        watchlist = jsondecode(file("${path.root}/../../../samples/watchlists/us_samples.json"))
        datasets  = ["daily_bars", "splits", "dividends"]
        from      = "today-14d"
        to        = "today"
        # Names the run from the schedule to the rows it brought.
        run_id = "<aws.scheduler.execution-id>"
      })
    }
  }
}
