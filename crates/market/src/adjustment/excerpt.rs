//! What factors look at of the daily bars: few of them, and the same tables follow.
//!
//! Of each series in a partition an [`excerpt`] has the first bar and the last, the bars around the date of each split and dividend, the
//! newest bar of each symbol, and one of the newest answer. Excerpts of all partitions, added to [`Inputs`] in the order of the partitions,
//! give what all bars give, as long as [`Inputs::lacking`] names no date: a row says whether the bar before it was left out, so whether the
//! bars around a date are neighbours is seen without the others.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, TimestampMillisecondArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema};
use chrono::NaiveDate;
use quotelake_core::time::{date_from_days, days_since_epoch, utc_days};
use quotelake_core::{Error, Result};

use super::Inputs;
use super::stated::Actions;
use crate::daily::columns::{Texts, dates, decimals, instants, value};
use crate::daily::{DailySeries, SeriesIndex, SeriesRows};

/// The column that says whether the bar before was left out.
pub(super) const GAP: &str = "gap";

/// The columns of an excerpt.
pub const EXCERPT_COLUMNS: [&str; 10] = [
    "provider",
    "provider_symbol",
    "symbol",
    "trading_date",
    "close",
    "adjustment",
    "session",
    "currency",
    "fetched_at",
    GAP,
];

/// The dates of splits and dividends, whoever states them: what bars are kept for.
#[derive(Debug, Clone, Default)]
pub struct EventDates {
    /// Ascending, each once.
    by_symbol: HashMap<String, Vec<i32>>,
    /// Those of all symbols of a series, where a partition shows some of them only.
    of_series: HashMap<DailySeries, Vec<i32>>,
}

impl EventDates {
    /// All dates that are stated.
    pub fn of(actions: &Actions) -> Self {
        let mut by_symbol: HashMap<String, Vec<i32>> = HashMap::new();
        for (symbol, date) in actions.dates() {
            match by_symbol.get_mut(symbol) {
                Some(dates) => dates.push(date),
                None => drop(by_symbol.insert(symbol.to_owned(), vec![date])),
            }
        }
        by_symbol.values_mut().for_each(ascending);
        Self { by_symbol, of_series: HashMap::new() }
    }

    fn of_symbols<'s>(&self, symbols: impl Iterator<Item = &'s str>) -> Vec<i32> {
        let mut dates: Vec<i32> =
            symbols.filter_map(|symbol| self.by_symbol.get(symbol)).flatten().copied().collect();
        ascending(&mut dates);
        dates
    }
}

fn ascending(dates: &mut Vec<i32>) {
    dates.sort_unstable();
    dates.dedup();
}

impl Inputs {
    /// The dates of bars before which a bar was left out that is needed. Their partitions have to be read once more, with what the dates
    /// learn here: a series may have events under a symbol that a partition does not show.
    pub fn lacking(&mut self, wanted: &mut EventDates) -> BTreeSet<NaiveDate> {
        self.closes.sort();
        let mut lacking = BTreeSet::new();
        for (number, series) in self.closes.index.series().iter().enumerate() {
            let Some(bars) = self.closes.of(number) else { continue };
            let dates = wanted.of_symbols(bars.symbols().iter().map(String::as_str));
            let before: Vec<NaiveDate> =
                dates.iter().filter_map(|date| bars.gap_before(*date)).filter_map(date_from_days).collect();
            if !before.is_empty() {
                lacking.extend(before);
                wanted.of_series.insert(series.clone(), dates);
            }
        }
        lacking
    }
}

/// The rows of one partition's daily bars that factors look at, of the columns [`EXCERPT_COLUMNS`], in their order. `None` where a bar lies
/// outside of the partition's dates: what is beside an event does not follow from excerpts then.
///
/// `InvalidInput` when the batch lacks a column of [`BAR_COLUMNS`](super::BAR_COLUMNS).
pub fn excerpt(
    batch: &RecordBatch,
    (from, to): (NaiveDate, NaiveDate),
    wanted: &EventDates,
) -> Result<Option<RecordBatch>> {
    let rows = SeriesRows::of(batch)?;
    let (days, closes) = (dates(batch, "trading_date")?, decimals(batch, "close")?);
    let within = days_since_epoch(from)..=days_since_epoch(to);
    let mut index = SeriesIndex::default();
    let mut of_series: Vec<Vec<Bar>> = Vec::new();
    let mut current = None;
    for row in 0..batch.num_rows() {
        if !rows.repeats(row) {
            current = rows.key(row).map(|key| index.number(key));
        }
        let (Some(number), Some(date), Some(_)) = (current, value(&days, row), value(&closes, row)) else {
            continue;
        };
        if !within.contains(&date) {
            return Ok(None);
        }
        if number >= of_series.len() {
            of_series.resize_with(number + 1, Vec::new);
        }
        of_series[number].push(Bar { date, row });
    }
    let columns = Columns { symbols: Texts::of(batch, "symbol")?, fetched: instants(batch, "fetched_at")? };
    let mut kept: Vec<Option<bool>> = vec![None; batch.num_rows()];
    for (series, bars) in index.series().iter().zip(of_series) {
        if let Some(bars) = Bars::new(bars) {
            columns.choose(series, &bars, wanted, &mut kept);
        }
    }
    output(batch, &kept).map(Some)
}

/// A bar of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bar {
    date: i32,
    row: usize,
}

/// The bars of one series, in order of time. Of several of one date the last one counts.
struct Bars {
    all: Vec<Bar>,
    /// The places of those that count.
    counted: Vec<usize>,
}

impl Bars {
    /// `None` of no bar.
    fn new(mut all: Vec<Bar>) -> Option<Self> {
        if !all.is_sorted() {
            all.sort_unstable();
        }
        let counts = |at: &usize| all.get(at + 1).is_none_or(|next| next.date != all[*at].date);
        let counted: Vec<usize> = (0..all.len()).filter(counts).collect();
        (!counted.is_empty()).then_some(Self { all, counted })
    }

    /// Which of those that count is the first one on a date or behind it.
    fn from(&self, date: i32) -> usize {
        self.counted.partition_point(|at| self.all[*at].date < date)
    }
}

/// What else is looked at.
struct Columns {
    symbols: Texts,
    fetched: TimestampMillisecondArray,
}

impl Columns {
    /// Notes the rows of a series that are kept, and of each whether the bar before it is not.
    fn choose(&self, series: &DailySeries, bars: &Bars, wanted: &EventDates, kept: &mut [Option<bool>]) {
        let mut chosen = vec![false; bars.counted.len()];
        // Bars that do not count are kept for what else their rows say, with the one of their date that does.
        let mut beside: Vec<usize> = Vec::new();
        let last = chosen.len() - 1;
        (chosen[0], chosen[last]) = (true, true);
        let newest = self.newest_of_symbols(bars);
        let symbols = newest.iter().filter_map(|at| self.symbols.get(bars.all[*at].row));
        let stated = wanted.of_symbols(symbols);
        for date in wanted.of_series.get(series).into_iter().flatten().chain(&stated) {
            let at = bars.from(*date);
            if (1..=last).contains(&at) {
                (chosen[at - 1], chosen[at]) = (true, true);
            }
        }
        let fetched = |at: usize| value(&self.fetched, bars.all[at].row).map_or(i32::MAX, utc_days);
        let latest = (0..bars.all.len()).map(fetched).max();
        let counted = bars.counted.iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(at, _)| *at);
        let is_there = counted.chain(newest.iter().copied()).any(|at| Some(fetched(at)) == latest);
        let answer = (0..bars.all.len()).find(|at| !is_there && Some(fetched(*at)) == latest);
        for at in newest.into_iter().chain(answer) {
            chosen[bars.from(bars.all[at].date)] = true;
            beside.push(at);
        }
        let gap = |place: usize| place > 0 && !chosen[place - 1];
        for (place, at) in bars.counted.iter().enumerate().filter(|(place, _)| chosen[*place]) {
            kept[bars.all[*at].row] = Some(gap(place));
        }
        for at in beside {
            kept[bars.all[at].row] = Some(gap(bars.from(bars.all[at].date)));
        }
    }

    /// The place of the newest bar of each symbol.
    fn newest_of_symbols(&self, bars: &Bars) -> Vec<usize> {
        let mut newest: Vec<usize> = Vec::new();
        let mut behind = None;
        for (at, Bar { row, .. }) in bars.all.iter().enumerate().rev() {
            let repeats = behind == Some(row + 1) && self.symbols.repeats(row + 1);
            behind = Some(*row);
            if repeats {
                continue;
            }
            let symbol = self.symbols.get(*row);
            let is_known = newest.iter().any(|other| self.symbols.get(bars.all[*other].row) == symbol);
            if symbol.is_some() && !is_known {
                newest.push(at);
            }
        }
        newest
    }
}

fn output(batch: &RecordBatch, kept: &[Option<bool>]) -> Result<RecordBatch> {
    let rows = kept.iter().zip(0u32..).filter(|(kept, _)| kept.is_some());
    let rows: UInt32Array = rows.map(|(_, row)| row).collect();
    let gaps: BooleanArray = kept.iter().filter_map(|kept| *kept).map(Some).collect();
    let (mut fields, mut arrays): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for name in EXCERPT_COLUMNS.into_iter().filter(|name| *name != GAP) {
        let at = batch.schema().index_of(name);
        let at = at.map_err(|e| Error::invalid(format!("there is no column {name}")).with_source(e))?;
        fields.push(batch.schema().field(at).clone());
        arrays.push(take(batch.column(at), &rows, None)?);
    }
    fields.push(Field::new(GAP, DataType::Boolean, false));
    arrays.push(Arc::new(gaps));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}
