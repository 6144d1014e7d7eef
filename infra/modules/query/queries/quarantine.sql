SELECT day, dataset, reason, sum(quarantined) AS quarantined
FROM quarantine_dash
WHERE day >= date_add('day', -14, current_date)
GROUP BY day, dataset, reason
ORDER BY day DESC, quarantined DESC
