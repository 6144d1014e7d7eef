-- A line for each instrument, of its preferred series: x is trading_date, y is close, the breakout is series.
SELECT series, trading_date, close
FROM (
  SELECT *, dense_rank() OVER (PARTITION BY symbol ORDER BY preference) AS place
  FROM daily_series_dash
  WHERE month BETWEEN {{first_month}} AND {{last_month}} [[AND symbol = {{symbol}}]]
) AS ranked
WHERE place = 1
ORDER BY trading_date, series
