WITH newest AS (
  SELECT dataset, provider, symbol, max(day) AS day
  FROM freshness_dash
  WHERE month >= date_format(date_add('month', -2, current_date), '%Y-%m')
  GROUP BY dataset, provider, symbol
)
SELECT dataset, provider, day, count(*) AS symbols
FROM newest
GROUP BY dataset, provider, day
ORDER BY dataset, provider, day DESC
