"""The whole stack on an emulator, from an empty account to an empty account.

    run.py [--artifacts FOLDER] [--quotelake PROGRAM] [--steps a,b,c | --but a,b,c] [--counts FILE] [--keep]

Steps, in order: apply, url, schedule, drop, rows, counted, throttled, keyed, killed, refined, repeated, poison, redrive, asked, doctor, policies, again,
destroy, optional. Each prints what it proved. A step that fails ends the run with exit code 1, after what was started is stopped.
"""

import argparse
import fnmatch
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import stack
from walk import DAYS, MONTHS, MONTHS_OF_BARS, SAMPLES, STATS, TABLES, Failed, Walk, expect, text_of

sys.path.insert(0, str(stack.REPOSITORY / "infra/tests"))
import rig
from glue import Glue
from recorder import Recorder
from vendor import Vendor

STEPS = ["apply", "url", "schedule", "drop", "rows", "counted", "throttled", "keyed", "killed", "refined", "repeated", "poison", "redrive", "asked", "doctor", "policies", "again", "destroy", "optional"]
# Steps that need functions which do their work.
REAL = {"rows", "counted", "throttled", "keyed", "killed", "refined", "repeated", "poison", "redrive", "asked", "doctor", "policies"}
# Views of what was done: each day of theirs is a folder to look into.
OF_RUNS = ("quality_dash", "quarantine_dash", "cost_dash", "runs_dash")
KEY = "a-key-of-the-test"
# The calls that `quotelake cost` counts on.
COUNTS = stack.REPOSITORY / "infra/generated/calls.json"
# What a role may do and no run here shows, with the reason.
UNUSED = json.loads((stack.REPOSITORY / "infra/iam-unused.json").read_text())["unused"]


class Run(Walk):
    """One run's state."""

    forgotten = stack.FORGOTTEN
    models = ("adjustment_events", "daily_stats", "monthly_bars", "trading_sessions")

    def __init__(self, options, folder, emulator, recorder, vendor):
        super().__init__(options, folder, emulator)
        self.emulator, self.recorder, self.vendor = emulator, recorder, vendor
        self.terraform = stack.Terraform(folder, emulator.url, {
            "artifacts_dir": str(options.artifacts), "architecture": self.architecture, "source_min_interval_ms": "0",
            "fetch_environment": {"SOURCE_BASE_URL": vendor.url, "SOURCE_REPLAY": "true"},
            "table_folders": [] if options.dummy else [str(folder / "tables")],
            "schedules": self.scheduled(), "models": list(self.models),
        })

    # steps

    def apply(self):
        """An empty account becomes a stack."""
        self.need_zips()
        if not self.options.dummy:
            self.own_tables()
        self.terraform.init()
        self.outputs = self.terraform.apply()
        self.emulator.client("ssm").put_parameter(
            Name=self.outputs["secret_parameter"], Value=KEY, Type="SecureString", Overwrite=True
        )
        self.contract("orders")
        functions = self.emulator.client("lambda")
        for stage, name in self.outputs["functions"].items():
            arn = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
            self.recorder.know(stage, arn, self.outputs["roles"][stage])
        return f"{len(json.loads(self.terraform.state.read_text())['resources'])} kinds of resources"

    def url(self):
        """The URL answers who may call it, and nobody else."""
        body = {"source": "polygon", "watchlist": self.watchlist, "datasets": ["splits"], **DAYS, "run_id": "from-the-url"}
        status, text = stack.call_url(self.emulator, self.outputs["function_url"], body)
        expect(status == 403, f"unsigned: {status} {text}, not 403")
        status, text = stack.call_url(self.emulator, self.outputs["function_url"], body, self.user("stranger", None))
        expect(status == 403, f"signed by one without the policy: {status} {text}, not 403")
        self.caller = self.user("caller", self.outputs["caller_policy_arn"])
        status, text = stack.call_url(self.emulator, self.outputs["function_url"], body, self.caller)
        expect(status == 200, f"signed by one with the policy: {status} {text}, not 200")
        if not self.options.dummy:
            expect(json.loads(text)["counts"]["failed"] == 0, text)
        return "unsigned 403, signed without the policy 403, signed with it 200"

    def schedule(self):
        """A schedule starts a fetch, and only it asks for daily bars."""
        if self.options.dummy:
            self.fire(60, self.logged("fetch", '"datasets": ["daily_bars"'))
            return "fetch was invoked"
        self.fire(60, lambda: any("/range/1/day/" in path for path in self.vendor.asked))
        expect(not self.vendor.unknown, f"asked for what is not recorded: {self.vendor.unknown[:3]}")
        return f"{len(self.vendor.asked)} requests"

    def drop(self):
        """A CSV file in inbox/ invokes ingest."""
        if not self.options.dummy:
            return super().drop()
        self.emulator.client("s3").upload_file(str(SAMPLES / "csv/orders.csv"), self.outputs["bucket"], "inbox/orders/orders.csv")
        return self.wait_for_log("ingest", "inbox/orders/orders.csv", 60)

    def rows(self):
        """The tables in Athena are those of a laptop."""
        self.wait_for("daily bars in bronze/", 420, lambda: self.keys("bronze/daily_bars/"))
        self.wait_until_quiet(420)
        self.compare("daily_bars", "orders", "splits")
        bars = self.laptop().execute("SELECT count(*) FROM daily_bars").fetchone()[0]
        return f"{bars} daily bars, the orders and the splits are equal"

    def counted(self):
        """The calls of a run without faults, for `quotelake cost`; with --counts they are written, else held against the file."""
        calls = dict(sorted(self.recorder.counts.items()))
        if self.options.counts:
            known = {"about": json.loads(COUNTS.read_text())["about"], "calls": calls}
            self.options.counts.write_text(json.dumps(known, indent=2) + "\n")
            return f"{sum(calls.values())} calls of {len(calls)} kinds are in {self.options.counts}"
        # What costs most. Units that wait are no part of a profile, nor are dropped files: the orders have rows in quarantine, and rows
        # that may move. Contracts are read once in a while.
        dear = ("s3:PutObject", "s3:ListBucket", "events:PutEvents", "sqs:SendMessage")
        known = json.loads(COUNTS.read_text())["calls"]
        missing = [call for call in calls for stage, action, about in [call.split(" ")]
                   if call not in known and action in dear and stage in ("check", "publish") and about not in ("contracts", "quarantine") and (action, about) != ("s3:ListBucket", "state")]
        expect(not missing, f"`quotelake cost` knows nothing of {missing}: `make e2e-aws COUNTS=infra/generated/calls.json` counts them")
        return f"{sum(calls.values())} calls of {len(calls)} kinds, all of them in the estimate"

    def throttled(self):
        """A vendor that says 429 is asked again after the time that it names, and nothing is lost."""
        self.vendor.asked.clear()
        self.vendor.faults += [(429, {"retry-after": "2"})] * 3
        start = time.monotonic()
        answer = self.call({"datasets": ["splits"]})
        took = time.monotonic() - start
        expect(answer["counts"]["failed"] == 0, f"after 429 three times: {answer}")
        expect(not self.vendor.faults and took >= 6, f"asked again too soon: {took:.1f} s after three times 2 s")
        self.wait_until_quiet(120)
        self.compare("splits")
        return f"asked {len(self.vendor.asked)} times in {took:.0f} s, none failed"

    def keyed(self):
        """As with a real vendor: the key is read where it is kept, the pace is shared, and a pause that is too long to sit out goes
        to the queue."""
        put_back = self.another_version("fetch", {"SOURCE_REPLAY": "false", "SOURCE_MIN_INTERVAL_MS": "20"})
        answer = self.call({"datasets": ["splits"]})
        expect(answer["counts"]["failed"] == 0, f"with a key: {answer}")
        sent = set(self.vendor.keys) - {None}
        expect(sent == {f"Bearer {KEY}"}, f"the vendor was sent {len(sent)} keys, not the parameter's")
        expect(self.keys("pacing/"), "no pace is shared")
        self.vendor.faults += [(429, {"retry-after": "600"})]
        # 502: the vendor gave nothing this time.
        answer = self.call({"datasets": ["splits"]}, 502)
        expect(answer["counts"]["failed"] == 0 and answer["counts"]["handed_back"] > 0, f"with a pause of ten minutes: {answer}")
        waiting = self.depths()["fetch"]
        expect(waiting > 0, "no unit waits for the pause to end")
        # Nobody waits for it here.
        self.emulator.client("sqs").purge_queue(QueueUrl=self.outputs["queues"]["fetch"])
        for key in self.keys("pacing/"):
            self.emulator.client("s3").delete_object(Bucket=self.outputs["bucket"], Key=key)
        put_back()
        self.wait_until_quiet(120)
        self.compare("splits")
        return f"the parameter's key was sent, one document holds the pace, {waiting} messages waited for a pause of ten minutes"

    def killed(self):
        """publish is killed when it is about to write a partition, and once more when it has written it."""
        sqs, queue = self.emulator.client("sqs"), self.outputs["queues"]["publish"]
        usual = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
        # A message of a killed function comes back after this; half an hour is too long to wait for here.
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "10"})
        self.recorder.kills += [("publish", "PUT", "/bronze/dividends/", moment) for moment in ("before", "after")]
        self.call({"datasets": ["dividends"]})
        self.wait_for("publish to be killed twice", 180, lambda: len(self.recorder.killed) == 2)
        self.wait_for("dividends in bronze/", 60, lambda: self.keys("bronze/dividends/"))
        self.wait_until_quiet(180)
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=usual)
        self.compare("dividends")
        letters = {name: depth for name, depth in self.depths().items() if name.endswith("-dlq") and depth}
        expect(not letters, f"dead letters: {letters}")
        return "killed before and after a partition was swapped; the dividends are equal, no dead letter"

    def refined(self):
        """The function followed the published partitions: tables of models are those of a laptop, and of another engine."""
        # Where the step before did not ask for them: they come later than the bars, whose statistics they change.
        if not self.keys("bronze/dividends/"):
            self.call({"datasets": ["dividends"]})
            self.wait_for("dividends in bronze/", 120, lambda: self.keys("bronze/dividends/"))
        for model in self.models:
            self.wait_for(f"{model} in silver/", 240, lambda: self.keys(f"silver/{model}/"))
        self.wait_until_quiet(240)
        stats = self.same("daily_stats", STATS, STATS)
        months = self.same("monthly_bars", MONTHS_OF_BARS, MONTHS)
        letters = self.depths()["refine-dlq"]
        expect(letters == 0, f"{letters} dead letters of refine")
        glue = self.emulator.client("glue")
        missing = [model for model in self.models if not glue.get_partitions(DatabaseName=self.outputs["database"], TableName=model)["Partitions"]]
        expect(not missing, f"no partition in the catalog: {missing}")
        return f"{len(stats)} rows of daily_stats are the laptop's, {len(months)} months of monthly_bars are those of DuckDB"

    def repeated(self):
        """Every event of S3 comes twice more, the newest first: no file of a table changes."""
        def files():
            answer = self.emulator.client("s3").list_objects_v2(Bucket=self.outputs["bucket"], Prefix="bronze/")
            return {item["Key"]: (item["ETag"], item["LastModified"]) for item in answer["Contents"]}

        before, landing = files(), sorted(self.keys("landing/"), reverse=True)
        for key in [key for key in landing for _ in range(2)]:
            self.send("check", self.created(key))
        time.sleep(1)
        self.wait_until_quiet(300)
        after = files()
        expect(before == after, f"changed: {[key for key in after if before.get(key) != after[key]][:3]}")
        self.compare(*TABLES)
        return f"{2 * len(landing)} events, newest first: {len(after)} files as before, four tables equal"

    def poison(self):
        """What no retry can help reaches the dead letter queue of its function, and only that."""
        before = self.depths()
        self.send("check", self.created("landing/gone.gz"))
        self.send("check", {"Records": "what is this?"})
        self.send("ingest", self.created("inbox/orders/gone.csv"))
        self.send("publish", {"dataset": "nonsense"}, MessageGroupId="nonsense", MessageDeduplicationId="nonsense")
        self.send("refine", {"table": "daily_bars"})
        wanted = {**before, "check-dlq": 2, "ingest-dlq": 1, "publish-dlq": 1, "refine-dlq": 1}
        self.wait_for("five dead letters", 150, lambda: self.depths() == wanted)
        self.wait_until_quiet(60)
        expect(self.depths() == wanted, f"{self.depths()}, not {wanted}")
        return "five messages that no retry can help: a letter each in check-dlq (2), ingest-dlq, publish-dlq, refine-dlq, nothing elsewhere"

    def redrive(self):
        """`quotelake dlq` sends back what it says, and only that."""
        letters, queue = self.outputs["queues"]["check-dlq"], self.outputs["queues"]["check"]
        causes = {row["error_code"]: row["count"] for row in self.dlq("ls", "--sqs", letters)}
        expect(causes == {"not_found": 1, "invalid_input": 1}, f"causes: {causes}")
        self.help_the_letter(letters, queue)
        left = self.dlq("show", "--sqs", letters)
        expect([letter["attributes"]["error_code"] for letter in left] == ["invalid_input"], f"left: {left}")
        self.compare(*TABLES)
        expect(self.dlq("purge", "--sqs", letters)["removed"] == 1 and self.depths()["check-dlq"] == 0, "the purge")
        for name, cause in (("ingest-dlq", "not_found"), ("publish-dlq", "not_found"), ("refine-dlq", "invalid_input")):
            purged = self.dlq("purge", "--sqs", self.outputs["queues"][name], "--cause", cause)
            expect(purged["removed"] == 1, f"{name}: {purged}")
        return "one of two letters sent back and handled, the other left; then the rest purged"

    def asked(self):
        """Trino, Athena's engine, reads the lake that the functions made: each view answers, tables are the laptop's, every stage that can
        left rows of what it did."""
        glue = self.emulator.client("glue")
        tables = [table for page in glue.get_paginator("get_tables").paginate(DatabaseName=self.outputs["database"]) for table in page["TableList"]]
        views = sorted(table["Name"] for table in tables if table["TableType"] == "VIRTUAL_VIEW")
        expect(len(views) > 8, f"views: {views}")
        with Glue(self.emulator.url) as glue:
            engine = rig.Engine(self.emulator.url, self.folder / "trino", glue.url)
            try:
                rows = self.ask_trino(engine, views)
            finally:
                engine.stop()
        runs = {stage: counts for stage, *counts in rows}
        # transform has no right to the lake.
        expect(sorted(runs) == ["check", "fetch", "ingest", "publish", "refine"], f"stages with runs: {rows}")
        expect(all(counts[2] for counts in runs.values()), f"a stage without rows: {rows}")
        expect(runs["fetch"][3] > 0 and runs["publish"][3] > 0, f"the schedule's run is not named: {rows}")
        return f"{len(views)} views and {len(TABLES)} tables; runs {', '.join(f'{stage} {counts[0]}' for stage, counts in runs.items())}"

    def doctor(self):
        """`quotelake doctor` has no complaint of the stack but that nobody listens; `status` reads the lake in the bucket. Then things
        are changed by hand, and it says so."""
        stack_file = self.folder / "stack.json"
        stack_file.write_text(json.dumps(self.outputs))

        def complaints():
            findings = self.quotelake("doctor", "--stack", str(stack_file), codes=(0, 2, 3))
            return {(finding["subject"], finding["severity"]) for finding in findings if finding["severity"] != "ok"}

        sound = complaints()
        expect(sound == {("topic", "warning")}, f"of a sound stack: {sound}")
        bucket, s3 = self.outputs["bucket"], self.emulator.client("s3")
        notifications = s3.get_bucket_notification_configuration(Bucket=bucket)
        notifications.pop("ResponseMetadata")
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
        ssm = self.emulator.client("ssm")
        ssm.put_parameter(Name=self.outputs["secret_parameter"], Value="not set", Type="SecureString", Overwrite=True)
        found = complaints() - sound
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notifications)
        ssm.put_parameter(Name=self.outputs["secret_parameter"], Value=KEY, Type="SecureString", Overwrite=True)
        wanted = {(f"notifications of {prefix}/", "error") for prefix in ("landing", "inbox", "undelivered")} | {("vendor key", "error")}
        expect(found == wanted, f"after changes by hand: {found}")
        expect(complaints() == sound, "what was put back is complained of")
        tables = {table["table"]: table["rows"] for table in self.quotelake("status", "--lake", f"s3://{bucket}", codes=(2, 3))["tables"]}
        bars = self.laptop().execute("SELECT count(*) FROM daily_bars").fetchone()[0]
        expect(tables.get("daily_bars") == bars, f"status: {tables}")
        return f"one warning; {len(wanted)} things changed by hand were found; status counts {bars} daily bars"

    def policies(self):
        """Every call of a function is allowed by its policy, and every action of the policy is used or excused."""
        calls, refused = self.recorder.calls, self.recorder.refused
        expect(not refused, f"refused: {sorted(refused)[:5]}")
        freshness = {call for call in calls if "/state/published/" in call.resource}
        expect({(call.stage, call.action) for call in freshness} == {("fetch", "s3:GetObject"), ("publish", "s3:PutObject")}, f"of freshness: {freshness}")
        self.wait_for_log("fetch", '"hours_since_published"', 10)
        statements = self.terraform.policies()
        roles = {stage: arn.rsplit("/", 1)[-1] for stage, arn in self.outputs["roles"].items()}
        unknown = [call for call in calls if not any(allows(statement, call) for statement in statements[roles[call.stage]])]
        expect(not unknown, f"no statement allows: {sorted(unknown)[:5]}")
        used = {(call.stage, call.action) for call in calls}
        granted = {(stage, action) for stage, role in roles.items() for statement in statements[role] for action in statement["Action"]}
        excused = {(stage, entry["action"]) for entry in UNUSED for stage in entry["stages"]}
        idle = sorted(granted - used - excused)
        expect(not idle, f"granted and never used: {idle}")
        always = {(stage, entry["action"]) for entry in UNUSED if not entry.get("sometimes") for stage in entry["stages"]}
        needless = sorted(always & used) + sorted(excused - granted)
        expect(not needless, f"infra/iam-unused.json names what is used, or not granted: {needless}")
        return f"{len(calls)} different calls, none refused; {len(granted)} granted actions, {len(granted & used)} used, {len(excused)} with a reason"

    def destroy(self):
        """Nothing remains."""
        self.forget_users()
        self.terraform.destroy()
        done = subprocess.run([stack.REPOSITORY / "scripts/leftovers", "dev"], env=self.emulator.environment(), text=True, capture_output=True, check=False)
        expect(done.returncode == 0, done.stdout + done.stderr)
        return done.stdout.strip()

    def optional(self):
        """Everything that is off by default, made and taken down with the actions of CI's role, which bounds every role."""
        roles = stack.Terraform(self.folder / "ci", self.emulator.url, {}, root="infra/tests/ci")
        roles.init()
        ci = roles.apply()
        iam, ec2 = self.emulator.client("iam"), self.emulator.client("ec2")
        role = ci["roles"]["prod"].rsplit("/", 1)[-1]
        # The emulator knows every action, but not what each is held against, nor all conditions: those are left to infra/tests/ci_role.py.
        policy = iam.get_role_policy(RoleName=role, PolicyName="deploy")["PolicyDocument"]
        policy = json.loads(policy) if isinstance(policy, str) else policy
        policy["Statement"] = [{"Sid": one["Sid"], "Effect": "Allow", "Action": one["Action"], "Resource": "*"} for one in policy["Statement"]]
        # What AWS holds against ViewBudget and ModifyBudget, the emulator holds against the calls' own names.
        policy["Statement"].append({"Sid": "Calls", "Effect": "Allow", "Action": ["budgets:*"], "Resource": "*"})
        iam.put_role_policy(RoleName=role, PolicyName="deploy", PolicyDocument=json.dumps(policy))
        # GitHub's tokens cannot be had here: the account itself takes the role.
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}],
        }))
        session = self.emulator.client("sts").assume_role(RoleArn=ci["roles"]["prod"], RoleSessionName="ci")["Credentials"]
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        terraform = stack.Terraform(self.folder / "optional", self.emulator.url, {
            "artifacts_dir": str(self.options.artifacts), "architecture": self.architecture, "permissions_boundary": ci["boundaries"]["prod"],
            "size": "l", "archive_bronze_after_days": "90", "log_level": "WARN",
            "optional_parts": {"workflow": True, "crawl_prefix": "others/", "tracing": True, "legacy_network": {
                "vpc_id": vpc,
                "subnet_ids": [ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]],
                "route_table_ids": [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]],
                "database_security_group_id": ec2.create_security_group(GroupName="database", Description="database", VpcId=vpc)["GroupId"],
            }},
        }, root="infra/envs/prod", credentials={
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        })
        terraform.init()
        outputs = terraform.apply()
        made = {found["type"] for found in json.loads(terraform.state.read_text())["resources"]}
        expect({"aws_sfn_state_machine", "aws_glue_crawler", "aws_vpc_endpoint"} <= made, f"made: {sorted(made)}")
        for arn in outputs["roles"].values():
            bound = iam.get_role(RoleName=arn.rsplit("/", 1)[-1])["Role"].get("PermissionsBoundary", {})
            expect(bound.get("PermissionsBoundaryArn") == ci["boundaries"]["prod"], f"{arn} is not bounded: {bound}")
        # Not read again: the emulator forgets the prefix list of a rule, which the provider takes for a fault of its own.
        terraform.destroy("-refresh=false")
        done = subprocess.run([stack.REPOSITORY / "scripts/leftovers", "prod"], env=self.emulator.environment(), text=True, capture_output=True, check=False)
        expect(done.returncode == 0, done.stdout + done.stderr)
        roles.destroy()
        return f"{len(made)} kinds of resources with the actions of CI's role, then {done.stdout.strip()}"

    # helpers

    def ask_trino(self, engine, views):
        """Asks each view and table; runs by stage: how many, how many failed, rows out, how many name the schedule's run."""
        database = self.outputs["database"]
        for view in views:
            some = "WHERE day >= current_date - interval '1' day" if view in OF_RUNS else "LIMIT 10"
            engine.ask(database, f'SELECT * FROM "{view}" {some}')
        for name, sql in TABLES.items():
            expected = sorted(tuple(map(text_of, row)) for row in self.laptop().execute(sql).fetchall())
            found = sorted(tuple(map(text_of, row)) for row in engine.ask(database, sql)[1])
            expect(expected == found, f"{name}: {len(expected)} rows here, {len(found)} there")
        return engine.ask(database, """
            SELECT stage, count(*), count_if(outcome = 'failed'), sum(rows_out), count_if(run_id LIKE '%from-the-schedule%')
            FROM runs_dash WHERE day >= current_date - interval '1' day GROUP BY stage ORDER BY stage""")[1]

    def another_version(self, stage, variables):
        """Puts the alias of a function on a version with other variables; calling what is returned takes it back to the one before."""
        functions, name = self.emulator.client("lambda"), self.outputs["functions"][stage]
        usual = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        before = functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**usual, **variables}})
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

        def put_back():
            functions.update_alias(FunctionName=name, Name="live", FunctionVersion=before)
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": usual})
            functions.delete_function(FunctionName=name, Qualifier=version)

        return put_back

    def user(self, name, policy):
        """A user of the account with at most one policy; its access key."""
        iam = self.emulator.client("iam")
        iam.create_user(UserName=name)
        if policy:
            iam.attach_user_policy(UserName=name, PolicyArn=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def forget_users(self):
        """The test's users would keep the policy from being deleted."""
        iam = self.emulator.client("iam")
        for user in iam.list_users()["Users"]:
            name = user["UserName"]
            for policy in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
                iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
            for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
                iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
            iam.delete_user(UserName=name)

    def logged(self, stage, text):
        """A function that says whether a stage's log holds a text: for stand-ins that only log what they got."""
        logs, group = self.emulator.client("logs"), f"/aws/lambda/{self.outputs['functions'][stage]}"

        def found():
            streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
            events = (event for stream in streams for event in
                      logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"])
            return any(text in event["message"] for event in events)

        return found

    def wait_for_log(self, stage, text, seconds):
        """Until a stage's log holds a text."""
        self.wait_for(f"{text!r} in the log of {stage}", seconds, self.logged(stage, text))
        return f"{stage} was invoked"


def allows(statement, call):
    """Whether a statement's actions and resources cover a call."""
    return call.action in statement["Action"] and any(
        fnmatch.fnmatchcase(call.resource, resource.split(":", 5)[-1].removeprefix("deliverystream/").removeprefix("event-bus/")
                            .removeprefix("table/").removeprefix("parameter/"))
        for resource in ([statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"])
    )


def options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artifacts", type=pathlib.Path, default=stack.REPOSITORY / "target/lambda", help="folder of the zips")
    parser.add_argument("--quotelake", type=pathlib.Path, default=stack.REPOSITORY / "target/release/quotelake", help="the program")
    parser.add_argument("--steps", default=",".join(STEPS), help="what to do, in the order above; apply is always done, but for optional alone")
    parser.add_argument("--but", default="", help="do all steps but these")
    parser.add_argument("--dummy", action="store_true", help="the zips are stand-ins that only log: nothing flows")
    parser.add_argument("--counts", type=pathlib.Path, help="writes the calls that the functions made in a run without faults")
    parser.add_argument("--keep", action="store_true", help="keep the run's folder")
    chosen = parser.parse_args()
    chosen.artifacts, chosen.quotelake = chosen.artifacts.resolve(), chosen.quotelake.resolve()
    left_out = set(filter(None, chosen.but.split(",")))
    chosen.steps = [step for step in chosen.steps.split(",") if step not in left_out]
    if unknown := (set(chosen.steps) | left_out) - set(STEPS):
        parser.error(f"no such step: {', '.join(sorted(unknown))}")
    return chosen


def run_steps(run, chosen):
    """Does the chosen steps, each said with what it proved and how long it took."""
    for step in STEPS:
        if step == "apply":
            wanted = set(chosen.steps) != {"optional"}
        else:
            wanted = step in chosen.steps and not (chosen.dummy and step in REAL)
        if not wanted:
            continue
        start = time.monotonic()
        print(f"{step:10} ", end="", flush=True)
        print(f"{getattr(run, step)()} ({time.monotonic() - start:.0f} s)", flush=True)


def main():
    chosen = options()
    # As ctrl-c: what was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quotelake-e2e-"))
    failed = None
    try:
        emulator = stack.Emulator(folder)
        with Recorder(emulator.port) as recorder, Vendor(SAMPLES / "polygon") as vendor:
            emulator.functions_endpoint = recorder.url
            with emulator:
                run_steps(Run(chosen, folder, emulator, recorder, vendor), chosen)
    except Failed as error:
        failed = f"FAILED: {error}"
    except SystemExit as error:
        failed = f"FAILED: {error}"
    if failed:
        print(failed)
    if failed or chosen.keep:
        print(f"logs are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
