#!/usr/bin/env python3
"""Times the transform function beside the same handler in Python and Node, each as a process that polls a Lambda Runtime API.

    transform.py BOOTSTRAP PROGRAM [--python PYTHON] [--invocations N] [--write]

An invocation is five pages of 1,000 recorded daily bars: one more would not fit the 6 MB that Lambda lets through. The pages are
those that `PROGRAM demo` (quotelake) leaves in raw/. What the three answer is compared row by row before anything is timed. Times run
from the event's last byte to the answer's, as Lambda bills them. PYTHON has orjson; Node is left out where it is not here.
"""

import argparse
import base64
import gzip
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs/performance.md"
LAMBDA_LIMIT = 6_291_556
# What infra/ sets for the function; the other two get it as well.
HEAP = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "67108864"}


class RuntimeApi:
    """One function's Runtime API on a loopback port. Use as a context: the function is its child."""

    def __init__(self, command):
        self.listener = socket.create_server(("127.0.0.1", 0))
        host = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.process = subprocess.Popen(command, env={**os.environ, "AWS_LAMBDA_RUNTIME_API": host, "AWS_LAMBDA_FUNCTION_NAME": "bench",
                                        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "1", "RUST_LOG": "error",
                                        **HEAP}, stdout=subprocess.DEVNULL)
        self.waiting = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.listener.close()

    def request(self):
        """The next request: (connection, path, body). A function may keep its connection or open another."""
        while True:
            if self.waiting is None:
                self.waiting, _ = self.listener.accept()
                self.waiting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head = b""
            while b"\r\n\r\n" not in head:
                part = self.waiting.recv(1 << 20)
                if not part:
                    break
                head += part
            if not head:
                self.waiting = None
                continue
            head, _, body = head.partition(b"\r\n\r\n")
            parts, length = [body], re.search(rb"content-length: *(\d+)", head, re.I)
            if length:
                missing = int(length[1]) - len(body)
                while missing > 0:
                    part = self.waiting.recv(min(missing, 1 << 20))
                    parts.append(part)
                    missing -= len(part)
            elif re.search(rb"transfer-encoding: *chunked", head, re.I):
                while not b"".join(parts[-2:]).endswith(b"0\r\n\r\n"):
                    parts.append(self.waiting.recv(1 << 20))
                parts = [unchunked(b"".join(parts))]
            return self.waiting, head.split(b" ")[1].decode(), b"".join(parts)

    def invoke(self, event):
        """Seconds and answer of one invocation."""
        connection, path, _ = self.request()
        assert path.endswith("/next"), path
        deadline = int((time.time() + 60) * 1000)
        connection.sendall((f"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: {deadline}\r\n"
                            "lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:bench\r\n"
                            f"content-type: application/json\r\ncontent-length: {len(event)}\r\n\r\n").encode() + event)
        start = time.perf_counter()
        connection, path, answer = self.request()
        took = time.perf_counter() - start
        assert path.endswith("/response"), f"{path}: {answer[:300]}"
        connection.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        return took, answer


def unchunked(body):
    """A chunked body's content."""
    content = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        content, body = content + body[: int(size, 16)], body[int(size, 16) + 2:]
    return content


def event_of(program, folder):
    """An event of five full pages of daily bars, and its rows."""
    subprocess.run([program, "demo", "--lake", folder / "lake"], check=True, capture_output=True, cwd=REPOSITORY)
    lines = [line for path in sorted((folder / "lake/raw").rglob("*.gz")) for line in gzip.decompress(path.read_bytes()).splitlines()]
    full = [line for line in lines if b"/aggregates/" in line and b'\\"resultsCount\\":1000' in line][:5]
    assert len(full) == 5, f"{len(full)} full pages"
    records = [{"recordId": str(index), "approximateArrivalTimestamp": 1, "data": base64.b64encode(line).decode()} for index, line in enumerate(full)]
    event = {"invocationId": "bench", "deliveryStreamArn": "arn:aws:firehose:us-east-1:000000000000:deliverystream/bench", "region": "us-east-1",
             "records": records}
    return json.dumps(event).encode(), 1000 * len(full)


def rows_of(answer):
    """The rows of an answer, each by its values."""
    records = json.loads(answer)["records"]
    assert all(record["result"] == "Ok" for record in records), [record["result"] for record in records]
    return [json.loads(line) for record in records for line in base64.b64decode(record["data"]).splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bootstrap", type=pathlib.Path)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--invocations", type=int, default=40)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    peers = REPOSITORY / "benches/peers"
    commands = {"Quotelake": [str(chosen.bootstrap.resolve())], "Python (orjson)": [chosen.python, str(peers / "transform_python.py")]}
    if shutil.which("node"):
        commands["Node"] = ["node", str(peers / "transform_node.mjs")]
    with tempfile.TemporaryDirectory(prefix="quotelake-transform-") as folder:
        event, rows = event_of(chosen.program.resolve(), pathlib.Path(folder))
    times, answers = {name: [] for name in commands}, {}
    functions = {name: RuntimeApi(command) for name, command in commands.items()}
    try:
        for name, function in functions.items():
            # The first three warm each up.
            answers[name] = [function.invoke(event)[1] for _ in range(3)][-1]
        expected = rows_of(answers["Quotelake"])
        assert len(expected) == rows
        assert len(answers["Quotelake"]) <= LAMBDA_LIMIT, f"{len(answers['Quotelake'])} bytes are more than Lambda lets through"
        for name, answer in answers.items():
            found = rows_of(answer)
            differing = [pair for pair in zip(expected, found) if pair[0] != pair[1]]
            assert found == expected, f"{name}: {len(found)} rows, first difference {differing[:1]}"
        for _ in range(chosen.invocations):
            for name, function in functions.items():
                times[name].append(function.invoke(event)[0])
    finally:
        for function in functions.values():
            function.__exit__()
    ours = statistics.median(times["Quotelake"])
    lines = [f"{rows:,} rows an invocation: {len(event) / 1e6:.2f} MB in, {len(answers['Quotelake']) / 1e6:.2f} MB out; medians of "
             f"{chosen.invocations}, in turn.", "", "| handler | ms billed | records a second | times Quotelake's |", "|---|---|---|---|"]
    for name, taken in times.items():
        median = statistics.median(taken)
        lines.append(f"| {'**Quotelake**' if name == 'Quotelake' else name} | {median * 1000:.1f} | {rows / median:,.0f} | {median / ours:.1f} |")
    print("\n".join(lines))
    if chosen.write:
        text = PAGE.read_text()
        content = "\n".join(lines)
        text = re.sub(r"(<!-- bench:transform -->\n).*?(<!-- /bench:transform -->)", lambda found: f"{found[1]}\n{content}\n\n{found[2]}", text, flags=re.S)
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
