"""The recorded vendor as a function behind a URL: what scripts/e2e/vendor.py answers, for fetch in an account of AWS."""

import pathlib

from vendor import Vendor

VENDOR = Vendor(pathlib.Path(__file__).parent / "polygon")


def handle(event, _):
    """Answers a request of a Function URL."""
    query = event.get("rawQueryString")
    status, headers, body = VENDOR.answer(event["rawPath"] + (f"?{query}" if query else ""))
    return {"statusCode": status, "headers": headers, "body": body.decode()}
