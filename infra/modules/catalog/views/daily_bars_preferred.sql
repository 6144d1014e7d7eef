SELECT ${columns}
FROM (
  SELECT *, dense_rank() OVER (
    PARTITION BY symbol
    ORDER BY ${provider}provider, ${adjustment}adjustment,
      CASE session WHEN 'regular' THEN 0 ELSE 1 END, session, provider_symbol
  ) AS preference
  FROM daily_bars
  WHERE "interval" = '1d'
) AS ranked
WHERE preference = 1
