-- A table: why rows are in quarantine.
SELECT dataset, reason, sum(quarantined) AS quarantined, max(day) AS last_day
FROM quarantine_dash
WHERE day BETWEEN {{first_day}} AND {{last_day}}
GROUP BY dataset, reason
ORDER BY quarantined DESC, dataset, reason
