-- The newest snapshot of each fund.
with numbered as (
    select
        f.provider, f.provider_symbol, f.symbol, f.as_of_date, f.name, f.segment,
        f.price, f.nav_per_share, f.price_to_nav, f.dividend_yield_12m, f.vacancy_rate, f.market_cap, f.avg_daily_liquidity, f.equity,
        f.currency,
        count(*) over (partition by f.provider, f.provider_symbol) as snapshots,
        row_number() over (partition by f.provider, f.provider_symbol order by f.as_of_date desc nulls last) as place
    from fund_snapshots f
)
select
    n.provider, n.provider_symbol, n.symbol, n.as_of_date, n.snapshots, n.name, n.segment,
    n.price, n.nav_per_share, n.price_to_nav, n.dividend_yield_12m, n.vacancy_rate, n.market_cap, n.avg_daily_liquidity, n.equity,
    n.currency
from numbered n
where n.place = 1
