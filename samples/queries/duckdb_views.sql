-- Daily bars of a lake's folder as the views that Athena has, in a file of DuckDB that other programs open:
--   sed "s#LAKE#$PWD/quotelake-data#" samples/queries/duckdb_views.sql | duckdb quotelake.duckdb
-- The order of preference is the usual one; a lake with a `contracts/preferred.json` has its own.
CREATE OR REPLACE VIEW daily_bars AS
SELECT * FROM read_parquet('LAKE/bronze/daily_bars/**/*.parquet', hive_partitioning = true, union_by_name = true, hive_types = {'month': VARCHAR});

-- Every series of every instrument, with doubles for charts. Of one instrument the series whose `preference` is least is the preferred one.
CREATE OR REPLACE VIEW daily_series_dash AS
SELECT
  symbol || ' ' || adjustment || ' ' || currency || ' (' || provider || ')' AS series,
  CASE provider WHEN 'polygon' THEN '000' WHEN 'brapi' THEN '001' WHEN 'yahoo' THEN '002' WHEN 'legacy_pg' THEN '003' ELSE '004' END
    || ' ' || provider || ' '
    || CASE adjustment WHEN 'raw' THEN '000' WHEN 'split' THEN '001' WHEN 'split_dividend' THEN '002' WHEN 'unknown' THEN '003' ELSE '004' END
    || ' ' || adjustment || ' ' || CASE session WHEN 'regular' THEN '0' ELSE '1' END || ' ' || session || ' ' || provider_symbol AS preference,
  symbol, provider, provider_symbol, adjustment, session, currency, trading_date,
  open::DOUBLE AS open, high::DOUBLE AS high, low::DOUBLE AS low, close::DOUBLE AS close, volume::DOUBLE AS volume, month
FROM daily_bars
WHERE "interval" = '1d';

-- One series of each instrument, exact.
CREATE OR REPLACE VIEW daily_bars_preferred AS
SELECT * EXCLUDE (place)
FROM (
  SELECT b.*, dense_rank() OVER (
    PARTITION BY symbol
    ORDER BY
      CASE provider WHEN 'polygon' THEN 0 WHEN 'brapi' THEN 1 WHEN 'yahoo' THEN 2 WHEN 'legacy_pg' THEN 3 ELSE 4 END, provider,
      CASE adjustment WHEN 'raw' THEN 0 WHEN 'split' THEN 1 WHEN 'split_dividend' THEN 2 WHEN 'unknown' THEN 3 ELSE 4 END, adjustment,
      CASE session WHEN 'regular' THEN 0 ELSE 1 END, session, provider_symbol
  ) AS place
  FROM daily_bars AS b
  WHERE b."interval" = '1d'
)
WHERE place = 1;
