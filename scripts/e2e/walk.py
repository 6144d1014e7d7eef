"""What every walk through a stack does, on an emulator or in an account: it asks, drops files, waits, and holds tables against a laptop's."""

import json
import platform
import subprocess
import time
import urllib.parse

import duckdb

import stack

SAMPLES = stack.REPOSITORY / "samples"
DAYS = {"from": "2000-03-01", "to": "2013-03-01"}
SUMS = """
SELECT symbol, month, count(*) AS bars, sum(open) AS opens, sum(high) AS highs, sum(low) AS lows, sum(close) AS closes,
       sum(volume) AS volumes, min(trading_date) AS first_day, max(trading_date) AS last_day
FROM daily_bars GROUP BY symbol, month ORDER BY symbol, month"""
ORDERS = "SELECT order_id, line, product, quantity, unit_price FROM orders ORDER BY order_id, line"
SPLITS = "SELECT symbol, execution_date, split_from, split_to FROM splits ORDER BY symbol, execution_date"
DIVIDENDS = "SELECT symbol, ex_date, amount, currency FROM dividends ORDER BY symbol, ex_date, amount"
# Tables of models, one native and one in SQL.
STATS = """
SELECT symbol, adjustment, trading_date, close, sma_20, sma_50, sma_200, high_252, low_252
FROM daily_stats ORDER BY symbol, adjustment, trading_date"""
MONTHS = """
SELECT symbol, adjustment, period_start, first_bar, last_bar, bars, open, high, low, close, volume
FROM monthly_bars ORDER BY symbol, adjustment, period_start"""
# The same out of the bars, by another engine.
MONTHS_OF_BARS = """
SELECT symbol, adjustment, CAST(date_trunc('month', trading_date) AS DATE) AS period_start, min(trading_date), max(trading_date), count(*),
       arg_min(open, trading_date), max(high), min(low), arg_max(close, trading_date), sum(volume)
FROM daily_bars WHERE "interval" = '1d' GROUP BY provider, session, symbol, adjustment, period_start ORDER BY symbol, adjustment, period_start"""
TABLES = {"daily_bars": SUMS, "orders": ORDERS, "splits": SPLITS, "dividends": DIVIDENDS}


DAY = 86400
# The walk's own schedule.
ONCE = "once"
# What makes a schedule, in the words of EventBridge Scheduler: all of it is given again where something changes.
SCHEDULE = ("Name", "GroupName", "Description", "State", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target", "ActionAfterCompletion")


class Failed(Exception):
    """What a step found wrong."""


def at_time(seconds):
    """The expression of a schedule that fires once, so many seconds from now."""
    return time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(time.time() + seconds))


def expect(condition, what):
    """Fails the step."""
    if not condition:
        raise Failed(what)


def wait_for(what, seconds, ask):
    """Asks until there is an answer that counts as true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = ask()
        if found:
            return found
        time.sleep(1)
    raise Failed(f"waited {seconds} s for {what}")


def text_of(value):
    """A value as text that does not depend on who printed it: numbers without trailing zeros."""
    text = "" if value is None else str(value)
    return text.rstrip("0").rstrip(".") if "." in text and text.replace(".", "").replace("-", "").isdigit() else text


class Walk:
    """One walk's state. `account` is an emulator or an account of AWS: it makes clients, and says where a Function URL answers."""

    # How many times as long as on a quiet machine things may take, and for how many seconds nothing may wait before all is done: AWS
    # counts a queue's messages with delay. A schedule is told to fire in so many seconds.
    patience, calm, soon = 3, 10, 5
    # Models that are on.
    models = ()
    # Attributes that a second plan may want to change in place, by type.
    forgotten = {}

    def __init__(self, options, folder, account):
        self.options, self.folder, self.account = options, folder, account
        self.architecture = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
        self.watchlist = json.loads((SAMPLES / "watchlists/us_samples.json").read_text())
        self.terraform, self.outputs, self.caller, self.database = None, {}, None, None

    # what both begin with

    def scheduled(self):
        """The variable `schedules` with one schedule, for a day on which this walk is over: `fire` makes it due."""
        # MiniStack puts nothing in for <aws.scheduler.execution-id>, and reads times as UTC.
        request = {"source": "polygon", "watchlist": self.watchlist, "datasets": ["daily_bars"], **DAYS, "run_id": "from-the-schedule"}
        return {ONCE: {"cron": at_time(DAY), "timezone": "UTC", "payload": json.dumps(request)}}

    def fire(self, seconds, fired):
        """Makes the schedule due and waits until it fired; then it is for the day again that Terraform knows. How long an apply takes,
        which differs by the machine, is nothing that a schedule's time has to be chosen for."""
        scheduler = self.account.client("scheduler")
        made = [one["values"] for one in self.terraform.managed() if one["type"] == "aws_scheduler_schedule" and one["index"] == ONCE]
        expect(len(made) == 1, f"{len(made)} schedules of that name, not one")
        known = scheduler.get_schedule(Name=made[0]["name"], GroupName=made[0]["group_name"])
        settings = {name: known[name] for name in SCHEDULE if known.get(name)}
        scheduler.update_schedule(**{**settings, "ScheduleExpression": at_time(self.soon)})
        try:
            self.wait_for("the schedule to fire", seconds, fired)
        finally:
            scheduler.update_schedule(**settings)

    def need_zips(self):
        """Fails where a function was not built."""
        zips = [self.options.artifacts / self.architecture / f"quotelake-{stage}/bootstrap.zip" for stage in self.stages()]
        expect(all(path.exists() for path in zips), f"missing, `make build` makes them: {[str(path) for path in zips if not path.exists()]}")
        return zips

    def own_tables(self):
        """Columns files of the orders, for Terraform."""
        subprocess.run([str(self.options.quotelake), "generate", "--contract", SAMPLES / "contracts/orders.yaml", "--out", self.folder / "tables"],
                       check=True, capture_output=True)

    # steps that both do

    def drop(self):
        """A CSV file in inbox/ invokes ingest."""
        self.account.client("s3").upload_file(str(SAMPLES / "csv/orders.csv"), self.outputs["bucket"], "inbox/orders/orders.csv")
        landed = self.wait_for("landing/dataset=orders/", 120, lambda: self.keys("landing/dataset=orders/"))
        return ", ".join(landed)

    def again(self):
        """A second apply changes nothing of ours."""
        changes = self.terraform.changes()
        wrong = [change for change in changes if change[2] != ["update"] or change[1] not in self.forgotten]
        expect(not wrong, f"would change: {wrong}")
        if not changes:
            return "no change"
        return f"no change but {len(changes)} in place that the emulator forgot: {', '.join(sorted({change[1] for change in changes}))}"

    # helpers

    def stages(self):
        """The stages that there are: of those that have to be asked for, the one of models where one is on."""
        asked = {None, "models"} if self.models else {None}
        return {stage: settings for stage, settings in stack.STAGES.items() if settings.get("with") in asked}

    def wait_for(self, what, seconds, ask):
        """As `wait_for`, for as long as it may take here."""
        return wait_for(what, seconds * self.patience, ask)

    def help_the_letter(self, letters, queue):
        """Sends the letter about landing/gone.gz back, after what it missed is there."""
        back = ["redrive", "--sqs", letters, "--to", queue, "--cause", "not_found", "--max", "1"]
        before = self.depths()["check-dlq"]
        expect(self.dlq(*back, "--dry-run") == {"dry_run": True, "chosen": 1, "moved": 0}, "the dry run")
        self.wait_for("the letters, which a dry run leaves", 10, lambda: self.depths()["check-dlq"] == before)
        landing = next(key for key in self.keys("landing/") if "dataset=" not in key)
        bucket = self.outputs["bucket"]
        self.account.client("s3").copy_object(Bucket=bucket, Key="landing/gone.gz", CopySource={"Bucket": bucket, "Key": landing})
        expect(self.dlq(*back) == {"dry_run": False, "chosen": 1, "moved": 1}, "the redrive")
        self.wait_until_quiet(60)

    def call(self, request, wanted=200):
        """Asks the Function URL as one who may; its answer."""
        body = {"source": "polygon", "watchlist": self.watchlist, **DAYS, "run_id": "from-the-url", **request}
        status, text = stack.call_url(self.account, self.outputs["function_url"], body, self.caller)
        expect(status == wanted, f"{status} {text}, not {wanted}")
        return json.loads(text)

    def send(self, queue, body, **attributes):
        """Puts a message on a queue."""
        self.account.client("sqs").send_message(QueueUrl=self.outputs["queues"][queue], MessageBody=json.dumps(body), **attributes)

    def created(self, key):
        """What S3 says when an object was written."""
        return {"Records": [{"eventName": "ObjectCreated:Put", "eventSource": "aws:s3",
                             "s3": {"bucket": {"name": self.outputs["bucket"]}, "object": {"key": urllib.parse.quote(key)}}}]}

    def dlq(self, *arguments):
        """`quotelake dlq` on this account; its JSON."""
        return self.quotelake("dlq", *arguments)

    def quotelake(self, *arguments, codes=(0,)):
        """The program on this account; its JSON."""
        done = subprocess.run([str(self.options.quotelake), "--json", *arguments], env=self.account.environment(),
                              text=True, capture_output=True, check=False)
        expect(done.returncode in codes, f"{' '.join(arguments)}: exit {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def compare(self, *tables):
        """Holds tables in Athena against the laptop's; their rows, as text."""
        found = {}
        for name in tables:
            found[name] = self.same(name, TABLES[name], TABLES[name])
        return found

    def same(self, name, here, there):
        """Holds what a query finds in Athena against what one finds on the laptop; the rows, as text."""
        expected = [tuple(map(text_of, row)) for row in self.laptop().execute(here).fetchall()]
        found = self.athena(there)
        expect(expected, f"the laptop has no {name}")
        differing = [pair for pair in zip(expected, found) if pair[0] != pair[1]]
        expect(expected == found, f"{name}: {len(expected)} rows here, {len(found)} there; first difference {differing[:1]}")
        return found

    def contract(self, dataset):
        """Gives the lake a user's contract, as `quotelake load` would."""
        s3 = self.account.client("s3")
        # The ruleset first: whoever reads the contract in between, for the event by which S3 tries a queue, would fail, and come back in half an hour.
        for suffix in ("dqdl", "yaml"):
            s3.upload_file(str(SAMPLES / f"contracts/{dataset}.{suffix}"), self.outputs["bucket"], f"contracts/{dataset}.{suffix}")

    def keys(self, prefix):
        """Keys of the lake under a prefix."""
        answer = self.account.client("s3").list_objects_v2(Bucket=self.outputs["bucket"], Prefix=prefix)
        return [item["Key"] for item in answer.get("Contents", [])]

    def depths(self):
        """Messages of every queue, waiting, delayed or in hand."""
        sqs = self.account.client("sqs")
        names = [f"ApproximateNumberOfMessages{state}" for state in ("", "NotVisible", "Delayed")]
        return {
            name: sum(int(count) for count in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())
            for name, url in self.outputs["queues"].items()
        }

    def wait_until_quiet(self, seconds):
        """Until no work has waited for some seconds."""
        quiet_since = [None]

        def quiet():
            busy = any(self.depths()[name] for name, stage in self.stages().items() if stage["queue"]) or self.keys("staged/")
            now = time.monotonic()
            quiet_since[0] = None if busy else quiet_since[0] or now
            return quiet_since[0] and now - quiet_since[0] >= self.calm

        self.wait_for("the queues to be empty", seconds, quiet)

    def laptop(self):
        """The same data through the same handlers on this machine, as a DuckDB database."""
        if self.database:
            return self.database
        lake = self.folder / "laptop"
        quotelake = [str(self.options.quotelake)]
        subprocess.run([*quotelake, "demo", "--lake", lake, "--json"], check=True, capture_output=True, cwd=stack.REPOSITORY)
        # 2: rows of the sample are meant to fail.
        done = subprocess.run([*quotelake, "load", "--lake", lake, "--dataset", "orders", "--contract", SAMPLES / "contracts/orders.yaml",
                               "--json", SAMPLES / "csv/orders.csv"], check=False, capture_output=True, text=True, cwd=stack.REPOSITORY)
        expect(done.returncode in (0, 2), done.stderr)
        self.database = duckdb.connect()
        for table, zone in [*((table, "bronze") for table in TABLES), ("daily_stats", "silver")]:
            self.database.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{lake}/{zone}/{table}/**/*.parquet', hive_partitioning = true, union_by_name = true)")
        return self.database

    def athena(self, sql):
        """The rows of a query, as text."""
        athena = self.account.client("athena")
        query = athena.start_query_execution(
            QueryString=sql, WorkGroup=self.outputs["workgroups"]["main"], QueryExecutionContext={"Database": self.outputs["database"]}
        )["QueryExecutionId"]

        def ended():
            status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
            expect(status["State"] not in ("FAILED", "CANCELLED"), f"Athena: {status.get('StateChangeReason')}")
            return status["State"] == "SUCCEEDED"

        self.wait_for("Athena", 120, ended)
        rows = [page_row for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
                for page_row in page["ResultSet"]["Rows"]]
        return [tuple(text_of(cell.get("VarCharValue")) for cell in row["Data"]) for row in rows[1:]]
