//! The daily bars that the report shows: of each symbol those of its preferred series, with the factors that adjust them, returns and
//! averages by month. Averages are decimals, rounded once, half to even.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate};
use futures::TryStreamExt as _;
use quotelake_contract::{Contracts, Preference};
use quotelake_core::ports::Lake;
use quotelake_core::{Decimal, ErrorKind, Finding, Result, divide_half_even};
use quotelake_market::DailySeries;
use quotelake_refine::dates::Dates;
use quotelake_refine::native::adjustment;
use quotelake_refine::tables::Tables;
use quotelake_table::Published;

use super::returns;
use crate::report::data::{Candle, FactorPeriod, Pivot, PivotMonth, PivotSymbol, PriceSeries, Split};
use crate::tables::{daily_series, dates, decimals, table_read, texts};

/// Decimal places of an average.
const AVERAGE_SCALE: u8 = 8;
/// Bars that are shown as candles, over all symbols: what keeps a page of hundreds of symbols small.
const CANDLES: usize = 50_000;
/// Candles that each symbol has in any case: those of a year.
const CANDLES_EACH: usize = 260;

/// What tells the daily series of one symbol apart.
const SERIES: [&str; 4] = ["provider", "provider_symbol", "adjustment", "session"];
/// The prices of a bar beside its close, and its volume.
const CANDLE: [&str; 4] = ["open", "high", "low", "volume"];

/// By symbol, then by the provider that states them.
type Splits = BTreeMap<String, BTreeMap<String, Vec<Split>>>;

/// Bars of one series, by date.
#[derive(Debug, Default)]
struct Series {
    currency: String,
    closes: BTreeMap<NaiveDate, i128>,
    scale: u8,
}

/// The bars of every symbol's preferred series, and their averages by month. A table that cannot be read takes from them what it
/// holds, and no more: it is added to `unreadable`.
pub(super) async fn read(
    lake: &dyn Lake,
    contracts: &Contracts,
    unreadable: &mut Vec<Finding>,
) -> Result<(Vec<PriceSeries>, Pivot)> {
    let splits = read_splits(lake, contracts).await;
    let splits = table_read(splits, &contracts.get("splits")?.contract, unreadable)?.unwrap_or_default();
    let all = read_series(lake, contracts).await;
    let all = table_read(all, &contracts.get("daily_bars")?.contract, unreadable)?.unwrap_or_default();
    if all.is_empty() {
        return Ok(Default::default());
    }
    let factors = match read_factors(lake, contracts).await {
        Ok(factors) => factors,
        Err(error) if error.kind().is_retryable() || error.kind() == ErrorKind::Unauthorized => {
            return Err(error);
        }
        Err(error) => {
            let found = error.to_string();
            // The table whose file is to blame may have been named before.
            if !unreadable.iter().any(|finding| finding.found == found) {
                unreadable.push(Finding::error("adjusted prices", found, "make what they are of readable"));
            }
            BTreeMap::new()
        }
    };
    let preference = contracts.preference();
    let chosen = preferred(all, preference);
    let pivot = pivot(&chosen);
    let candles = read_candles(lake, contracts, &chosen).await;
    let candles =
        table_read(candles, &contracts.get("daily_bars")?.contract, unreadable)?.unwrap_or_default();
    let prices = chosen.into_iter().map(|(symbol, of)| {
        let factors = factors.get(&of.key).cloned().unwrap_or_default();
        let splits = splits_of(&splits, &symbol, &of.key.provider, preference);
        let candles = candles.get(&symbol).cloned().unwrap_or_default();
        price_series(symbol, of, factors, splits, &candles)
    });
    Ok((prices.collect(), pivot))
}

fn price_series(
    symbol: String,
    of: Chosen,
    factors: Vec<FactorPeriod>,
    splits: Vec<Split>,
    candles: &BTreeMap<NaiveDate, Candle>,
) -> PriceSeries {
    let Chosen { key: DailySeries { provider, adjustment, .. }, series, others } = of;
    let (monthly_returns, yearly_returns) = returns::of(&series.closes, series.scale, &factors);
    let first = candles.keys().next();
    let with_candle = series.closes.keys().filter(|day| first.is_some_and(|first| *day >= first));
    PriceSeries {
        symbol,
        provider,
        adjustment,
        currency: series.currency,
        candles: with_candle.map(|day| candles.get(day).cloned().unwrap_or_default()).collect(),
        dates: series.closes.keys().map(NaiveDate::to_string).collect(),
        closes: series.closes.values().map(|close| Decimal::new(*close, series.scale).to_string()).collect(),
        factors,
        splits,
        monthly_returns,
        yearly_returns,
        others,
    }
}

/// Every split, as each provider states it.
async fn read_splits(lake: &dyn Lake, contracts: &Contracts) -> Result<Splits> {
    let mut splits = Splits::new();
    let table = Published::new(lake, &contracts.get("splits")?.contract);
    let columns = ["symbol", "provider", "execution_date", "split_from", "split_to"];
    let mut parts = table.scan_all(&columns).await?;
    while let Some((_, batch)) = parts.try_next().await? {
        let symbols = texts(&batch, "symbol")?;
        let providers = texts(&batch, "provider")?;
        let ex_dates = dates(&batch, "execution_date")?;
        let (from, scale) = decimals(&batch, "split_from")?;
        let (to, _) = decimals(&batch, "split_to")?;
        for row in 0..batch.num_rows() {
            if let (Some(symbol), Some(date), Some(from), Some(to)) =
                (&symbols[row], ex_dates[row], from[row], to[row])
            {
                let of_symbol = splits.entry(symbol.clone()).or_default();
                of_symbol.entry(providers[row].clone().unwrap_or_default()).or_default().push(Split {
                    ex_date: date.to_string(),
                    new_shares: Decimal::new(to, scale).to_string(),
                    old_shares: Decimal::new(from, scale).to_string(),
                });
            }
        }
    }
    Ok(splits)
}

/// What adjusts each series, as `quotelake export adjusted` does; of a series without factors nothing.
async fn read_factors(
    lake: &dyn Lake,
    contracts: &Contracts,
) -> Result<BTreeMap<DailySeries, Vec<FactorPeriod>>> {
    let batch = adjustment(Tables::new(lake, contracts), None).await?.factors;
    let keys = daily_series(&batch)?;
    let (from, to) = (dates(&batch, "valid_from")?, dates(&batch, "valid_to")?);
    let (price, price_scale) = decimals(&batch, "price_factor_previous_close")?;
    let (volume, volume_scale) = decimals(&batch, "volume_factor")?;
    let mut factors: BTreeMap<DailySeries, Vec<FactorPeriod>> = BTreeMap::new();
    for (row, key) in keys.into_iter().enumerate() {
        let (Some(from), Some(price), Some(volume)) = (from[row], price[row], volume[row]) else { continue };
        factors.entry(key).or_default().push(FactorPeriod {
            from: from.to_string(),
            to: to[row].map(|to| to.to_string()),
            price: Decimal::new(price, price_scale).to_string(),
            volume: Decimal::new(volume, volume_scale).to_string(),
        });
    }
    for periods in factors.values_mut() {
        periods.sort_by(|a, b| a.from.cmp(&b.from));
    }
    Ok(factors)
}

/// Prices and volumes of the newest bars of each chosen series, by symbol: as many as a page has room for.
async fn read_candles(
    lake: &dyn Lake,
    contracts: &Contracts,
    chosen: &BTreeMap<String, Chosen>,
) -> Result<BTreeMap<String, BTreeMap<NaiveDate, Candle>>> {
    let room = (CANDLES / chosen.len().max(1)).max(CANDLES_EACH);
    let first_of = |of: &Chosen| {
        let closes = &of.series.closes;
        closes.keys().nth(closes.len().saturating_sub(room)).copied()
    };
    let firsts: BTreeMap<&str, NaiveDate> =
        chosen.iter().filter_map(|(symbol, of)| Some((symbol.as_str(), first_of(of)?))).collect();
    let mut candles: BTreeMap<String, BTreeMap<NaiveDate, Candle>> = BTreeMap::new();
    let Some(from) = firsts.values().min() else { return Ok(candles) };
    let mut columns = vec!["symbol", "interval", "trading_date"];
    columns.extend(SERIES);
    columns.extend(CANDLE);
    let dates_shown = Dates { from: *from, ..Dates::ALL };
    let mut parts = Tables::new(lake, contracts).scan("daily_bars", &columns, dates_shown).await?;
    while let Some(batch) = parts.try_next().await? {
        let (symbols, intervals) = (texts(&batch, "symbol")?, texts(&batch, "interval")?);
        let (keys, days) = (daily_series(&batch)?, dates(&batch, "trading_date")?);
        let [open, high, low, volume] = CANDLE.map(|name| decimals(&batch, name));
        let columns = [open?, high?, low?, volume?];
        for (row, key) in keys.iter().enumerate() {
            let (Some(symbol), Some(day)) = (&symbols[row], days[row]) else { continue };
            let is_shown = chosen.get(symbol).is_some_and(|of| of.key == *key)
                && firsts.get(symbol.as_str()).is_some_and(|first| day >= *first);
            if is_shown && intervals[row].as_deref() == Some("1d") {
                let [open, high, low, volume] = columns
                    .each_ref()
                    .map(|(values, scale)| values[row].map(|value| Decimal::new(value, *scale).to_string()));
                let of_symbol = candles.entry(symbol.clone()).or_default();
                of_symbol.insert(day, Candle { open, high, low, volume });
            }
        }
    }
    Ok(candles)
}

/// The closes of every daily series of every symbol.
async fn read_series(
    lake: &dyn Lake,
    contracts: &Contracts,
) -> Result<BTreeMap<String, BTreeMap<DailySeries, Series>>> {
    let mut series: BTreeMap<String, BTreeMap<DailySeries, Series>> = BTreeMap::new();
    let table = Published::new(lake, &contracts.get("daily_bars")?.contract);
    let mut columns = vec!["symbol", "currency", "interval", "trading_date", "close"];
    columns.extend(SERIES);
    let mut parts = table.scan_all(&columns).await?;
    while let Some((_, batch)) = parts.try_next().await? {
        let symbols = texts(&batch, "symbol")?;
        let currencies = texts(&batch, "currency")?;
        let intervals = texts(&batch, "interval")?;
        let keys = daily_series(&batch)?;
        let days = dates(&batch, "trading_date")?;
        let (closes, scale) = decimals(&batch, "close")?;
        for (row, key) in keys.into_iter().enumerate() {
            if intervals[row].as_deref() != Some("1d") {
                continue;
            }
            if let (Some(symbol), Some(day), Some(close)) = (&symbols[row], days[row], closes[row]) {
                let entry = series.entry(symbol.clone()).or_default().entry(key).or_default();
                entry.currency = currencies[row].clone().unwrap_or_default();
                entry.scale = scale;
                entry.closes.insert(day, close);
            }
        }
    }
    Ok(series)
}

/// The series that speaks for a symbol.
#[derive(Debug)]
struct Chosen {
    key: DailySeries,
    series: Series,
    /// The others, `provider adjustment`.
    others: Vec<String>,
}

/// The series that speaks for each symbol: closes of two providers or of two adjustments are never of one line.
fn preferred(
    series: BTreeMap<String, BTreeMap<DailySeries, Series>>,
    preference: &Preference,
) -> BTreeMap<String, Chosen> {
    let chosen = series.into_iter().filter_map(|(symbol, of_symbol)| {
        let mut all: Vec<(DailySeries, Series)> = of_symbol.into_iter().collect();
        all.sort_by(|(a, _), (b, _)| a.compare_by(b, preference));
        let mut all = all.into_iter();
        let (key, series) = all.next()?;
        let mut others: Vec<String> = all.map(|(key, _)| named(&key)).collect();
        others.dedup();
        Some((symbol, Chosen { key, series, others }))
    });
    chosen.collect()
}

fn named(key: &DailySeries) -> String {
    let DailySeries { provider, adjustment, session, .. } = key;
    match session.as_str() {
        "regular" => format!("{provider} {adjustment}"),
        session => format!("{provider} {adjustment} {session}"),
    }
}

/// The splits that the chosen provider states, else those of the preferred one that states any.
fn splits_of(splits: &Splits, symbol: &str, provider: &str, preference: &Preference) -> Vec<Split> {
    let Some(of_symbol) = splits.get(symbol) else { return Vec::new() };
    let stated = of_symbol.get(provider).or_else(|| {
        let preferred = of_symbol.iter().min_by(|(a, _), (b, _)| preference.compare_providers(a, b));
        preferred.map(|(_, splits)| splits)
    });
    stated.cloned().unwrap_or_default()
}

/// Average closes by month, the newest month first.
fn pivot(chosen: &BTreeMap<String, Chosen>) -> Pivot {
    let mut months: BTreeMap<(i32, u32), Vec<Option<String>>> = BTreeMap::new();
    for (column, of) in chosen.values().enumerate() {
        let mut sums: BTreeMap<(i32, u32), (i128, i128)> = BTreeMap::new();
        for (day, close) in &of.series.closes {
            let sum = sums.entry((day.year(), day.month())).or_default();
            sum.0 += close;
            sum.1 += 1;
        }
        for (month, (sum, count)) in sums {
            months.entry(month).or_insert_with(|| vec![None; chosen.len()])[column] =
                average(sum, count, of.series.scale);
        }
    }
    let symbols = chosen.iter().map(|(symbol, of)| PivotSymbol {
        symbol: symbol.clone(),
        series: named(&of.key),
        currency: of.series.currency.clone(),
    });
    let month = |((year, month), averages)| PivotMonth { month: format!("{year:04}-{month:02}"), averages };
    Pivot { symbols: symbols.collect(), months: months.into_iter().rev().map(month).collect() }
}

/// `sum / count` with [`AVERAGE_SCALE`] decimal places, or as many as the sum uses, half to even.
fn average(mut sum: i128, count: i128, mut scale: u8) -> Option<String> {
    while scale > AVERAGE_SCALE && sum % 10 == 0 {
        (sum, scale) = (sum / 10, scale - 1);
    }
    let (sum, scale) = if scale < AVERAGE_SCALE {
        (sum.checked_mul(10i128.checked_pow(u32::from(AVERAGE_SCALE - scale))?)?, AVERAGE_SCALE)
    } else {
        (sum, scale)
    };
    Some(Decimal::new(divide_half_even(sum, count)?, scale).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(provider: &str, adjustment: &str, session: &str) -> DailySeries {
        let [provider, adjustment, session] = [provider, adjustment, session].map(str::to_owned);
        DailySeries { provider, provider_symbol: "X".to_owned(), adjustment, session }
    }

    #[test]
    fn averages_are_rounded_half_to_even() {
        assert_eq!(average(1_000_000_000, 3, 8).as_deref(), Some("3.33333333"));
        assert_eq!(average(5, 2, 8).as_deref(), Some("0.00000002"));
        assert_eq!(average(7, 2, 8).as_deref(), Some("0.00000004"));
        assert_eq!(average(-5, 2, 8).as_deref(), Some("-0.00000002"));
        assert_eq!(average(300, 2, 2).as_deref(), Some("1.5"));
        // Of eighteen places, eight, unless the closes use more.
        assert_eq!(average(10i128.pow(19), 3, 18).as_deref(), Some("3.33333333"));
        assert_eq!(
            average(2 * 77_812 * 10i128.pow(8) + 10i128.pow(8), 2, 18).as_deref(),
            Some("0.0000077812")
        );
    }

    #[test]
    fn one_series_speaks_for_a_symbol() {
        let day: NaiveDate = "2024-03-04".parse().unwrap();
        let of = |close| Series { closes: BTreeMap::from([(day, close)]), ..Series::default() };
        let all = || {
            let of_symbol = BTreeMap::from([
                (key("polygon", "raw", "all"), of(1)),
                (key("polygon", "raw", "regular"), of(2)),
                (key("polygon", "split", "regular"), of(3)),
                (key("yahoo", "split", "regular"), of(4)),
            ]);
            BTreeMap::from([("X.XNYS".to_owned(), of_symbol)])
        };
        let close = |json: &str| {
            let chosen = preferred(all(), &Preference::parse(json).unwrap());
            let of = &chosen["X.XNYS"];
            assert_eq!(of.others.len(), 3);
            (of.key.provider.clone(), of.series.closes[&day])
        };
        assert_eq!(close("{}"), ("polygon".to_owned(), 2));
        assert_eq!(close(r#"{"providers": ["yahoo"]}"#), ("yahoo".to_owned(), 4));
        assert_eq!(close(r#"{"adjustments": ["split"]}"#), ("polygon".to_owned(), 3));
    }

    #[test]
    fn splits_are_of_one_provider() {
        let split = |new: &str| {
            let (ex_date, old_shares) = ("2024-03-04".into(), "1".into());
            Split { ex_date, new_shares: new.into(), old_shares }
        };
        let of_symbol =
            BTreeMap::from([("yahoo".to_owned(), vec![split("2")]), ("brapi".to_owned(), vec![split("3")])]);
        let splits = BTreeMap::from([("X".to_owned(), of_symbol)]);
        let usual = Preference::default();
        let shares = |symbol: &str, provider: &str| -> Vec<String> {
            splits_of(&splits, symbol, provider, &usual).into_iter().map(|split| split.new_shares).collect()
        };
        assert_eq!((shares("X", "yahoo"), shares("X", "polygon")), (vec!["2".into()], vec!["3".into()]));
        assert!(shares("Y", "yahoo").is_empty());
    }
}
