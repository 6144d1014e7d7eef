"""Rules that every state of the stack is held against. They see states as `terraform show -json` and
`terraform test -json -verbose` write them, and know nothing of how a state was made."""

import json
import pathlib
import re

INFRA = pathlib.Path(__file__).resolve().parent.parent

CONTRACTS = INFRA.parent / "crates/contract/contracts"
SOURCES = INFRA.parent / "crates/sources/src/vendors"
REQUEST = set(re.findall(r"^    pub (\w+):", re.search(
    r"pub struct FetchRequest \{\n(.*?)\n\}", (INFRA.parent / "crates/fetch/src/event.rs").read_text(), re.S).group(1), re.M))

STAGES = json.loads((INFRA / "stages.json").read_text())["stages"]

# What the default profile must not hold: each costs money whether it is used or not.
FORBIDDEN = {
    "aws_nat_gateway": "a NAT gateway costs $32.85 a month",
    "aws_eip": "an address that is not used costs money",
    "aws_glue_crawler": "a crawl costs at least $0.15 and guesses types",
    "aws_kms_key": "a customer key costs $1 a month",
    "aws_kms_replica_key": "a customer key costs $1 a month",
    "aws_secretsmanager_secret": "a secret costs $0.40 a month, a parameter nothing",
    "aws_vpc": "functions need no VPC",
    "aws_vpc_endpoint": "an interface endpoint costs $7.30 a month in each zone",
    "aws_sfn_state_machine": "state machines are optional",
    "aws_lambda_provisioned_concurrency_config": "it is billed by the hour",
}
MAX_ALARMS = 10
MAX_DASHBOARDS = 1
POLICY_TYPES = ("aws_iam_role_policy", "aws_iam_policy", "aws_iam_user_policy", "aws_iam_group_policy")
RESOURCE_POLICY_TYPES = ("aws_sqs_queue_policy", "aws_sns_topic_policy", "aws_s3_bucket_policy")


def resources(state):
    """Every managed resource of a state."""

    def walk(module):
        for resource in module.get("resources", []):
            if resource.get("mode", "managed") == "managed":
                yield resource
        for child in module.get("child_modules", []):
            yield from walk(child)

    root = state.get("root_module") or state.get("values", {}).get("root_module") or {}
    return list(walk(root))


def schedules(state):
    """The values of the schedules that ask a vendor, by name: those whose input has a watchlist."""
    found = {r["values"]["name"]: r["values"] for r in resources(state) if r["type"] == "aws_scheduler_schedule"}
    return {name: values for name, values in found.items() if "watchlist" in json.loads(values["target"][0]["input"])}


def unfit_request(values):
    """Why a schedule's input is no request of `fetch` (crates/fetch/src/event.rs), or is in another zone than its exchange."""
    request = json.loads(values["target"][0]["input"])
    faults = [f"{key}: no field of a request" for key in request.keys() - REQUEST]
    faults += [f"{key}: missing" for key in ("source", "watchlist", "datasets", "from", "to") if key not in request]
    faults += [f"{key}: {request[key]} is no day" for key in ("from", "to") if not re.fullmatch(r"today(-\d+d)?|\d{4}-\d\d-\d\d", request[key])]
    faults += [f"{one}: no dataset" for one in request["datasets"] if not (CONTRACTS / f"{one}.yaml").is_file()]
    if not (SOURCES / request["source"]).is_dir():
        faults.append(f"{request['source']}: no source")
    if ("intraday_bars" in request["datasets"]) != (request.get("interval") in ("1m", "5m", "15m", "1h")):
        faults.append(f"{request.get('interval')}: intraday bars have an interval, others have none")
    if values["schedule_expression_timezone"] != request["watchlist"]["exchange_tz"]:
        faults.append(f"{values['schedule_expression_timezone']}: the exchange is in {request['watchlist']['exchange_tz']}")
    return faults


def limits(state):
    """What of the default profile costs more than it may."""
    found = resources(state)
    faults = [f"{r['address']}: {FORBIDDEN[r['type']]}" for r in found if r["type"] in FORBIDDEN]
    for kind, most in (("aws_cloudwatch_metric_alarm", MAX_ALARMS), ("aws_cloudwatch_composite_alarm", 0),
                       ("aws_cloudwatch_dashboard", MAX_DASHBOARDS)):
        count = sum(r["type"] == kind for r in found)
        if count > most:
            faults.append(f"{count} of {kind}, at most {most}")
    for resource in found:
        faults += [f"{resource['address']}: {path} names a key of yours" for path in customer_keys(resource["values"])]
    return faults


def customer_keys(value, path=""):
    """Paths of attributes that name a KMS key."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from customer_keys(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from customer_keys(inner, path)
    elif value and re.search(r"kms(_master)?_key(_arn|_id)?$", path):
        yield path


def listed(value):
    """One or many, as many."""
    return value if isinstance(value, list) else [value]


def statements(document):
    """The statements of a policy."""
    return listed(json.loads(document)["Statement"])


def policies(state):
    """(address, name, statement) of every statement of an identity policy."""
    for resource in resources(state):
        if resource["type"] in POLICY_TYPES:
            for statement in statements(resource["values"]["policy"]):
                # A role's policy has one name in all environments, a policy of its own has one in each: that one goes by Terraform's.
                name = resource["name"] if resource["type"] == "aws_iam_policy" else resource["values"]["name"]
                yield resource["address"], name, statement


def is_everything(arn):
    """Whether an ARN pattern leaves a whole service open."""
    return arn == "*" or re.fullmatch(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:\*(/\*)?", arn) is not None


def over_broad(state, exceptions, used=None):
    """Wildcards in identity policies that no exception explains. `used` collects the exceptions that were needed."""
    explained = {(e["policy"], e["sid"], e["what"]) for e in exceptions}
    faults = []
    for address, name, statement in policies(state):
        if statement["Effect"] != "Allow":
            continue
        sid = statement.get("Sid", "")
        wide = {
            "action": [a for a in listed(statement.get("Action", [])) if "*" in a] + (["NotAction"] if "NotAction" in statement else []),
            "resource": [r for r in listed(statement.get("Resource", [])) if is_everything(r)]
            + (["NotResource"] if "NotResource" in statement else []),
        }
        for what, found in wide.items():
            if not found:
                continue
            if (name, sid, what) in explained:
                if used is not None:
                    used.add((name, sid, what))
            else:
                faults.append(f"{address}, statement {sid}: {what} {', '.join(found)}")
    return faults


def open_to_strangers(state):
    """Resource and trust policies that let in more than one service for one account."""
    faults = []
    for resource in resources(state):
        values = resource["values"]
        if resource["type"] in RESOURCE_POLICY_TYPES:
            document = values["policy"]
        elif resource["type"] == "aws_iam_role":
            document = values["assume_role_policy"]
        else:
            continue
        for statement in statements(document):
            if statement["Effect"] != "Allow":
                continue
            principal = statement.get("Principal", "*")
            if principal == "*" or (isinstance(principal, dict) and "*" in listed(principal.get("AWS", []))):
                faults.append(f"{resource['address']}: lets anybody in")
            elif "Service" in principal and resource["type"] != "aws_iam_role" and "aws:SourceAccount" not in json.dumps(statement.get("Condition", {})):
                faults.append(f"{resource['address']}: a service may come for any account")
    return faults


def shared_roles(state):
    """Functions that share a role with another."""
    roles = {}
    for resource in resources(state):
        if resource["type"] == "aws_lambda_function":
            # A function's role is the one in its own module.
            roles.setdefault(resource["address"].rsplit(".aws_lambda_function", 1)[0], []).append(resource["address"])
    return [f"{module}: {', '.join(functions)}" for module, functions in roles.items() if len(functions) > 1]


def forgetful_queues(state):
    """Work queues whose messages would be forgotten soon after they came to their dead letter queue: a standard queue keeps the time at
    which a message was sent first when it is moved.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"""
    queues = {r["values"]["name"]: r for r in resources(state) if r["type"] == "aws_sqs_queue"}
    days = {name: r["values"]["message_retention_seconds"] / 86400 for name, r in queues.items()}
    faults = []
    for name, queue in queues.items():
        if ".work[" not in queue["address"]:
            continue
        letters = next((other for other in queues if other.split(".")[0] == f"{name.split('.')[0]}-dlq"), None)
        if not letters or days[letters] - days[name] < 7:
            faults.append(f"{name} keeps messages for {days[name]} days, its dead letters are kept for {days.get(letters)}")
    return faults


def unbounded_chains(state):
    """Functions that Lambda ends, or leaves alone, against what their code counts: fetch alone counts its hops."""
    allowed = {
        r["address"].split(".aws_lambda_function_recursion_config")[0]
        for r in resources(state)
        if r["type"] == "aws_lambda_function_recursion_config" and r["values"]["recursive_loop"] == "Allow"
    }
    modules = {r["address"].split(".aws_lambda_function.")[0] for r in resources(state) if r["type"] == "aws_lambda_function"}
    wanted = {module for module in modules if module.endswith('module.function["fetch"]')}
    return sorted(allowed ^ wanted)


def endless_logs(state):
    """Log groups that keep logs forever."""
    return [r["address"] for r in resources(state) if r["type"] == "aws_cloudwatch_log_group" and not r["values"].get("retention_in_days")]


def granted(state):
    """Actions that each function's role is granted: stage => set of actions. For the recorder of API calls."""
    found = {}
    for address, name, statement in policies(state):
        stage = re.search(r'module\.function\["(\w+)"\]\.aws_iam_role_policy', address)
        if stage and name == "function":
            found.setdefault(stage.group(1), set()).update(listed(statement["Action"]))
    return found


def in_network(state):
    """Stages whose function is in a VPC."""
    found = set()
    for resource in resources(state):
        stage = re.search(r'module\.function\["(\w+)"\]\.aws_lambda_function', resource["address"])
        if stage and resource["values"].get("vpc_config"):
            found.add(stage.group(1))
    return found


def reading_databases():
    """Stages that read or serve a database."""
    return {stage for stage, settings in STAGES.items() if settings["database"]}


def alarm_metrics(state):
    """Metrics that the alarms look at, which is what AWS bills: one for an alarm without an expression, else those of its expression."""
    return sum(
        1 if resource["values"].get("metric_name") else sum(bool(query.get("metric")) for query in resource["values"].get("metric_query", []))
        for resource in resources(state) if resource["type"] == "aws_cloudwatch_metric_alarm"
    )
