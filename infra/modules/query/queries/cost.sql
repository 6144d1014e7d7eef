SELECT day, sum(checks) AS checks, sum(rows_in) AS rows_in, sum(usd) AS usd
FROM cost_dash
WHERE day >= date_add('day', -31, current_date)
GROUP BY day
ORDER BY day DESC
