#!/usr/bin/env python3
"""Turn the public-domain Quandl WIKI daily prices into answers of Polygon's shape.

    python3 make_samples.py SOURCE.csv.gz [OUT]           write OUT/pages/*.json and OUT/recording.json
    python3 make_samples.py SOURCE.csv.gz [OUT] --check   rebuild in a temporary folder, compare with OUT

SOURCE  CSV (plain or gzip): Ticker,Date,Open,High,Low,Close,Volume,Adj Close. See README.md.
OUT     the folder that holds recording.json; the folder of this script when absent.

Both modes read the fresh files back as a client would (first request, then every `next_url`) and compare
them with the CSV. Exit status: 0 good, 1 a difference or a failed check, 2 wrong usage.

Python 3.9 or later, standard library only (`zoneinfo` needs the system's time zone files). The output depends
on SOURCE alone: no clock, no randomness, no locale.

Prices never pass through a binary float. The decimal text of the CSV is copied into the JSON as it is.
"""

import argparse
import base64
import csv
import datetime as dt
import gzip
import hashlib
import json
import re
import sys
import tempfile
from collections import Counter
from decimal import Decimal, localcontext
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

HOST = "https://api.polygon.io"
NEW_YORK = ZoneInfo("America/New_York")
PAGE = 1000  # bars on a page, and the `limit` of every request
LICENSE = "Public domain (Quandl WIKI Prices), re-shaped as Polygon answers; holds no answer of the vendor"
JSON_NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
SCIENTIFIC_VOLUME = {"MSFT"}  # Polygon writes some volumes as 1.12117471e+08; one ticker does so here
NOISE = Decimal("1e-9")  # the source's rounding moves a day's ratio by less than 1e-13; the least event by 1e-3
TOLERANCE = Decimal("1e-6")  # of the adjusted close rebuilt from our events, relative


class CheckFailed(Exception):
    """What was written does not say what the source says."""


def require(condition, message):
    if not condition:
        raise CheckFailed(message)


# ------------------------------------------------------------------------------------------------ the source


def read_source(path):
    """{ticker: [row]}: tickers in name order, rows in date order, every value still the text of the CSV."""
    opener = gzip.open if path.suffix == ".gz" else open
    tickers = {}
    with opener(path, "rt", encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            for column in ("Open", "High", "Low", "Close", "Volume", "Adj Close"):
                text = row[column]
                require(JSON_NUMBER.fullmatch(text), f"{row['Ticker']} {row['Date']} {column}: {text!r}")
            require("." not in row["Volume"], f"{row['Ticker']} {row['Date']}: volume is not whole")
            tickers.setdefault(row["Ticker"], []).append(row)
    for ticker, rows in tickers.items():
        dates = [row["Date"] for row in rows]
        require(dates == sorted(set(dates)), f"{ticker}: dates are not unique and ascending")
    return dict(sorted(tickers.items()))


# ---------------------------------------------------------------------------------- splits and dividends
#
# WIKI gives no events here, but its Adj Close carries them. With f = Adj Close / Close, the ratio of one session
# to the session before, r = f(t) / f(t-1), is 1 unless t is the first session without the right. The source's
# rule, recovered from the data, is the one CRSP uses:
#
#     r = split_to / split_from * (1 + dividend / Close(t))        Close(t): the unadjusted close of the ex-date
#
# A rule on the close of the day BEFORE (1 - dividend / Close(t-1)) gives amounts that are no round cents.


def split_of(ratio):
    """The split (from, to) inside a day's ratio; (1, 1) when there is none.

    A dividend only raises the ratio, so the split is the largest candidate not above it. The smallest candidate
    is 3:2, far above any dividend of this source (the largest is 11 % of the price).
    """
    candidates = [(1, n) for n in range(2, 21)] + [(2, 3)]
    fitting = [(Decimal(to) / start, start, to) for start, to in candidates if Decimal(to) / start <= ratio + NOISE]
    _, start, to = max(fitting, default=(1, 1, 1))
    return start, to


def round_cash(amount):
    """Whole cents when they fit the data, else 4 decimals."""
    cents = amount.quantize(Decimal("0.01"))
    return cents if abs(cents - amount) < Decimal("0.00005") else amount.quantize(Decimal("0.0001"))


def derive_events(rows):
    """The splits [(date, from, to)] and dividends [(date, cash, type, frequency)] inside Adj Close."""
    splits, cash = [], []
    for before, row in zip(rows, rows[1:]):
        ratio = Decimal(row["Adj Close"]) / Decimal(row["Close"])
        ratio /= Decimal(before["Adj Close"]) / Decimal(before["Close"])
        if abs(ratio - 1) < NOISE:
            continue
        require(ratio > 1, f"{row['Ticker']} {row['Date']}: a reverse split is not handled (ratio {ratio})")
        start, to = split_of(ratio)
        if to != start:
            splits.append((row["Date"], start, to))
        rest = ratio * start / to - 1
        if rest > NOISE:
            cash.append((row["Date"], round_cash(Decimal(row["Close"]) * rest)))

    # A day's cash is one sum in the source. A sum above five times the last regular dividend is taken for that
    # regular dividend plus a special one paid on the same ex-date (MSFT 2004-11-15: 3.08 = 0.08 + 3.00).
    regular, special = [], []
    for date, amount in cash:
        if regular and amount > 5 * regular[-1][1]:
            special.append((date, amount - regular[-1][1], "SC", 0))
            amount = regular[-1][1]
        regular.append((date, amount))

    # Frequency is no part of the source either: quarterly when another regular dividend lies within 120 days,
    # yearly when none does; 0, "one-time", for a special one.
    dividends = list(special)
    for date, amount in regular:
        day = dt.date.fromisoformat(date)
        near = any(0 < abs((dt.date.fromisoformat(other) - day).days) <= 120 for other, _ in regular)
        dividends.append((date, amount, "CD", 4 if near else 1))
    return splits, sorted(dividends, key=lambda event: (event[0], event[2]))


def chain_error(rows, splits, dividends):
    """Rebuild Adj Close from Close and the events; the largest relative error.

    The chain starts at the last session's own factor: WIKI also adjusts for events after the end of this file.
    """
    multiple, paid = {}, {}
    for date, start, to in splits:
        multiple[date] = multiple.get(date, 1) * Decimal(to) / Decimal(start)
    for date, amount in dividends:
        paid[date] = paid.get(date, 0) + amount
    factor = Decimal(rows[-1]["Adj Close"]) / Decimal(rows[-1]["Close"])
    worst = Decimal(0)
    for row in reversed(rows):
        close, truth = Decimal(row["Close"]), Decimal(row["Adj Close"])
        worst = max(worst, abs(close * factor / truth - 1))
        factor /= multiple.get(row["Date"], 1) * (1 + paid.get(row["Date"], Decimal(0)) / close)
    return worst


# ------------------------------------------------------------------------------------------------ the pages


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def digest(text):
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def midnight_ms(date):
    """Midnight of the day in New York, Unix milliseconds: 05:00Z or 04:00Z by daylight saving."""
    return int(dt.datetime.combine(date, dt.time(), NEW_YORK).timestamp()) * 1000


def scientific(volume):
    """A whole number as 1.12117471e+08, exactly equal to it."""
    mantissa = volume[0] + ("." + volume[1:].rstrip("0")).rstrip(".")
    text = f"{mantissa}e+{len(volume) - 1:02d}"
    require(Decimal(text) == Decimal(volume), f"{text} is not {volume}")
    return text


def plain(amount):
    """A decimal as JSON writers print it: no exponent, no trailing zeros."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def bar(ticker, row):
    volume = scientific(row["Volume"]) if ticker in SCIENTIFIC_VOLUME else row["Volume"]
    stamp = midnight_ms(dt.date.fromisoformat(row["Date"]))
    return (
        f'{{"v":{volume},"o":{row["Open"]},"c":{row["Close"]},"h":{row["High"]},"l":{row["Low"]},"t":{stamp}}}'
    )


def aggregate_pages(ticker, rows, start, end):
    """(name, path, query, body) of every page of a ticker's daily bars."""
    base = f"/v2/aggs/ticker/{ticker}/range/1/day"
    path, query = f"{base}/{start}/{end}", {"adjusted": "false", "sort": "asc", "limit": str(PAGE)}
    # As observed: the cursor carries limit and sort but not `adjusted`, and base64 has lost its padding.
    cursor = base64.urlsafe_b64encode(f"limit={PAGE}&sort=asc".encode()).decode().rstrip("=")
    for number, first in enumerate(range(0, len(rows), PAGE), 1):
        chunk = rows[first : first + PAGE]
        tail = {"status": "OK", "request_id": digest(f"{path}?{urlencode(query)}")[:32], "count": len(chunk)}
        follow = first + PAGE < len(rows)
        if follow:  # the next request starts at the midnight after the last bar
            after = midnight_ms(dt.date.fromisoformat(chunk[-1]["Date"]) + dt.timedelta(days=1))
            next_path, next_query = f"{base}/{after}/{end}", {"cursor": cursor}
            tail["next_url"] = f"{HOST}{next_path}?{urlencode(next_query)}"
        head = {"ticker": ticker, "queryCount": len(chunk), "resultsCount": len(chunk), "adjusted": False}
        bars = ",".join(bar(ticker, row) for row in chunk)
        yield f"{ticker}-1day-{number:03d}", path, query, f'{compact(head)[:-1]},"results":[{bars}],{compact(tail)[1:]}'
        if follow:
            path, query = next_path, next_query


def reference_page(kind, ticker, sort, results):
    """(name, path, query, body) of a ticker's splits or dividends, always one page here."""
    require(len(results) <= PAGE, f"{ticker}: {kind} need a second page")
    path, query = f"/v3/reference/{kind}", {"ticker": ticker, "order": "asc", "limit": str(PAGE), "sort": sort}
    tail = {"status": "OK", "request_id": digest(f"{path}?{urlencode(query)}")[:32]}
    return f"{ticker}-{kind}-001", path, query, f'{{"results":[{",".join(results)}],{compact(tail)[1:]}'


def split_result(ticker, date, start, to):
    key = "E" + digest(f"split|{ticker}|{date}|{start}|{to}")
    return compact({"id": key, "ticker": ticker, "execution_date": date, "split_from": start, "split_to": to})


def dividend_result(ticker, date, amount, kind, frequency):
    key = "E" + digest(f"dividend|{ticker}|{date}|{kind}|{plain(amount)}")
    rest = {"currency": "USD", "dividend_type": kind, "ex_dividend_date": date, "frequency": frequency}
    return (
        f'{compact({"id": key, "ticker": ticker})[:-1]},"cash_amount":{plain(amount)},{compact(rest)[1:]}'
    )


def make(tickers, out):
    """Write the pages and recording.json; the names of the files written, relative to `out`."""
    start = min(rows[0]["Date"] for rows in tickers.values())
    end = max(rows[-1]["Date"] for rows in tickers.values())
    pages = []
    for ticker, rows in tickers.items():
        splits, dividends = derive_events(rows)
        pages += aggregate_pages(ticker, rows, start, end)
        pages.append(
            reference_page("splits", ticker, "execution_date", [split_result(ticker, *event) for event in splits])
        )
        pages.append(
            reference_page(
                "dividends", ticker, "ex_dividend_date", [dividend_result(ticker, *event) for event in dividends]
            )
        )

    (out / "pages").mkdir(parents=True, exist_ok=True)
    responses = []
    for name, path, query, body in pages:
        raw = body.encode("ascii")
        (out / "pages" / f"{name}.json").write_bytes(raw)
        responses.append(
            {
                "method": "GET",
                "path": path,
                "query": query,
                "status": 200,
                "headers": {"content-type": "application/json"},
                "body_file": f"pages/{name}.json",
                "sha256": hashlib.sha256(raw).hexdigest(),
            }
        )
    # One instant for the whole recording: the night after the last session, when its bar is final.
    recorded = dt.date.fromisoformat(end) + dt.timedelta(days=1)
    index = {
        "source": "polygon",
        "recorded_at": f"{recorded}T02:00:00Z",
        "license": LICENSE,
        "responses": responses,
    }
    (out / "recording.json").write_bytes((json.dumps(index, indent=2) + "\n").encode("ascii"))
    return ["recording.json"] + [response["body_file"] for response in responses]


# ------------------------------------------------------------------------------------------------ the check


def verify(tickers, out):
    """Read `out` back as a client would and compare it with the source; the report's lines."""
    index = json.loads((out / "recording.json").read_bytes())
    answers = {}
    for response in index["responses"]:
        raw = (out / response["body_file"]).read_bytes()
        name = response["body_file"]
        require(hashlib.sha256(raw).hexdigest() == response["sha256"], f"{name}: not the recorded SHA-256")
        request = (response["path"], tuple(sorted(response["query"].items())))
        require(request not in answers, f"{name}: the request is recorded twice")
        answers[request] = json.loads(raw, parse_float=str, parse_int=str)  # numbers stay the text of the file
    unused = set(answers)

    def get(path, query):
        request = (path, tuple(sorted(query.items())))
        require(request in answers, f"no answer recorded for {request}")
        unused.discard(request)
        return answers[request]

    start = min(rows[0]["Date"] for rows in tickers.values())
    end = max(rows[-1]["Date"] for rows in tickers.values())
    lines, total, worst = [], 0, Decimal(0)
    for ticker, rows in tickers.items():
        path, query = f"/v2/aggs/ticker/{ticker}/range/1/day/{start}/{end}", {
            "adjusted": "false",
            "sort": "asc",
            "limit": str(PAGE),
        }
        bars, count = [], 0
        while path:
            page = get(path, query)
            bars += page["results"]
            count += 1
            size = str(len(page["results"]))
            require(page["ticker"] == ticker and page["adjusted"] is False, f"{path}: ticker or adjusted")
            require(page["status"] == "OK", f"{path}: status")
            require({page["queryCount"], page["resultsCount"], page["count"]} == {size}, f"{path}: counts")
            link = urlsplit(page.get("next_url", ""))
            require(link.netloc in ("", urlsplit(HOST).netloc), f"{path}: host of next_url")
            path, query = link.path, dict(parse_qsl(link.query))

        require(len(bars) == len(rows), f"{ticker}: {len(bars)} bars, {len(rows)} rows")
        for got, row in zip(bars, rows):
            label = f"{ticker} {row['Date']}"
            instant = dt.datetime.fromtimestamp(int(got["t"]) // 1000, NEW_YORK)
            require(instant.isoformat()[:19] == f"{row['Date']}T00:00:00", f"{label}: t {got['t']}")
            literals = (got["o"], got["h"], got["l"], got["c"])
            require(literals == (row["Open"], row["High"], row["Low"], row["Close"]), f"{label}: {literals}")
            require(Decimal(got["v"]) == Decimal(row["Volume"]), f"{label}: v {got['v']}")
            require(("e+" in got["v"]) == (ticker in SCIENTIFIC_VOLUME), f"{label}: form of v")
        closes = sum(Decimal(got["c"]) for got in bars)
        require(closes == sum(Decimal(row["Close"]) for row in rows), f"{ticker}: sum of the closes")

        query = {"ticker": ticker, "order": "asc", "limit": str(PAGE), "sort": "execution_date"}
        splits = [
            (item["execution_date"], item["split_from"], item["split_to"])
            for item in get("/v3/reference/splits", query)["results"]
        ]
        dividends = get("/v3/reference/dividends", {**query, "sort": "ex_dividend_date"})["results"]
        cash = [(item["ex_dividend_date"], Decimal(item["cash_amount"])) for item in dividends]
        known = {row["Date"] for row in rows}
        require(all(event[0] in known for event in splits + cash), f"{ticker}: an event on no session")
        error = chain_error(rows, splits, cash)
        require(error <= TOLERANCE, f"{ticker}: Adj Close is rebuilt with an error of {float(error):.2e}")
        total, worst = total + len(bars), max(worst, error)
        kinds = Counter(item["dividend_type"] for item in dividends)
        lines.append(
            f"{ticker:5} {len(bars):5} bars, pages {count}, {rows[0]['Date']} to {rows[-1]['Date']}, "
            f"sum of closes {closes}; splits {len(splits)}, dividends {kinds['CD']} regular, {kinds['SC']} special; "
            f"Adj Close rebuilt within {float(error):.1e}"
        )
    require(not unused, f"recorded but never asked for: {sorted(unused)}")
    size = sum(path.stat().st_size for path in (out / "pages").glob("*.json"))
    lines.append(f"all   {total:5} bars, {len(answers)} answers, {size} bytes, largest relative error {float(worst):.1e}")
    return lines


def compare(fresh, names, out):
    """Names of the files that differ between the fresh folder and `out`, or are in one only."""
    present = {path.relative_to(out).as_posix() for path in (out / "pages").glob("*")}
    wrong = sorted(present - set(names))
    for name in names:
        if not (out / name).is_file() or (out / name).read_bytes() != (fresh / name).read_bytes():
            wrong.append(name)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("source", type=Path, help="the WIKI prices, .csv or .csv.gz")
    parser.add_argument("out", type=Path, nargs="?", default=Path(__file__).resolve().parent)
    parser.add_argument("--check", action="store_true", help="compare with OUT and write nothing there")
    options = parser.parse_args()
    if not options.source.is_file():
        parser.error(f"no such file: {options.source}")

    try:
        with localcontext() as context, tempfile.TemporaryDirectory() as folder:
            context.prec = 40
            tickers = read_source(options.source)
            fresh = Path(folder) if options.check else options.out
            names = make(tickers, fresh)
            print("\n".join(verify(tickers, fresh)))
            wrong = compare(fresh, names, options.out)
            require(not wrong, "not as this script makes it: " + ", ".join(wrong))
    except CheckFailed as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    print("the files match the source" if options.check else f"wrote {len(names)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
