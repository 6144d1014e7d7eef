"""The transform function as it is usually written in Python: orjson, base64, zoneinfo, one dictionary a row. Polls the Lambda
Runtime API itself, as the Python runtime does."""

import base64
import hashlib
import http.client
import os
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import orjson


def transform(envelope):
    """The canonical lines of a page of daily bars."""
    body = envelope["body"]
    if hashlib.sha256(body.encode()).hexdigest() != envelope["sha256"]:
        raise ValueError("the body is not what was sealed")
    page, unit = orjson.loads(body), envelope["unit"]
    if page["status"] != "OK" or page["ticker"] != unit["symbol"] or page["adjusted"]:
        raise ValueError("the page must not be believed")
    zone = ZoneInfo(unit["exchange_tz"])
    fetched_at = datetime.fromisoformat(envelope["fetched_at"].replace("Z", "+00:00"))
    fetched_text = fetched_at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{fetched_at.microsecond // 1000:03}Z"
    fetched_date = fetched_at.astimezone(zone).date()
    lines = []
    for bar in page["results"]:
        start = datetime.fromtimestamp(bar["t"] / 1000, zone)
        trading_date = start.date()
        row = {
            "dataset": "daily_bars", "provider": "polygon", "provider_symbol": unit["symbol"],
            "symbol": f"{unit['symbol']}.{unit['exchange_mic']}", "asset_class": unit["asset_class"], "exchange_mic": unit["exchange_mic"],
            "interval": unit["interval"], "trading_date": trading_date.isoformat(), "bar_start": f"{trading_date.isoformat()}T00:00:00.000Z",
            "exchange_tz": unit["exchange_tz"], "open": bar["o"], "high": bar["h"], "low": bar["l"], "close": bar["c"], "volume": bar["v"],
            "adjustment": "raw", "session": "regular", "currency": unit["currency"], "quote_unit": unit["currency"], "unit_divisor": 1,
            "is_final": fetched_date > trading_date, "delay_class": "eod", "provider_ts": bar["t"], "fetched_at": fetched_text,
            "request_id": page["request_id"], "run_id": envelope["run_id"], "unit_id": unit["id"], "raw_sha256": envelope["sha256"],
            "schema_version": 1,
        }
        if "vw" in bar:
            row["vwap"] = bar["vw"]
        if "n" in bar:
            row["trade_count"] = bar["n"]
        lines.append(orjson.dumps(row))
    return b"\n".join(lines) + b"\n"


def handler(event):
    """Firehose's records in, Firehose's records out."""
    records = []
    for record in event["records"]:
        try:
            data = transform(orjson.loads(base64.b64decode(record["data"])))
            records.append({"recordId": record["recordId"], "result": "Ok", "data": base64.b64encode(data).decode()})
        except (ValueError, KeyError):
            records.append({"recordId": record["recordId"], "result": "ProcessingFailed", "data": record["data"]})
    return {"records": records}


def main():
    """The runtime: next, handle, respond."""
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        answer = api.getresponse()
        event, request = orjson.loads(answer.read()), answer.headers["lambda-runtime-aws-request-id"]
        api.request("POST", f"/2018-06-01/runtime/invocation/{request}/response", orjson.dumps(handler(event)))
        api.getresponse().read()


if __name__ == "__main__":
    main()
