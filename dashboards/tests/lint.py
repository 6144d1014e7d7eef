"""What a dashboard has to keep to, so that it plots, names what it shows and does not run up a bill."""

import json
import pathlib
import re

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
MAX_RANGE_DAYS = 90
IN_MONTHS = "month BETWEEN '${__from:date:YYYY-MM}' AND '${__to:date:YYYY-MM}'"
# Bars of every provider and adjustment: a panel that reads them mixes several series of one instrument.
EVERY_SERIES = {"daily_bars_dash", "weekly_bars_dash", "monthly_bars_dash", "intraday_bars_dash"}
# Of these a panel may ask for what no figure is made of.
WITHOUT_FIGURES = ("text", "row")


def views():
    """The `_dash` views that Terraform makes: one for each table, and those written by hand."""
    tables = [path.name.removesuffix(".columns.json") for path in (REPOSITORY / "infra/generated").glob("*.columns.json")]
    written = [path.stem for path in (REPOSITORY / "infra/modules/catalog/views").glob("*_dash.sql")]
    return {f"{table}_dash" for table in tables} | set(written)


def by_month():
    """The views whose rows lie in partitions by month."""
    tables = [json.loads(path.read_text()) for path in (REPOSITORY / "infra/generated").glob("*.columns.json")]
    parted = {f"{table['table']}_dash" for table in tables if any(key["name"] == "month" for key in table["partition_keys"])}
    return parted | {"daily_series_dash", "freshness_dash"}


def days(text):
    """`now-90d` as 90."""
    found = re.fullmatch(r"now-(\d+)d", text)
    return int(found.group(1)) if found else None


def sources(sql):
    """What a query reads: names after FROM and JOIN that are no names of its own WITH."""
    own = set(re.findall(r"(\w+) AS \(\s*SELECT", sql))
    return set(re.findall(r"(?:FROM|JOIN)\s+(\w+)", sql)) - own


def query_faults(target, known):
    """What is wrong with one query."""
    sql, arguments = target.get("rawSQL", ""), target.get("connectionArgs", {})
    read = sources(sql)
    faults = [f"reads {name}, which is no _dash view" for name in sorted(read - known)]
    if not read:
        faults.append("reads nothing")
    if not re.search(r"\$__dateFilter\([\w.]+\)", sql):
        faults.append("is not bounded by the dashboard's range: $__dateFilter is missing")
    parted = read & by_month()
    if sql.count(IN_MONTHS) < len(parted):
        faults.append(f"reads every partition of {', '.join(sorted(parted))}: a range of month is missing")
    faults += [f"mixes the series of an instrument: {name} has all of them" for name in sorted(read & EVERY_SERIES)]
    if re.search(r"(WHERE|AND)\s+[\w.]*adjustment\s*(=\s*'|IN\s*\()", sql):
        faults.append("keeps one adjustment: a lake that has others shows nothing")
    if re.search(r"\b(symbol|series) IN\b", sql) and not ("preference" in sql and "place = 1" in sql):
        faults.append("does not choose the preferred series")
    if "$__timeFilter" in sql:
        faults.append("uses $__timeFilter, which does not prune partitions")
    if re.search(r"\bdecimal\b", sql, re.I):
        faults.append("makes a decimal, which Grafana reads as text")
    if not arguments.get("resultReuseEnabled") or not 0 < arguments.get("resultReuseMaxAgeInMinutes", 0) <= 7 * 24 * 60:
        faults.append("does not reuse results")
    return faults


def look_faults(panel):
    """What a person would miss on a panel."""
    faults = []
    defaults = panel["fieldConfig"]["defaults"]
    if not panel.get("description"):
        faults.append("says nothing about itself")
    if panel["type"] in ("timeseries", "stat") and not defaults.get("unit"):
        faults.append("has no unit")
    for target in panel.get("targets", []):
        # The name of a series is a label of its field, where the query has a column of text.
        named = re.search(r"AS time, (?:[^,]* AS )?(series|name|dataset|stage|source)\b", target["rawSQL"])
        if panel["type"] == "timeseries" and named and defaults.get("displayName") != f"${{__field.labels.{named.group(1)}}}":
            faults.append(f"does not call its series by {named.group(1)}")
    if panel["type"] in ("timeseries", "candlestick") and not panel["options"]["legend"]["showLegend"]:
        faults.append("has no legend")
    return faults


def dashboard_faults(dashboard, known):
    """What is wrong with a dashboard."""
    faults = []
    if dashboard.get("refresh"):
        faults.append(f"refreshes by itself every {dashboard['refresh']}")
    if dashboard.get("timepicker", {}).get("refresh_intervals"):
        faults.append("offers to refresh by itself")
    time = dashboard.get("time", {})
    length = days(time.get("from", ""))
    if length is None or length > MAX_RANGE_DAYS or time.get("to") != "now":
        faults.append(f"opens with {time}, not with at most {MAX_RANGE_DAYS} days to now")
    if not dashboard.get("panels"):
        faults.append("has no panel")
    for panel in dashboard.get("panels", []):
        if panel["type"] in WITHOUT_FIGURES:
            continue
        faults += [f"{panel.get('title')}: {fault}" for fault in look_faults(panel)]
        if not panel.get("targets"):
            faults.append(f"{panel.get('title')}: asks nothing")
        for target in panel.get("targets", []):
            faults += [f"{panel['title']}: {fault}" for fault in query_faults(target, known)]
    for variable in dashboard.get("templating", {}).get("list", []):
        if variable["type"] == "query":
            faults += [f"${variable['name']}: {fault}" for fault in query_faults(variable["query"], known)]
            if variable.get("refresh") not in (0, 1):
                faults.append(f"${variable['name']}: asks again whenever the range changes")
    return faults
