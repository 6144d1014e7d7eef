SELECT "day", dataset, count(*) AS checks, sum(rows_in) AS rows_in, count(*) * ${per_check_usd} AS usd
FROM quality_dash
GROUP BY "day", dataset
