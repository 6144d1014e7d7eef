//! Returns by month and year, from the last close of the one before to the last close of this one, in percent.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{Datelike as _, NaiveDate};

use crate::report::data::FactorPeriod;

/// Returns with the name of their month or year, ascending.
type Returns = Vec<(String, f64)>;

/// By month and by year: on closes times their price factors, where there are factors, else on closes as they are. There is none for
/// the first month, nor after a month without a close.
pub(super) fn of(
    closes: &BTreeMap<NaiveDate, i128>,
    scale: u8,
    factors: &[FactorPeriod],
) -> (Returns, Returns) {
    let mut months: BTreeMap<i32, f64> = BTreeMap::new();
    let unit = 10f64.powi(i32::from(scale));
    // From the last day, of which each month needs one alone.
    for (day, close) in closes.iter().rev() {
        if let Entry::Vacant(month) = months.entry(day.year() * 12 + day.month0() as i32)
            && let Some(factor) = factor_at(factors, *day)
        {
            // A return is a statistic: a float is enough for its two places.
            month.insert(*close as f64 / unit * factor);
        }
    }
    let monthly =
        steps(&months, |month| format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1));
    // The last close of a year is that of its last month; a year that ends earlier says nothing of the next one.
    let years: BTreeMap<i32, f64> =
        months.iter().map(|(month, close)| (month.div_euclid(12), *close)).collect();
    let ends_in_december = |year: i32| months.contains_key(&(year * 12 + 11));
    let mut yearly = steps(&years, |year| format!("{year:04}"));
    yearly.retain(|(year, _)| year.parse::<i32>().is_ok_and(|year| ends_in_december(year - 1)));
    (monthly, yearly)
}

/// The price factor of a day: 1 of a series without factors, none of a day for which there is none.
fn factor_at(factors: &[FactorPeriod], day: NaiveDate) -> Option<f64> {
    if factors.is_empty() {
        return Some(1.0);
    }
    let day = day.to_string();
    let next = factors.partition_point(|of| of.from <= day);
    let of = factors[..next].last()?;
    let holds = of.to.as_ref().is_none_or(|to| day <= *to);
    holds.then(|| of.price.parse().ok()).flatten()
}

/// The change from each close to the next one, where one follows the other.
fn steps(closes: &BTreeMap<i32, f64>, name: impl Fn(i32) -> String) -> Returns {
    let before = closes.iter().zip(closes.iter().skip(1));
    before
        .filter(|((at, from), (next, _))| **at + 1 == **next && **from > 0.0)
        .map(|((_, from), (next, to))| (name(*next), (to / from * 10_000.0 - 10_000.0).round() / 100.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closes(of: &[(&str, i128)]) -> BTreeMap<NaiveDate, i128> {
        of.iter().map(|(day, close)| (day.parse().unwrap(), *close)).collect()
    }

    #[test]
    fn returns_go_from_the_last_close_to_the_last_close() {
        let closes = closes(&[
            ("2022-11-30", 9000),
            ("2022-12-01", 9500),
            ("2022-12-30", 10000),
            ("2023-01-31", 11000),
            ("2023-03-31", 9900),
            ("2023-12-29", 12500),
        ]);
        let (months, years) = of(&closes, 2, &[]);
        assert_eq!(months, [("2022-12".to_owned(), 11.11), ("2023-01".to_owned(), 10.0)]);
        assert_eq!(years, [("2023".to_owned(), 25.0)]);
    }

    #[test]
    fn a_split_is_no_loss_where_there_are_factors() {
        let closes = closes(&[("2023-01-31", 10000), ("2023-02-28", 5100)]);
        let period = |from: &str, to: Option<&str>, price: &str| FactorPeriod {
            from: from.into(),
            to: to.map(str::to_owned),
            price: price.into(),
            volume: "1".into(),
        };
        let factors = [period("2023-01-02", Some("2023-02-14"), "0.5"), period("2023-02-15", None, "1")];
        assert_eq!(of(&closes, 2, &factors).0, [("2023-02".to_owned(), 2.0)]);
        assert_eq!(of(&closes, 2, &[]).0, [("2023-02".to_owned(), -49.0)]);
        assert_eq!(of(&closes, 2, &factors[1..]).0, [], "no factor, no return");
    }
}
