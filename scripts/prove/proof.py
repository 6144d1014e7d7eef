"""A proof's steps: a stack in an account that had none, walked through, looked at and destroyed."""

import collections
import hashlib
import itertools
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile

import questions
import receipt as receipts
import stack
from lakes import Lake
from oracle import Oracle, plain
from vendor import Vendor
from walk import DAYS, SAMPLES, TABLES, Failed, Walk, expect, text_of, wait_for

REPOSITORY = stack.REPOSITORY
ENVIRONMENT = "dev"
PROFILE = "s"
# Terraform sees these files alone: nobody's settings, states or backend of the checkout.
NOT_OURS = shutil.ignore_patterns(".terraform", "*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json", "*_override.tf", "tables", "__pycache__")
HOURS_OF_A_MONTH = 730
# Alarms over more than a day are evaluated once an hour. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
A_DAY = 86400
# Never part of a proof.
NEVER = [
    ("faults: a vendor that throttles, functions that are killed, events that come again", "they need a proxy between the functions and the services: make e2e-aws"),
    ("each function's calls against its policy", "they are recorded by that proxy: make e2e-aws"),
    ("a real vendor, its key and its pace", "a function beside the stack answers from the recording of samples/"),
    ("what is off by default: workflow, crawler, network of a database, tracing", "make e2e-aws makes it on an emulator"),
    ("mail of the topic", "nobody is subscribed"),
    ("quotas, and more than one small run", "the walk is a sample of five companies"),
]
OF_AN_EMULATOR = [
    ("Athena's engine on tables", "the emulator's Athena is DuckDB"),
    ("Athena's execution of views and named queries", "the emulator's Athena knows no views: DuckDB read the bucket's files; Trino is asked by make test-trino"),
    ("the recorded vendor's function as what fetch asks", "names of Function URLs do not resolve: it was asked once, fetch asks a server on loopback"),
    ("TLS-only bucket policies", "an emulator speaks plain HTTP"),
    ("the stream's buffering and compression", "the emulator delivers every record by itself"),
    ("time zones of schedules", "the emulator reads times as UTC"),
    ("tags that are activated for cost allocation", "an emulator has no bill"),
]


class Proof(Walk):
    """One proof's state."""

    def __init__(self, options, folder, account):
        super().__init__(options, folder, account)
        self.emulated = options.emulator
        if not self.emulated:
            # A schedule's time has the precision of a minute there.
            self.patience, self.calm, self.soon, self.architecture = 4, 60, 90, options.architecture
        else:
            self.forgotten = stack.FORGOTTEN
        self.vendor, self.identity, self.beside_made = None, ("", ""), {}
        self.not_checked = NEVER + (OF_AN_EMULATOR if self.emulated else [])
        self.steps, self.estimated, self.tables_found, self.answers, self.alarm_states, self.tag_counts = [], None, [], [], {}, {}
        self.roots()

    def roots(self):
        """The stack and what is beside it, as Terraform roots of a copy of infra/ with states in this folder."""
        copy = self.folder / "checkout"
        # What is there is destroyed by the files that it was made by.
        if not any(stack.is_up(self.folder / root / "terraform.tfstate") for root in ("beside", "stack")):
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(REPOSITORY / "infra", copy / "infra", ignore=NOT_OURS)
            shutil.copytree(SAMPLES / "watchlists", copy / "samples/watchlists")
        common = {"name": self.options.name, "region": self.account.region}
        credentials = None if self.emulated else self.account.credentials
        self.beside_root = stack.Terraform(self.folder / "beside", self.account.url, {**common, "environment": ENVIRONMENT, "zip": str(self.vendor_zip())},
                                           root=copy / "infra/tests/prove", credentials=credentials)
        self.terraform = stack.Terraform(self.folder / "stack", self.account.url, {
            **common, "artifacts_dir": str(self.options.artifacts), "architecture": self.architecture, "source_min_interval_ms": "0",
            "table_folders": [str(self.folder / "tables")],
        }, root=copy / f"infra/envs/{ENVIRONMENT}", credentials=credentials)
        self.ask_vendor("http://127.0.0.1:9")

    def ask_vendor(self, url):
        """Sets where fetch asks, and that a schedule does so."""
        self.terraform.environment["TF_VAR_fetch_environment"] = json.dumps({"SOURCE_BASE_URL": url.rstrip("/"), "SOURCE_REPLAY": "true"})
        self.terraform.environment["TF_VAR_schedules"] = json.dumps(self.scheduled())

    def vendor_zip(self):
        """The recorded vendor as a zip; the same bytes each time."""
        path = self.folder / "vendor.zip"
        files = {"recorded.py": REPOSITORY / "scripts/prove/recorded.py", "vendor.py": REPOSITORY / "scripts/e2e/vendor.py"}
        for page in sorted((SAMPLES / "polygon").rglob("*.json")):
            files[f"polygon/{page.relative_to(SAMPLES / 'polygon')}"] = page
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, file in files.items():
                entry = zipfile.ZipInfo(name)
                # Lambda's user has to be able to read it.
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
        return path

    # steps

    def clean(self):
        """Nothing of this prefix is in the account."""
        caller = self.account.client("sts").get_caller_identity()
        self.identity = caller["Account"], caller["Arn"]
        self.need_zips()
        code, text = self.leftovers()
        expect(code == 0, f"the account has something of {self.options.name}-{ENVIRONMENT}, or cannot be asked; another --name, or `make leftovers`:\n{text}")
        return text

    def estimate(self):
        """Says what will be made and what it costs, and asks."""
        self.own_tables()
        made = collections.Counter()
        for root in (self.beside_root, self.terraform):
            root.init()
            made.update(kind for _, kind, _ in root.changes())
        cost = self.quotelake("cost", "--profile", PROFILE)
        month, listed = round(cost["bill_usd"], 2), round(cost["list_usd"], 2)
        self.estimated = {"profile": PROFILE, "month_usd": month, "month_list_usd": listed, "hour_list_usd": round(listed / HOURS_OF_A_MONTH, 3),
                          "prices_of": cost["checked_on"], "prices_region": cost["region"], "resources": dict(sorted(made.items()))}
        print(f"\n  account {self.identity[0]}, region {self.account.region}, names {self.options.name}-{ENVIRONMENT}-*; this will be made, and destroyed again:")
        for kind, count in sorted(made.items()):
            print(f"    {count:4} {kind}")
        print(f"  estimated (`quotelake cost --profile {PROFILE}`, prices of {cost['region']}): {month} dollars a month, {listed} at list price: "
              f"{listed / HOURS_OF_A_MONTH:.2f} an hour while it is up, and some cents for the calls of the walk", flush=True)
        if not (self.options.yes or self.emulated):
            expect(sys.stdin.isatty(), "nobody to ask: --yes goes on without")
            expect(input("  type yes to go on: ").strip() == "yes", "not confirmed, nothing was made")
        return f"{sum(made.values())} resources of {len(made)} kinds, {month} dollars a month"

    def beside(self):
        """The recorded vendor's function answers as the recording."""
        self.beside_made = made = self.beside_root.apply()
        functions = self.account.client("lambda")
        # Terraform's provider does not know the second, which URLs want since October 2025.
        functions.add_permission(FunctionName=made["vendor"], StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
        functions.add_permission(FunctionName=made["vendor"], StatementId="through-url", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True)
        path = "/v2/aggs/ticker/AAPL/range/1/day/2000-03-01/2013-03-01?adjusted=false&sort=asc&limit=1000"
        recorded = Vendor(SAMPLES / "polygon").answer(path)
        found = self.wait_for("the recorded vendor's URL", 30, lambda: self.page(made["vendor_url"], path, recorded))
        return f"a page of {len(found)} bytes through its URL, two roles for callers"

    def apply(self):
        """An empty account becomes a stack."""
        url = self.vendor.url if self.vendor else self.beside_made["vendor_url"]
        self.ask_vendor(url)
        self.outputs = self.terraform.apply()
        self.contract("orders")
        return f"{sum(len(one['instances']) for one in self.resources())} resources"

    def url(self):
        """The URL answers who may call it, and nobody else."""
        body = {"source": "polygon", "watchlist": self.watchlist, "datasets": ["splits", "dividends"], **DAYS, "run_id": "from-the-url"}
        url = self.outputs["function_url"]
        status, text = stack.call_url(self.account, url, body)
        expect(status == 403, f"unsigned: {status} {text}, not 403")
        status, text = stack.call_url(self.account, url, body, self.take("stranger"))
        expect(status == 403, f"signed by one without the policy: {status} {text}, not 403")
        role = self.beside_made["roles"]["caller"].rsplit("/", 1)[-1]
        self.account.client("iam").attach_role_policy(RoleName=role, PolicyArn=self.outputs["caller_policy_arn"])
        self.caller = self.take("caller")

        def answered():
            # A policy is known some seconds after it was attached.
            status, text = stack.call_url(self.account, url, body, self.caller)
            expect(status in (200, 403), f"signed by one with the policy: {status} {text}, not 200")
            return text if status == 200 else None

        text = self.wait_for("the URL to answer one who may", 30, answered)
        expect(json.loads(text)["counts"]["failed"] == 0, text)
        return "unsigned 403, signed without the policy 403, signed with it 200"

    def schedule(self):
        """A schedule starts a fetch, and only it asks for daily bars."""
        self.fire(600, lambda: self.keys("bronze/daily_bars/"))
        if self.vendor:
            expect(not self.vendor.unknown, f"asked for what is not recorded: {self.vendor.unknown[:3]}")
        return "daily bars are in bronze/"

    def tables(self):
        """The tables in Athena are those of a laptop."""
        self.until_equal()
        for name in sorted(TABLES):
            rows = self.athena(TABLES[name])
            counted = int(self.athena(f"SELECT count(*) FROM {name}")[0][0])
            here = self.laptop().execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            expect(counted == here, f"{name}: {here} rows here, {counted} there")
            digest = hashlib.sha256("\n".join("\t".join(row) for row in rows).encode()).hexdigest()
            self.tables_found.append({"name": name, "rows": counted, "laptop_rows": here, "sha256": receipts.grouped(digest)})
        return ", ".join(f"{one['name']} {one['rows']}" for one in self.tables_found)

    def questions(self):
        """Every view and named query answers as on a laptop."""
        views, queries = self.views(), self.named_queries()
        expect(len(views) > 8 and len(queries) > 5, f"views: {sorted(views)}, queries: {sorted(queries)}")
        here = Oracle(Lake("laptop", self.folder / "laptop", [self.folder / "tables"], questions.NEWEST), views)
        there = Oracle(Lake("bucket", self.download(), [self.folder / "tables"], questions.NEWEST), views) if self.emulated else None
        wrong = []
        for asked in questions.questions(views, queries):
            expected = rows_of(here.ask(asked.sql))
            try:
                found = rows_of(there.ask(asked.sql)) if there else sorted(self.athena(asked.sql))
            except Failed as error:
                found = [("error", str(error))]
            if expected != found:
                wrong.append(f"{asked.name}: {said(expected)} here, {said(found)} there")
            self.answers.append({"name": asked.name, "by": "DuckDB over the bucket" if there else "Athena", "here": said(expected), "there": said(found)})
        expect(not wrong, "; ".join(wrong))
        return f"{len(views)} views and {len(queries)} named queries, {len(self.answers)} questions"

    def alarms(self):
        """The alarms that the stack names are there, and none has a reason to ring."""
        names = self.outputs["alarms"]["names"]
        # A run after the first publish says how old tables are: without one, stale-tables has no data.
        self.call({"datasets": ["splits"]})
        self.wait_until_quiet(120)
        watch = self.account.client("cloudwatch")

        slow = set()

        def states():
            alarms = watch.describe_alarms(AlarmNames=names)["MetricAlarms"]
            found = {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}
            slow.update(alarm["AlarmName"] for alarm in alarms if alarm.get("Period", 0) * alarm["EvaluationPeriods"] > A_DAY)
            expect(set(found) == set(names), f"missing: {sorted(set(names) - set(found))}")
            rung = sorted(name for name, state in found.items() if state == "ALARM")
            expect(not rung, f"in alarm: {rung}")
            self.alarm_states = {name.removeprefix(f"{self.options.name}-{ENVIRONMENT}-"): state for name, state in found.items()}
            return all(state == "OK" for name, state in found.items() if name not in slow)

        def of(wanted):
            return ", ".join(sorted(name for name, state in self.alarm_states.items() if wanted(state)))

        if self.emulated:
            states()
        else:
            self.wait_for("every alarm to be OK", 300, states)
        if without := of(lambda state: state != "OK"):
            self.leave_out(f"that alarms have data: {without}", "the emulator has few of the services' metrics" if self.emulated else "an alarm over more than a day is evaluated once an hour")
        return f"{len(names)} alarms are there, none rings; OK: {of(lambda state: state == 'OK') or 'none'}"

    def tags(self):
        """Everything that can carry tags has those of the bill, as its service says: Terraform reads each again."""
        wanted = {"Project": self.options.name, "Environment": ENVIRONMENT}
        bare = []
        for root in (self.beside_root, self.terraform):
            root.refresh()
            for resource in root.managed():
                if "tags_all" not in resource["values"]:
                    continue
                has = wanted.items() <= (resource["values"]["tags_all"] or {}).items()
                counts = self.tag_counts.setdefault(resource["type"], {"tagged": 0, "all": 0})
                counts["all"] += 1
                counts["tagged"] += has
                if not has:
                    bare.append(resource["address"])
        expect(not bare, f"without the cost tags: {bare}")
        if not self.emulated:
            self.allocation()
        found = sum(counts["tagged"] for counts in self.tag_counts.values())
        return f"{found} of {sum(counts['all'] for counts in self.tag_counts.values())} resources of {len(self.tag_counts)} kinds have them"

    def refused(self):
        """Another proof of this name would not begin."""
        try:
            self.clean()
        except Failed as error:
            return re.search(r"\d+ leftovers of \w+", str(error)).group(0) + ": another proof of this name is refused"
        raise Failed("another proof of this name would begin")

    def letter(self):
        """A message that no retry can help is a dead letter."""
        self.send("check", self.created("landing/gone.gz"))
        self.wait_for("a dead letter", 90, lambda: self.depths()["check-dlq"] == 1)
        causes = {row["error_code"]: row["count"] for row in self.dlq("ls", "--sqs", self.outputs["queues"]["check-dlq"])}
        expect(causes == {"not_found": 1}, f"causes: {causes}")
        return "one letter, by its cause: not_found"

    def redrive(self):
        """Sent back, it is handled, and no table changes."""
        self.help_the_letter(self.outputs["queues"]["check-dlq"], self.outputs["queues"]["check"])
        self.until_equal()
        self.wait_for("no dead letters", 60, lambda: not any(depth for name, depth in self.depths().items() if name.endswith("-dlq")))
        return "the letter was sent back and handled; four tables are equal, no letter is left"

    def destroy(self):
        """Nothing remains."""
        for root in (self.beside_root, self.terraform):
            if root.is_up():
                root.destroy()
        # The tagging service may name what was deleted for some minutes.
        last = []

        def nothing():
            code, text = self.leftovers()
            last[:] = [text]
            return text if code == 0 else None

        try:
            return wait_for("nothing to remain", 5 if self.emulated else 900, nothing)
        except Failed as error:
            raise Failed(f"{error}:\n{last[0]}") from error

    # helpers

    def made(self):
        """Whether something is up."""
        return any(root.is_up() for root in (self.beside_root, self.terraform))

    def leave_out(self, what, why):
        """Notes for the receipt what is not checked here."""
        self.not_checked = [*self.not_checked, (what, why)]

    def leftovers(self):
        """Exit code and words of `make leftovers` for this prefix."""
        done = subprocess.run([REPOSITORY / "scripts/leftovers", ENVIRONMENT], env={**self.account.environment(), "TF_VAR_name": self.options.name},
                              text=True, capture_output=True, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    def resources(self):
        """The managed resources of the stack's state."""
        return [one for one in json.loads(self.terraform.state.read_text())["resources"] if one["mode"] == "managed"]

    def page(self, url, path, recorded):
        """A page of the vendor's function, if it is the recorded one."""
        status, text = stack.get_url(self.account, url, path)
        return text if (status, text) == (recorded[0], recorded[2].decode()) else None

    def take(self, role):
        """The keys of a session of a caller's role, which may be so new that it cannot be taken yet."""
        sts, refused = self.account.client("sts"), self.account.client("sts").exceptions.ClientError

        def session():
            try:
                return sts.assume_role(RoleArn=self.beside_made["roles"][role], RoleSessionName="proof")["Credentials"]
            except refused as error:
                if error.response["Error"]["Code"] != "AccessDenied":
                    raise
                return None

        keys = self.wait_for(f"the role of the {role}", 30, session)
        return keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]

    def until_equal(self):
        """Until the four tables are the laptop's: the stream may hold a part back."""
        def equal():
            try:
                return self.compare(*TABLES)
            except Failed as error:
                told[:] = [str(error)]
                time.sleep(0 if self.emulated else 20)
                return None

        told = ["nothing"]
        self.wait_until_quiet(420)
        try:
            self.wait_for("tables that are equal", 120, equal)
        except Failed as error:
            raise Failed(f"{error}: {told[0]}") from error

    def views(self):
        """SQL and columns of every view, as Glue has them."""
        pages = self.account.client("glue").get_paginator("get_tables").paginate(DatabaseName=self.outputs["database"])
        return {table["Name"]: questions.view_of(table) for page in pages for table in page["TableList"] if table.get("TableType") == "VIRTUAL_VIEW"}

    def named_queries(self):
        """SQL of every named query of the stack, as Athena has it, by the last part of its name."""
        athena = self.account.client("athena")
        ids = [one for page in athena.get_paginator("list_named_queries").paginate(WorkGroup=self.outputs["workgroups"]["main"]) for one in page["NamedQueryIds"]]
        found = [athena.get_named_query(NamedQueryId=one)["NamedQuery"] for one in ids]
        return {query["Name"].removeprefix(f"{self.options.name}-{ENVIRONMENT}-"): query["QueryString"] for query in found}

    def download(self):
        """The bucket's tables and runs as a folder."""
        folder, s3 = self.folder / "bucket", self.account.client("s3")
        for zone in ("bronze/", "quality/", "quarantine/", "runs/"):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.outputs["bucket"], Prefix=zone):
                for item in page.get("Contents", []):
                    path = folder / item["Key"]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    s3.download_file(self.outputs["bucket"], item["Key"], str(path))
        return folder

    def allocation(self):
        """Notes which of the tags a bill can be split by: a fact of the account that no stack can change."""
        try:
            tags = self.account.session.client("ce", region_name="us-east-1").list_cost_allocation_tags(TagKeys=["Project", "Environment"])["CostAllocationTags"]
            active = {tag["TagKey"] for tag in tags if tag["Status"] == "Active"}
        except Exception as error:  # Members of an organisation may not ask.
            self.leave_out("tags that are activated for cost allocation", f"the account may not be asked: {type(error).__name__}")
            return
        if missing := sorted({"Project", "Environment"} - active):
            self.leave_out(f"the bill by {', '.join(missing)}", "not activated for cost allocation in the billing console; a new tag is known there a day later")


def rows_of(rows):
    """Rows of DuckDB as Athena's text of them."""
    return sorted(tuple(text_of(plain(cell)) for cell in row) for row in rows)


def said(rows):
    """An answer on one line: a cell that comes again is said once, with how often."""
    texts = ([f"{text} ×{count}" if count > 1 else text for text, count in ((text, len(list(same))) for text, same in itertools.groupby(row))] for row in rows)
    return "; ".join(" ".join(cells) for cells in texts) or "no rows"
