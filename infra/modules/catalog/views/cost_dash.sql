SELECT
  CAST(from_iso8601_timestamp(glue.completedon) AS date) AS day,
  dataset,
  count(*) AS checks,
  sum("rows".rows_in) AS rows_in,
  count(*) * CAST(${price.per_check_usd} AS double) AS usd
FROM quality_results
GROUP BY CAST(from_iso8601_timestamp(glue.completedon) AS date), dataset
