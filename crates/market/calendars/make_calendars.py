#!/usr/bin/env python3
"""Write the trading calendars that `quotelake_core::calendar` embeds.

    pip install exchange_calendars==4.13.2
    python3 make_calendars.py           write XNYS.json, XLON.json and BVMF.json beside this script
    python3 make_calendars.py --check   compare them with fresh ones, write nothing

A table holds the weekdays without a session, the hours, the early closes and the late opens, all in the venue's own
time, and two checksums of what the package says: the number of sessions and the sum of all closes in Unix minutes.
The Rust tests rebuild both from the table. Exit status: 0 good, 1 a difference, 2 wrong usage.

Python 3.9 or later. Behind the last day of a table the calendar answers "unknown", so the tables end where the venues
have published their holidays; move LAST and run this again once a year.
"""

import datetime as dt
import json
import pathlib
import sys

import exchange_calendars

FIRST = dt.date(2000, 1, 1)
# B3 publishes the next year's calendar late in the year: what the package says of 2027 is a rule, not a notice.
LAST = {"XNYS": dt.date(2027, 12, 31), "XLON": dt.date(2027, 12, 31), "BVMF": dt.date(2026, 12, 31)}


def table(mic, first, last):
    """The table of one venue, as ordered JSON fields."""
    calendar = exchange_calendars.get_calendar(mic, start=first.isoformat(), end=last.isoformat())
    sessions = {stamp.date(): stamp for stamp in calendar.sessions}
    weekend = [day for day in sessions if day.weekday() > 4]
    if weekend or calendar.break_starts.notna().any():
        raise SystemExit(f"{mic}: weekend sessions or lunch breaks, which the table cannot hold")
    days = [first + dt.timedelta(n) for n in range((last - first).days + 1)]
    closures = [day.isoformat() for day in days if day.weekday() < 5 and day not in sessions]
    hours = regular_hours(calendar, first, last)
    early, late, minutes = [], [], 0
    for day, stamp in sessions.items():
        opens, closes = calendar.opens[stamp], calendar.closes[stamp]
        minutes += int(closes.timestamp()) // 60
        local_open, local_close = (at.tz_convert(calendar.tz).time() for at in (opens, closes))
        usual = [row for row in hours if row["from"] <= day.isoformat()][-1]
        if str(local_open) != usual["open"]:
            late.append([day.isoformat(), str(local_open)])
        if str(local_close) != usual["close"]:
            early.append([day.isoformat(), str(local_close)])
    return {
        "source": f"exchange_calendars {exchange_calendars.__version__}, Apache-2.0, by make_calendars.py",
        "mic": mic,
        "zone": str(calendar.tz),
        "first": first.isoformat(),
        "last": last.isoformat(),
        "hours": hours,
        "closures": closures,
        "early_closes": early,
        "late_opens": late,
        "sessions": len(sessions),
        "close_minutes": minutes,
    }


def regular_hours(calendar, first, last):
    """Open and close by the day from which they hold."""
    changes = sorted({max(start.date(), first) if start else first
                      for times in (calendar.open_times, calendar.close_times) for start, _ in times})

    def at(times, day):
        return str([time for start, time in times if start is None or start.date() <= day][-1])

    return [{"from": day.isoformat(), "open": at(calendar.open_times, day), "close": at(calendar.close_times, day)}
            for day in changes if day <= last]


def render(fields):
    """JSON with one line a field, and one line a year in the lists of dates."""
    lines = []
    for name, value in fields.items():
        if isinstance(value, list) and value:
            rows, year = [], None
            for item in value:
                text = json.dumps(item)
                this = item[:4] if isinstance(item, str) else None if isinstance(item, dict) else item[0][:4]
                if rows and this is not None and this == year:
                    rows[-1] += ", " + text
                else:
                    rows.append(text)
                year = this
            shown = "[\n    " + ",\n    ".join(rows) + "\n  ]"
        else:
            shown = json.dumps(value)
        lines.append(f"  {json.dumps(name)}: {shown}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    differences = 0
    for mic, last in LAST.items():
        path = pathlib.Path(__file__).with_name(f"{mic}.json")
        text = render(table(mic, FIRST, last))
        if arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"{path.name} differs from what exchange_calendars {exchange_calendars.__version__} says")
                differences += 1
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
