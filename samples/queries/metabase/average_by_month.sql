-- A line or a pivot table: the average close of each instrument and month, of its preferred series.
SELECT series, CAST(date_trunc('month', trading_date) AS date) AS month_start, avg(close) AS average_close
FROM (
  SELECT *, dense_rank() OVER (PARTITION BY symbol ORDER BY preference) AS place
  FROM daily_series_dash
  WHERE month BETWEEN {{first_month}} AND {{last_month}} [[AND symbol = {{symbol}}]]
) AS ranked
WHERE place = 1
GROUP BY series, date_trunc('month', trading_date)
ORDER BY month_start, series
