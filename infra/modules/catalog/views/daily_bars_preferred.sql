SELECT ${columns}
FROM (
  SELECT *, dense_rank() OVER (
    PARTITION BY symbol
    ORDER BY CASE provider WHEN 'polygon' THEN 0 WHEN 'brapi' THEN 1 WHEN 'yahoo' THEN 2 WHEN 'legacy_pg' THEN 3 ELSE 4 END, provider,
      CASE adjustment WHEN 'raw' THEN 0 WHEN 'split' THEN 1 WHEN 'split_dividend' THEN 2 WHEN 'unknown' THEN 3 ELSE 4 END, adjustment,
      CASE session WHEN 'regular' THEN 0 ELSE 1 END, session, provider_symbol
  ) AS preference
  FROM daily_bars
  WHERE "interval" = '1d'
) AS ranked
WHERE preference = 1
