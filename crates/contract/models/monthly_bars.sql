-- Bars of a month: open of the first daily bar, close of the last, highest high, lowest low, sum of the volumes.
with bars as (
    select
        b.provider, b.provider_symbol, b.adjustment, b.session, b.symbol, b.asset_class, b.exchange_mic, b.currency,
        b.trading_date, b.open, b.high, b.low, b.close, b.volume, b.is_final, b.month
    from daily_bars b
    where b.interval = '1d'
),
-- Not numbered by windows, which would sort every bar: grouped, and joined for what the first and the last bar say. Grouped by the
-- partition, which costs less to have than the first day of a month to compute.
months as (
    select
        b.provider, b.provider_symbol, b.adjustment, b.session, b.month,
        min(b.trading_date) as first_bar, max(b.trading_date) as last_bar, count(*) as bars,
        max(b.high) as high, min(b.low) as low,
        case when count(b.volume) = count(*) then sum(b.volume) end as volume,
        bool_and(b.is_final) as are_final
    from bars b
    group by b.provider, b.provider_symbol, b.adjustment, b.session, b.month
),
periods as (
    select
        m.provider, m.provider_symbol, m.adjustment, m.session, cast(m.month || '-01' as date) as period_start,
        max(case when b.trading_date = m.last_bar then b.symbol end) as symbol,
        max(case when b.trading_date = m.last_bar then b.asset_class end) as asset_class,
        max(case when b.trading_date = m.last_bar then b.exchange_mic end) as exchange_mic,
        max(case when b.trading_date = m.last_bar then b.currency end) as currency,
        max(m.first_bar) as first_bar, max(m.last_bar) as last_bar, max(m.bars) as bars,
        max(case when b.trading_date = m.first_bar then b.open end) as open,
        max(m.high) as high, min(m.low) as low,
        max(case when b.trading_date = m.last_bar then b.close end) as close,
        max(m.volume) as volume, bool_and(m.are_final) as are_final
    from months m
    join bars b
        on m.provider = b.provider and m.provider_symbol = b.provider_symbol and m.adjustment = b.adjustment
        and m.session = b.session and m.month = b.month and (b.trading_date = m.first_bar or b.trading_date = m.last_bar)
    group by m.provider, m.provider_symbol, m.adjustment, m.session, m.month
),
ended as (
    select
        p.provider, p.provider_symbol, p.adjustment, p.session, p.period_start, p.symbol, p.asset_class, p.exchange_mic, p.currency,
        p.first_bar, p.last_bar, p.bars, p.open, p.high, p.low, p.close, p.volume, p.are_final,
        cast(cast(p.period_start + interval '1' month as date) - interval '1' day as date) as calendar_end
    from periods p
),
last_sessions as (
    select s.exchange_mic, cast(date_trunc('month', s.trading_date) as date) as period_start, max(s.trading_date) as last_session
    from trading_sessions s
    group by s.exchange_mic, cast(date_trunc('month', s.trading_date) as date)
),
split_periods as (
    select e.provider, e.provider_symbol, e.adjustment, e.session, e.period_start, count(*) as splits
    from ended e
    join splits s on s.symbol = e.symbol and s.execution_date > e.first_bar and s.execution_date <= e.calendar_end
    where e.adjustment = 'raw'
    group by e.provider, e.provider_symbol, e.adjustment, e.session, e.period_start
)
select
    e.provider, e.provider_symbol, e.adjustment, e.session, e.period_start,
    case
        when l.last_session is null or l.last_session < e.last_bar then e.last_bar
        else l.last_session
    end as period_end,
    e.calendar_end, e.symbol, e.asset_class, e.exchange_mic, e.currency, e.first_bar, e.last_bar, e.bars,
    e.open, e.high, e.low, e.close, e.volume,
    case when p.splits is null then false else true end as has_split,
    case
        when not e.are_final then false
        when e.asset_class = 'crypto' then e.last_bar >= e.calendar_end
        when l.last_session is null then null
        else e.last_bar >= l.last_session
    end as is_final
from ended e
left join last_sessions l on l.exchange_mic = e.exchange_mic and l.period_start = e.period_start
left join split_periods p
    on p.provider = e.provider and p.provider_symbol = e.provider_symbol and p.adjustment = e.adjustment
    and p.session = e.session and p.period_start = e.period_start
