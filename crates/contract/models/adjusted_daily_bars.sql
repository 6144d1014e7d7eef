-- Bars times factors. A factor of 28 digits is taken in two parts, so that no product has more than 37 digits.
with joined as (
    select
        b.provider, b.provider_symbol, b.adjustment, b.session, b.trading_date, b.symbol, b.currency,
        b.open, b.high, b.low, b.close, b.volume,
        cast(f.price_factor_previous_close as decimal(28,18)) as factor,
        cast(f.price_factor_previous_close as decimal(19,9)) as factor_high,
        cast(f.price_factor_ex_close as decimal(28,18)) as ex_factor,
        cast(f.price_factor_ex_close as decimal(19,9)) as ex_factor_high,
        cast(f.volume_factor as decimal(28,18)) as volume_factor,
        cast(f.volume_factor as decimal(18,8)) as volume_factor_high,
        f.split_factor, f.dividend_factor_previous_close, f.dividend_factor_ex_close
    from daily_bars b
    join adjustment_factors f
        on f.provider = b.provider and f.provider_symbol = b.provider_symbol and f.adjustment = b.adjustment
        and f.session = b.session and b.trading_date >= f.valid_from
        and (f.valid_to is null or b.trading_date <= f.valid_to)
    where b.interval = '1d'
)
select
    j.provider, j.provider_symbol, j.adjustment, j.session, j.trading_date, j.symbol, j.currency,
    cast(
        cast(cast(j.open as decimal(18,8)) * j.factor_high as decimal(37,17))
        + cast(cast(j.open as decimal(19,8)) * cast(j.factor - j.factor_high as decimal(18,18)) as decimal(37,17))
        as decimal(18,8)
    ) as adj_open,
    cast(
        cast(cast(j.high as decimal(18,8)) * j.factor_high as decimal(37,17))
        + cast(cast(j.high as decimal(19,8)) * cast(j.factor - j.factor_high as decimal(18,18)) as decimal(37,17))
        as decimal(18,8)
    ) as adj_high,
    cast(
        cast(cast(j.low as decimal(18,8)) * j.factor_high as decimal(37,17))
        + cast(cast(j.low as decimal(19,8)) * cast(j.factor - j.factor_high as decimal(18,18)) as decimal(37,17))
        as decimal(18,8)
    ) as adj_low,
    cast(
        cast(cast(j.close as decimal(18,8)) * j.factor_high as decimal(37,17))
        + cast(cast(j.close as decimal(19,8)) * cast(j.factor - j.factor_high as decimal(18,18)) as decimal(37,17))
        as decimal(18,8)
    ) as adj_close,
    cast(
        cast(cast(j.close as decimal(18,8)) * j.ex_factor_high as decimal(37,17))
        + cast(cast(j.close as decimal(19,8)) * cast(j.ex_factor - j.ex_factor_high as decimal(18,18)) as decimal(37,17))
        as decimal(18,8)
    ) as adj_close_ex_close,
    cast(
        cast(cast(j.volume as decimal(19,4)) * j.volume_factor_high as decimal(37,12))
        + cast(cast(j.volume as decimal(19,4)) * cast(j.volume_factor - j.volume_factor_high as decimal(18,18)) as decimal(37,12))
        as decimal(24,4)
    ) as adj_volume,
    j.split_factor, j.dividend_factor_previous_close, j.dividend_factor_ex_close
from joined j
