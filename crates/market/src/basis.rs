//! Adjusted prices that were adjusted in part: a split on record was applied to some of the history only.
//!
//! Prices that are adjusted do not jump at a split. A jump by the ratio of a split on record, up or down, wherever it lies, is
//! the seam of two stretches in other shares. Between two seams of one ratio, one up and one down, lies the stretch that
//! went wrong. A seam on the split's own date has the old shares before it, back to the beginning. Of any other
//! single seam it cannot be told which side is wrong: the two bars at it are named.

use chrono::NaiveDate;

use super::MarketLimits;
use super::actions::SymbolActions;

/// The least ratio whose seam stands out: a stock dividend of a tenth is a market move.
const LEAST_LOG_RATIO: f64 = 0.2;
const LEAST_TOLERANCE: f64 = 0.05;
const MOST_TOLERANCE: f64 = 0.25;

/// A jump between a bar and the one before it.
#[derive(Debug, Clone, Copy)]
struct Seam {
    /// The last bar before the jump and the first behind it.
    before: usize,
    after: usize,
    up: bool,
    /// |ln| of the split's ratio.
    log_ratio: f64,
    /// Whether the split's own date is near.
    on_its_date: bool,
}

/// Which bars of an adjusted series, in time order, are in other shares than their neighbours. A bar without a price is in none.
pub(super) fn other_basis(
    dates: &[NaiveDate],
    prices: &[Option<f64>],
    actions: &SymbolActions,
    limits: &MarketLimits,
) -> Vec<bool> {
    let mut apart = vec![false; dates.len()];
    let splits: Vec<(NaiveDate, f64)> = actions
        .splits()
        .map(|(date, ratio)| (date, ratio.ln().abs()))
        .filter(|(_, log_ratio)| *log_ratio >= LEAST_LOG_RATIO)
        .collect();
    let mut open: Vec<Seam> = Vec::new();
    for seam in seams(dates, prices, &splits, limits) {
        let same = |known: &Seam| known.log_ratio == seam.log_ratio && known.up != seam.up;
        match open.iter().rposition(same) {
            Some(at) => {
                let begins = open.remove(at).after;
                apart[begins..=seam.before].fill(true);
            }
            None => open.push(seam),
        }
    }
    for seam in open {
        let begins = if seam.on_its_date { 0 } else { seam.before };
        let ends = if seam.on_its_date { seam.before } else { seam.after };
        apart[begins..=ends].fill(true);
    }
    apart
}

fn seams(
    dates: &[NaiveDate],
    prices: &[Option<f64>],
    splits: &[(NaiveDate, f64)],
    limits: &MarketLimits,
) -> Vec<Seam> {
    let mut seams = Vec::new();
    if splits.is_empty() {
        return seams;
    }
    let mut last: Option<(usize, f64)> = None;
    for (at, price) in prices.iter().enumerate() {
        let Some(price) = *price else { continue };
        if let Some((before, old)) = last
            && (dates[at] - dates[before]).num_days() <= limits.split_gap_days
        {
            let jump = (price / old).ln();
            let distance = |log_ratio: f64| (jump.abs() - log_ratio).abs();
            let near = |log_ratio: f64| {
                let tolerance = (limits.basis_tolerance * log_ratio).clamp(LEAST_TOLERANCE, MOST_TOLERANCE);
                distance(log_ratio) <= tolerance
            };
            let nearest = splits
                .iter()
                .filter(|(_, log_ratio)| near(*log_ratio))
                .min_by(|(_, a), (_, b)| distance(*a).total_cmp(&distance(*b)));
            if let Some((_, log_ratio)) = nearest {
                let on_its_date = splits.iter().any(|(date, other)| {
                    other == log_ratio && (*date - dates[at]).num_days().abs() <= limits.basis_days
                });
                seams.push(Seam { before, after: at, up: jump > 0.0, log_ratio: *log_ratio, on_its_date });
            }
        }
        last = Some((at, price));
    }
    seams
}

#[cfg(test)]
mod tests {
    use chrono::Days;

    use super::*;
    use crate::{CorporateActions, Split};

    /// Which of a hundred daily bars around 40 are found apart, with a 4:1 split on day 60.
    fn found(price: impl Fn(usize) -> f64) -> Vec<usize> {
        let first: NaiveDate = "2020-01-01".parse().unwrap();
        let day = |at: usize| first + Days::new(at as u64);
        let mut actions = CorporateActions::default();
        let split = Split { execution_date: day(60), split_from: 1.0, split_to: 4.0 };
        actions.add_split("X", split).unwrap();
        let dates: Vec<NaiveDate> = (0..100).map(day).collect();
        let swing = |at: usize| 40.0 + (at % 5) as f64 / 2.0;
        let prices: Vec<Option<f64>> = (0..100).map(|at| Some(swing(at) * price(at))).collect();
        let apart =
            other_basis(&dates, &prices, actions.of("X", "polygon").unwrap(), &MarketLimits::default());
        (0..100).filter(|at| apart[*at]).collect()
    }

    #[test]
    fn a_split_applied_to_part_of_the_history() {
        assert_eq!(found(|_| 1.0), [0usize; 0]);
        // Never applied: everything before its date is in the old shares.
        assert_eq!(found(|at| if at < 60 { 4.0 } else { 1.0 }), (0..60).collect::<Vec<_>>());
        // Applied to some of it, and applied twice to some.
        let stretch = |factor: f64| move |at: usize| if (20..35).contains(&at) { factor } else { 1.0 };
        assert_eq!(found(stretch(4.0)), (20..35).collect::<Vec<_>>());
        assert_eq!(found(stretch(0.25)), (20..35).collect::<Vec<_>>());
        // A seam that is nobody's date: the bars on either side.
        assert_eq!(found(|at| if at < 20 { 4.0 } else { 1.0 }), [19, 20]);
        // A fall that is no split of this one.
        assert_eq!(found(|at| if at < 20 { 2.0 } else { 1.0 }), [0usize; 0]);
    }
}
