"""Runs `terraform test` and holds the states that it makes against the rules of stack.py. Then spoils those states and
expects the rules to notice: a rule that cannot fail proves nothing.

    python3 infra/tests/test_stack.py            needs terraform and the AWS provider
    python3 infra/tests/test_stack.py FILE       a state instead: `terraform show -json > FILE`
"""

import copy
import json
import pathlib
import subprocess
import sys
import unittest

import ci_role
import stack

HERE = pathlib.Path(__file__).resolve().parent
EXCEPTIONS = json.loads((stack.INFRA / "iam-exceptions.json").read_text())["exceptions"]
DEFAULT_PROFILES = ("default_profile", "dev", "prod", "minimal", "ftse", "london", "london_as_shipped", "another_name")

# What each function's Context permits (crates/<stage>/src/context.rs), in actions. Beside these, every function writes its
# logs, and those with a queue read it.
CONTEXTS = {
    "fetch": {
        "firehose:PutRecordBatch", "sqs:SendMessage", "ssm:GetParameter", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket",
    },
    "transform": set(),
    "check": {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "sqs:SendMessage", "events:PutEvents"},
    "publish": {
        "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "sqs:SendMessage", "events:PutEvents",
        "glue:GetTable", "glue:GetPartition", "glue:GetPartitions", "glue:BatchCreatePartition",
    },
    "ingest": {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "sqs:SendMessage", "events:PutEvents"},
    "refine": {
        "s3:ListBucket", "s3:GetObject", "s3:PutObject", "sqs:SendMessage", "events:PutEvents",
        "glue:GetTable", "glue:GetPartition", "glue:BatchCreatePartition",
    },
}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}


def states_of_terraform_test():
    """Runs the tests, prints what they say, and returns the state of each run."""
    process = subprocess.run(
        ["terraform", f"-chdir={HERE}", "test", "-json", "-verbose"], capture_output=True, text=True, check=False
    )
    states, failed = {}, process.returncode != 0
    for line in process.stdout.splitlines():
        try:
            message = json.loads(line)
        except json.JSONDecodeError:
            continue
        if message.get("type") == "test_state":
            # The schemas are most of the text, and of no interest.
            message["test_state"].pop("provider_schemas", None)
            states[message["@testrun"]] = message["test_state"]
        elif message.get("type") in ("test_run", "test_summary", "diagnostic"):
            if message["type"] == "test_run" and message["test_run"].get("progress") != "complete":
                continue
            print(message["@message"])
            if message["type"] == "diagnostic":
                print("   ", message["diagnostic"].get("detail", ""))
    if failed or not states:
        sys.exit(f"terraform test failed\n{process.stderr}")
    return states


class Stack(unittest.TestCase):
    states = {}

    def profiles(self):
        names = [name for name in DEFAULT_PROFILES if name in self.states]
        self.assertTrue(names, "no default profile was planned")
        return [(name, self.states[name]) for name in names]

    def spoiled(self, change):
        """A copy of the first default profile, changed."""
        state = copy.deepcopy(self.profiles()[0][1])
        change(stack.resources(state), state)
        return state

    def test_queues_forget_nothing_that_can_still_be_looked_at(self):
        for name, state in self.profiles():
            with self.subTest(name):
                self.assertEqual(stack.forgetful_queues(state), [])

        def keep_work_for_two_weeks(resources, _):
            queue = next(r for r in resources if r["address"].endswith('queues.aws_sqs_queue.work["check"]'))
            queue["values"]["message_retention_seconds"] = 14 * 24 * 3600

        self.assertEqual(len(stack.forgetful_queues(self.spoiled(keep_work_for_two_weeks))), 1)

    def test_only_a_function_that_counts_its_chain_may_go_on_for_ever(self):
        for name, state in self.profiles():
            with self.subTest(name):
                self.assertEqual(stack.unbounded_chains(state), [])

        def lambda_ends_it(resources, _):
            config = next(r for r in resources if r["type"] == "aws_lambda_function_recursion_config")
            config["values"]["recursive_loop"] = "Terminate"

        def another_may(resources, state):
            config = next(r for r in resources if r["type"] == "aws_lambda_function_recursion_config")
            config["address"] = config["address"].replace('"fetch"', '"check"')

        for change in (lambda_ends_it, another_may):
            self.assertTrue(stack.unbounded_chains(self.spoiled(change)), change.__name__)

    def test_the_default_profile_costs_nothing_while_it_rests(self):
        for name, state in self.profiles():
            with self.subTest(name):
                self.assertGreater(len(stack.resources(state)), 50)
                self.assertEqual(stack.limits(state), [])

    def test_a_costly_resource_is_noticed(self):
        for kind in stack.FORBIDDEN:
            with self.subTest(kind):
                spoiled = self.spoiled(lambda _, state: root(state).setdefault("resources", []).append(resource(kind)))
                self.assertEqual(len(stack.limits(spoiled)), 1)

    def test_an_eleventh_alarm_is_noticed(self):
        alarms = sum(r["type"] == "aws_cloudwatch_metric_alarm" for r in stack.resources(self.profiles()[0][1]))
        self.assertGreater(alarms, 5)
        more = 11 - alarms
        spoiled = self.spoiled(lambda _, state: root(state).setdefault("resources", []).extend([resource("aws_cloudwatch_metric_alarm")] * more))
        self.assertEqual(stack.limits(spoiled), ["11 of aws_cloudwatch_metric_alarm, at most 10"])

    def test_the_alarms_cost_nothing(self):
        """What AWS bills are the metrics that alarms look at; it gives ten."""
        for name, state in self.profiles():
            with self.subTest(name):
                self.assertLessEqual(stack.alarm_metrics(state), 10)
        everything = self.states.get("everything_on")
        if everything:
            self.assertGreater(stack.alarm_metrics(everything), 10)

    def test_a_customer_key_is_noticed(self):
        def encrypt(found, _):
            queue = next(r for r in found if r["type"] == "aws_sqs_queue")
            queue["values"]["kms_master_key_id"] = "alias/mine"

        self.assertEqual(len(stack.limits(self.spoiled(encrypt))), 1)

    def test_policies_are_narrow_and_every_exception_is_needed(self):
        used = set()
        for name, state in self.states.items():
            with self.subTest(name):
                self.assertEqual(stack.over_broad(state, EXCEPTIONS, used), [])
                self.assertEqual(stack.open_to_strangers(state), [])
        if "everything_on" in self.states:
            self.assertEqual(used, {(e["policy"], e["sid"], e["what"]) for e in EXCEPTIONS}, "an exception that nothing needs")

    def test_the_default_profile_needs_no_exception(self):
        for name, state in self.profiles():
            with self.subTest(name):
                self.assertEqual(stack.over_broad(state, []), [])

    def test_wildcards_are_noticed(self):
        for statement in (
            {"Action": "*", "Resource": "arn:aws:s3:::x"},
            {"Action": ["s3:GetObject", "s3:*"], "Resource": "arn:aws:s3:::x/*"},
            {"Action": "s3:GetObject", "Resource": "*"},
            {"Action": "sqs:SendMessage", "Resource": ["arn:aws:sqs:us-east-1:000000000000:*"]},
            {"NotAction": "iam:*", "Resource": "arn:aws:s3:::x"},
        ):
            with self.subTest(statement):
                policy = json.dumps({"Statement": [{"Sid": "New", "Effect": "Allow", **statement}]})

                def widen(found, _):
                    next(r for r in found if r["type"] == "aws_iam_role_policy")["values"]["policy"] = policy

                self.assertEqual(len(stack.over_broad(self.spoiled(widen), EXCEPTIONS)), 1)

    def test_a_queue_for_everybody_is_noticed(self):
        for principal in ("*", {"AWS": "*"}, {"Service": "s3.amazonaws.com"}):
            with self.subTest(principal):
                policy = json.dumps({"Statement": {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage"}})

                def open_up(found, _):
                    next(r for r in found if r["type"] == "aws_sqs_queue_policy")["values"]["policy"] = policy

                self.assertEqual(len(stack.open_to_strangers(self.spoiled(open_up))), 1)

    def test_each_function_may_do_what_its_context_says(self):
        self.assertEqual(set(CONTEXTS), set(stack.STAGES))
        asked_for = {"everything_on"} & set(self.states)
        for name, state in [*self.profiles(), *((name, self.states[name]) for name in asked_for)]:
            with self.subTest(name):
                allowed = stack.granted(state)
                stages = {stage for stage, settings in stack.STAGES.items() if name in asked_for or "with" not in settings}
                self.assertEqual(set(allowed), stages)
                for stage in stages if name not in asked_for else stages - {"fetch"}:
                    actions = CONTEXTS[stage]
                    own = LOGS | (QUEUE if stack.STAGES[stage]["queue"] else set()) | (TRACES if name in asked_for else set())
                    self.assertEqual(allowed[stage], actions | own, stage)

    def test_the_role_of_ci_may_make_everything_that_a_stack_has(self):
        if "bootstrap" not in self.states:
            self.skipTest("a state of an account has no role of CI")
        statements = ci_role.statements_of(self.states["bootstrap"], "aws_iam_role_policy", "deploy")
        # Two environments have a role each.
        statements = [s for s in statements if "-prod" not in json.dumps(s) and "/prod/" not in json.dumps(s)]
        for name in ("default_profile", "everything_on", "size_l"):
            with self.subTest(name):
                found, unknown = ci_role.lacking(self.states[name], statements)
                self.assertEqual(found, [])
                self.assertEqual(unknown, set(), "infra/tests/ci_role.py does not say what these need")
        # A rule that cannot fail proves nothing.
        for sid, kind in (("MappingTags", "event_source_mapping"), ("Machines", "sfn_state_machine"), ("MakeNetwork", "vpc_endpoint"),
                          ("Catalog", "glue_crawler"), ("KeepRoles", "iam_role")):
            with self.subTest(sid):
                found, _ = ci_role.lacking(self.states["everything_on"], [s for s in statements if s["Sid"] != sid])
                self.assertTrue(any(kind in address for address, _ in found), sid)

    def test_no_role_needs_more_than_the_boundary_lets_through(self):
        if "bootstrap" not in self.states:
            self.skipTest("a state of an account has no boundary")
        boundary = ci_role.statements_of(self.states["bootstrap"], "aws_iam_policy", "deploy-quotelake-test-boundary")
        policies = {"function", "schedule", "stream", "workflow", "crawler"}
        for name in ("default_profile", "everything_on", "size_l"):
            with self.subTest(name):
                self.assertEqual(ci_role.beyond(self.states[name], boundary, policies), [])
        self.assertTrue(ci_role.beyond(self.states["default_profile"], [s for s in boundary if s["Sid"] != "Queues"], policies))

    def test_every_role_is_bounded_where_a_boundary_is_given(self):
        everything = self.states.get("everything_on")
        for resource in stack.resources(everything) if everything else []:
            if resource["type"] == "aws_iam_role":
                self.assertTrue(resource["values"]["permissions_boundary"], resource["address"])

    def test_what_asks_a_vendor_is_in_no_network(self):
        """A function in a VPC reaches no vendor without a NAT gateway, also where a database's network is asked for."""
        for name, state in self.states.items():
            with self.subTest(name):
                self.assertEqual(stack.in_network(state) - stack.reading_databases(), set())
        everything = self.states.get("everything_on")
        if everything:
            self.assertIn("aws_vpc_endpoint", {r["type"] for r in stack.resources(everything)})

    def test_what_is_scheduled_is_a_request_in_the_zone_of_its_exchange(self):
        found = {name: stack.schedules(self.states[name]) for name in ("dev", "prod", "london", "london_as_shipped") if name in self.states}
        for name, schedules in found.items():
            self.assertTrue(schedules, name)
            for schedule, values in schedules.items():
                with self.subTest(f"{name}: {schedule}"):
                    self.assertEqual(stack.unfit_request(values), [])
        if "london" not in found:
            self.skipTest("a state of an account has other schedules")
        self.assertEqual(set(found["london"]), {"london-close", "london-intraday"})
        for values in found["london"].values():
            self.assertEqual((values["schedule_expression_timezone"], values["state"]), ("Europe/London", "ENABLED"))
        self.assertEqual({values["state"] for values in found["london_as_shipped"].values()}, {"DISABLED"})

        def spoiled(**changed):
            values = copy.deepcopy(found["london"]["london-intraday"])
            request = json.loads(values["target"][0]["input"])
            values["target"][0]["input"] = json.dumps({**request, **changed})
            return stack.unfit_request(values)

        self.assertEqual(spoiled(), [])
        for change in ({"symbols": []}, {"interval": None}, {"from": "yesterday"}, {"datasets": ["intraday_bars", "bars"]}, {"source": "nasdaq"}):
            self.assertEqual(len(spoiled(**change)), 1, change)
        elsewhere = {**found["london"]["london-close"], "schedule_expression_timezone": "America/New_York"}
        self.assertEqual(len(stack.unfit_request(elsewhere)), 1)

    def test_each_function_has_a_role_of_its_own_and_logs_end(self):
        for name, state in self.profiles():
            with self.subTest(name):
                self.assertEqual(stack.shared_roles(state), [])
                self.assertEqual(stack.endless_logs(state), [])


def root(state):
    return state.get("root_module") or state["values"]["root_module"]


def resource(kind):
    return {"address": f"{kind}.new", "mode": "managed", "type": kind, "name": "new", "values": {}}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Stack.states = {"default_profile": json.loads(pathlib.Path(sys.argv.pop(1)).read_text())}
    else:
        Stack.states = states_of_terraform_test()
    unittest.main(verbosity=1)
