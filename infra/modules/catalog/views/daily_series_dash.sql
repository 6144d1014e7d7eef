SELECT
  symbol || ' ' || adjustment || ' ' || currency || ' (' || provider || ')' AS series,
  ${provider}provider || ' ' || ${adjustment}adjustment || ' ' || CASE session WHEN 'regular' THEN '0' ELSE '1' END || ' ' || session
    || ' ' || provider_symbol AS preference,
  symbol,
  provider,
  provider_symbol,
  adjustment,
  session,
  currency,
  trading_date,
  CAST("open" AS double) AS "open",
  CAST(high AS double) AS high,
  CAST(low AS double) AS low,
  CAST("close" AS double) AS "close",
  CAST(volume AS double) AS volume,
  month
FROM daily_bars
WHERE "interval" = '1d'
