"""What the panels ask. Every query reads `_dash` views (doubles, not decimals), is bounded by the dashboard's range through the partition
column where the view has one, and is written for Athena.

Prices: one series speaks for an instrument, the preferred one of those that have bars in the range (docs/guides/query.md). It is ranked
after the range has bounded what is read, since the view `daily_bars_preferred` reads every partition. A series' name says its adjustment,
its currency and its provider.
"""

MONTHS = "month BETWEEN '${__from:date:YYYY-MM}' AND '${__to:date:YYYY-MM}'"
BARS_IN_RANGE = f"{MONTHS} AND $__dateFilter(trading_date)"
CHOSEN = "symbol IN (${symbols:singlequote})"

SYMBOLS = f"SELECT DISTINCT symbol FROM daily_series_dash WHERE {BARS_IN_RANGE} ORDER BY symbol"
ALL_SERIES = f"SELECT DISTINCT series FROM daily_series_dash WHERE {BARS_IN_RANGE} ORDER BY series"

# `unknown` bars have no factors, and so no statistics.
ADJUSTABLE_SERIES = ALL_SERIES.replace(" ORDER BY", " AND adjustment <> 'unknown' ORDER BY")

# An adjustment that is chosen comes first; a series that does not have it is shown as it is, and its name says so.
BARS = f"""WITH ranked AS (
  SELECT *, dense_rank() OVER (
    PARTITION BY symbol ORDER BY CASE adjustment WHEN '${{adjustment}}' THEN 0 ELSE 1 END, preference
  ) AS place
  FROM daily_series_dash
  WHERE {BARS_IN_RANGE} AND {CHOSEN}
),
bars AS (SELECT * FROM ranked WHERE place = 1)
"""

CLOSE = BARS + """SELECT CAST(trading_date AS timestamp) AS time, series, close
FROM bars
ORDER BY time"""

CHANGE = BARS + """SELECT CAST(trading_date AS timestamp) AS time, series,
  close / nullif(first_value(close) OVER (PARTITION BY series ORDER BY trading_date), 0e0) - 1e0 AS change
FROM bars
ORDER BY time"""

AVERAGE = BARS + """SELECT series, avg(close) AS average_close
FROM bars
GROUP BY series
ORDER BY series"""

AVERAGE_BY_MONTH = BARS + """SELECT CAST(date_trunc('month', trading_date) AS timestamp) AS time, series, avg(close) AS average_close
FROM bars
GROUP BY date_trunc('month', trading_date), series
ORDER BY time"""

SHOWN = BARS + """SELECT symbol, provider, adjustment, currency, count(*) AS bars, min(trading_date) AS first_day, max(trading_date) AS last_day,
  max_by(close, trading_date) AS last_close
FROM bars
GROUP BY symbol, provider, adjustment, currency
ORDER BY symbol"""

# A name has neither session nor the provider's own symbol: of series with one name, the preferred one.
CANDLES = f"""WITH ranked AS (
  SELECT trading_date, open, high, low, close, volume, dense_rank() OVER (PARTITION BY series ORDER BY preference) AS place
  FROM daily_series_dash
  WHERE {BARS_IN_RANGE} AND series IN (${{series:singlequote}})
)
SELECT CAST(trading_date AS timestamp) AS time, open, high, low, close, volume
FROM ranked
WHERE place = 1
ORDER BY time"""

# Of series that have factors: `unknown` ones have none. What a price is multiplied by is chosen.
ADJUSTED = f"""WITH ranked AS (
  SELECT b.series, b.symbol, b.provider, b.provider_symbol, b.adjustment, b.session, b.currency, b.trading_date,
    b.close * CASE '${{price}}' WHEN 'full' THEN f.price_factor_previous_close WHEN 'split' THEN f.split_factor ELSE 1e0 END AS price,
    CASE WHEN '${{price}}' = 'none' OR b.adjustment = 'split_dividend' THEN b.adjustment WHEN '${{price}}' = 'full' THEN 'adjusted'
      ELSE 'split-adjusted' END AS shown,
    dense_rank() OVER (PARTITION BY b.symbol ORDER BY b.preference) AS place
  FROM daily_series_dash AS b
  JOIN adjustment_factors_dash AS f
    ON f.provider = b.provider AND f.provider_symbol = b.provider_symbol AND f.adjustment = b.adjustment AND f.session = b.session
    AND b.trading_date >= f.valid_from AND (f.valid_to IS NULL OR b.trading_date <= f.valid_to)
  WHERE b.{BARS_IN_RANGE} AND b.{CHOSEN}
),
bars AS (
  SELECT *, symbol || ' ' || shown || ' ' || currency || ' (' || provider || ')' AS name FROM ranked WHERE place = 1
)
"""

ADJUSTED_CLOSE = ADJUSTED + """SELECT CAST(trading_date AS timestamp) AS time, name, price
FROM bars
ORDER BY time"""

ADJUSTED_CHANGE = ADJUSTED + """SELECT CAST(trading_date AS timestamp) AS time, name,
  price / nullif(first_value(price) OVER (PARTITION BY name ORDER BY trading_date), 0e0) - 1e0 AS change
FROM bars
ORDER BY time"""

# Statistics are of the fully adjusted prices, whatever the bars are adjusted for.
STATISTICS = f"""WITH ranked AS (
  SELECT b.series, b.trading_date, s.close, s.return_1d, s.sma_20, s.sma_50, s.sma_200, s.volatility_20,
    dense_rank() OVER (PARTITION BY b.symbol ORDER BY b.preference) AS place
  FROM daily_series_dash AS b
  JOIN daily_stats_dash AS s
    ON s.provider = b.provider AND s.provider_symbol = b.provider_symbol AND s.adjustment = b.adjustment AND s.session = b.session
    AND s.trading_date = b.trading_date AND s.month = b.month
  WHERE b.{MONTHS} AND s.{MONTHS}
    AND $__dateFilter(b.trading_date) AND $__dateFilter(s.trading_date) AND WHICH
)
"""
STATISTICS_OF_CHOSEN = STATISTICS.replace("WHICH", f"b.{CHOSEN}")
STATISTICS_OF_ONE = STATISTICS.replace("WHICH", "b.series IN (${series:singlequote})")

VOLATILITY = STATISTICS_OF_CHOSEN + """SELECT CAST(trading_date AS timestamp) AS time, series, volatility_20
FROM ranked
WHERE place = 1 AND volatility_20 IS NOT NULL
ORDER BY time"""

AVERAGES = STATISTICS_OF_ONE + """SELECT CAST(trading_date AS timestamp) AS time, close, sma_20, sma_50, sma_200
FROM ranked
WHERE place = 1
ORDER BY time"""

RETURNS = STATISTICS_OF_ONE + """SELECT CAST(trading_date AS timestamp) AS time, return_1d
FROM ranked
WHERE place = 1 AND return_1d IS NOT NULL
ORDER BY time"""

ROWS_BY_DAY = """SELECT CAST(day AS timestamp) AS time, sum(staged) AS staged, sum(quarantined) AS quarantined, sum(duplicates) AS duplicates
FROM quality_dash
WHERE $__dateFilter(day)
GROUP BY day
ORDER BY time"""

QUARANTINE_SHARE = """SELECT CAST(day AS timestamp) AS time, dataset, sum(quarantined) / CAST(nullif(sum(rows_in), 0) AS double) AS share
FROM quality_dash
WHERE $__dateFilter(day)
GROUP BY day, dataset
ORDER BY time"""

QUARANTINE_REASONS = """SELECT dataset, reason, sum(quarantined) AS quarantined, max(day) AS last_day
FROM quarantine_dash
WHERE $__dateFilter(day)
GROUP BY dataset, reason
ORDER BY quarantined DESC"""

REMARKABLE_CHECKS = """SELECT checked_at, dataset, decision, rows_in, quarantined, source
FROM quality_dash
WHERE $__dateFilter(day) AND decision <> 'publish'
ORDER BY checked_at DESC
LIMIT 50"""

RUNS_BY_STAGE = """SELECT stage, dataset, count(*) AS runs, count_if(outcome <> 'succeeded') AS not_succeeded, sum(rows_in) AS rows_in,
  sum(rows_out) AS rows_out, sum(retries) AS retries, avg(seconds) AS average_seconds, max(ended_at) AS last_ended
FROM runs_dash
WHERE $__dateFilter(day)
GROUP BY stage, dataset
ORDER BY stage, dataset"""

FAILED_RUNS = """SELECT started_at, stage, dataset, subject, outcome, error_code, error, retries
FROM runs_dash
WHERE $__dateFilter(day) AND outcome <> 'succeeded'
ORDER BY started_at DESC
LIMIT 50"""

ROWS_OUT = """SELECT CAST(day AS timestamp) AS time, stage, sum(rows_out) AS rows_out
FROM runs_dash
WHERE $__dateFilter(day)
GROUP BY day, stage
ORDER BY time"""

LONGEST_RUNS = """SELECT CAST(day AS timestamp) AS time, stage, max(seconds) AS seconds
FROM runs_dash
WHERE $__dateFilter(day)
GROUP BY day, stage
ORDER BY time"""

NEWEST_DAY = f"""SELECT dataset, provider, max(day) AS newest_day, date_diff('day', max(day), current_date) AS days_ago,
  max(fetched_at) AS last_fetched
FROM freshness_dash
WHERE {MONTHS} AND $__dateFilter(day)
GROUP BY dataset, provider
ORDER BY dataset, provider"""

BEHIND = f"""WITH newest AS (
  SELECT dataset, provider, symbol, max(day) AS newest_day
  FROM freshness_dash
  WHERE {MONTHS} AND $__dateFilter(day)
  GROUP BY dataset, provider, symbol
)
SELECT dataset, provider, symbol, newest_day, date_diff('day', newest_day, best_day) AS days_behind
FROM (
  SELECT dataset, provider, symbol, newest_day, max(newest_day) OVER (PARTITION BY dataset, provider) AS best_day FROM newest
)
WHERE newest_day < best_day
ORDER BY newest_day, symbol, dataset, provider
LIMIT 100"""

INSTRUMENTS = f"""SELECT CAST(day AS timestamp) AS time, dataset || ' (' || provider || ')' AS source, count(DISTINCT symbol) AS instruments
FROM freshness_dash
WHERE {MONTHS} AND $__dateFilter(day)
GROUP BY day, dataset, provider
ORDER BY time"""

COST_BY_DAY = """SELECT CAST(day AS timestamp) AS time, dataset, sum(usd) AS usd
FROM cost_dash
WHERE $__dateFilter(day)
GROUP BY day, dataset
ORDER BY time"""

COST = """SELECT sum(usd) AS usd, sum(checks) AS checks
FROM cost_dash
WHERE $__dateFilter(day)"""

COST_BY_DATASET = """SELECT dataset, sum(checks) AS checks, sum(rows_in) AS rows_in, sum(usd) AS usd
FROM cost_dash
WHERE $__dateFilter(day)
GROUP BY dataset
ORDER BY usd DESC"""
