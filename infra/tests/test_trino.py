#!/usr/bin/env python3
"""Asks a real Trino, the engine behind Athena, about lakes of every shape: what Terraform made in an emulator's Glue, files in its S3.

    python3 infra/tests/test_trino.py PROGRAM [LAKE ...]    the program makes the lakes; folders of others are asked about as well

Every table, view, named query, panel and dashboard variable, and every query of samples/queries, is run, and its rows are held against
DuckDB's on the same files. On lakes with one provider, whichever it is, and with two of one instrument, what people look at has rows, and
one series of each instrument, which is called what it is.
Needs terraform with the AWS provider, and what scripts/trino.sh needs.
"""

import datetime
import itertools
import json
import pathlib
import re
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import duckdb

import rig
from lakes import Lake, Maker
from oracle import Oracle, plain, same, tables_of

INFRA = pathlib.Path(__file__).resolve().parent.parent
DASHBOARDS = sorted((INFRA.parent / "dashboards/grafana/dashboards").glob("*.json"))
QUERIES = sorted((INFRA / "modules/query/queries").glob("*.sql"))
SAMPLES = sorted([*(INFRA.parent / "samples/queries").glob("*/*.sql"), *(INFRA / "modules/quicksight/queries").glob("*.sql")])
# Lakes of market data, and the preferred series of each instrument on them.
MARKET = {
    "us": {f"{symbol} raw USD (polygon)" for symbol in ("AAPL.XNAS", "FB.XNAS", "GOOG.XNAS", "IBM.XNYS", "MSFT.XNAS")},
    "yahoo": {"BP.XLON split GBP (yahoo)", "VOD.XLON split GBP (yahoo)"},
    "brazil": {f"{symbol} unknown BRL (brapi)" for symbol in ("BTC-BRL", "HGLG11.BVMF", "PETR4.BVMF", "VALE3.BVMF")},
    "both": {"AAPL.XNAS raw USD (polygon)", "MSFT.XNAS split USD (yahoo)"},
}
# What a lake may have none of, though it has everything else.
MAY_BE_EMPTY = ("Instruments that are behind", "Quarantine by reason", "Checks that did not simply pass", "Runs that did not succeed")
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


def of_grafana(sql, values):
    """A panel's SQL with its macros and variables filled in as the plugin does, for what a lake of the tests may hold: rows of years, but
    work of today. `values` has a list of texts for each variable."""
    first = "2012-12-01" if "month BETWEEN" in sql else LATELY[0]
    sql = re.sub(r"\$__dateFilter\(([\w.]+)\)", rf"\1 BETWEEN date '{first}' AND date '{LATELY[1]}'", sql)
    sql = sql.replace("${__from:date:YYYY-MM}", first[:7]).replace("${__to:date:YYYY-MM}", LATELY[1][:7])
    for name, chosen in values.items():
        sql = sql.replace(f"${{{name}:singlequote}}", ",".join(f"'{value}'" for value in chosen) or "''").replace(f"${{{name}}}", "".join(chosen[:1]))
    if "$" in sql:
        raise ValueError(f"not filled in: {sql}")
    return sql


def of_metabase(sql, symbol=None):
    """A question's SQL with its variables filled in, and its optional part where a symbol is given."""
    sql = re.sub(r"\[\[(.*?)\]\]", r"\1" if symbol else "", sql)
    for name, value in {"first_month": "2012-12", "last_month": LATELY[1][:7], "symbol": symbol or ""}.items():
        sql = sql.replace(f"{{{{{name}}}}}", f"'{value}'")
    return sql.replace("{{first_day}}", f"date '{LATELY[0]}'").replace("{{last_day}}", f"date '{LATELY[1]}'")


def choices(dashboard, oracle, fixed):
    """Values that a dashboard's variables may have on a lake, by name: all of a variable of several, two of one. Fixed choices are tried where
    they make a difference."""
    found = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "custom":
            found[variable["name"]] = [[option["value"]] for option in variable["options"]][:None if fixed else 1]
        else:
            rows = [row[0] for row in oracle.ask(of_grafana(variable["query"]["rawSQL"], {}))]
            found[variable["name"]] = [rows] if variable["multi"] else [[value] for value in rows[:2]] or [[]]
    return found


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

    def __init__(self, lake, views, oracle):
        self.lake, self.views, self.oracle = lake, views, oracle

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
        """Each panel with each value of the variables that it names. The usual values come first and have no more of a name."""
        for path in DASHBOARDS:
            dashboard = json.loads(path.read_text())
            # Without its models the views of that dashboard are not there, as it says.
            if path.stem == "adjusted" and not self.lake.models:
                continue
            values = choices(dashboard, self.oracle, self.lake.name in ("us", "both"))
            for panel in asking(dashboard):
                sql = panel["targets"][0]["rawSQL"]
                named = [name for name in values if f"${{{name}" in sql]
                for number, chosen in enumerate(itertools.product(*(values[name] for name in named))):
                    shown = f" [{'; '.join(','.join(value) for value in chosen)}]" if number else ""
                    yield f"panel {path.stem}: {panel['title']}{shown}", of_grafana(sql, dict(zip(named, chosen)))
            for variable in dashboard["templating"]["list"]:
                if variable["type"] == "query":
                    yield f"variable {path.stem}: {variable['name']}", of_grafana(variable["query"]["rawSQL"], {})

    def samples(self):
        """The queries of the guides."""
        for path in SAMPLES:
            name, sql = f"sample {'metabase' if path.parent.name == 'metabase' else 'quicksight'}/{path.stem}", path.read_text()
            if path.parent.name == "metabase":
                yield name, of_metabase(sql)
                if "[[" in sql:
                    symbols = self.oracle.ask("SELECT min(symbol) FROM daily_series_dash")
                    yield f"{name} of one", of_metabase(sql, symbols[0][0] or "none")
            elif "month >=" in sql:
                yield name, re.sub(r"\bcurrent_date\b", f"date '{self.lake.today}'", sql)
            else:
                yield name, sql

    def all(self):
        """Lakes of own contracts have the questions about market data in common with the empty one: those are asked there."""
        own = [*self.tables(), *self.view_rows()]
        return own if self.lake.tables else [*own, *self.queries(), *self.panels(), *self.samples()]


def asking(dashboard):
    """The panels that ask something."""
    return [panel for panel in dashboard["panels"] if panel.get("targets")]


class Trino(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="quotelake-trino-")
        cls.addClassCleanup(scratch.cleanup)
        folder = pathlib.Path(scratch.name)
        emulator = cls.emulator = rig.Emulator()
        cls.addClassCleanup(emulator.stop)
        # Whatever happens below; what did not start is not stopped.
        cls.addClassCleanup(rig.stop_engine, folder / "node")
        # The server starts while the lakes are made.
        with ThreadPoolExecutor(1) as beside:
            engine = beside.submit(rig.Engine, emulator.endpoint, folder / "node")
            cls.lakes = Maker(PROGRAM, folder / "lakes").all()
            cls.lakes += [Lake(f"other{number}", place, [], "2013-03-02") for number, place in enumerate(OTHERS)]
            cls.views = rig.apply_catalog(emulator, folder, cls.lakes)
            cls.partitions = {lake.name: rig.upload(emulator.endpoint, lake) for lake in cls.lakes}
        cls.engine = engine.result()
        cls.say("lakes, catalog and files are there")
        cls.oracles = {lake.name: Oracle(lake, cls.views[lake.name]) for lake in cls.lakes}
        cls.answers = {}
        asked = [(lake, name, sql) for lake in cls.lakes for name, sql in Statements(lake, cls.views[lake.name], cls.oracles[lake.name]).all()]
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
        shapes = {f"panel {path.stem}: {panel['title']}": panel["type"] for path in DASHBOARDS for panel in asking(json.loads(path.read_text()))}
        for (lake, name), (_, columns, _, error) in self.answers.items():
            if name in shapes and not error:
                with self.subTest(f"{lake}: {name}"):
                    self.assertEqual([column for column, kind in columns if kind.startswith("decimal")], [])
                    if shapes[name] == "timeseries":
                        self.assertEqual(columns[0][0], "time")

    def rows(self, lake, name):
        """Answers by name: the one of this name, or those whose names begin with it."""
        return {asked: rows for (there, asked), (_, _, rows, _) in self.answers.items() if there == lake and (asked + " [").startswith(name + " [")}

    def test_what_a_lake_holds_is_on_the_dashboards(self):
        """Rows for every panel, variable and sample, whatever a lake's provider and adjustment are."""
        for lake in MARKET:
            for (there, name), (sql, _, rows, _) in self.answers.items():
                if there != lake or not name.startswith(("panel ", "variable ", "sample ")) or name.endswith(MAY_BE_EMPTY) or name == "sample metabase/quarantine":
                    continue
                with self.subTest(f"{lake}: {name}"):
                    self.assertTrue(rows, sql)
        for name in ("panel quality: Quarantine by reason", "panel quality: Checks that did not simply pass", "panel freshness: Instruments that are behind",
                     "sample metabase/quarantine"):
            with self.subTest(name):
                self.assertTrue(self.answers["yahoo", name][2])
        for name in ("query freshness on 2013-03-02", "query cost", "view daily_bars_preferred", "view dividends_dash", "view splits_dash"):
            with self.subTest(name):
                self.assertTrue(self.answers["us", name][2])

    def test_each_instrument_has_one_series_and_its_name(self):
        """The preferred one, called by its adjustment, currency and provider."""
        for lake, series in MARKET.items():
            for name, column in (("panel prices: Daily close", 1), ("panel prices: Average close", 0), ("panel prices: Average close by month", 1),
                                 ("panel prices: Change since the first day of the range", 1), ("sample metabase/daily_close", 0),
                                 ("sample metabase/average_by_month", 0), ("sample quicksight/closes", 0)):
                with self.subTest(f"{lake}: {name}"):
                    self.assertEqual({row[column] for row in self.answers[lake, name][2]}, series)
            with self.subTest(f"{lake}: the view of the preferred series"):
                rows = self.ask(lake, "SELECT DISTINCT symbol || ' ' || adjustment || ' ' || currency || ' (' || provider || ')' FROM daily_bars_preferred")
                self.assertEqual({row[0] for row in rows}, series)
            with self.subTest(f"{lake}: the table of what is shown"):
                rows = self.answers[lake, "panel prices: Series shown"][2]
                self.assertEqual({f"{symbol} {adjustment} {currency} ({provider})" for symbol, provider, adjustment, currency, *_ in rows}, series)

    def test_two_providers_of_one_instrument_are_not_mixed(self):
        averages = dict(self.answers["both", "panel prices: Average close"][2])
        self.assertEqual({series: round(average, 2) for series, average in averages.items()}, {"AAPL.XNAS raw USD (polygon)": 196.26, "MSFT.XNAS split USD (yahoo)": 300.0})
        every = {row[0] for row in self.answers["both", "variable prices: series"][2]}
        self.assertEqual(every, {"AAPL.XNAS raw USD (polygon)", "AAPL.XNAS split USD (yahoo)", "MSFT.XNAS split USD (yahoo)"})

    def test_an_adjustment_that_is_chosen_is_shown_where_there_is_one(self):
        split = {name: rows for name, rows in self.rows("both", "panel prices: Average close").items() if name.endswith("; split]")}
        self.assertEqual([{series for series, _ in rows} for rows in split.values()], [{"AAPL.XNAS split USD (yahoo)", "MSFT.XNAS split USD (yahoo)"}])

    def test_adjusted_prices_say_what_they_are(self):
        names = {"full": "adjusted", "split": "split-adjusted", "none": "raw"}
        for name, rows in self.rows("us", "panel adjusted: Close, adjusted as chosen").items():
            chosen = names[name.rsplit("; ", 1)[-1].rstrip("]") if name.endswith("]") else "full"]
            with self.subTest(name):
                self.assertEqual({row[1] for row in rows}, {series.replace(" raw ", f" {chosen} ") for series in MARKET["us"]})

    def test_the_views_of_a_file_are_those_of_the_catalog(self):
        for lake in self.lakes:
            if lake.name in MARKET:
                with self.subTest(lake.name):
                    made = duckdb.connect()
                    made.execute((INFRA.parent / "samples/queries/duckdb_views.sql").read_text().replace("LAKE", str(lake.folder)))
                    for sql in ("SELECT * FROM daily_series_dash", "SELECT DISTINCT symbol, provider, adjustment FROM daily_bars_preferred"):
                        self.assertEqual(same(made.execute(sql).fetchall()), same(self.oracles[lake.name].ask(sql)))

    def test_a_panel_of_prices_reads_the_months_of_its_range(self):
        """The view that ranks reads every partition, the one for charts those that are asked for."""
        sql = "EXPLAIN (TYPE IO, FORMAT JSON) SELECT max(place) FROM (SELECT dense_rank() OVER (PARTITION BY symbol ORDER BY preference) AS place " \
              "FROM daily_series_dash WHERE month BETWEEN '2013-02' AND '2013-03')"
        plan = json.loads(self.ask("us", sql)[0][0])
        columns = {column["columnName"]: column["domain"] for table in plan["inputTableColumnInfos"] for column in table["constraint"]["columnConstraints"]}
        self.assertIn("month", columns)
        self.assertIn("2013-02", str(columns["month"]))
        self.assertNotIn("2012-12", str(columns["month"]))

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
        # What refine checks of a model is a document too, and its run is one of refine.
        documents = self.ask("yahoo", 'SELECT dataset, "rows".rows_in, "rows".staged, "rows".quarantined, gate.decision FROM quality_results '
                                      "WHERE dataset = 'daily_bars'")
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

    def test_a_creation_whose_answer_was_lost_may_be_repeated(self):
        """The emulator knows it by the SDK's id: Terraform would fail over its own table."""
        glue, ids = rig.client(self.emulator.endpoint, "glue"), iter(["one", "one", "other"])
        glue.meta.events.register("before-send.glue.CreateTable", lambda request, **_: request.headers.update({"amz-sdk-invocation-id": next(ids)}))
        glue.create_database(DatabaseInput={"Name": "again"})
        for _ in range(2):
            glue.create_table(DatabaseName="again", TableInput={"Name": "made"})
        with self.assertRaises(glue.exceptions.AlreadyExistsException):
            glue.create_table(DatabaseName="again", TableInput={"Name": "made"})

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
