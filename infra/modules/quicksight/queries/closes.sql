-- The preferred series of each instrument, of the last 13 months.
SELECT series, symbol, currency, trading_date, close, volume
FROM (
  SELECT *, dense_rank() OVER (PARTITION BY symbol ORDER BY preference) AS place
  FROM daily_series_dash
  WHERE month >= date_format(date_add('month', -12, current_date), '%Y-%m')
) AS ranked
WHERE place = 1
