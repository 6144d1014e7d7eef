#!/usr/bin/env python3
"""Daily statistics of the public sample as DuckDB computes them, from prices, splits and dividends alone, in doubles.

    $(scripts/venv duckdb duckdb==2.0.1) crates/market/tests/daily_stats/by_duckdb.py

Writes crates/market/tests/data/daily_stats_by_duckdb.csv.gz: every tenth row. The test compares them to 1e-9.
"""

import datetime as dt
import gzip
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

ROOT = Path(__file__).resolve().parents[4]
PAGES = ROOT / "samples/polygon/pages"
OUT = ROOT / "crates/market/tests/data/daily_stats_by_duckdb.csv.gz"
NEW_YORK = ZoneInfo("America/New_York")


def rows(kind):
    for path in sorted(PAGES.glob(f"*-{kind}-*.json")):
        for one in json.loads(path.read_text())["results"]:
            yield path.name.split("-")[0], one


bars = [
    (ticker, dt.datetime.fromtimestamp(bar["t"] / 1000, NEW_YORK).date(), bar["h"], bar["l"], bar["c"])
    for ticker, bar in rows("1day")
]
splits = [(ticker, one["execution_date"], one["split_to"] / one["split_from"]) for ticker, one in rows("splits")]
paid = [(ticker, one["ex_dividend_date"], one["cash_amount"]) for ticker, one in rows("dividends")]

con = duckdb.connect()
con.execute("create table bars (ticker text, d date, h double, l double, c double)")
con.executemany("insert into bars values (?, ?, ?, ?, ?)", bars)
con.execute("create table splits (ticker text, d date, ratio double)")
con.executemany("insert into splits values (?, ?, ?)", splits)
con.execute("create table paid (ticker text, d date, amount double)")
con.executemany("insert into paid values (?, ?, ?)", paid)
con.execute("""
create table steps as
  select ticker, d, 1 / ratio as step from splits
  union all
  select p.ticker, p.d, 1 - sum(p.amount) / any_value(b.c) from paid p
  asof join bars b on b.ticker = p.ticker and b.d < p.d group by p.ticker, p.d;
create table adjusted as
  select b.ticker, b.d, any_value(b.c) * coalesce(product(s.step), 1) as c,
         any_value(b.h) * coalesce(product(s.step), 1) as h, any_value(b.l) * coalesce(product(s.step), 1) as l
  from bars b left join steps s on s.ticker = b.ticker and s.d > b.d group by b.ticker, b.d;
create table returns as
  select *, case when d - lag(d) over w <= 10 then c / lag(c) over w end as q
  from adjusted window w as (partition by ticker order by d);
""")


def window(bars, value, counted="c"):
    return f"""case when count({counted}) over w{bars} = {bars}
                    and d - first_value(d) over w{bars} <= {3 * bars} then {value} over w{bars} end"""


query = f"""
select ticker, d, c, q - 1, ln(q), {window(20, "avg(c)")}, {window(50, "avg(c)")}, {window(200, "avg(c)")},
       {window(20, "sqrt(252) * stddev_samp(ln(q))", "q")}, {window(252, "max(h)")}, {window(252, "min(l)")}
from returns window
  {", ".join(f"w{n} as (partition by ticker order by d rows {n - 1} preceding)" for n in (20, 50, 200, 252))}
order by ticker, d"""
# the function of a window, with what it is multiplied by before it
query = query.replace("sqrt(252) * stddev_samp(ln(q)) over w20", "sqrt(252) * (stddev_samp(ln(q)) over w20)")
lines = ["ticker,date,adj_close,return_1d,log_return_1d,sma_20,sma_50,sma_200,volatility_20,high_252,low_252"]
for nth, row in enumerate(con.execute(query).fetchall()):
    if nth % 10 == 0:
        lines.append(",".join("" if cell is None else str(cell) for cell in row))
with OUT.open("wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=9, mtime=0) as file:
    file.write(("\n".join(lines) + "\n").encode())
print(f"{len(lines) - 1} rows of {duckdb.__version__}, {OUT.stat().st_size} bytes")
