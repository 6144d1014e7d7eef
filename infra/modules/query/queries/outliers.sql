WITH moves AS (
  SELECT
    symbol,
    provider,
    adjustment,
    trading_date,
    close,
    lag(close) OVER (PARTITION BY provider, provider_symbol, adjustment, session ORDER BY trading_date) AS previous_close
  FROM daily_bars
  WHERE month >= date_format(date_add('month', -3, current_date), '%Y-%m')
)
SELECT moves.symbol, moves.provider, moves.adjustment, moves.trading_date, moves.previous_close, moves.close
FROM moves
LEFT JOIN splits
  ON splits.symbol = moves.symbol AND splits.execution_date = moves.trading_date
WHERE moves.previous_close > 0
  AND abs(CAST(moves.close AS double) / CAST(moves.previous_close AS double) - 1) > 0.25
  AND splits.symbol IS NULL
ORDER BY moves.trading_date DESC, moves.symbol, moves.provider
