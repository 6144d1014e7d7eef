-- A session is a day on which at least half of an exchange's instruments have a bar.
WITH bars AS (
  SELECT exchange_mic, symbol, trading_date
  FROM daily_bars
  WHERE month >= date_format(date_add('month', -3, current_date), '%Y-%m')
),
instruments AS (
  SELECT exchange_mic, symbol, min(trading_date) AS first_day FROM bars GROUP BY exchange_mic, symbol
),
sessions AS (
  SELECT bars.exchange_mic, bars.trading_date
  FROM bars
  JOIN (SELECT exchange_mic, count(*) AS symbols FROM instruments GROUP BY exchange_mic) AS sizes
    ON sizes.exchange_mic = bars.exchange_mic
  GROUP BY bars.exchange_mic, bars.trading_date, sizes.symbols
  HAVING count(DISTINCT bars.symbol) * 2 >= sizes.symbols
)
SELECT sessions.exchange_mic, instruments.symbol, sessions.trading_date AS missing_day
FROM sessions
JOIN instruments
  ON instruments.exchange_mic = sessions.exchange_mic AND instruments.first_day <= sessions.trading_date
LEFT JOIN bars
  ON bars.symbol = instruments.symbol AND bars.trading_date = sessions.trading_date
WHERE bars.symbol IS NULL
ORDER BY instruments.symbol, missing_day
