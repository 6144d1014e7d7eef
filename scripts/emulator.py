#!/usr/bin/env python3
"""Serves one AWS emulator on a loopback port until its standard input ends.

    emulator.py moto|ministack PORT [CLOCK_FILE]

Run it with the Python of the emulator's environment, see scripts/emulators.sh. The process that starts it holds the other end of its
standard input: when that process is gone, however it ended, so is the server.

CLOCK_FILE holds a number of seconds. The queues, and only they, tell the time so much later than it is: a test that is about
"five minutes later" writes 300 there instead of waiting.
"""
import os
import sys
import threading
import time


def stop_with_the_caller():
    sys.stdin.buffer.read()
    os._exit(0)


def offset_reader(path):
    def offset():
        try:
            with open(path, encoding="ascii") as file:
                return float(file.read() or 0)
        except FileNotFoundError:
            return 0.0

    return offset


class ShiftedTime:
    """The module `time`, with another `time()`."""

    def __init__(self, offset):
        self.time = lambda: time.time() + offset()

    def __getattr__(self, name):
        return getattr(time, name)


def moto(port, offset):
    import moto.sqs.models as sqs

    if offset:
        seconds, millis = sqs.unix_time, sqs.unix_time_millis
        sqs.unix_time = lambda dt=None: seconds(dt) + offset()
        sqs.unix_time_millis = lambda dt=None: millis(dt) + offset() * 1000
    # moto compares the ETag and writes in two steps, S3 in one: of two writers at the same time both would win.
    from moto.s3.responses import S3Response

    put, one_at_a_time = S3Response.put_object, threading.Lock()

    def put_object(self):
        with one_at_a_time:
            return put(self)

    S3Response.put_object = put_object
    # A caller whose answer is lost, as on a machine that is busy, asks again with the same id. Terraform would fail over the table that it
    # has just made.
    from moto.glue.responses import GlueResponse

    create, created = GlueResponse.create_table, {}

    def create_table(self):
        call = self.headers.get("amz-sdk-invocation-id")
        with one_at_a_time:
            if call is None or call not in created:
                created[call] = create(self)
            return created[call]

    GlueResponse.create_table = create_table
    from moto.server import main

    main(["-H", "127.0.0.1", "-p", str(port)])


def ministack(port, offset):
    # Without the last it listens on all interfaces for MQTT, in spite of BIND_HOST.
    os.environ.update(BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port), IOT_MTLS_ENABLED="0")
    import ministack.services.sqs as sqs

    if offset:
        sqs.time = ShiftedTime(offset)
    from ministack.app import main

    sys.argv = sys.argv[:1]
    main()


if __name__ == "__main__":
    kind, port = sys.argv[1], int(sys.argv[2])
    offset = offset_reader(sys.argv[3]) if len(sys.argv) > 3 else None
    threading.Thread(target=stop_with_the_caller, daemon=True).start()
    {"moto": moto, "ministack": ministack}[kind](port, offset)
