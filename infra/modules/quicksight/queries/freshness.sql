-- The newest day of each dataset and provider, of the last three months.
SELECT dataset, provider, max(day) AS newest_day
FROM freshness_dash
WHERE month >= date_format(date_add('month', -2, current_date), '%Y-%m')
GROUP BY dataset, provider
