"""A proxy between the functions and the emulator: it writes down which function called what, and kills one where it is told to.

The emulator gives each function the keys of a session of its own role, so a request says who sent it.
"""

import collections
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import threading
import urllib.parse

# Services that name the operation in `X-Amz-Target`, and what IAM calls them.
TARGETS = {"AWSGlue": "glue", "AmazonSQS": "sqs", "AmazonSSM": "ssm", "AWSEvents": "events", "Firehose_20150804": "firehose",
           "secretsmanager": "secretsmanager"}
OBJECT_ACTIONS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
KEY = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/")

Call = collections.namedtuple("Call", "stage action resource")


def session_key(function_arn, role_arn):
    """The access key that MiniStack 1.5.33 gives a function (core/lambda_runtime.py)."""
    return "ASIA" + hashlib.sha256(f"{function_arn}:{role_arn}".encode()).hexdigest()[:16].upper()


def processes_of(function, endpoint):
    """Pids of a function's processes: those whose environment says so, and that call this endpoint. Another run has functions of the same name."""
    wanted = {f"AWS_LAMBDA_FUNCTION_NAME={function}".encode(), f"AWS_ENDPOINT_URL={endpoint}".encode()}
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and wanted <= set((folder / "environ").read_bytes().split(b"\0")):
                found.append(int(folder.name))
        except OSError:
            pass
    return found


class Recorder:
    """Use as a context; `url` is where it listens."""

    def __init__(self, emulator_port):
        self.emulator_port = emulator_port
        # Stage by access key, and its function's name.
        self.stages = {}
        self.calls = set()
        # How often each stage did what to what, by the first part of the key: what `quotelake cost` scales.
        self.counts = collections.Counter()
        self.refused = set()
        # Kills to come, in order: (stage, method, part of the path, "before" or "after" the emulator had it).
        self.kills = []
        self.killed = []
        self.lock = threading.Lock()

    def know(self, stage, function_arn, role_arn):
        """Tells the recorder whose calls are whose: of the function, of its alias, of the versions that it rests on."""
        name = function_arn.rsplit(":", 1)[-1]
        for arn in (function_arn, *(f"{function_arn}:{qualifier}" for qualifier in ("live", "$LATEST", *range(1, 30)))):
            self.stages[session_key(arn, role_arn)] = (stage, name)

    def caller(self, headers):
        """Stage, function and service of a request; stage and function are None for one that is no function's."""
        found = KEY.search(headers.get("authorization", ""))
        key, service = found.groups() if found else (None, None)
        return (*self.stages.get(key, (None, None)), service)

    def kill_here(self, function, method, path, moment):
        """Kills the function if its turn has come."""
        with self.lock:
            if not self.kills:
                return False
            stage, its_method, part, its_moment = self.kills[0]
            if (its_method, its_moment) != (method, moment) or part not in path or not function.endswith(f"-{stage}"):
                return False
            self.killed.append(self.kills.pop(0))
        for pid in processes_of(function, self.url):
            os.kill(pid, signal.SIGKILL)
        return True

    def __enter__(self):
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                stage, function, service = recorder.caller(self.headers)
                if function and recorder.kill_here(function, self.command, self.path, "before"):
                    self.close_connection = True
                    return
                upstream = http.client.HTTPConnection("127.0.0.1", recorder.emulator_port, timeout=330)
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ("connection", "expect"):
                        upstream.putheader(name, value)
                upstream.putheader("connection", "close")
                upstream.endheaders(body)
                answer = upstream.getresponse()
                answered = answer.read()
                upstream.close()
                if stage:
                    call = Call(stage, *what(service, self.command, self.path, self.headers, body))
                    with recorder.lock:
                        recorder.calls.add(call)
                        recorder.counts[f"{stage} {call.action} {area(call.action, self.path, self.headers)}"] += 1
                        if answer.status == 403:
                            recorder.refused.add(call)
                if function and recorder.kill_here(function, self.command, self.path, "after"):
                    self.close_connection = True
                    return
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                        self.send_header(name, value)
                length = answer.getheader("content-length") if self.command == "HEAD" else str(len(answered))
                self.send_header("content-length", length or "0")
                self.end_headers()
                self.wfile.write(answered)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """A function that was killed leaves its connection."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


# What calls that are about no key are about.
AREAS = {"sqs": "queues", "events": "events", "glue": "catalog", "firehose": "stream", "ssm": "keys", "secretsmanager": "keys", "sns": "topic"}


def area(action, path, headers):
    """The first part of the key or prefix that a call is about; ranges of an object by themselves."""
    service = action.split(":", 1)[0]
    if service != "s3":
        return AREAS.get(service, service)
    split = urllib.parse.urlsplit(path)
    if action == "s3:ListBucket":
        key = urllib.parse.parse_qs(split.query).get("prefix", [""])[0]
    else:
        key = urllib.parse.unquote(split.path).lstrip("/").partition("/")[2]
    return key.split("/", 1)[0] + ("-ranges" if headers.get("range") else "")


def what(service, method, path, headers, body):
    """The IAM action of a request, and the end of the ARN that it is about: a bucket and key, a queue, a table..."""
    target = headers.get("x-amz-target")
    if target:
        prefix, operation = target.rsplit(".", 1)
        return f"{TARGETS.get(prefix, prefix)}:{operation}", resource(json.loads(body or b"{}"))
    split = urllib.parse.urlsplit(path)
    bucket, _, key = urllib.parse.unquote(split.path).lstrip("/").partition("/")
    if service == "s3":
        if key:
            return OBJECT_ACTIONS.get(method, f"s3:{method}"), f"{bucket}/{key}"
        return ("s3:ListBucket" if method in ("GET", "HEAD") else f"s3:{method}"), bucket
    form = urllib.parse.parse_qs(body.decode())
    return f"{service}:{form.get('Action', [method])[0]}", resource({name: value[0] for name, value in form.items()})


def resource(request):
    """What a JSON or form request is about."""
    if "DatabaseName" in request:
        return f"{request['DatabaseName']}/{request.get('TableName') or request.get('Name') or ''}"
    for name in ("QueueUrl", "TopicArn", "DeliveryStreamName", "SecretId", "Name"):
        if isinstance(request.get(name), str):
            return request[name].rsplit("/", 1)[-1].rsplit(":", 1)[-1] if name in ("QueueUrl", "TopicArn") else request[name].lstrip("/")
    entries = request.get("Entries")
    return entries[0].get("EventBusName", "") if entries else ""
