//! The closes that the report draws: of each symbol those of its preferred series. Averages are decimals, rounded once, half to even.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use futures::TryStreamExt as _;
use quotelake_contract::{Contracts, Preference};
use quotelake_core::ports::Lake;
use quotelake_core::{Decimal, Result, divide_half_even};
use quotelake_table::Published;

use crate::report::data::{Pivot, PivotMonth, PivotSymbol, Split, SymbolCloses};
use crate::tables::{dates, decimals, texts};

/// Decimal places of an average.
const AVERAGE_SCALE: u8 = 8;

/// By symbol, then by the provider that states them.
pub type Splits = BTreeMap<String, BTreeMap<String, Vec<Split>>>;

/// Every split, as each provider states it.
pub async fn read_splits(lake: &dyn Lake, contracts: &Contracts) -> Result<Splits> {
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

/// Closes of one series, by date.
#[derive(Debug, Default)]
struct Series {
    currency: String,
    closes: BTreeMap<NaiveDate, i128>,
    scale: u8,
}

/// Provider, adjustment, session and the provider's symbol: what tells the daily series of one symbol apart.
type SeriesKey = [String; 4];
const SERIES: [&str; 4] = ["provider", "adjustment", "session", "provider_symbol"];

/// The series that speaks for each symbol: closes of two providers or of two adjustments are never of one line.
fn preferred(
    series: BTreeMap<String, BTreeMap<SeriesKey, Series>>,
    preference: &Preference,
) -> BTreeMap<String, (String, Series)> {
    let rank = |a: &SeriesKey, b: &SeriesKey| {
        let regular = |key: &SeriesKey| key[2] != "regular";
        preference
            .compare((a[0].as_str(), a[1].as_str()), (b[0].as_str(), b[1].as_str()))
            .then_with(|| (regular(a), &a[2..]).cmp(&(regular(b), &b[2..])))
    };
    let chosen = series.into_iter().filter_map(|(symbol, of_symbol)| {
        let ([provider, ..], series) = of_symbol.into_iter().min_by(|(a, _), (b, _)| rank(a, b))?;
        Some((symbol, (provider, series)))
    });
    chosen.collect()
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

/// The closes of every symbol and their averages by month.
pub async fn read_closes(
    lake: &dyn Lake,
    contracts: &Contracts,
    splits: &Splits,
) -> Result<(Vec<SymbolCloses>, Pivot)> {
    let mut series: BTreeMap<String, BTreeMap<SeriesKey, Series>> = BTreeMap::new();
    let table = Published::new(lake, &contracts.get("daily_bars")?.contract);
    let mut columns = vec!["symbol", "currency", "interval", "trading_date", "close"];
    columns.extend(SERIES);
    let mut parts = table.scan_all(&columns).await?;
    while let Some((_, batch)) = parts.try_next().await? {
        let symbols = texts(&batch, "symbol")?;
        let currencies = texts(&batch, "currency")?;
        let intervals = texts(&batch, "interval")?;
        let parts = SERIES.map(|name| texts(&batch, name));
        let [providers, adjustments, sessions, provider_symbols] = parts;
        let parts = [providers?, adjustments?, sessions?, provider_symbols?];
        let days = dates(&batch, "trading_date")?;
        let (closes, scale) = decimals(&batch, "close")?;
        for row in 0..batch.num_rows() {
            if intervals[row].as_deref() != Some("1d") {
                continue;
            }
            if let (Some(symbol), Some(day), Some(close)) = (&symbols[row], days[row], closes[row]) {
                let key = parts.each_ref().map(|part| part[row].clone().unwrap_or_default());
                let entry = series.entry(symbol.clone()).or_default().entry(key).or_default();
                entry.currency = currencies[row].clone().unwrap_or_default();
                entry.scale = scale;
                entry.closes.insert(day, close);
            }
        }
    }
    let series = preferred(series, contracts.preference());
    let mut months: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for (column, (_, one)) in series.values().enumerate() {
        let mut sums: BTreeMap<String, (i128, i128)> = BTreeMap::new();
        for (day, close) in &one.closes {
            let sum = sums.entry(day.format("%Y-%m").to_string()).or_default();
            sum.0 += close;
            sum.1 += 1;
        }
        for (month, (sum, count)) in sums {
            months.entry(month).or_insert_with(|| vec![None; series.len()])[column] =
                average(sum, count, one.scale);
        }
    }
    let pivot = Pivot {
        symbols: series
            .iter()
            .map(|(symbol, (_, one))| PivotSymbol { symbol: symbol.clone(), currency: one.currency.clone() })
            .collect(),
        months: months.into_iter().map(|(month, averages)| PivotMonth { month, averages }).collect(),
    };
    let closes = series
        .into_iter()
        .map(|(symbol, (provider, one))| SymbolCloses {
            currency: one.currency,
            dates: one.closes.keys().map(NaiveDate::to_string).collect(),
            closes: one.closes.values().map(|close| Decimal::new(*close, one.scale).to_string()).collect(),
            splits: splits_of(splits, &symbol, &provider, contracts.preference()),
            symbol,
        })
        .collect();
    Ok((closes, pivot))
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

    fn key(provider: &str, adjustment: &str, session: &str) -> SeriesKey {
        [provider, adjustment, session, "X"].map(str::to_owned)
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
            let (provider, series) = &chosen["X.XNYS"];
            (provider.clone(), series.closes[&day])
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
