# The roots that people apply. Each must plan from an empty checkout, with no zip built.

mock_provider "aws" {
  source = "./mocks"
}

run "dev" {
  module {
    source = "../envs/dev"
  }
  assert {
    condition     = output.stack.bucket == "quotelake-dev-lake-000000000000" && output.stack.secret_parameter == "/quotelake/dev/polygon_api_key"
    error_message = "dev is named dev."
  }
}

run "prod" {
  module {
    source = "../envs/prod"
  }
  assert {
    condition     = output.stack.bucket == "quotelake-prod-lake-000000000000"
    error_message = "prod is named prod."
  }
}

run "minimal" {
  module {
    source = "../examples/minimal"
  }
  assert {
    condition     = output.stack.bucket == "quotelake-minimal-lake-000000000000"
    error_message = "The example is named minimal."
  }
}

run "ftse" {
  module {
    source = "../examples/ftse"
  }
  assert {
    condition     = output.stack.bucket == "quotelake-ftse-lake-000000000000" && output.stack.function_url == null
    error_message = "Files are dropped; nobody asks a vendor."
  }
}

# London's close, and hours in which it trades; on only where somebody said that the use is personal.
run "london" {
  module {
    source = "../examples/london"
  }
  variables {
    personal_use = true
  }
  assert {
    condition = { for name, schedule in local.schedules : name => schedule.cron } == {
      london-close    = "cron(15 18 ? * MON-FRI *)"
      london-intraday = "cron(20 8-17 ? * MON-FRI *)"
    }
    error_message = "One schedule after the close, one while London trades, on weekdays."
  }
  assert {
    condition     = length(distinct([for row in local.watchlist.symbols : row.symbol])) == 100 && local.watchlist.exchange_tz == "Europe/London"
    error_message = "The FTSE 100 is asked for."
  }
}

run "london_as_shipped" {
  module {
    source = "../examples/london"
  }
}

# A second stack in the account has names, and here schedules, of its own.
run "another_name" {
  module {
    source = "../envs/prod"
  }
  variables {
    name   = "quotelake-eu"
    region = "eu-west-1"
    schedules = {
      london = { cron = "cron(15 17 * * ? *)", timezone = "Europe/London", payload = "{\"source\": \"yahoo\"}" }
    }
  }
  assert {
    condition     = output.stack.bucket == "quotelake-eu-prod-lake-000000000000" && alltrue([for stage, name in output.stack.functions : name == "quotelake-eu-prod-${stage}"])
    error_message = "Every name begins with the stack's."
  }
}
