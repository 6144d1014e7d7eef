-- What there is of each instrument: every series, and which of them is the preferred one of these months.
SELECT
  symbol, series, provider, adjustment, currency,
  count(*) AS bars, min(trading_date) AS first_day, max(trading_date) AS last_day, max_by(close, trading_date) AS last_close,
  dense_rank() OVER (PARTITION BY symbol ORDER BY preference) AS place
FROM daily_series_dash
WHERE month BETWEEN {{first_month}} AND {{last_month}}
GROUP BY symbol, series, provider, adjustment, currency, preference
ORDER BY symbol, place
