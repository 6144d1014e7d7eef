-- The mean of a month's closes, exact to eight places on every engine.
with months as (
    select
        b.provider, b.provider_symbol, b.adjustment, b.session,
        cast(date_trunc('month', b.trading_date) as date) as month_start,
        max(b.symbol) as symbol,
        max(b.currency) as currency,
        count(*) as bars,
        cast(count(*) as decimal(6,0)) as n,
        cast(sum(cast(b.close as decimal(18,8))) as decimal(24,8)) as total,
        min(b.close) as lowest_close,
        max(b.close) as highest_close
    from daily_bars b
    where b.interval = '1d'
    group by b.provider, b.provider_symbol, b.adjustment, b.session, cast(date_trunc('month', b.trading_date) as date)
),
divided as (
    -- As near as an engine's division gives it; what is left of it decides about the last digit below.
    select
        m.provider, m.provider_symbol, m.adjustment, m.session, m.month_start, m.symbol, m.currency, m.bars, m.n, m.total,
        m.lowest_close, m.highest_close,
        cast(m.total / m.n as decimal(19,8)) as quotient
    from months m
),
measured as (
    select
        d.provider, d.provider_symbol, d.adjustment, d.session, d.month_start, d.symbol, d.currency, d.bars,
        d.lowest_close, d.highest_close, d.quotient,
        d.total - d.quotient * d.n as remainder,
        d.n * 0.00000001 as step
    from divided d
)
select
    m.provider, m.provider_symbol, m.adjustment, m.session, m.month_start, m.symbol, m.currency, m.bars,
    cast(
        m.quotient
        + case
            when m.remainder + m.remainder >= m.step then 0.00000001
            when m.remainder + m.remainder < 0 - m.step then -0.00000001
            else 0.00000000
        end
        as decimal(18,8)
    ) as average_close,
    m.lowest_close, m.highest_close
from measured m
