SELECT 'daily_bars' AS dataset, provider, symbol, trading_date AS day, fetched_at, month
FROM daily_bars
UNION ALL
SELECT 'intraday_bars' AS dataset, provider, symbol, trading_date AS day, fetched_at, date_format(trading_date, '%Y-%m') AS month
FROM intraday_bars
