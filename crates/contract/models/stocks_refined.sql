-- Daily bars of shares and funds with what follows from them.
with bars as (
    select
        b.provider, b.provider_symbol, b.adjustment, b.session, b.trading_date, b.symbol, b.asset_class, b.exchange_mic, b.currency,
        b.open, b.high, b.low, b.close, b.volume,
        lag(b.close) over (
            partition by b.provider, b.provider_symbol, b.adjustment, b.session order by b.trading_date nulls last
        ) as close_before,
        lag(b.trading_date) over (
            partition by b.provider, b.provider_symbol, b.adjustment, b.session order by b.trading_date nulls last
        ) as date_before
    from daily_bars b
    where b.interval = '1d' and b.asset_class in ('equity', 'fund', 'etf')
),
paid as (
    select
        b.provider, b.provider_symbol, b.adjustment, b.session, b.trading_date,
        count(*) as dividends,
        cast(sum(d.amount) as decimal(18,8)) as amount
    from bars b
    join dividend_history d
        on d.symbol = b.symbol and d.currency = b.currency
        and d.ex_date <= b.trading_date and d.ex_date > b.trading_date - interval '1' year
    group by b.provider, b.provider_symbol, b.adjustment, b.session, b.trading_date
),
joined as (
    select
        b.provider, b.provider_symbol, b.adjustment, b.session, b.trading_date, b.symbol, b.asset_class, b.exchange_mic, b.currency,
        b.open, b.high, b.low, b.close, b.volume,
        case when b.date_before >= b.trading_date - interval '10' day then b.close_before end as previous_close,
        cast(coalesce(t.amount, 0) as decimal(18,8)) as dividends_12m,
        coalesce(t.dividends, 0) as dividend_count_12m,
        -- As near as an engine's division gives it; what is left of it decides about the last digit below.
        cast(cast(coalesce(t.amount, 0) as decimal(18,8)) / cast(b.close as decimal(18,8)) as decimal(19,8)) as quotient
    from bars b
    left join paid t
        on t.provider = b.provider and t.provider_symbol = b.provider_symbol and t.adjustment = b.adjustment
        and t.session = b.session and t.trading_date = b.trading_date
),
measured as (
    select
        j.provider, j.provider_symbol, j.adjustment, j.session, j.trading_date, j.symbol, j.asset_class, j.exchange_mic, j.currency,
        j.open, j.high, j.low, j.close, j.volume, j.previous_close, j.dividends_12m, j.dividend_count_12m, j.quotient,
        j.dividends_12m - j.quotient * cast(j.close as decimal(18,8)) as remainder,
        cast(j.close as decimal(19,8)) * 0.00000001 as step
    from joined j
)
select
    m.provider, m.provider_symbol, m.adjustment, m.session, m.trading_date, m.symbol, m.asset_class, m.exchange_mic, m.currency,
    m.open, m.high, m.low, m.close, m.volume, m.previous_close,
    m.close - m.previous_close as price_change,
    cast(cast(m.close as decimal(19,8)) * cast(m.volume as decimal(18,4)) as decimal(24,4)) as traded_value,
    m.dividends_12m, m.dividend_count_12m,
    cast(
        m.quotient
        + case
            when m.remainder + m.remainder >= m.step then 0.00000001
            when m.remainder + m.remainder < 0 - m.step then -0.00000001
            else 0.00000000
        end
        as decimal(18,8)
    ) as dividend_yield_12m
from measured m
