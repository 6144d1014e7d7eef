SELECT
  dataset,
  CAST(from_iso8601_timestamp(glue.completedon) AS date) AS day,
  CAST(from_iso8601_timestamp(glue.completedon) AS timestamp(3)) AS checked_at,
  gate.decision AS decision,
  glue.score AS score,
  "rows".rows_in AS rows_in,
  "rows".staged AS staged,
  "rows".quarantined AS quarantined,
  "rows".duplicates AS duplicates,
  lineage.source AS source,
  lineage.check_id AS check_id
FROM quality_results
