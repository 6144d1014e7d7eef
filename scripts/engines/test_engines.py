#!/usr/bin/env python3
"""Do models give the same rows on every engine, and does the list of what is not portable say the truth?

    test_engines.py PROGRAM        a `quotelake` that was built with the SQL engine

Lakes are made from the recordings and samples of this repository, and from invented rows in the form of a Brazilian source and of a
migrated database. Each model in SQL is asked of DataFusion (through the program), DuckDB, Trino and Sail, cast to the types of its
contract: decimals have to agree to the last digit, columns marked floatingPoint to 1e-9. Then every entry of `quotelake models lint --list`
is tried: its example has to differ between engines or be refused by one, what is to be written instead has to be the same on all.
"""

import decimal
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import engines

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLES = ["orders", "reviews", "shipments"]
TRINO_TYPES = {"VARCHAR": "varchar", "INTEGER": "integer", "BIGINT": "bigint", "DOUBLE": "double", "DATE": "date", "BOOLEAN": "boolean",
               "TIMESTAMP WITH TIME ZONE": "timestamp(3)", "TIMESTAMP": "timestamp(3)"}


class Lakes:
    """Lakes in a folder, made by the program."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def run(self, *arguments, codes=(0,)):
        done = subprocess.run([self.program, *map(str, arguments)], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        if done.returncode not in codes:
            raise RuntimeError(f"quotelake {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.run("--json", *arguments))

    def demo(self):
        lake = self.folder / "demo"
        self.run("demo", "--lake", lake, "--out", lake / "report.html")
        return lake

    def samples(self):
        lake = self.folder / "samples"
        for name in SAMPLES:
            self.run("load", "--lake", lake, "--dataset", name, "--contract", f"samples/contracts/{name}.yaml", f"samples/csv/{name}.csv",
                     codes=(0, 2))
        shutil.copytree(REPOSITORY / "samples/models", lake / "models")
        return lake

    def invented(self):
        """Stocks, a fund and a coin of Brazil by two sources, with prices of many digits."""
        lake = self.folder / "invented"
        chance = random.Random(20240102)
        rows = {"daily_bars": bars(chance), "dividends": dividends(chance), "fund_snapshots": snapshots(chance), "splits": splits()}
        for dataset, lines in rows.items():
            file = self.folder / f"{dataset}.ndjson"
            file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
            self.run("load", "--lake", lake, "--dataset", dataset, file, codes=(0, 2))
        return lake


PROVENANCE = {"fetched_at": "2025-01-02T03:04:05.000Z", "request_id": "r", "run_id": "r", "unit_id": "u", "raw_sha256": "0" * 64, "schema_version": 1}
SERIES = [("brapi", "PETR4", "PETR4.BVMF", "equity", "BVMF", "split", "BRL"), ("legacy_pg", "PETR4", "PETR4.BVMF", "equity", "BVMF", "raw", "BRL"),
          ("brapi", "HGLG11", "HGLG11.BVMF", "fund", "BVMF", "raw", "BRL"), ("brapi", "BTC", "BTC-BRL", "crypto", None, "raw", "BRL")]


def price(chance, low, high, places):
    return f"{chance.uniform(low, high):.{places}f}"


def bars(chance):
    import datetime

    for provider, given, symbol, kind, mic, adjustment, currency in SERIES:
        day = datetime.date(2023, 12, 20)
        while day < datetime.date(2024, 3, 8):
            day += datetime.timedelta(days=1)
            if (day.weekday() > 4 and kind != "crypto") or chance.random() < 0.1:
                continue
            places = chance.choice([2, 4, 8])
            close = decimal.Decimal(price(chance, 9, 60, places))
            yield {"provider": provider, "provider_symbol": given, "symbol": symbol, "asset_class": kind, "exchange_mic": mic, "interval": "1d",
                   "trading_date": str(day), "bar_start": f"{day}T00:00:00.000Z", "exchange_tz": "America/Sao_Paulo" if mic else "UTC",
                   "open": str(close), "high": str(close + 1), "low": str(close - 1), "close": str(close),
                   "volume": None if chance.random() < 0.05 else price(chance, 1, 1e6, chance.choice([0, 4])), "adjustment": adjustment,
                   "session": "regular" if mic else "all", "currency": currency, "quote_unit": currency, "unit_divisor": 1, "is_final": True,
                   "delay_class": "eod", "provider_ts": 0, **PROVENANCE}


def dividends(chance):
    for provider, extra in [("brapi", 0), ("legacy_pg", 1)]:
        for month in range(1, 13):
            for kind in ["cash", "jcp"][: 1 + month % 2]:
                yield {"provider": provider, "provider_symbol": "PETR4", "symbol": "PETR4.BVMF", "asset_class": "equity", "exchange_mic": "BVMF",
                       "dividend_type": kind, "ex_date": f"2023-{month:02}-15", "ex_date_source": "given", "pay_date": f"2023-{month:02}-28",
                       "amount": price(chance, 0.01, 0.9, 8) if month % 3 else f"0.{month:02}", "currency": "BRL", "quote_unit": "BRL", **PROVENANCE}
        if extra:
            yield {"provider": provider, "provider_symbol": "PETR4", "symbol": "PETR4.BVMF", "asset_class": "equity", "exchange_mic": "BVMF",
                   "dividend_type": "cash", "ex_date": "2003-05-02", "ex_date_source": "given", "amount": "0.1", "currency": "BRL",
                   "quote_unit": "BRL", **PROVENANCE}


def snapshots(chance):
    for day in ["2024-01-02", "2024-01-03", "2024-02-01"]:
        for fund in ["HGLG11", "KNRI11"]:
            yield {"provider": "brapi", "provider_symbol": fund, "symbol": f"{fund}.BVMF", "asset_class": "fund", "exchange_mic": "BVMF",
                   "as_of_date": day, "as_of_date_source": "given", "name": fund, "price": price(chance, 90, 180, 2),
                   "nav_per_share": price(chance, 90, 180, 8), "dividend_yield_12m": price(chance, 0.05, 0.12, 10), "currency": "BRL", **PROVENANCE}


def splits():
    yield {"provider": "brapi", "provider_symbol": "PETR4", "symbol": "PETR4.BVMF", "asset_class": "equity", "exchange_mic": "BVMF",
           "execution_date": "2024-01-17", "split_from": "1", "split_to": "2", "split_type": "split", **PROVENANCE}


def tables(lake):
    """The folders of published tables, by name."""
    found = {}
    for zone in ["bronze", "silver"]:
        for folder in sorted((lake / zone).glob("*")) if (lake / zone).is_dir() else []:
            if folder.is_dir() and any(folder.rglob("part-0.parquet")):
                found[folder.name] = folder
    return found


def partitions(folder):
    """The names of a table's partition columns."""
    file = next(folder.rglob("part-0.parquet"))
    return [part.split("=")[0] for part in file.relative_to(folder).parts[:-1]]


class Asked:
    """Every engine, with the tables of one lake."""

    def __init__(self, program, lake, root, trino_address, sail):
        self.duckdb, self.sail = engines.DuckDb(), sail
        self.trino = engines.Trino(trino_address, schema=lake.name)
        self.trino.query(f"create schema if not exists lake.{lake.name} with (location = 'local:///metastore/{lake.name}')")
        self.engines = [engines.DataFusion(program, str(lake)), self.duckdb, self.trino, sail]
        for name, folder in tables(lake).items():
            self.register(name, folder, root)

    def register(self, name, folder, root):
        parts = partitions(folder)
        kinds = ", ".join(f"{part!r}: VARCHAR" for part in parts)
        hive = f", hive_partitioning = true, hive_types = {{{kinds}}}" if parts else ""
        self.duckdb.query(f"create or replace view {name} as select * from read_parquet('{folder}/**/part-0.parquet'{hive})")
        columns = [(column, kind) for column, kind, *_ in self.duckdb.query(f"describe {name}")]
        # Partition columns come last.
        columns.sort(key=lambda column: column[0] in parts)
        typed = ", ".join(f"{column} {TRINO_TYPES.get(kind) or kind.lower()}" for column, kind in columns)
        place = f"external_location = 'local:///{folder.relative_to(root)}', format = 'PARQUET'"
        parted = f", partitioned_by = ARRAY[{', '.join(repr(part) for part in parts)}]" if parts else ""
        self.trino.query(f"drop table if exists {name}")
        self.trino.query(f"create table {name} ({typed}) with ({place}{parted})")
        if parts:
            self.trino.query(f"call lake.system.sync_partition_metadata('{self.trino.schema}', '{name}', 'FULL')")
        self.sail.view(name, folder)

    def close(self):
        self.duckdb.close()
        self.trino.close()


def same(a, b, floating=False):
    """Whether two texts are one value."""
    if a is None or b is None or a == b:
        return a == b
    try:
        x, y = decimal.Decimal(a), decimal.Decimal(b)
    except decimal.InvalidOperation:
        return False
    return abs(x - y) <= decimal.Decimal("1e-9") * max(abs(x), abs(y)) if floating else x == y


def ordered(rows):
    return sorted(rows, key=lambda row: tuple((value is None, value or "") for value in row))


def differences(expected, rows, floating):
    if len(expected) != len(rows):
        return [f"{len(expected)} rows against {len(rows)}"]
    pairs = zip(ordered(expected), ordered(rows))
    return [f"{a} against {b}" for a, b in pairs if not all(same(x, y, is_floating) for x, y, is_floating in zip(a, b, floating))]


def compare_models(lakes, lake, asked):
    """Every model in SQL whose tables have rows. Returns how many were compared, and what differs."""
    faults, compared = [], 0
    have = tables(lake)
    for listed in lakes.json("models", "ls", "--lake", lake):
        if listed["engine"] != "sql" or not all(table in have for table in listed["reads"]):
            continue
        model = lakes.json("models", "show", listed["model"], "--lake", lake)
        types = {column["name"]: "varchar(1000)" if column["type"] == "string" else column["type"] for column in model["columns"]}
        cast = ", ".join(f"cast(m.{name} as {kind}) as {name}" for name, kind in types.items())
        sql = f"select {cast} from ({model['sql']}) m"
        floating = [column["floating_point"] for column in model["columns"]]
        expected = None
        for engine in asked.engines:
            try:
                rows = engine.query(sql)
            except engines.Refused as refused:
                faults.append(f"{lake.name} {listed['model']} on {engine.name}: refused: {refused}")
                continue
            if expected is None:
                expected = rows
                if not rows:
                    faults.append(f"{lake.name} {listed['model']}: no rows")
            differing = differences(expected, rows, floating)
            if differing:
                faults.append(f"{lake.name} {listed['model']} on {engine.name}: {len(differing)} rows differ, first {differing[0]}")
        if listed["model"] in have and expected is not None:
            names = ", ".join(types)
            differing = differences(expected, asked.engines[0].query(f"select {names} from {listed['model']}"), floating)
            if differing:
                faults.append(f"{lake.name} {listed['model']} as it is published: {len(differing)} rows differ, first {differing[0]}")
        compared += 1
        print(f"  {lake.name} {listed['model']}: {len(expected or [])} rows on {len(asked.engines)} engines", flush=True)
    return compared, faults


def answers(sql, asked):
    """What each engine says, none where it refuses."""
    said = {}
    for engine in asked.engines:
        try:
            said[engine.name] = ordered(engine.query(sql))
        except engines.Refused:
            said[engine.name] = None
    return said


def check_list(listed, asked):
    faults = []

    def agree(sql, what):
        said = answers(sql, asked)
        first = next(iter(said.values()))
        for engine, rows in said.items():
            if rows is None or first is None or differences(first, rows, [True] * 100):
                faults.append(f"{what}: {engine} says {rows}, {next(iter(said))} {first}: {sql}")

    for entry in listed["not_portable"]:
        said = list(answers(entry["example"], asked).values())
        differs = any(rows is None or rows != said[0] for rows in said)
        if differs != entry["differs"] and entry["code"] != "non_deterministic":
            faults.append(f"{entry['code']}: engines {'differ' if differs else 'agree'} on {entry['example']}: {said}")
        if entry["better"]:
            agree(entry["better"], entry["code"])
    for function in listed["functions"]:
        agree(function["example"], function["name"])
    print(f"  {len(listed['not_portable'])} entries and {len(listed['functions'])} functions on {len(asked.engines)} engines", flush=True)
    return faults


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as work:
        root = pathlib.Path(work).resolve()
        lakes = Lakes(program, root)
        trino = root / "trino"
        (trino / "catalog").mkdir(parents=True)
        (trino / "catalog/lake.properties").write_text(
            "connector.name=hive\nhive.metastore=file\nhive.metastore.catalog.dir=local:///metastore\nfs.native-local.enabled=true\n"
            f"local.location={root}\nhive.non-managed-table-writes-enabled=true\nhive.parquet.time-zone=UTC\n", encoding="utf-8")
        script = str(REPOSITORY / "scripts/trino.sh")
        address = subprocess.run([script, "start", str(trino)], capture_output=True, text=True, check=True).stdout.strip()
        sail = engines.Sail()
        faults, compared, listed = [], 0, lakes.json("models", "lint", "--list")
        try:
            for lake in [lakes.demo(), lakes.invented(), lakes.samples()]:
                lakes.run("refine", "--lake", lake, "--all", codes=(0, 2, 3))
                asked = Asked(program, lake, root, address, sail)
                count, found = compare_models(lakes, lake, asked)
                compared, faults = compared + count, faults + found
                if lake.name == "demo":
                    faults += check_list(listed, asked)
                asked.close()
        finally:
            sail.close()
            subprocess.run([script, "stop", str(trino)], check=False)
    for fault in faults:
        print(f"FAULT: {fault}")
    print(f"{compared} models compared, {len(faults)} faults")
    sys.exit(1 if faults or compared < 12 else 0)


if __name__ == "__main__":
    main()
