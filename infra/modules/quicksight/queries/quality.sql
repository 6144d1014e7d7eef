-- Where the rows of each day and dataset went, of the last 90 days.
SELECT day, dataset, sum(staged) AS staged, sum(quarantined) AS quarantined, sum(duplicates) AS duplicates
FROM quality_dash
WHERE day >= date_add('day', -90, current_date)
GROUP BY day, dataset
