SELECT
  dataset,
  CAST(from_iso8601_timestamp(glue.completedon) AS date) AS day,
  by_reason.reason AS reason,
  by_reason.quarantined AS quarantined,
  lineage.source AS source,
  lineage.check_id AS check_id
FROM quality_results
CROSS JOIN UNNEST(quarantine.by_reason) AS by_reason (reason, quarantined)
