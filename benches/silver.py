#!/usr/bin/env python3
"""Times models, native ones and one in SQL, beside DuckDB on the same Parquet: a lake of bars of many symbols over twenty years, with splits and dividends.

    silver.py PROGRAM [--work FOLDER] [--rows 5000000] [--symbols 2000] [--runs 3] [--keep] [--jobs adjusted,daily_stats,monthly_bars]

DuckDB gets the shortest SQL that gives the same columns, in floating point: it has no exact product. Of a model in SQL, for which PROGRAM has to
be one of `make full`, it gets the model's own. What comes out is compared: adjusted closes to 1e-7 of DuckDB's, rows of a model in SQL
exactly. Whole processes in turn; the median of CPU seconds and wall seconds, the greatest memory.
"""

import argparse
import json
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

import duckdb

PROVENANCE = """'r' AS request_id, 'b' AS run_id, 'u' AS unit_id, repeat('0', 64) AS raw_sha256, 1::INT AS schema_version"""
SERIES = "provider, provider_symbol, adjustment, session"


def generate(lake, rows, symbols):
    """A lake's bronze tables, written as published files are laid out."""
    db = duckdb.connect()
    db.execute("SET threads = 1; SET memory_limit = '4GB'; SET preserve_insertion_order = true")
    days = rows // symbols
    db.execute(f"""
        CREATE TABLE sessions AS
        SELECT row_number() OVER (ORDER BY day) - 1 AS n, day FROM (
            SELECT day::DATE AS day FROM range(DATE '2004-01-02', DATE '2024-01-01', INTERVAL 1 DAY) AS d(day)
            WHERE dayofweek(day) BETWEEN 1 AND 5);
        CREATE TABLE listed AS
        SELECT s AS id, printf('S%04d', s) AS symbol, (hash(s) % (SELECT count(*) - {days} FROM sessions))::BIGINT AS first
        FROM range({symbols}) AS r(s);""")
    db.execute(f"""
        CREATE TABLE bars AS
        SELECT symbol, id, day, n - first AS k,
               (20 + id % 300 + 8 * sin(n / 40.0 + id) + (hash(id * 100000 + n) % 400) / 100.0)::DECIMAL(18, 2) AS close
        FROM listed JOIN sessions ON n BETWEEN first AND first + {days} - 1""")
    tables = {
        "daily_bars": ("month", f"""
            SELECT 'bench' AS provider, symbol AS provider_symbol, symbol || '.XNYS' AS symbol, 'equity' AS asset_class, 'XNYS' AS exchange_mic,
                   '1d' AS interval, day AS trading_date, day::TIMESTAMP_MS AS bar_start, 'America/New_York' AS exchange_tz,
                   (close - 0.12)::DECIMAL(38, 18) AS open, (close + 0.5)::DECIMAL(38, 18) AS high, (close - 0.5)::DECIMAL(38, 18) AS low,
                   close::DECIMAL(38, 18) AS close, NULL::DECIMAL(38, 18) AS adj_close, (100000 + hash(id + k) % 900000)::DECIMAL(38, 18) AS volume,
                   NULL::DECIMAL(38, 18) AS vwap, NULL::BIGINT AS trade_count, 'raw' AS adjustment, 'regular' AS session, 'USD' AS currency,
                   'USD' AS quote_unit, 1::INT AS unit_divisor, true AS is_final, 'eod' AS delay_class, 0::BIGINT AS provider_ts,
                   TIMESTAMP_MS '2024-01-02 00:00:00' AS fetched_at, {PROVENANCE}, NULL::VARCHAR AS flags, strftime(day, '%Y-%m') AS month
            FROM bars ORDER BY month, symbol, day"""),
        "dividends": ("year", f"""
            SELECT 'bench' AS provider, symbol AS provider_symbol, symbol || '.XNYS' AS symbol, 'equity' AS asset_class, 'XNYS' AS exchange_mic,
                   'cash' AS dividend_type, day AS ex_date, 'given' AS ex_date_source, NULL::DATE AS last_date_prior, NULL::DATE AS record_date,
                   NULL::DATE AS declaration_date, day + 20 AS pay_date, (0.1 + id % 7 / 10.0)::DECIMAL(38, 18) AS amount, 'USD' AS currency,
                   'USD' AS quote_unit, 4::INT AS frequency, false AS split_adjusted, TIMESTAMP_MS '2024-01-02 00:00:00' AS fetched_at,
                   {PROVENANCE}, NULL::VARCHAR AS flags, strftime(day, '%Y') AS year
            FROM bars WHERE id % 2 = 0 AND k % 63 = 40 ORDER BY year, symbol, day"""),
        "splits": ("year", f"""
            SELECT 'bench' AS provider, symbol AS provider_symbol, symbol || '.XNYS' AS symbol, 'equity' AS asset_class, 'XNYS' AS exchange_mic,
                   day AS execution_date, 1::DECIMAL(38, 18) AS split_from, 2::DECIMAL(38, 18) AS split_to, 'split' AS split_type,
                   TIMESTAMP_MS '2024-01-02 00:00:00' AS fetched_at, {PROVENANCE}, strftime(day, '%Y') AS year
            FROM bars WHERE id % 10 = 3 AND k % 900 = 700 ORDER BY year, symbol, day"""),
    }
    shutil.rmtree(lake, ignore_errors=True)
    for table, (partition, sql) in tables.items():
        folder = lake / "bronze" / table
        folder.mkdir(parents=True)
        db.execute(f"COPY ({sql}) TO '{folder}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY ({partition}), FILENAME_PATTERN 'part-{{i}}', OVERWRITE_OR_IGNORE)")
        for part in folder.rglob("*.parquet"):
            if part.name != "part-0.parquet":
                part.rename(part.with_name("part-0.parquet"))
    return db.execute("SELECT count(*) FROM bars").fetchone()[0]


def sources(lake):
    read = lambda table: f"read_parquet('{lake}/bronze/{table}/**/*.parquet', hive_partitioning = false)"
    return f"""
        SET threads = 2; SET memory_limit = '8GB';
        CREATE VIEW bars AS SELECT provider_symbol AS id, symbol, trading_date AS day, open::DOUBLE AS open, high::DOUBLE AS high, low::DOUBLE AS low,
            close::DOUBLE AS close, volume::DOUBLE AS volume FROM {read('daily_bars')} WHERE interval = '1d';
        CREATE VIEW splits AS SELECT provider_symbol AS id, execution_date AS day, split_to::DOUBLE / split_from::DOUBLE AS ratio FROM {read('splits')};
        CREATE VIEW dividends AS SELECT provider_symbol AS id, ex_date AS day, amount::DOUBLE AS amount FROM {read('dividends')};
        CREATE VIEW steps AS
        SELECT id, symbol, day, open, high, low, close, volume, before, coalesce(ratio, 1) AS ratio,
               CASE WHEN amount IS NULL OR before IS NULL THEN 1 ELSE (before - amount * coalesce(ratio, 1)) / before END AS dividend
        FROM (SELECT *, lag(close) OVER (PARTITION BY id ORDER BY day) AS before FROM bars)
        LEFT JOIN splits USING (id, day) LEFT JOIN dividends USING (id, day);
    """


# Of every row the product of what comes after it.
ADJUSTED = """
    COPY (
        SELECT symbol, day AS trading_date, open * f AS adj_open, high * f AS adj_high, low * f AS adj_low, close * f AS adj_close,
               volume / split_factor AS adj_volume, split_factor, dividend_factor
        FROM (
            SELECT *, split_factor * dividend_factor AS f FROM (
                SELECT *,
                    coalesce(product(1 / ratio) OVER later, 1) AS split_factor, coalesce(product(dividend) OVER later, 1) AS dividend_factor
                FROM steps
                WINDOW later AS (PARTITION BY id ORDER BY day ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)))
        ORDER BY trading_date, symbol
    ) TO '{out}' (HEADER)"""
STATS = """
    COPY (
        SELECT symbol, day AS trading_date, close, close / nullif(before * dividend / ratio, 0) - 1 AS return_1d, r AS log_return_1d,
               avg(c) OVER w20 / f AS sma_20, avg(c) OVER w50 / f AS sma_50, avg(c) OVER w200 / f AS sma_200,
               stddev_samp(r) OVER w20 * sqrt(252) AS volatility_20, max(h) OVER w252 / f AS high_252, min(l) OVER w252 / f AS low_252, strftime(day, '%Y-%m') AS month
        FROM (SELECT *, close * f AS c, high * f AS h, low * f AS l, ln(close / (before * dividend / ratio)) AS r FROM (
            SELECT *, coalesce(product(dividend / ratio) OVER (PARTITION BY id ORDER BY day ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), 1) AS f FROM steps))
        WINDOW w20 AS (PARTITION BY id ORDER BY day ROWS 19 PRECEDING), w50 AS (PARTITION BY id ORDER BY day ROWS 49 PRECEDING),
               w200 AS (PARTITION BY id ORDER BY day ROWS 199 PRECEDING), w252 AS (PARTITION BY id ORDER BY day ROWS 251 PRECEDING)
        ORDER BY month, symbol, day
    ) TO '{out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (month), OVERWRITE_OR_IGNORE)"""

MODEL = pathlib.Path(__file__).resolve().parent.parent / "crates/contract/models/monthly_bars.sql"
MONTHS = """
    COPY (SELECT *, strftime(calendar_end, '%Y') AS year FROM ({model}) ORDER BY year, provider, provider_symbol, adjustment, session, period_start)
    TO '{out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (year), OVERWRITE_OR_IGNORE)"""


def tables(lake):
    """What the model reads, by its own names."""
    view = lambda zone, table: f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{lake}/{zone}/{table}/**/*.parquet', hive_partitioning = true, hive_types_autocast = false);"
    return "SET threads = 2; SET memory_limit = '8GB';" + view("bronze", "daily_bars") + view("bronze", "splits") + view("silver", "trading_sessions")


def run(command):
    """Wall and CPU seconds of a process, its greatest memory in MiB, and what it printed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(["/usr/bin/time", "-f", "%M", *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.communicate()
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))[:200]}: exit {process.returncode}\n{err[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, int(err.strip().splitlines()[-1]) / 1024, out


def duck(sql):
    return [sys.executable, "-c", "import duckdb, sys; duckdb.execute(sys.argv[1])", sql]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("target/silver-bench"))
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--symbols", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="use the lake that is there")
    parser.add_argument("--jobs", default="adjusted,daily_stats,monthly_bars")
    options = parser.parse_args()
    work, q = options.work.resolve(), options.program.resolve()
    work.mkdir(parents=True, exist_ok=True)
    lake, out = work / "lake", work / "out"
    if not options.keep:
        print(f"{generate(lake, options.rows, options.symbols):,} bars", flush=True)
    out.mkdir(exist_ok=True)
    models = lambda: [shutil.rmtree(lake / name, ignore_errors=True) for name in ("silver", "state", "quality", "runs", "staged")]
    refine = lambda name: [q, "refine", "--lake", lake, "--model", name]

    def sessions():
        models()
        # Nothing is on that would follow.
        shutil.rmtree(lake / "models", ignore_errors=True)
        run(refine("trading_sessions"))

    jobs = {
        "adjusted": (lambda: None, [q, "export", "adjusted", "--lake", lake, "--out", out / "product.csv"], duck(sources(lake) + ADJUSTED.format(out=out / "duckdb.csv"))),
        "daily_stats": (models, None, duck(sources(lake) + STATS.format(out=out / "duckdb-stats"))),
        "monthly_bars": (sessions, refine("monthly_bars"), duck(tables(lake) + MONTHS.format(model=MODEL.read_text(), out=out / "duckdb-months"))),
    }
    chosen = options.jobs.split(",")
    for name in chosen:
        prepare, command, other = jobs[name]
        measured = {"product": [], "DuckDB": []}
        for _ in range(options.runs):
            prepare()
            if name == "daily_stats":
                events = run(refine("adjustment_events"))
                stats = run(refine("daily_stats"))
                measured["product"].append((events[0] + stats[0], events[1] + stats[1], max(events[2], stats[2])))
            else:
                measured["product"].append(run(command)[:3])
            measured["DuckDB"].append(run(other)[:3])
        for who, runs in measured.items():
            wall, cpu, mib = (statistics.median(r[0] for r in runs), statistics.median(r[1] for r in runs), max(r[2] for r in runs))
            print(f"| {name} | {who} | {wall:.2f} | {cpu:.2f} | {mib:.0f} |", flush=True)
    if "adjusted" in chosen:
        far, rows, lacking = duckdb.execute(f"""
            SELECT max(abs(a.adj_close / b.adj_close - 1)), count(*), count(*) FILTER (b.adj_close IS NULL)
            FROM '{out}/product.csv' a FULL JOIN '{out}/duckdb.csv' b USING (symbol, trading_date)""").fetchone()
        print(f"adjusted closes: {rows:,} rows, {lacking} missing, relative difference at most {far:.1e}")
        if lacking or far > 1e-7:
            sys.exit("the product and DuckDB differ")
    if "monthly_bars" in chosen:
        rows = lambda place: f"(SELECT * EXCLUDE (year) FROM read_parquet('{place}/**/*.parquet'))"
        ours, theirs = rows(lake / "silver/monthly_bars"), rows(out / "duckdb-months")
        count, here, there = (duckdb.execute(f"SELECT count(*) FROM {of}").fetchone()[0] for of in (
            ours, f"({ours} EXCEPT ALL {theirs})", f"({theirs} EXCEPT ALL {ours})"))
        print(f"monthly bars: {count:,} rows, {here} and {there} others")
        if here or there:
            sys.exit("the product and DuckDB differ")


if __name__ == "__main__":
    main()
