#!/usr/bin/env python3
"""Holds the watchlists in samples/watchlists against their own words, and the FTSE 100 against a list that you downloaded.

    scripts/watchlist-check.py                                the shipped lists: form, no symbol twice, source and day of an index
    scripts/watchlist-check.py --against FILE.csv             who joined and who left since; exit code 1 where the lists differ
    scripts/watchlist-check.py --against FILE.csv --write --as-of 2026-12-21 --source TEXT
                                                              put the list of FILE into the watchlist

FILE is a CSV with a column of tickers, under a name such as Ticker, EPIC, Symbol or Code (--column NAME for another): the constituents
that the exchange or the index provider lets you download, or the holdings of a fund that follows the index. Lines above the header, and
rows of cash and futures, are passed over. Tickers may be written as the exchange does (`BP.`, `BT.A`) or as Yahoo does (`BP.L`, `BT-A.L`).
"""

import argparse
import csv
import datetime
import io
import json
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "samples/watchlists"
FTSE = FOLDER / "ftse100.json"
COLUMNS = ("ticker", "epic", "tidm", "symbol", "ticker symbol", "code", "mnemonic")
# What a symbol looks like, by the market that a list is of: as its source is asked for it.
FORMS = {
    "XLON": re.compile(r"^[A-Z0-9]{1,4}(-[A-Z])?\.L$"),
    "BVMF": re.compile(r"^[A-Z]{4}\d{1,2}$"),
    "crypto": re.compile(r"^[A-Z0-9]+-[A-Z]{3}$"),
    "other": re.compile(r"^[A-Z]+([.-][A-Z])?$"),
}
AS_OF = re.compile(r"\bAs of (\d{4}-\d\d-\d\d)\b")
SOURCE = re.compile(r"\bSource: \S.+?\.(?= |$)")


def faults(path):
    """What is wrong with a watchlist, as sentences."""
    written = json.loads(path.read_text())
    found = []
    if written.get("name") != path.stem:
        found.append(f"the name is {written.get('name')!r}, the file's is {path.stem!r}")
    symbols = [row["symbol"] for row in written["symbols"]]
    form = FORMS.get("crypto" if written["asset_class"] == "crypto" else written.get("mic"), FORMS["other"])
    found += [f"{symbol} is not of the form {form.pattern}" for symbol in symbols if not form.match(symbol)]
    found += [f"{symbol} is there twice" for symbol in sorted({one for one in symbols if symbols.count(one) > 1})]
    if path.name == FTSE.name:
        if len(symbols) != 100:
            found.append(f"{len(symbols)} symbols in place of 100")
        if symbols != sorted(symbols):
            found.append("the symbols are not in order")
        if not SOURCE.search(written["description"]):
            found.append("the description names no source (`Source: ... .`)")
        if not as_of(written["description"]):
            found.append("the description has no day (`As of YYYY-MM-DD`)")
    return found


def as_of(description):
    """The day that a description says a list is of."""
    found = AS_OF.search(description)
    return datetime.date.fromisoformat(found.group(1)) if found else None


def reviews(after, until):
    """The days from which the quarterly reviews of the index hold: the Mondays after the third Fridays of the quarters' last months."""
    for year in range(after.year, until.year + 1):
        for month in (3, 6, 9, 12):
            first = datetime.date(year, month, 1)
            monday = first + datetime.timedelta(days=(4 - first.weekday()) % 7 + 14 + 3)
            if after < monday <= until:
                yield monday


def yahoo(ticker):
    """A ticker of London as Yahoo writes it."""
    bare = re.sub(r"^(LON|LSE|XLON):", "", ticker.strip().upper())
    bare = bare.removesuffix(".L").rstrip(".")
    return re.sub(r"[./]", "-", bare) + ".L"


def read(text, column=None):
    """The symbols of a CSV, and how many rows were passed over."""
    wanted = (column.lower(),) if column else COLUMNS

    def header(delimiter):
        """The rows, where the header is, its names, and the place of the tickers; none where no line has them."""
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
        for at, row in enumerate(rows):
            names = [cell.strip().lower() for cell in row]
            place = next((names.index(name) for name in wanted if name in names), None)
            if place is not None:
                return rows, at, names, place
        return None

    # The delimiter is the one by which the header's line has the column.
    found = next(filter(None, map(header, ",;\t|")), None)
    if not found:
        sys.exit(f"no line has a column {' or '.join(wanted)}: name it with --column")
    rows, at, names, place = found
    kind = names.index("asset class") if "asset class" in names else None
    symbols, passed = set(), 0
    for row in rows[at + 1:]:
        ticker = row[place].strip() if len(row) > place else ""
        if not re.search(r"[A-Za-z0-9]", ticker) or (kind is not None and "".join(row[kind:kind + 1]).strip().lower() != "equity"):
            passed += any(cell.strip() for cell in row)
            continue
        symbol = yahoo(ticker)
        if not FORMS["XLON"].match(symbol):
            sys.exit(f"{ticker!r} is no ticker of London")
        symbols.add(symbol)
    return symbols, passed


def text_of(written):
    """A watchlist as the shipped ones are written: five symbols a line."""
    rows = [json.dumps(row, ensure_ascii=False) for row in written["symbols"]]
    lines = [", ".join(rows[at:at + 5]) for at in range(0, len(rows), 5)]
    head = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}," for key, value in written.items() if key != "symbols"]
    return "{\n" + "\n".join(head) + '\n  "symbols": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n"


def put(written, symbols, day, source):
    """The watchlist with these symbols, and with what it knew of those that stay."""
    known = {row["symbol"]: row for row in written["symbols"]}
    description = re.sub(AS_OF, f"As of {day}", written["description"])
    description = re.sub(SOURCE, lambda _: f"Source: {source.rstrip('.')}.", description)
    return {**written, "description": description, "symbols": [known.get(symbol, {"symbol": symbol}) for symbol in sorted(symbols)]}


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--against", type=pathlib.Path, metavar="FILE")
    asked.add_argument("--column")
    asked.add_argument("--write", action="store_true")
    asked.add_argument("--as-of", type=datetime.date.fromisoformat)
    asked.add_argument("--source")
    asked.add_argument("--watchlist", type=pathlib.Path, default=FTSE, metavar="FILE")
    asked = asked.parse_args()

    if not asked.against:
        found = [(path, fault) for path in sorted(FOLDER.glob("*.json")) for fault in faults(path)]
        for path, fault in found:
            print(f"{path.name}: {fault}")
        day = as_of(json.loads(FTSE.read_text())["description"])
        since = list(reviews(day, datetime.date.today())) if day else []
        if since:
            print(f"note: {FTSE.name} is of {day}; reviews of the index since: {', '.join(map(str, since))}. Hold it against a list of today")
        sys.exit(1 if found else 0)

    written = json.loads(asked.watchlist.read_text())
    symbols, passed = read(asked.against.read_text(encoding="utf-8-sig"), asked.column)
    before = {row["symbol"] for row in written["symbols"]}
    print(f"{len(symbols)} companies in {asked.against.name}, {len(before)} in {asked.watchlist.name}; {passed} rows passed over")
    for sign, names in (("+", symbols - before), ("-", before - symbols)):
        for name in sorted(names):
            print(f"  {sign} {name}")
    if asked.write:
        if not (asked.as_of and asked.source):
            sys.exit("--write needs --as-of YYYY-MM-DD and --source TEXT")
        asked.watchlist.write_text(text_of(put(written, symbols, asked.as_of, asked.source)))
    elif symbols != before:
        sys.exit(1)


if __name__ == "__main__":
    main()
