SELECT
  dataset,
  "day",
  started_at AS checked_at,
  decision,
  score,
  rows_in,
  rows_out AS staged,
  rows_quarantined AS quarantined,
  rows_duplicate AS duplicates,
  subject AS source,
  check_id
FROM runs_dash
WHERE stage = 'check' AND outcome <> 'failed' AND dataset IS NOT NULL
