#!/usr/bin/env python3
"""Runs the SQL of views, named queries and dashboards on a real lake, in DuckDB.

    python3 infra/tests/test_sql.py LAKE         a lake's folder, such as `quotelake demo` makes

Needs terraform with the AWS provider (it says what the views are), and the packages of requirements.txt. sqlglot turns
Athena's dialect into DuckDB's: what passes is valid Trino SQL that reads columns which exist and gives the declared types.
It is no proof that Athena's engine agrees in every detail.
"""

import json
import pathlib
import re
import subprocess
import sys
import unittest

import duckdb
import sqlglot

INFRA = pathlib.Path(__file__).resolve().parent.parent
LAKE = None
# How Hive's types read in DuckDB. `integer` is what sqlglot makes of Trino's int.
TYPES = {
    "string": "VARCHAR", "double": "DOUBLE", "bigint": "BIGINT", "int": "INTEGER", "date": "DATE", "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
}
RULES = """glue STRUCT("resultid" VARCHAR, "score" DOUBLE, "completedon" VARCHAR, "ruleresults" STRUCT("name" VARCHAR,
    "description" VARCHAR, "evaluationmessage" VARCHAR, "result" VARCHAR, "evaluatedrule" VARCHAR,
    "evaluatedmetrics" MAP(VARCHAR, DOUBLE), "rulemetrics" MAP(VARCHAR, DOUBLE), "labels" MAP(VARCHAR, VARCHAR))[])"""


def duckdb_type(kind):
    """A Hive type as DuckDB writes it: decimals are spelled alike."""
    return kind.upper() if kind.startswith("decimal") else TYPES[kind]


def catalog():
    """The views' SQL and columns, as Terraform works them out."""
    question = "jsonencode({ sql = { for name, view in local.views : name => view.sql }, columns = { for name, view in local.views : name => view.columns } })"
    variables = {
        "database": "quotelake_test", "bucket_name": "b", "prices": '{"per_check_usd":0.00001}',
        "table_folders": json.dumps([str(INFRA / "generated")]), "quality_tables_folder": str(INFRA / "generated/quality"),
    }
    folder = INFRA / "modules/catalog"
    subprocess.run(["terraform", f"-chdir={folder}", "init", "-input=false"], check=True, capture_output=True)
    arguments = [f"-var={name}={value}" for name, value in variables.items()]
    done = subprocess.run(["terraform", f"-chdir={folder}", "console", *arguments], input=question, text=True, check=True, capture_output=True)
    return json.loads(json.loads(done.stdout.strip().splitlines()[-1]))


def lower_keys(value):
    """Keys as Athena's JSON SerDe gives them."""
    if isinstance(value, dict):
        return {key.lower(): lower_keys(inner) for key, inner in value.items()}
    return [lower_keys(inner) for inner in value] if isinstance(value, list) else value


def connect(scratch):
    """A database whose tables are the lake's."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for path in (INFRA / "generated").glob("*.columns.json"):
        table = json.loads(path.read_text())
        name, files = table["table"], LAKE / "bronze" / table["table"]
        columns = table["columns"] + table["partition_keys"]
        if list(files.rglob("*.parquet")):
            kinds = ", ".join(f"'{key['name']}': {TYPES[key['type']]}" for key in table["partition_keys"])
            db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{files}/**/*.parquet', hive_partitioning = true, union_by_name = true, hive_types = {{{kinds}}})")
        else:
            spelled = ", ".join(f'"{column["name"]}" {TYPES.get(column["type"], column["type"])}' for column in columns)
            db.execute(f"CREATE TABLE {name} ({spelled})")
    for name in ("rule_results", "statistics"):
        db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{LAKE}/quality/{name}/**/*.parquet', hive_partitioning = true, union_by_name = true, hive_types = {{'day': DATE}})")
    lines = scratch / "quality.ndjson"
    with lines.open("w") as out:
        for path in (LAKE / "quality").glob("dataset=*/*.json"):
            document = lower_keys(json.loads(path.read_text()))
            out.write(json.dumps({**document, "dataset": path.parent.name.removeprefix("dataset=")}) + "\n")
    db.execute(f"""CREATE VIEW quality_results AS SELECT * FROM read_json('{lines}', format = 'newline_delimited', columns = {{
        dataset: 'VARCHAR', glue: '{RULES.removeprefix("glue ")}', gate: 'STRUCT(decision VARCHAR, reasons VARCHAR[])',
        rows: 'STRUCT(rows_in BIGINT, staged BIGINT, quarantined BIGINT, duplicates BIGINT)',
        quarantine: 'STRUCT("key" VARCHAR, by_reason MAP(VARCHAR, BIGINT))', lineage: 'STRUCT(dataset VARCHAR, ruleset VARCHAR, "source" VARCHAR, check_id VARCHAR)'}})""")
    return db


# DuckDB opens arrays and maps in another way than Trino: the view with an UNNEST of a map is spelled for it here.
UNNESTED = {
    "quarantine_dash": (r"CROSS JOIN UNNEST\(quarantine\.by_reason\) AS by_reason \(reason, quarantined\)",
                        "CROSS JOIN (SELECT unnest(map_entries(quarantine.by_reason)) AS entry) AS opened",
                        {"by_reason.reason": "entry.key", "by_reason.quarantined": "entry.value"}),
}


def to_duckdb(sql):
    """Athena's SQL as DuckDB's."""
    return sqlglot.transpile(sql, read="athena", write="duckdb")[0]


def of_grafana(sql):
    """A panel's SQL with its macros and variables filled in, for a range in 2013."""
    sql = re.sub(r"\$__dateFilter\((\w+)\)", r"\1 BETWEEN DATE '2012-12-01' AND DATE '2030-02-28'", sql)
    sql = sql.replace("${__from:date:YYYY-MM}", "2012-12").replace("${__to:date:YYYY-MM}", "2030-02")
    return sql.replace("${symbols:singlequote}", "'AAPL.XNAS','IBM.XNYS'")


def plain(kind):
    """DuckDB's type as Athena has it: one kind of timestamp, and a sum of whole numbers is one."""
    return "BIGINT" if kind == "HUGEINT" else re.sub("^TIMESTAMP.*", "TIMESTAMP", kind)


class Sql(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import tempfile

        cls.scratch = tempfile.TemporaryDirectory()
        cls.db = connect(pathlib.Path(cls.scratch.name))
        cls.catalog = catalog()
        cls.run_views = []
        for name, sql in cls.catalog["sql"].items():
            if "UNNEST" in sql:
                sqlglot.parse_one(sql, read="athena")
                if name not in UNNESTED:
                    continue
                pattern, instead, names = UNNESTED[name]
                sql, count = re.subn(pattern, instead, sql)
                assert count == 1, name
                for old, new in names.items():
                    sql = sql.replace(old, new)
                cls.db.execute(f"CREATE VIEW {name} AS {sqlglot.transpile(sql, read='duckdb', write='duckdb')[0].replace('FROM_ISO8601_TIMESTAMP', 'TIMESTAMPTZ')}")
            else:
                cls.db.execute(f"CREATE VIEW {name} AS {to_duckdb(sql)}")
            cls.run_views.append(name)

    def answer(self, sql):
        """Types and rows of a query."""
        result = self.db.execute(sql)
        return [(column[0], str(column[1])) for column in result.description], result.fetchall()

    def test_views_give_the_declared_columns(self):
        self.assertGreaterEqual(len(self.run_views), 8)
        for name in self.run_views:
            with self.subTest(name):
                described = self.db.execute(f"DESCRIBE {name}").fetchall()
                declared = [(column, duckdb_type(kind)) for column, kind in self.catalog["columns"][name]]
                self.assertEqual([(row[0], plain(row[1])) for row in described], declared)

    def test_views_of_what_the_lake_holds_give_rows(self):
        for name in ("daily_bars_dash", "freshness_dash", "quality_dash", "cost_dash", "splits_dash", "dividends_dash"):
            with self.subTest(name):
                self.assertGreater(self.db.execute(f"SELECT count(*) FROM {name}").fetchone()[0], 0)

    def test_quality_tables_have_the_declared_columns(self):
        for name in ("rule_results", "statistics"):
            with self.subTest(name):
                table = json.loads((INFRA / f"generated/quality/{name}.columns.json").read_text())
                declared = [(column["name"], TYPES[column["type"]]) for column in table["columns"] + table["partition_keys"]]
                described = self.db.execute(f"DESCRIBE {name}").fetchall()
                self.assertEqual([(row[0], plain(row[1])) for row in described], declared)
                self.assertGreater(self.db.execute(f"SELECT count(*) FROM {name}").fetchone()[0], 0)

    def test_doubles_are_the_decimals(self):
        exact, seen = self.db.execute("SELECT (SELECT sum(close) FROM daily_bars), (SELECT sum(close) FROM daily_bars_dash)").fetchone()
        self.assertAlmostEqual(float(exact), seen, places=2)

    def test_named_queries_run(self):
        for path in sorted((INFRA / "modules/query/queries").glob("*.sql")):
            with self.subTest(path.stem):
                columns, _ = self.answer(to_duckdb(path.read_text()))
                self.assertTrue(columns)

    def test_duplicates_finds_none(self):
        sql = (INFRA / "modules/query/queries/duplicates.sql").read_text()
        self.assertEqual(self.answer(to_duckdb(re.sub(r"WHERE month >= .*", "", sql)))[1], [])

    def test_gaps_finds_what_was_taken_out(self):
        sql = (INFRA / "modules/query/queries/gaps.sql").read_text()
        without = "WHERE month = '2013-02' AND NOT (symbol = 'AAPL.XNAS' AND trading_date = DATE '2013-02-12')"
        _, rows = self.answer(to_duckdb(re.sub(r"WHERE month >= .*", without, sql)))
        self.assertEqual([(row[1], str(row[2])) for row in rows], [("AAPL.XNAS", "2013-02-12")])

    def test_panels_give_no_decimal(self):
        folder = INFRA.parent / "dashboards/grafana/dashboards"
        for path in sorted(folder.glob("*.json")):
            for panel in json.loads(path.read_text())["panels"]:
                sql = panel["targets"][0]["rawSQL"]
                with self.subTest(f"{path.stem}: {panel['title']}"):
                    columns, rows = self.answer(to_duckdb(of_grafana(sql)))
                    self.assertEqual([name for name, kind in columns if "DECIMAL" in kind], [])
                    if panel["type"] == "timeseries":
                        self.assertEqual(columns[0][0], "time")
                    if path.stem in ("prices", "cost"):
                        self.assertTrue(rows)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    LAKE = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
