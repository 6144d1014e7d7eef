WITH newest AS (
  SELECT dataset, symbol, max(day) AS day
  FROM freshness_dash
  WHERE month >= date_format(date_add('month', -2, current_date), '%Y-%m')
  GROUP BY dataset, symbol
)
SELECT dataset, day, count(*) AS symbols
FROM newest
GROUP BY dataset, day
ORDER BY dataset, day DESC
