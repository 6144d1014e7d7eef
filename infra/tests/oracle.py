"""The same lake in DuckDB: its files as tables, views and questions translated. What Trino answers is held against it."""

import datetime
import decimal
import json
import math
import pathlib
import re

import duckdb
import sqlglot

INFRA = pathlib.Path(__file__).resolve().parent.parent
# How Hive's types read in DuckDB.
TYPES = {
    "string": "VARCHAR", "double": "DOUBLE", "bigint": "BIGINT", "int": "INTEGER", "date": "DATE", "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
}
# DuckDB opens a map in another way than Trino.
UNNEST = re.compile(r"CROSS JOIN UNNEST\(CAST\(json_parse\((.*?)\) AS map\(varchar, bigint\)\)\) AS by_reason \(reason, quarantined\)")


def duckdb_type(kind):
    """A Hive type as DuckDB writes it: decimals are spelled alike."""
    return kind.upper() if kind.startswith("decimal") else TYPES[kind]


def tables_of(lake):
    """What is in the columns files: those of the program, of models only those that are on, and the lake's own."""
    for folder in [INFRA / "generated", *lake.tables]:
        for path in sorted(folder.glob("*.columns.json")):
            table = json.loads(path.read_text())
            if "zone" not in table or table["table"] in lake.models:
                yield table, f"{table.get('zone', 'bronze')}/{table['table']}"
    for path in sorted((INFRA / "generated/quality").glob("*.columns.json")):
        table = json.loads(path.read_text())
        yield table, "runs" if table["table"] == "runs" else f"quality/{table['table']}"


class Oracle:
    """A lake as a DuckDB database, with the views that Terraform makes."""

    def __init__(self, lake, views):
        self.lake = lake
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC'")
        for table, folder in tables_of(lake):
            self.table(table, lake.folder / folder)
        # A view may read another one.
        waiting = {name: to_duckdb(view["sql"]) for name, view in views.items()}
        while waiting:
            before = len(waiting)
            for name, sql in list(waiting.items()):
                try:
                    self.db.execute(f'CREATE VIEW "{name}" AS {sql}')
                    del waiting[name]
                except duckdb.CatalogException:
                    continue
            if len(waiting) == before:
                raise RuntimeError(f"views that read what is not there: {waiting}")

    def table(self, table, files):
        """A table by its columns file: a column that a file lacks is null, a narrower type is widened."""
        columns = table["columns"] + table["partition_keys"]
        if any(not path.name.startswith(".") for path in files.rglob("*.parquet")):
            kinds = ", ".join(f"'{key['name']}': {TYPES[key['type']]}" for key in table["partition_keys"])
            partitioned = f", hive_partitioning = true, hive_types = {{{kinds}}}" if kinds else ""
            read = f"read_parquet('{files}/**/part-0.parquet'" if files.parent.name in ("bronze", "silver") else f"read_parquet('{files}/**/*.parquet'"
            read += f", union_by_name = true{partitioned})"
            there = {row[0] for row in self.db.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()}
            cells = ", ".join((f'CAST("{c["name"]}" AS {duckdb_type(c["type"])})' if c["name"] in there else f'CAST(NULL AS {duckdb_type(c["type"])})') +
                              f' AS "{c["name"]}"' for c in columns)
            self.db.execute(f'CREATE VIEW "{table["table"]}" AS SELECT {cells} FROM {read}')
        else:
            spelled = ", ".join(f'"{c["name"]}" {duckdb_type(c["type"])}' for c in columns)
            self.db.execute(f'CREATE TABLE "{table["table"]}" ({spelled})')

    def ask(self, sql):
        """A statement of Athena's dialect: its rows."""
        return self.db.cursor().execute(to_duckdb(sql)).fetchall()


def to_duckdb(sql):
    """Athena's SQL as DuckDB's."""
    sql = UNNEST.sub(r"CROSS JOIN (SELECT unnest(map_entries(CAST(CAST(\1 AS JSON) AS MAP(VARCHAR, BIGINT)))) AS entry) AS opened", sql)
    sql = sql.replace("by_reason.reason", "entry.key AS reason").replace("by_reason.quarantined", "entry.value AS quarantined")
    return sqlglot.transpile(sql, read="athena" if "map_entries" not in sql else "duckdb", write="duckdb")[0]


def plain(value):
    """A cell in a spelling that both engines share: to the millisecond, to eleven digits of a double."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else f"{value:.11g}"
    if isinstance(value, decimal.Decimal):
        return format(value.normalize() + 0, "f")
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds")
    if isinstance(value, (list, tuple)):
        return tuple(map(plain, value))
    return value if value is None else str(value)


def same(rows):
    """Rows in an order of their own, each cell plain."""
    return sorted((tuple(map(plain, row)) for row in rows), key=repr)
