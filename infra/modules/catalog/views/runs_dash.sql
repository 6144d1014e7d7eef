SELECT ${run_columns}, date_diff('millisecond', started_at, ended_at) / 1000e0 AS seconds, "day"
FROM (
  SELECT *, row_number() OVER (PARTITION BY "day", id ORDER BY ended_at DESC) AS place
  FROM runs
) AS numbered
WHERE place = 1
