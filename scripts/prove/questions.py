"""What is asked of the views and named queries of a stack, so that a laptop has the same answer: of rows of data how many there are and
how many have a value in each column; of what was done, sums that do not depend on how the work was cut."""

import base64
import dataclasses
import json
import re

# Views of what was done are asked about two days: each day of theirs is a folder to look into.
LATELY = """"day" >= current_date - interval '1' day"""
OF_CHECKS = "sum(rows_in) AS rows_in, sum(staged) AS staged, sum(quarantined) AS quarantined"
OF_RUNS = {
    "runs_dash": f"SELECT stage, dataset, sum(rows_in) AS rows_in FROM runs_dash WHERE {LATELY} AND stage = 'check' AND outcome <> 'failed' GROUP BY stage, dataset ORDER BY stage, dataset",
    "quality_dash": f"SELECT dataset, {OF_CHECKS} FROM quality_dash WHERE {LATELY} GROUP BY dataset ORDER BY dataset",
    "quarantine_dash": f"SELECT dataset, reason, sum(quarantined) AS quarantined FROM quarantine_dash WHERE {LATELY} GROUP BY dataset, reason ORDER BY dataset, reason",
    "cost_dash": f"SELECT dataset, sum(rows_in) AS rows_in FROM cost_dash WHERE {LATELY} GROUP BY dataset ORDER BY dataset",
}
# The same of named queries; of the others it is counted how many rows they give.
OF_NAMED = {
    "cost": "SELECT sum(rows_in) AS rows_in FROM (\n{}\n) AS asked",
    "quarantine": "SELECT dataset, reason, sum(quarantined) AS quarantined FROM (\n{}\n) AS asked GROUP BY dataset, reason ORDER BY dataset, reason",
}
COUNTED = "SELECT count(*) AS counted FROM (\n{}\n) AS asked"
# The newest day of the sample: named queries look at the last months.
NEWEST = "2013-03-01"


@dataclasses.dataclass
class Question:
    """What is asked, by a name for people."""

    name: str
    sql: str


def view_of(table):
    """SQL and columns of a view, as Glue keeps it."""
    text = re.fullmatch(r"/\* Presto View: (\S+) \*/", table["ViewOriginalText"]).group(1)
    view = json.loads(base64.b64decode(text))
    return {"sql": view["originalSql"], "columns": {column["name"]: column["type"] for column in view["columns"]}}


def questions(views, queries):
    """Every question about a stack's views (name: SQL and columns) and named queries (name: SQL)."""
    for name, view in sorted(views.items()):
        counts = ", ".join(["count(*)", *(f'count("{column}")' for column in view["columns"])])
        yield Question(f"view {name}", OF_RUNS.get(name) or f'SELECT {counts} FROM "{name}"')
    for name, sql in sorted(queries.items()):
        yield Question(f"query {name}", OF_NAMED.get(name, COUNTED).format(sql.strip().rstrip(";")))
        if "month >=" in sql:
            then = re.sub(r"\bcurrent_date\b", f"date '{NEWEST}'", sql)
            yield Question(f"query {name} as of {NEWEST}", COUNTED.format(then.strip().rstrip(";")))
