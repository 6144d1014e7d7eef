//! Faults as vendors make them, put into clean series: each gives a file, and the rows of it that should be found.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};

use crate::corpus::series::{Dividend, Series, Shape, Split};

/// A faulty file.
pub(crate) struct Faulty {
    pub(crate) kind: &'static str,
    pub(crate) series: Series,
    /// Dates of bars that are wrong, or at which a fault shows.
    pub(crate) bars: BTreeSet<NaiveDate>,
    /// Ex-dates of dividends that are wrong.
    pub(crate) dividends: BTreeSet<NaiveDate>,
}

/// Files of each kind.
const FILES: usize = 3;

type Fault = fn(&mut Series, &mut Faults);
/// A kind's name, the series that it can be put into, and how.
type Kind<'a> = (&'static str, &'a dyn Fn(&Series) -> bool, Fault);

/// Where a fault is.
#[derive(Default)]
pub(crate) struct Faults {
    bars: BTreeSet<NaiveDate>,
    dividends: BTreeSet<NaiveDate>,
}

impl Faults {
    fn bar(&mut self, series: &Series, at: usize) {
        self.bars.insert(series.bars[at].date);
    }
}

/// Every kind in some of the series that it can be put into.
pub(crate) fn faulty(clean: &[Series]) -> Vec<Faulty> {
    let any = |_: &Series| true;
    let pays = |series: &Series| series.dividends.len() >= 4;
    let adjusted = |series: &Series| series.shape == Shape::Adjusted;
    let pays_adjusted = |series: &Series| series.shape == Shape::Adjusted && series.dividends.len() >= 4;
    let kinds: [Kind<'_>; 29] = [
        ("a day x100", &any, |series, faults| scale(series, faults, 250..251, 100.0)),
        ("a day /100", &any, |series, faults| scale(series, faults, 250..251, 0.01)),
        ("the first day x100", &any, |series, faults| scale(series, faults, 0..1, 100.0)),
        ("the third day /100", &any, |series, faults| scale(series, faults, 2..3, 0.01)),
        ("the last day x100", &any, |series, faults| {
            let last = series.bars.len() - 1;
            scale(series, faults, last..last + 1, 100.0);
        }),
        ("a stretch x100", &any, |series, faults| scale(series, faults, 120..160, 100.0)),
        ("a stretch /100", &any, |series, faults| scale(series, faults, 120..160, 0.01)),
        ("the first month x100", &any, |series, faults| scale(series, faults, 0..20, 100.0)),
        ("the last month /100", &any, |series, faults| {
            let last = series.bars.len();
            scale(series, faults, last - 20..last, 0.01);
        }),
        ("only open and low /100", &any, |series, faults| {
            for at in [90, 180] {
                series.bars[at].prices[0] /= 100.0;
                series.bars[at].prices[2] /= 100.0;
                faults.bar(series, at);
            }
        }),
        ("a short series with a day x100", &any, |series, faults| {
            shorten(series, 6);
            scale(series, faults, 3..4, 100.0);
        }),
        ("a short series with a day x19", &any, |series, faults| {
            shorten(series, 3);
            scale(series, &mut Faults::default(), 1..3, 19.0);
            faults.bar(series, 1);
        }),
        ("zeros", &any, |series, faults| {
            for at in [60, 61, 130] {
                series.bars[at].prices = [0.0; 4];
                series.bars[at].volume = 0.0;
                faults.bar(series, at);
            }
        }),
        ("open, high and low of zero", &any, |series, faults| {
            for at in [60, 61, 130] {
                series.bars[at].prices[..3].fill(0.0);
                faults.bar(series, at);
            }
        }),
        ("a feed that stands still", &any, |series, faults| {
            let close = series.bars[199].close();
            for at in 200..210 {
                series.bars[at].prices = [close; 4];
                series.bars[at].volume = 0.0;
                if at >= 204 {
                    faults.bar(series, at);
                }
            }
        }),
        ("a day missing", &any, |series, faults| leave_out(series, faults, 100..101)),
        ("two weeks missing", &any, |series, faults| leave_out(series, faults, 100..110)),
        ("a week missing where no calendar is known", &any, |series, faults| {
            series.mic = "XXXX";
            leave_out(series, faults, 100..107);
        }),
        ("a split applied to the end alone", &adjusted, |series, faults| {
            split_in_part(series, faults, 4.0, 0..300)
        }),
        ("a split applied to part of its past", &adjusted, |series, faults| {
            split_in_part(series, faults, 10.0, 100..180);
        }),
        ("a split applied twice to a part", &adjusted, |series, faults| {
            split_in_part(series, faults, 1.0 / 3.0, 100..180);
        }),
        ("a reverse split applied to part of its past", &adjusted, |series, faults| {
            // One seam alone, far from the split: the bars beside it are named.
            split_in_part(series, &mut Faults::default(), 0.1, 0..180);
            faults.bar(series, 179);
        }),
        ("a split of 7:1 that nobody recorded", &any, |series, faults| {
            series.bars.iter_mut().take(250).for_each(|bar| bar.scale(7.0));
            series
                .bars
                .iter_mut()
                .take(250)
                .for_each(|bar| bar.adj_close = bar.adj_close.map(|adj| adj * 7.0));
            faults.bar(series, 250);
        }),
        ("a dividend twice", &pays, |series, faults| {
            let known = series.dividends[2].clone();
            let again = known.date + Days::new(4);
            series.dividends.push(Dividend { date: again, ..known });
            faults.dividends.extend([known.date, again]);
            readjust(series);
        }),
        ("a large dividend that nobody paid", &any, |series, faults| {
            let at = calm(series);
            let (date, amount) = (series.bars[at].date, series.bars[at - 1].close() * 0.15);
            series.dividends.push(Dividend { date, amount });
            faults.dividends.insert(date);
            faults.bar(series, at);
            readjust(series);
        }),
        ("a dividend that is not on record", &pays_adjusted, |series, faults| {
            let missing = largest(series);
            faults.bars.insert(series.dividends.remove(missing).date);
        }),
        ("a dividend that the adjusted closes leave out", &pays_adjusted, |series, faults| {
            let missing = largest(series);
            let known = series.dividends.clone();
            let date = series.dividends.remove(missing).date;
            readjust(series);
            series.dividends = known;
            faults.bars.insert(date);
        }),
        ("a dividend x100", &pays, |series, faults| {
            series.dividends[2].amount *= 100.0;
            faults.dividends.insert(series.dividends[2].date);
            faults.bars.insert(series.dividends[2].date);
        }),
        ("the only dividend x100", &pays, |series, faults| {
            let only = series.dividends.remove(1);
            series.dividends = vec![Dividend { amount: only.amount * 100.0, ..only }];
            faults.dividends.insert(series.dividends[0].date);
            faults.bars.insert(series.dividends[0].date);
        }),
    ];
    let mut files = Vec::new();
    for (kind, fits, fault) in kinds {
        let fitting: Vec<&Series> =
            clean.iter().filter(|series| fits(series) && series.bars.len() >= 300).collect();
        let some = (0..FILES).filter_map(|at| fitting.get(at * fitting.len() / FILES).copied());
        for series in some {
            let (mut series, mut faults) = (series.clone(), Faults::default());
            fault(&mut series, &mut faults);
            let Faults { bars, dividends } = faults;
            files.push(Faulty { kind, series, bars, dividends });
        }
    }
    files
}

fn scale(series: &mut Series, faults: &mut Faults, range: std::ops::Range<usize>, factor: f64) {
    for at in range {
        let bar = &mut series.bars[at];
        bar.scale(factor);
        bar.adj_close = bar.adj_close.map(|close| close * factor);
        faults.bar(series, at);
    }
}

/// Leaves bars out; the one behind them shows it.
fn leave_out(series: &mut Series, faults: &mut Faults, range: std::ops::Range<usize>) {
    let behind = range.start;
    series.bars.drain(range);
    faults.bar(series, behind);
}

/// The first bars alone, without events.
fn shorten(series: &mut Series, bars: usize) {
    series.bars.truncate(bars);
    series.dividends.clear();
    series.splits.clear();
}

/// A split that most of the history was adjusted for, and one stretch was not, or twice.
fn split_in_part(series: &mut Series, faults: &mut Faults, ratio: f64, range: std::ops::Range<usize>) {
    let (from, to) = if ratio > 1.0 { (1.0, ratio) } else { ((1.0 / ratio).round(), 1.0) };
    // Applied twice is the ratio upside down: the record is still of a forward split.
    let (from, to) = if (ratio - 1.0 / 3.0).abs() < 1e-9 { (1.0, 3.0) } else { (from, to) };
    series.splits.push(Split { date: series.bars[300].date, from, to });
    scale(series, faults, range, ratio);
}

fn readjust(series: &mut Series) {
    series.dividends.sort_by_key(|dividend| dividend.date);
    if series.shape == Shape::Adjusted {
        series.adjust();
    }
}

/// The dividend that is most of its price: a small one is no more than the rounding of adjusted closes.
fn largest(series: &Series) -> usize {
    let part = |dividend: &Dividend| {
        let after = series.bars.iter().find(|bar| bar.date >= dividend.date).unwrap();
        dividend.amount / after.close()
    };
    (0..series.dividends.len())
        .max_by(|a, b| part(&series.dividends[*a]).total_cmp(&part(&series.dividends[*b])))
        .unwrap()
}

/// A bar in the middle that hardly moved, far from every dividend.
fn calm(series: &Series) -> usize {
    let far = |date: NaiveDate| {
        series.dividends.iter().all(|dividend| (dividend.date - date).num_days().abs() > 30)
    };
    (100..400.min(series.bars.len()))
        .find(|at| {
            let (before, bar) = (&series.bars[at - 1], &series.bars[*at]);
            far(bar.date) && (bar.close() / before.close()).ln().abs() < 0.01
        })
        .unwrap()
}
