-- Each distribution once: of one provider for each instrument, ex-date and currency, a migrated database last.
with stated as (
    select
        d.symbol, d.currency, d.ex_date, d.provider,
        cast(sum(d.amount) as decimal(38,4)) as total,
        case when d.provider like 'legacy%' then 1 else 0 end as is_legacy
    from dividends d
    group by d.symbol, d.currency, d.ex_date, d.provider
),
speakers as (
    select
        s.symbol, s.currency, s.ex_date, s.provider,
        row_number() over (
            partition by s.symbol, s.currency, s.ex_date
            order by s.is_legacy nulls last, s.provider nulls last
        ) as place
    from stated s
),
agreements as (
    select s.symbol, s.currency, s.ex_date, count(*) as providers, min(s.total) as least_total, max(s.total) as greatest_total
    from stated s
    group by s.symbol, s.currency, s.ex_date
)
select
    d.symbol, d.currency, d.ex_date,
    row_number() over (
        partition by d.symbol, d.currency, d.ex_date
        order by
            d.dividend_type nulls last, d.amount nulls last, d.pay_date nulls last, d.provider_symbol nulls last,
            d.provider nulls last
    ) as ordinal,
    d.dividend_type, d.pay_date, d.amount, d.split_adjusted, d.provider, a.providers,
    case when a.providers > 1 then a.least_total = a.greatest_total end as is_agreed
from dividends d
join speakers s
    on s.symbol = d.symbol and s.currency = d.currency and s.ex_date = d.ex_date and s.provider = d.provider and s.place = 1
join agreements a on a.symbol = d.symbol and a.currency = d.currency and a.ex_date = d.ex_date
