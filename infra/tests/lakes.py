"""Lakes of every shape, made by the program: what Trino is asked about."""

import dataclasses
import datetime
import json
import pathlib
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
# What engines take for a partition without a value.
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
# What the dashboard of adjusted prices needs, and the view of them.
MODELS = ["adjustment_factors", "daily_stats", "adjusted_daily_bars"]
# Sessions of New York and London, enough of them for statistics of 20 bars.
DECEMBER = [f"2025-12-{day:02}" for day in range(1, 32) if day not in (25, 26) and datetime.date(2025, 12, day).weekday() < 5]
# Words of SQL that a file's header may have.
WORDS = ["group", "order", "end", "table", "select", "from", "user", "interval", "timestamp", "values"]


@dataclasses.dataclass
class Lake:
    """A lake's folder, folders of columns files of its own contracts, the day on which its newest rows are, and its models."""

    name: str
    folder: pathlib.Path
    tables: list
    today: str
    models: list = dataclasses.field(default_factory=list)


def contract(name, columns, partition, key, version="1.0.0", without="__null__"):
    """A contract's YAML. Columns are names with types; the first of the key is told apart by position."""
    properties = []
    for column, kind in columns:
        logical = {"string": "string", "date": "date", "timestamp": "timestamp", "boolean": "boolean"}.get(kind, "number")
        logical = "integer" if kind in ("int", "bigint") else logical
        place = f", required: true, primaryKey: true, primaryKeyPosition: {key.index(column) + 1}" if column in key else ""
        # A column that is a partition as well is listed among the columns and is marked.
        part = ", partitioned: true, partitionKeyPosition: 1" if column == partition else ""
        properties.append(f'      - {{name: "{column}", logicalType: {logical}, physicalType: "{kind}"{place}{part}, description: "{column}; a word."}}')
    if partition and partition not in dict(columns):
        made, source, form = partition
        properties.append(f'      - {{name: {made}, logicalType: string, physicalType: string, partitioned: true, partitionKeyPosition: 1, '
                          f'transformLogic: "strftime({source}, \'{form}\')", description: "{made}"}}')
    return "\n".join([
        "apiVersion: v3.1.0", "kind: DataContract", f"id: test-{name}", f"name: {name}", f"version: {version}", "status: active",
        "description:", '  purpose: "A test\'s."', "schema:", f"  - name: {name}", "    physicalType: table",
        f'    description: "A table that is called {name}."', "    customProperties:",
        f"      - {{property: nullPartition, value: {without}}}" if partition else "      - {property: partitionBy, value: none}",
        "    properties:", *properties, ""])


class Maker:
    """Makes lakes in a folder."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def run(self, *arguments, codes=(0, 2)):
        """The program; 2 is rows in quarantine."""
        done = subprocess.run([self.program, *map(str, arguments)], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        if done.returncode not in codes:
            raise RuntimeError(f"quotelake {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")

    def new(self, name, today):
        lake = Lake(name, self.folder / name, [], today)
        lake.folder.mkdir(parents=True)
        return lake

    def load(self, lake, dataset, text, yaml=None, ending="csv"):
        """Loads a text as a file, by a contract of its own or a shipped one."""
        number = sum(1 for _ in self.folder.glob("*.input.*"))
        file = self.folder / f"{number}.input.{ending}"
        file.write_text(text, encoding="utf-8")
        arguments = ["load", "--lake", lake.folder, "--dataset", dataset]
        if yaml:
            path = self.folder / f"{number}.contract.yaml"
            path.write_text(yaml, encoding="utf-8")
            arguments += ["--contract", path]
            self.columns(lake, path)
        self.run(*arguments, file)

    def columns(self, lake, path):
        """The columns file of a contract, among the lake's own."""
        out = self.folder / f"{lake.name}.tables"
        self.run("generate", "--contract", path, "--out", out)
        lake.tables = [out]

    def all(self):
        """Every shape."""
        return [self.us(), self.yahoo(), self.brazil(), self.both(), self.own(), self.empty(), self.added(), self.many()]

    def us(self):
        """Recorded pages: bars, splits, dividends; every stage has run, and models are on."""
        lake = self.new("us", "2013-03-02")
        self.run("demo", "--lake", lake.folder, "--out", self.folder / "report.html")
        lake.models = MODELS
        return lake

    def refined(self, lake):
        """A lake with the models of adjusted prices."""
        self.run("refine", "--lake", lake.folder, "--model", "adjustment_factors", "--model", "daily_stats")
        lake.models = MODELS
        return lake

    def yahoo(self):
        """Bars of Yahoo alone, adjusted for splits and in pence, with rows that fail and rows of a dataset that nobody knows. Invented:
        Yahoo's own data is not shipped."""
        lake = self.new("yahoo", "2026-01-30")
        lines = [bar("VOD.L", f"2026-01-{day:02}", close) for day, close in ((26, "71.25"), (27, "71.3"), (28, "70.999999999999999999"), (29, "71"))]
        lines += [bar("VOD.L", day, "70.5") for day in DECEMBER]
        lines += [bar("BP.L", "2026-01-28", "450"), bar("BP.L", "2026-01-29", "-1"), bar("BP.L", "2026-01-30", "451", high="1")]
        lines += ['{"dataset": "no_such_dataset", "a": 1}', "this is no JSON"]
        self.load(lake, "daily_bars", "\n".join(lines) + "\n", ending="ndjson")
        return self.refined(lake)

    def brazil(self):
        """Stocks, a fund and a coin of brapi as older versions stored them: nobody knows what they are adjusted for. Invented prices."""
        lake = self.new("brazil", "2026-01-30")
        lines = []
        for day in (27, 28, 29, 30):
            for given, kind, close in (("PETR4", "equity", 38), ("VALE3", "equity", 61), ("HGLG11", "fund", 158)):
                lines.append(bar(given, f"2026-01-{day}", close + day / 100, provider="brapi", symbol=f"{given}.BVMF", exchange_mic="BVMF", asset_class=kind,
                                 adjustment="unknown", exchange_tz="America/Sao_Paulo", currency="BRL", quote_unit="BRL", unit_divisor=1))
            lines.append(bar("BTC", f"2026-01-{day}", 400 + day, provider="brapi", symbol="BTC-BRL", exchange_mic=None, asset_class="crypto", session="all",
                             adjustment="unknown", exchange_tz="UTC", currency="BRL", quote_unit="BRL", unit_divisor=1))
        self.load(lake, "daily_bars", "\n".join(lines) + "\n", ending="ndjson")
        return lake

    def both(self):
        """One stock of two providers, raw and adjusted for splits, of which one has an older month too. Invented prices."""
        lake = self.new("both", "2026-01-30")
        of_us = {"exchange_mic": "XNAS", "exchange_tz": "America/New_York", "currency": "USD", "quote_unit": "USD", "unit_divisor": 1}
        lines = [bar("AAPL", f"2026-01-{day}", 196.26, provider="polygon", symbol="AAPL.XNAS", adjustment="raw", **of_us) for day in (28, 29, 30)]
        days = [*DECEMBER, *(f"2026-01-{day}" for day in (28, 29, 30))]
        lines += [bar("AAPL", day, 456.25, provider="yahoo", symbol="AAPL.XNAS", **of_us) for day in days]
        lines += [bar("MSFT", day, 300, provider="yahoo", symbol="MSFT.XNAS", **of_us) for day in days]
        self.load(lake, "daily_bars", "\n".join(lines) + "\n", ending="ndjson")
        return self.refined(lake)

    def own(self):
        """Contracts with words of SQL as names, values of partitions that paths and SQL mind, edges of types; the samples."""
        lake = self.new("own", "2026-01-15")
        columns = [("id", "int"), *((word, "string") for word in WORDS), ("amount", "decimal(38,10)"), ("small", "decimal(9,2)"),
                   ("on_day", "date"), ("at", "timestamp"), ("flag", "boolean"), ("ratio", "double"), ("total", "bigint")]
        places = ["EU/West", "a=b c", "São Paulo", "O'Hara", "100%", "a%20b", "日本", "{x}", "2026-01-01", "+1:30"]
        rows = [",".join(name for name, _ in columns)]
        for number, place in enumerate(places):
            words = [place, *(f"{word} '{number}'" for word in WORDS[1:])]
            rows.append(",".join([str(number), *words, f"{number}234567890123456789.0123456789", f"-{number}.25", "1899-12-31" if number % 2 else "9999-12-31",
                                  "1969-12-31T23:59:59.999Z" if number % 2 else "2262-04-11T23:47:16.854Z", "true", "0.1", "9223372036854775807"]))
        # Nothing but the key and the partition, and no partition.
        rows += [f"99,{places[0]}" + "," * (len(columns) - 2), "100" + "," * (len(columns) - 1)]
        self.load(lake, "order", "\n".join(rows) + "\n", contract("order", columns, "group", ["id"]))
        # No partition at all.
        self.load(lake, "values", "end,limit\n1,2.50\n2,\n", contract("values", [("end", "int"), ("limit", "decimal(10,2)")], None, ["end"]))
        for name in ("orders", "reviews", "shipments"):
            path = REPOSITORY / f"samples/contracts/{name}.yaml"
            self.run("load", "--lake", lake.folder, "--dataset", name, "--contract", path, REPOSITORY / f"samples/csv/{name}.csv")
            self.columns(lake, path)
        return lake

    def empty(self):
        """An environment on its first day."""
        return self.new("empty", "2026-01-15")

    def added(self):
        """A contract that got a column and a wider decimal after its first rows."""
        lake = self.new("added", "2026-02-15")
        first = [("id", "int"), ("price", "decimal(9,2)"), ("on_day", "date")]
        later = [("id", "int"), ("price", "decimal(20,4)"), ("on_day", "date"), ("window", "string"), ("rows", "bigint")]
        by_month = ("month", "on_day", "%Y-%m")
        self.load(lake, "grown", "id,price,on_day\n1,1.25,2026-01-10\n2,,2026-01-11\n4,5,\n", contract("grown", first, by_month, ["id"], without=NO_VALUE))
        self.load(lake, "grown", "id,price,on_day,window,rows\n3,1234567890123456.5678,2026-02-10,w,7\n", contract("grown", later, by_month, ["id"], "1.1.0", NO_VALUE))
        return lake

    def many(self):
        """More partitions than a page of any listing."""
        lake = self.new("many", "2026-01-15")
        days = [f"{year}-{month:02}-{day:02}" for year in range(2018, 2026) for month in range(1, 13) for day in range(1, 29)][:2200]
        rows = "id,at_day\n" + "".join(f"{number},{day}\n" for number, day in enumerate(days))
        self.load(lake, "daily", rows, contract("daily", [("id", "int"), ("at_day", "date")], ("day", "at_day", "%Y-%m-%d"), ["id"]))
        return lake


def bar(given, day, close, high="500", **others):
    """A canonical daily bar, as JSON text: prices as they are. Of London, unless others say otherwise."""
    fields = {
        "dataset": "daily_bars", "provider": "yahoo", "provider_symbol": given, "symbol": given.replace(".L", ".XLON"), "exchange_mic": "XLON",
        "asset_class": "equity", "interval": "1d", "trading_date": day, "bar_start": f"{day}T08:00:00Z", "exchange_tz": "Europe/London",
        "adjustment": "split", "session": "regular", "currency": "GBP", "quote_unit": "GBp", "unit_divisor": 100, "is_final": True, "delay_class": "eod",
        "fetched_at": f"{day}T20:00:00Z", "request_id": "r", "run_id": "run-of-a-test", "unit_id": "u", "raw_sha256": "s",
    } | others
    numbers = f'"open": 70, "high": {high}, "low": 0.5, "close": {close}, "volume": 1000, "provider_ts": 1, "schema_version": 1'
    return json.dumps(fields)[:-1] + ", " + numbers + "}"
