#!/usr/bin/env python3
"""Writes dashboards/*.json for Grafana. `--check` writes nothing and fails where a file is out of date.

Every query reads a `_dash` view (doubles, not decimals), is bounded by the dashboard's range through the partition column
where the view has one, and reuses a result of the last hour. Nothing refreshes by itself: each panel costs a query.
"""

import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent / "dashboards"
SOURCE = {"type": "grafana-athena-datasource", "uid": "quotelake-athena"}
TIME_SERIES, TABLE = 0, 1
REUSE_MINUTES = 60

MONTHS = "month BETWEEN '${__from:date:YYYY-MM}' AND '${__to:date:YYYY-MM}'"
CHOSEN = "symbol IN (${symbols:singlequote})"

SYMBOLS = f"SELECT DISTINCT symbol FROM freshness_dash WHERE {MONTHS} AND $__dateFilter(day) ORDER BY symbol"

PRICES = [
    ("timeseries", "Daily close of each company", 24, TIME_SERIES, f"""
SELECT CAST(trading_date AS timestamp) AS time, symbol, close
FROM daily_bars_dash
WHERE {MONTHS} AND $__dateFilter(trading_date) AND {CHOSEN} AND adjustment = 'raw'
ORDER BY time"""),
    ("barchart", "Average close of each company", 8, TABLE, f"""
SELECT symbol, avg(close) AS average_close
FROM daily_bars_dash
WHERE {MONTHS} AND $__dateFilter(trading_date) AND {CHOSEN} AND adjustment = 'raw'
GROUP BY symbol
ORDER BY symbol"""),
    ("timeseries", "Average close of each company and month", 16, TIME_SERIES, f"""
SELECT CAST(date_trunc('month', trading_date) AS timestamp) AS time, symbol, avg(close) AS average_close
FROM daily_bars_dash
WHERE {MONTHS} AND $__dateFilter(trading_date) AND {CHOSEN} AND adjustment = 'raw'
GROUP BY date_trunc('month', trading_date), symbol
ORDER BY time"""),
]

QUALITY = [
    ("timeseries", "Where rows went", 12, TIME_SERIES, """
SELECT CAST(day AS timestamp) AS time, sum(staged) AS staged, sum(quarantined) AS quarantined, sum(duplicates) AS duplicates
FROM quality_dash
WHERE $__dateFilter(day)
GROUP BY day
ORDER BY time"""),
    ("timeseries", "Share of rows in quarantine (%)", 12, TIME_SERIES, """
SELECT CAST(day AS timestamp) AS time, dataset, 100e0 * sum(quarantined) / nullif(sum(rows_in), 0) AS percent
FROM quality_dash
WHERE $__dateFilter(day)
GROUP BY day, dataset
ORDER BY time"""),
    ("table", "Quarantine by reason", 12, TABLE, """
SELECT dataset, reason, sum(quarantined) AS quarantined, max(day) AS last_day
FROM quarantine_dash
WHERE $__dateFilter(day)
GROUP BY dataset, reason
ORDER BY quarantined DESC"""),
    ("table", "Checks that did not simply pass", 12, TABLE, """
SELECT checked_at, dataset, decision, rows_in, quarantined, source
FROM quality_dash
WHERE $__dateFilter(day) AND decision <> 'publish'
ORDER BY checked_at DESC
LIMIT 50"""),
]

RUNS = [
    ("table", "Runs by stage", 12, TABLE, """
SELECT stage, dataset, count(*) AS runs, count_if(outcome <> 'succeeded') AS not_succeeded, sum(rows_in) AS rows_in,
  sum(rows_out) AS rows_out, sum(retries) AS retries, avg(seconds) AS average_seconds, max(ended_at) AS last_ended
FROM runs_dash
WHERE $__dateFilter(day)
GROUP BY stage, dataset
ORDER BY stage, dataset"""),
    ("table", "Runs that did not succeed", 12, TABLE, """
SELECT started_at, stage, dataset, subject, outcome, error_code, error, retries
FROM runs_dash
WHERE $__dateFilter(day) AND outcome <> 'succeeded'
ORDER BY started_at DESC
LIMIT 50"""),
    ("timeseries", "Rows out, by stage", 12, TIME_SERIES, """
SELECT CAST(day AS timestamp) AS time, stage, sum(rows_out) AS rows_out
FROM runs_dash
WHERE $__dateFilter(day)
GROUP BY day, stage
ORDER BY time"""),
    ("timeseries", "Longest run of each stage (seconds)", 12, TIME_SERIES, """
SELECT CAST(day AS timestamp) AS time, stage, max(seconds) AS seconds
FROM runs_dash
WHERE $__dateFilter(day)
GROUP BY day, stage
ORDER BY time"""),
]

FRESHNESS = [
    ("table", "Newest day of each dataset", 12, TABLE, f"""
SELECT dataset, max(day) AS newest_day, date_diff('day', max(day), current_date) AS days_ago, max(fetched_at) AS last_fetched
FROM freshness_dash
WHERE {MONTHS} AND $__dateFilter(day)
GROUP BY dataset
ORDER BY dataset"""),
    ("table", "Instruments that are behind", 12, TABLE, f"""
WITH newest AS (
  SELECT dataset, symbol, max(day) AS newest_day
  FROM freshness_dash
  WHERE {MONTHS} AND $__dateFilter(day)
  GROUP BY dataset, symbol
)
SELECT dataset, symbol, newest_day
FROM (SELECT dataset, symbol, newest_day, max(newest_day) OVER (PARTITION BY dataset) AS best_day FROM newest)
WHERE newest_day < best_day
ORDER BY newest_day, symbol
LIMIT 100"""),
    ("timeseries", "Instruments with a bar, by day", 24, TIME_SERIES, f"""
SELECT CAST(day AS timestamp) AS time, dataset, count(DISTINCT symbol) AS instruments
FROM freshness_dash
WHERE {MONTHS} AND $__dateFilter(day)
GROUP BY day, dataset
ORDER BY time"""),
]

COST = [
    ("timeseries", "Checking and publishing, by day (USD)", 16, TIME_SERIES, """
SELECT CAST(day AS timestamp) AS time, dataset, sum(usd) AS usd
FROM cost_dash
WHERE $__dateFilter(day)
GROUP BY day, dataset
ORDER BY time"""),
    ("stat", "In this range (USD)", 8, TABLE, """
SELECT sum(usd) AS usd, sum(checks) AS checks
FROM cost_dash
WHERE $__dateFilter(day)"""),
    ("table", "By dataset", 24, TABLE, """
SELECT dataset, sum(checks) AS checks, sum(rows_in) AS rows_in, sum(usd) AS usd
FROM cost_dash
WHERE $__dateFilter(day)
GROUP BY dataset
ORDER BY usd DESC"""),
]

# file => title, days of the default range, panels, whether instruments are chosen
DASHBOARDS = {
    "prices": ("Prices", 90, PRICES, True),
    "quality": ("Quality", 30, QUALITY + RUNS, False),
    "freshness": ("Freshness", 30, FRESHNESS, False),
    "cost": ("Cost of the pipeline", 31, COST, False),
}


def target(sql, shape):
    """A query of the Athena plugin."""
    return {
        "refId": "A",
        "datasource": SOURCE,
        "format": shape,
        "rawSQL": sql.strip(),
        "connectionArgs": {
            "region": "__default", "catalog": "__default", "database": "__default",
            "resultReuseEnabled": True, "resultReuseMaxAgeInMinutes": REUSE_MINUTES,
        },
    }


def panels(specs):
    """Panels in rows of 24 columns."""
    x = y = 0
    for number, (kind, title, width, shape, sql) in enumerate(specs, start=1):
        if x + width > 24:
            x, y = 0, y + 10
        yield {
            "id": number, "type": kind, "title": title, "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": width, "h": 10},
            "fieldConfig": {"defaults": {}, "overrides": []},
            "options": {},
            "targets": [target(sql, shape)],
        }
        x += width


def symbols():
    """The choice of instruments, from what the range holds."""
    query = target(SYMBOLS, TABLE)
    return {
        "name": "symbols", "label": "Companies", "type": "query", "datasource": SOURCE, "query": query,
        "refresh": 1, "multi": True, "includeAll": True, "sort": 1, "current": {"text": ["All"], "value": ["$__all"]},
    }


def dashboard(name):
    """One dashboard."""
    title, days, specs, choose = DASHBOARDS[name]
    return {
        "uid": f"quotelake-{name}", "title": f"Quotelake: {title}", "tags": ["quotelake"], "schemaVersion": 39, "version": 1,
        "timezone": "utc", "editable": True, "refresh": "", "time": {"from": f"now-{days}d", "to": "now"},
        "timepicker": {"refresh_intervals": [], "hidden": False},
        "templating": {"list": [symbols()] if choose else []},
        "panels": list(panels(specs)),
    }


def main():
    stale = []
    for name in DASHBOARDS:
        path = FOLDER / f"{name}.json"
        text = json.dumps(dashboard(name), indent=2) + "\n"
        if path.exists() and path.read_text() == text:
            continue
        if "--check" in sys.argv:
            stale.append(path.name)
        else:
            path.write_text(text)
    if stale:
        sys.exit(f"out of date, `make dashboards` writes them: {', '.join(stale)}")


if __name__ == "__main__":
    main()
