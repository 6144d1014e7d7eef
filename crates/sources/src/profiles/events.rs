//! Distributions and splits that are beside the bars of days.

use quotelake_core::Decimal;

use super::cells::{Cells, When};
use super::model::Field;
use crate::DatasetName;
use crate::origin::{Origin, RecordInstrument};
use crate::read::{decimal, split_type};
use crate::record::{Cell, Record, Refusal};
use crate::yahoo::told_apart;

/// Shares before a split, at most, that a ratio is taken for.
const MOST_FROM: u32 = 10_000;

/// The events of a row: what was distributed, and a split.
pub(super) fn of_row(
    cells: &Cells<'_>,
    origin: &Origin,
    named: &RecordInstrument,
    stamped: &Result<When, (&'static str, Refusal)>,
    events: &mut Vec<Record>,
) {
    let date = || match stamped {
        Ok(When::Day(date, _)) => Some(Cell::Value(*date)),
        Ok(When::Instant(ms)) => origin.date_of(*ms).map(Cell::Value),
        Err((_, refusal)) => Some(Cell::Refused(Box::new(refusal.clone()))),
    };
    let numbers = cells.profile.numbers;
    for (field, kind) in [(Field::Dividend, "cash"), (Field::CapitalGain, "capital_gain")] {
        let amount = cells.read(field, named.money.price(|text| numbers.read(text)));
        if amount.as_ref().is_none_or(is_nothing) {
            continue;
        }
        let mut dividend = origin.dividend(named);
        dividend.dividend_type = Some(Cell::Value(kind));
        (dividend.ex_date, dividend.amount) = (date(), amount);
        dividend.split_adjusted = Some(cells.profile.split_adjusted_dividends);
        events.push(Record::Dividends(dividend));
    }
    let ratio =
        cells.text(Field::SplitRatio).filter(|text| text.parse() != Ok(0.0) && text.parse() != Ok(1.0));
    if let Some(text) = ratio {
        let mut split = origin.split(named);
        split.execution_date = date();
        match shares(text) {
            Some((from, to)) => {
                split.split_type = split_type(&from, &to);
                (split.split_from, split.split_to) = (Some(Cell::Value(from)), Some(Cell::Value(to)));
            }
            None => {
                let refusal = cells.refusal(Field::SplitRatio, text, "is no ratio of shares");
                split.split_from = Some(Cell::Refused(Box::new(refusal.clone())));
                split.split_to = Some(Cell::Refused(Box::new(refusal)));
            }
        }
        events.push(Record::Splits(split));
    }
}

fn is_nothing(amount: &Cell<Decimal>) -> bool {
    amount.value().is_some_and(|amount| amount.is_zero())
}

/// Shares before and after, of the float that their quotient is: `4.0` is four for one, `0.06666666666666667` one for fifteen. The
/// smallest whole numbers with that very quotient; where there are none, the number itself for one.
fn shares(text: &str) -> Option<(Decimal, Decimal)> {
    let quotient: f64 = text.parse().ok().filter(|quotient: &f64| quotient.is_finite() && *quotient > 0.0)?;
    let whole = (1..=MOST_FROM).find_map(|from| {
        let to = (quotient * f64::from(from)).round();
        (to >= 1.0 && to / f64::from(from) == quotient).then(|| (from.to_string(), format!("{to:.0}")))
    });
    match whole {
        Some((from, to)) => Some((from.parse().ok()?, to.parse().ok()?)),
        None => Some((Decimal::new(1, 0), decimal(text)?)),
    }
}

/// The events of one dataset. A gain that a distribution of its day holds is not counted twice.
pub(super) fn of_dataset(dataset: DatasetName, found: Vec<Record>) -> Vec<Record> {
    let (mut cash, mut gains, mut splits) = (Vec::new(), Vec::new(), Vec::new());
    for record in found {
        match record {
            Record::Dividends(dividend) => match dividend.dividend_type {
                Some(Cell::Value("capital_gain")) => gains.push(dividend),
                _ => cash.push(dividend),
            },
            Record::Splits(_) => splits.push(record),
            _ => {}
        }
    }
    match dataset {
        DatasetName::Splits => splits,
        _ => told_apart(cash, gains).into_iter().map(Record::Dividends).collect(),
    }
}

/// A word on events of a file that is read for its bars.
pub(super) fn note(found: &[Record]) -> Option<String> {
    let dividends = found.iter().filter(|record| matches!(record, Record::Dividends(_))).count();
    let splits = found.len() - dividends;
    let said = |count: usize, dataset: &str| {
        (count > 0).then(|| format!("{count} {dataset}, which --dataset {dataset} reads from the same file"))
    };
    let parts: Vec<String> =
        [said(dividends, "dividends"), said(splits, "splits")].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("has {} too", parts.join(", and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotient_is_the_smallest_shares_that_have_it() {
        for (text, is) in [
            ("4.0", "1 to 4"),
            ("1.5", "2 to 3"),
            ("0.1", "10 to 1"),
            ("0.06666666666666667", "15 to 1"),
            ("1.1", "10 to 11"),
            ("1.0027", "10000 to 10027"),
            ("0.0008", "1250 to 1"),
            ("1.00005", "1 to 1.00005"),
        ] {
            let (from, to) = shares(text).unwrap();
            assert_eq!(format!("{from} to {to}"), is, "{text}");
        }
        for text in ["-2", "x", "inf", "NaN"] {
            assert_eq!(shares(text), None, "{text}");
        }
    }
}
