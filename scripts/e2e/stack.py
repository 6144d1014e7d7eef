"""An emulator, Terraform and AWS clients for one run."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
REGION = "us-east-1"
# The stages of the pipeline, by name.
STAGES = json.loads((REPOSITORY / "infra/stages.json").read_text())["stages"]
# Attributes that MiniStack 1.5.33 forgets or does not know: a second plan may want to change them in place, nothing else.
FORGOTTEN = {
    "aws_cloudwatch_metric_alarm": "alarms come back without actions, description and dimensions",
    "aws_kinesis_firehose_delivery_stream": "the stream comes back without its backup",
}


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Emulator:
    """MiniStack with IAM enforced, on loopback, as a child of this process. Use as a context. Its functions call
    `functions_endpoint`."""

    region = REGION

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.url = self.functions_endpoint = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        for name in ("s3", "state", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "IOT_MTLS_ENABLED": "0", "LAMBDA_EXECUTOR": "local",
            "ATHENA_ENGINE": "auto", "AUTH": "true", "S3_DATA_DIR": str(self.folder / "s3"),
            "STATE_DIR": str(self.folder / "state"), "TMPDIR": str(self.folder / "tmp"), "AWS_ENDPOINT_URL": self.functions_endpoint,
        }
        program = pathlib.Path(sys.executable).parent / "ministack"
        self.log = (self.folder / "emulator.log").open("w")
        self.process = subprocess.Popen([program], env=environment, stdout=self.log, stderr=self.log, cwd=self.folder)
        for _ in range(200):
            if self.process.poll() is not None:
                raise SystemExit(f"the emulator ended at once: see {self.log.name}")
            try:
                urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1).read()
                return self
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"the emulator does not answer: see {self.log.name}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def environment(self):
        """This process's environment for a program that calls the emulator as root."""
        return {**os.environ, "AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}

    def client(self, service, **credentials):
        """A boto3 client; root of the emulated account unless told otherwise."""
        keys = credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)

    def address(self, host):
        """Where a Function URL of that host is asked: the emulator answers for every one, the host says which."""
        return f"{self.url}/"


def is_up(state):
    """Whether a state file has anything."""
    return state.exists() and bool(json.loads(state.read_text() or "{}").get("resources"))


class Terraform:
    """A root against an emulator, with a state of its own: the checkout's state is never touched. Without credentials, as root of the
    emulated account; they may be a function that has them when they are needed. An empty endpoint is AWS."""

    def __init__(self, folder, endpoint, variables, root="infra/envs/dev", credentials=None):
        self.root = REPOSITORY / root
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.state = folder / "terraform.tfstate"
        self.credentials = credentials or {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        self.environment = {
            **os.environ, "TF_DATA_DIR": str(folder / "terraform"), "TF_IN_AUTOMATION": "1",
            **{f"TF_VAR_{name}": value if isinstance(value, str) else json.dumps(value)
               for name, value in {"endpoint": endpoint, **variables}.items()},
        }

    def run(self, *arguments):
        """Runs terraform; its output goes to a file that a failure names."""
        log = self.folder / f"terraform-{arguments[0]}.log"
        credentials = self.credentials() if callable(self.credentials) else self.credentials
        code, out, errors = in_peace(["terraform", f"-chdir={self.root}", *arguments], {**self.environment, **credentials})
        log.write_text(out + errors)
        if code != 0:
            found = re.findall(r"Error: .*", errors)
            raise SystemExit(f"terraform {arguments[0]} failed: {'; '.join(found) or errors[-500:]}\nsee {log}")
        return out

    def is_up(self):
        """Whether the state has anything."""
        return is_up(self.state)

    def init(self):
        """Provider and modules."""
        self.run("init", "-input=false", "-no-color", "-lockfile=readonly")

    def apply(self):
        """Applies and returns the output `stack`."""
        self.run("apply", "-input=false", "-no-color", "-auto-approve", "-parallelism=20", f"-state={self.state}")
        return json.loads(self.run("output", "-json", f"-state={self.state}"))["stack"]["value"]

    def refresh(self):
        """Reads every resource again into the state."""
        self.run("apply", "-refresh-only", "-input=false", "-no-color", "-auto-approve", "-parallelism=20", f"-state={self.state}")

    def managed(self):
        """Every managed resource of the state with its values."""
        def walk(module):
            yield from (found for found in module.get("resources", []) if found["mode"] == "managed")
            for child in module.get("child_modules", []):
                yield from walk(child)

        shown = json.loads(self.run("show", "-json", str(self.state)))
        return list(walk(shown["values"]["root_module"]))

    def policies(self):
        """The statements of each role's policy, by the role's name."""
        statements = {}
        for found in self.managed():
            if found["type"] == "aws_iam_role_policy":
                statements.setdefault(found["values"]["role"], []).extend(json.loads(found["values"]["policy"])["Statement"])
        return statements

    def changes(self):
        """What another apply would do: (address, type, actions) of everything but reads."""
        plan = self.folder / "again.tfplan"
        self.run("plan", "-input=false", "-no-color", f"-state={self.state}", f"-out={plan}")
        shown = json.loads(self.run("show", "-json", str(plan)))
        return [
            (change["address"], change["type"], change["change"]["actions"])
            for change in shown.get("resource_changes", [])
            if change["change"]["actions"] not in (["no-op"], ["read"])
        ]

    def destroy(self, *more):
        """Takes everything down."""
        self.run("destroy", "-input=false", "-no-color", "-auto-approve", "-parallelism=20", f"-state={self.state}", *more)


def in_peace(command, environment):
    """Runs a program: exit code, output, errors. An interrupt of this process lets the program end by itself, for it is told to only once: killed,
    terraform would forget what it had just made."""
    process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    interrupted = False
    while True:
        try:
            out, errors = process.communicate()
            break
        except KeyboardInterrupt:
            if not interrupted:
                process.send_signal(signal.SIGINT)
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    return process.returncode, out, errors


def call_url(account, url, body, credentials=None):
    """POSTs to a Function URL, signed if there are credentials. Returns status and text."""
    host = url.split("//", 1)[1].rstrip("/")
    payload = json.dumps(body).encode()
    headers = {"content-type": "application/json", "host": host}
    if credentials:
        request = AWSRequest(method="POST", url=f"https://{host}/", data=payload, headers=headers)
        SigV4Auth(Credentials(*credentials), "lambda", account.region).add_auth(request)
        headers = dict(request.headers)
    return answer_of(urllib.request.Request(account.address(host), data=payload, headers=headers, method="POST"))


def get_url(account, url, path):
    """GETs a path of a Function URL that anybody may ask. Returns status and text."""
    host = url.split("//", 1)[1].rstrip("/")
    return answer_of(urllib.request.Request(account.address(host) + path.lstrip("/"), headers={"host": host}))


def answer_of(request):
    """Status and text of an answer, whatever the status."""
    try:
        with urllib.request.urlopen(request, timeout=330) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
