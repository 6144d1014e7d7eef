SELECT provider, provider_symbol, interval, adjustment, session, trading_date, count(*) AS copies
FROM daily_bars
WHERE month >= date_format(date_add('month', -12, current_date), '%Y-%m')
GROUP BY provider, provider_symbol, interval, adjustment, session, trading_date
HAVING count(*) > 1
ORDER BY copies DESC
