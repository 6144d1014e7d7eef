#!/usr/bin/env python3
"""What publishing costs as a table grows: whole `quotelake load` runs, check included.

    publish.py PROGRAM [--month-rows N] [--write]

1. A day's 1,000 bars into a month that holds 5,000,000 rows of other symbols (--month-rows).
2. A thousand files of 50 rows in one load: a thousand staged objects in one drain.
3. 250 sessions of 500 symbols, loaded one day at a time: whether the last 50 loads cost more than the first 50 full months did.
"""

import argparse
import datetime
import gzip
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs/performance.md"
CONTRACT = REPOSITORY / "samples/contracts/vendor_bars.yaml"


def bar(symbol, timespan, ts, cents):
    """A bar's line; prices follow from `cents`."""
    return (f'{{"provider":"polygon","symbol":"{symbol}","timespan":"{timespan}","ts":{ts},"open":{cents / 100},"high":{(cents + 40) / 100},'
            f'"low":{(cents - 35) / 100},"close":{(cents + 7) / 100},"volume":{cents * 731},"vwap":{cents / 100},"trades":{cents},'
            f'"currency":"USD","ingested_at":"2026-11-21T05:00:00.123Z"}}\n')


def write(path, lines):
    """Lines as gzip. By a process of its own: a process that is started counts what its parent holds as its own peak."""
    if (child := os.fork()) == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("".join(lines()).encode(), compresslevel=1, mtime=0))
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"{path} was not written")


def load(program, lake, *paths):
    """Wall and CPU seconds, peak MiB and the report of one load."""
    start = time.monotonic()
    command = [program, "--json", "load", "--lake", lake, "--dataset", "vendor_bars", "--contract", CONTRACT, *paths]
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"load ended with {process.returncode}: {output[-500:]}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, json.loads(output)


def stamp(day, minute=0):
    """Unix milliseconds of a minute of a day."""
    return int(datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc).timestamp() * 1000) + minute * 60_000


def a_day_into_a_month(program, folder, month_rows):
    """Minute bars of 20 days, then the day that is missing."""
    first = datetime.date(2026, 3, 2)
    minutes, symbols = 390, max(1, month_rows // (20 * 390))
    for day in range(20):
        date = first + datetime.timedelta(days=day)
        write(folder / f"month/day-{day:02}.ndjson.gz",
              lambda date=date: [bar(f"S{symbol:04}", "minute", stamp(date, minute), 2000 + (symbol * 7 + minute) % 900)
                                 for minute in range(minutes) for symbol in range(symbols)])
    _, _, _, report = load(program, folder / "lake", folder / "month")
    held = report["rows_out"]
    date = first + datetime.timedelta(days=20)
    write(folder / "day/day.ndjson.gz", lambda: [bar(f"S{symbol:04}", "day", stamp(date), 2000 + symbol) for symbol in range(1000)])
    wall, cpu, peak, report = load(program, folder / "lake", folder / "day")
    assert report["inserted"] == 1000 and report["rows_out"] == held + 1000, report
    return f"1,000 bars into a month of {held:,} rows", wall, cpu, peak


def a_thousand_objects(program, folder):
    """A thousand small files at once."""
    date = datetime.date(2026, 3, 2)
    for number in range(1000):
        write(folder / f"small/part-{number:04}.ndjson.gz",
              lambda number=number: [bar(f"S{symbol:04}", "minute", stamp(date, number), 2000 + symbol) for symbol in range(50)])
    wall, cpu, peak, report = load(program, folder / "lake-small", folder / "small")
    assert report["rows_out"] == 50_000 and report["objects"] == 1000 and report["files"] == 1, report
    return "1,000 files of 50 rows in one load", wall, cpu, peak


def a_year_day_by_day(program, folder):
    """250 loads; CPU of each."""
    date, costs, peaks = datetime.date(2026, 1, 1), [], []
    days = (date + datetime.timedelta(days=day) for day in range(366))
    sessions = [day for day in days if day.weekday() < 5][:250]
    for number, day in enumerate(sessions):
        write(folder / f"daily/{number:03}.ndjson.gz",
              lambda day=day: [bar(f"S{symbol:04}", "day", stamp(day), 2000 + symbol) for symbol in range(500)])
    for number in range(len(sessions)):
        _, cpu, peak, report = load(program, folder / "lake-daily", folder / f"daily/{number:03}.ndjson.gz")
        costs.append(cpu)
        peaks.append(peak)
    assert report["rows_out"] == 250 * 500, report
    return costs, max(peaks)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--month-rows", type=int, default=5_000_000)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    program = chosen.program.resolve()
    with tempfile.TemporaryDirectory(prefix="quotelake-publish-") as name:
        folder = pathlib.Path(name)
        rows = [a_day_into_a_month(program, folder, chosen.month_rows), a_thousand_objects(program, folder)]
        costs, peak = a_year_day_by_day(program, folder)
    lines = ["| job | wall s | CPU s | peak MiB |", "|---|---|---|---|"]
    lines += [f"| {what} | {wall:.2f} | {cpu:.2f} | {most:.0f} |" for what, wall, cpu, most in rows]
    # Months end at different points: the medians of fifty loads each see about two of them.
    first, last = statistics.median(costs[:50]), statistics.median(costs[-50:])
    lines += ["", f"250 daily loads of 500 bars: {first * 1000:.0f} ms of CPU a load among the first fifty, {last * 1000:.0f} ms among the last fifty "
              f"({last / first:.2f} times), peak {peak:.0f} MiB."]
    print("\n".join(lines))
    if chosen.write:
        text, content = PAGE.read_text(), "\n".join(lines)
        PAGE.write_text(re.sub(r"(<!-- bench:publish -->\n).*?(<!-- /bench:publish -->)", lambda found: f"{found[1]}\n{content}\n\n{found[2]}", text, flags=re.S))


if __name__ == "__main__":
    main()
