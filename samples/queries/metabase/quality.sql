-- Stacked bars: where the rows of each day went.
SELECT day, sum(staged) AS staged, sum(quarantined) AS quarantined, sum(duplicates) AS duplicates
FROM quality_dash
WHERE day BETWEEN {{first_day}} AND {{last_day}}
GROUP BY day
ORDER BY day
