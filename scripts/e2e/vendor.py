"""A vendor on 127.0.0.1 that answers from a recording, as the replay server of crates/sources does, and counts."""

import http.server
import json
import pathlib
import threading
import urllib.parse


class Vendor:
    """Use as a context; `url` is where it listens."""

    def __init__(self, folder):
        index = json.loads((pathlib.Path(folder) / "recording.json").read_text())
        self.recorded_at = index["recorded_at"]
        self.answers = {}
        self.asked = []
        self.unknown = []
        # The `Authorization` of each request.
        self.keys = []
        # Answers to give first, as (status, headers): a vendor that throttles.
        self.faults = []
        for entry in index["responses"]:
            key = (entry["method"], entry["path"], tuple(sorted(entry.get("query", {}).items())))
            body = (pathlib.Path(folder) / entry["body_file"]).read_bytes()
            self.answers[key] = (entry["status"], entry.get("headers", {}), body)

    def answer(self, path):
        """Status, headers and body for a GET."""
        self.asked.append(path)
        if self.faults:
            status, headers = self.faults.pop(0)
            return status, headers, b""
        split = urllib.parse.urlsplit(path)
        key = ("GET", split.path, tuple(sorted(urllib.parse.parse_qsl(split.query))))
        if key not in self.answers:
            self.unknown.append(path)
            return 404, {"content-type": "application/json"}, b'{"status":"NOT_RECORDED"}'
        status, headers, body = self.answers[key]
        return status, {**headers, "x-quotelake-recorded-at": self.recorded_at.replace("Z", ".000Z")}, body

    def __enter__(self):
        vendor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                vendor.keys.append(self.headers.get("authorization"))
                status, headers, body = vendor.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
