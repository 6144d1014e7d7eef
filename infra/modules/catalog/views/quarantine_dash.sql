SELECT
  checks.dataset,
  checks."day",
  by_reason.reason,
  by_reason.quarantined,
  checks.subject AS source,
  checks.check_id
FROM runs_dash AS checks
CROSS JOIN UNNEST(CAST(json_parse(checks.quarantined_by_reason) AS map(varchar, bigint))) AS by_reason (reason, quarantined)
WHERE checks.stage = 'check'
