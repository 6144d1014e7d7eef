-- A table: the newest day of each dataset and provider, and how long ago that is.
SELECT dataset, provider, max(day) AS newest_day, date_diff('day', max(day), current_date) AS days_ago
FROM freshness_dash
WHERE month BETWEEN {{first_month}} AND {{last_month}}
GROUP BY dataset, provider
ORDER BY dataset, provider
