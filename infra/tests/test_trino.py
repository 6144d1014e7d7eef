#!/usr/bin/env python3
"""Asks a real Trino, the engine behind Athena, about lakes of every shape: what Terraform made in an emulator's Glue, files in its S3.

    python3 infra/tests/test_trino.py PROGRAM [LAKE ...]    the program makes the lakes; folders of others are asked about as well

Every table, view, named query, panel and dashboard variable is run, and its rows are held against DuckDB's on the same files.
Needs terraform with the AWS provider, and what scripts/trino.sh needs.
"""

import datetime
import json
import pathlib
import re
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import rig
from lakes import Lake, Maker
from oracle import Oracle, plain, same, tables_of

INFRA = pathlib.Path(__file__).resolve().parent.parent
DASHBOARDS = sorted((INFRA.parent / "dashboards/grafana/dashboards").glob("*.json"))
QUERIES = sorted((INFRA / "modules/query/queries").glob("*.sql"))
PROGRAM, OTHERS = None, []
# Views of what was done: they are asked of some days, as a panel asks.
OF_RUNS = ("quality_dash", "quarantine_dash", "cost_dash", "runs_dash")
# Questions that are asked at the same time.
AT_ONCE = 4
BEGAN = time.monotonic()
# The days of which runs and checks are asked: those of the tests are of today. Each day of a projection is a folder to look into.
LATELY = [str(datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=days)) for days in (-1, 1)]
SINCE = f""""day" >= date '{LATELY[0]}'"""
# How Trino calls Hive's types.
TYPES = {"string": "varchar", "int": "integer", "timestamp": "timestamp(3)"}


def of_grafana(sql, symbols):
    """A panel's SQL with its macros and variables filled in as the plugin does, for what a lake of the tests may hold: rows of years, but
    work of today."""
    first = "2012-12-01" if "month BETWEEN" in sql else LATELY[0]
    sql = re.sub(r"\$__dateFilter\((\w+)\)", rf"\1 BETWEEN date '{first}' AND date '{LATELY[1]}'", sql)
    sql = sql.replace("${__from:date:YYYY-MM}", first[:7]).replace("${__to:date:YYYY-MM}", LATELY[1][:7])
    return sql.replace("${symbols:singlequote}", ",".join(f"'{symbol}'" for symbol in symbols) or "''")


def figures(column):
    """What is compared of a column: exact in both engines."""
    kind, name = column["type"], f'"{column["name"]}"'
    if kind.startswith("decimal") or kind in ("int", "bigint"):
        return [f"count({name})", f"sum(CAST({name} AS decimal(38,{kind.split(',')[1].rstrip(')') if ',' in kind else 0})))"]
    if kind == "timestamp":
        return [f"count({name})", f"min(CAST({name} AS timestamp))", f"max(CAST({name} AS timestamp))"]
    return [f"count({name})", f"min({name})", f"max({name})"]


class Statements:
    """What is asked of a lake: (name, SQL), each for both engines."""

    def __init__(self, lake, views, symbols):
        self.lake, self.views, self.symbols = lake, views, symbols

    def tables(self):
        for table, folder in tables_of(self.lake):
            name, columns = f'"{table["table"]}"', table["columns"] + table["partition_keys"]
            # One question for all columns: a file costs more to open than to read.
            some = f" WHERE {SINCE}" if folder.startswith(("runs", "quality")) else ""
            yield f"table {name}", f"SELECT count(*), {', '.join(figure for column in columns for figure in figures(column))} FROM {name}{some}"

    def view_rows(self):
        for name, view in self.views.items():
            columns = ", ".join(f'"{column}"' for column in view["columns"])
            some = " ORDER BY symbol, trading_date, provider, adjustment LIMIT 500" if "trading_date" in view["columns"] else ""
            if name in OF_RUNS:
                some = f" WHERE {SINCE}"
            elif self.lake.name == "many" and name == "daily_dash":
                some = " WHERE day >= '2025'"
            yield f"view {name}", f'SELECT {columns} FROM "{name}"{some}'

    def queries(self):
        for path in QUERIES:
            sql = path.read_text()
            yield f"query {path.stem}", sql
            # As if it were the lake's last day: then there are rows.
            if "month >=" in sql:
                yield f"query {path.stem} on {self.lake.today}", re.sub(r"\bcurrent_date\b", f"date '{self.lake.today}'", sql)

    def panels(self):
        for path in DASHBOARDS:
            dashboard = json.loads(path.read_text())
            for panel in dashboard["panels"]:
                for target in panel["targets"]:
                    yield f"panel {path.stem}: {panel['title']}", of_grafana(target["rawSQL"], self.symbols)
            for variable in dashboard["templating"]["list"]:
                yield f"variable {path.stem}: {variable['name']}", of_grafana(variable["query"]["rawSQL"], [])

    def all(self):
        """Lakes of own contracts have the questions about market data in common with the empty one: those are asked there."""
        own = [*self.tables(), *self.view_rows()]
        return own if self.lake.tables else [*own, *self.queries(), *self.panels()]


class Trino(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="quotelake-trino-")
        cls.addClassCleanup(scratch.cleanup)
        folder = pathlib.Path(scratch.name)
        emulator = rig.Emulator()
        cls.addClassCleanup(emulator.stop)
        # Whatever happens below; what did not start is not stopped.
        cls.addClassCleanup(rig.stop_engine, folder / "node")
        # The server starts while the lakes are made.
        with ThreadPoolExecutor(1) as beside:
            engine = beside.submit(rig.Engine, emulator.endpoint, folder / "node")
            cls.lakes = Maker(PROGRAM, folder / "lakes").all()
            cls.lakes += [Lake(f"other{number}", place, [], "2013-03-02") for number, place in enumerate(OTHERS)]
            cls.views = rig.apply_catalog(emulator.endpoint, folder, cls.lakes)
            cls.partitions = {lake.name: rig.upload(emulator.endpoint, lake) for lake in cls.lakes}
        cls.engine = engine.result()
        cls.say("lakes, catalog and files are there")
        cls.oracles = {lake.name: Oracle(lake, cls.views[lake.name]) for lake in cls.lakes}
        cls.answers = {}
        asked = []
        for lake in cls.lakes:
            symbols = [row[0] for row in cls.oracles[lake.name].ask("SELECT DISTINCT symbol FROM freshness_dash ORDER BY 1 LIMIT 3")]
            asked += [(lake, name, sql) for name, sql in Statements(lake, cls.views[lake.name], symbols).all()]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for (lake, name, sql), answer in zip(asked, pool.map(lambda one: cls.try_to_ask(one[0], one[2]), asked)):
                cls.answers[lake.name, name] = (sql, *answer)
        cls.say(f"{len(asked)} statements are answered")

    @classmethod
    def say(cls, what):
        print(f"{what} ({time.monotonic() - BEGAN:.0f} s)", flush=True)

    @classmethod
    def try_to_ask(cls, lake, sql):
        """What a query answers, or its error."""
        try:
            return (*cls.engine.ask(rig.database(lake), sql), None)
        except Exception as error:  # Told by the test of this statement.
            return (None, None, str(error))

    def ask(self, lake, sql):
        return self.engine.ask(f"quotelake_{lake}", sql)[1]

    def test_every_statement_gives_the_rows_of_duckdb(self):
        for (lake, name), (sql, _, rows, error) in self.answers.items():
            with self.subTest(f"{lake}: {name}"):
                self.assertIsNone(error, sql)
                self.assertEqual(same(rows), same(self.oracles[lake].ask(sql)), sql)

    def test_every_view_has_the_types_that_are_declared(self):
        for lake, views in self.views.items():
            for name, view in views.items():
                with self.subTest(f"{lake}: {name}"):
                    _, columns, _, error = self.answers[lake, f"view {name}"]
                    self.assertIsNone(error)
                    # The varchar of a literal has a length.
                    found = [re.sub(r"^varchar\(\d+\)$", "varchar", kind.replace(", ", ",")) for _, kind in columns]
                    self.assertEqual(found, [TYPES.get(kind, kind) for kind in view["columns"].values()])

    def test_panels_give_no_decimal_and_a_time(self):
        shapes = {f"panel {path.stem}: {panel['title']}": panel["type"] for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]}
        for (lake, name), (_, columns, _, error) in self.answers.items():
            if name in shapes and not error:
                with self.subTest(f"{lake}: {name}"):
                    self.assertEqual([column for column, kind in columns if kind.startswith("decimal")], [])
                    if shapes[name] == "timeseries":
                        self.assertEqual(columns[0][0], "time")

    def test_what_a_lake_holds_is_on_the_dashboards(self):
        for name in ("prices: Daily close of each company", "cost: By dataset", "quality: Runs by stage", "freshness: Newest day of each dataset"):
            with self.subTest(name):
                self.assertTrue(self.answers["us", f"panel {name}"][2])
        for name in ("query freshness on 2013-03-02", "query cost", "view daily_bars_preferred", "view dividends_dash", "view splits_dash"):
            with self.subTest(name):
                self.assertTrue(self.answers["us", name][2])

    def test_every_stage_left_a_row(self):
        stages = self.ask("us", f"SELECT stage, count(*), sum(rows_out) FROM runs_dash WHERE outcome = 'succeeded' AND {SINCE} GROUP BY stage")
        self.assertEqual(sorted(row[0] for row in stages), ["check", "fetch", "publish", "refine", "transform"])
        rows = {stage: out for stage, _, out in stages}
        self.assertEqual(rows["fetch"], rows["transform"])
        self.assertEqual(rows["check"], self.ask("us", f"SELECT sum(rows_in) FROM runs_dash WHERE stage = 'publish' AND {SINCE}")[0][0])

    def test_quarantine_is_the_same_by_row_and_by_reason(self):
        rows = self.ask("yahoo", "SELECT dataset, reason, count(*) FROM quarantine GROUP BY 1, 2")
        self.assertGreaterEqual(len(rows), 2)
        self.assertEqual(same(rows), same(self.ask("yahoo", f"SELECT dataset, reason, sum(quarantined) FROM quarantine_dash WHERE {SINCE} GROUP BY 1, 2")))
        documents = self.ask("yahoo", 'SELECT dataset, "rows".rows_in, "rows".staged, "rows".quarantined, gate.decision FROM quality_results')
        self.assertTrue(documents)
        self.assertEqual(same(documents), same(self.ask("yahoo", f"SELECT dataset, rows_in, staged, quarantined, decision FROM quality_dash WHERE decision IS NOT NULL AND {SINCE}")))

    def test_odd_values_of_a_partition_are_found(self):
        found = self.ask("own", 'SELECT "group", count(*) FROM order_dash GROUP BY 1')
        self.assertEqual(same(found), same(self.oracles["own"].ask('SELECT "group", count(*) FROM order_dash GROUP BY 1')))
        for value, count in found:
            quoted = value.replace("'", "''")
            with self.subTest(value):
                self.assertEqual(self.ask("own", f"""SELECT count(*) FROM "order" WHERE "group" = '{quoted}'"""), [(count,)])

    def test_gaps_finds_what_was_taken_out(self):
        sql = (INFRA / "modules/query/queries/gaps.sql").read_text()
        without = "WHERE month = '2013-02' AND NOT (symbol = 'AAPL.XNAS' AND trading_date = DATE '2013-02-12')"
        rows = self.ask("us", re.sub(r"WHERE month >= .*", without, sql))
        self.assertEqual([(row[1], plain(row[2])) for row in rows], [("AAPL.XNAS", "2013-02-12")])

    def test_thousands_of_partitions_are_pruned(self):
        self.assertGreater(self.partitions["many"]["daily"], 2000)
        self.assertEqual(self.ask("many", "SELECT count(*) FROM daily WHERE day = '2020-02-03'"), [(1,)])
        plan = self.ask("many", "EXPLAIN (TYPE IO, FORMAT JSON) SELECT * FROM daily WHERE day BETWEEN '2020-02-03' AND '2020-02-04'")
        self.assertIn("2020-02-03", plan[0][0])
        self.assertNotIn("2020-02-05", plan[0][0])

    def test_a_panel_reads_one_day_of_runs(self):
        """A panel's range reaches the files: of all days of the projection one is left."""
        for view in OF_RUNS:
            with self.subTest(view):
                plan = json.loads(self.ask("us", f"EXPLAIN (TYPE IO, FORMAT JSON) SELECT * FROM {view} WHERE day = date '{LATELY[1]}'")[0][0])
                read = [(table["table"]["schemaTable"]["table"], [c["columnName"] for c in table["constraint"]["columnConstraints"]])
                        for table in plan["inputTableColumnInfos"]]
                self.assertEqual(read, [("runs", ["day"])])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM, OTHERS = pathlib.Path(sys.argv[1]).resolve(), [pathlib.Path(place).resolve() for place in sys.argv[2:]]
    del sys.argv[1:]
    unittest.main()
