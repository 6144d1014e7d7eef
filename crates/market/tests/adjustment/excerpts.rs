//! Excerpts of the bars give the tables that all bars give.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono::{Datelike as _, Days, NaiveDate};
use proptest::prelude::*;
use quotelake_contract::Preference;
use quotelake_market::adjustment::{Actions, EXCERPT_COLUMNS, EventDates, Inputs, Tables, excerpt};

use crate::native::{Given, Row, bar, batch, days, dividend, rows, samples, split};

/// The dates of a month.
fn month_of(date: NaiveDate) -> (NaiveDate, NaiveDate) {
    let first = date.with_day(1).unwrap();
    (first, first + chrono::Months::new(1) - Days::new(1))
}

/// The rows of each month, as a lake stores them.
fn by_month(bars: &[(NaiveDate, Row)]) -> BTreeMap<(NaiveDate, NaiveDate), RecordBatch> {
    let mut months: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for (date, row) in bars {
        months.entry(month_of(*date)).or_default().push(row.clone());
    }
    months.into_iter().map(|(month, rows)| (month, batch("daily_bars", &rows))).collect()
}

fn actions(given: &Given) -> Actions {
    let mut actions = Actions::default();
    actions.add_splits(&batch("splits", &given.splits)).unwrap();
    actions.add_dividends(&batch("dividends", &given.dividends)).unwrap();
    actions
}

fn inputs<'b>(actions: &Actions, batches: impl Iterator<Item = &'b RecordBatch>) -> Inputs {
    let mut inputs = Inputs::new(actions.clone(), Preference::default());
    batches.for_each(|batch| inputs.add_bars(batch).unwrap());
    inputs
}

fn text(tables: &Tables) -> Vec<String> {
    let all = |batch: &RecordBatch| {
        let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        rows(batch, &names.iter().map(String::as_str).collect::<Vec<_>>())
    };
    [all(&tables.events), all(&tables.factors)].concat()
}

/// The tables by excerpts, how many bars those have, and how many months had to be read once more. Excerpts that are there were taken
/// for the actions before.
fn by_excerpts(given: &Given, bars: &[(NaiveDate, Row)], before: &Given) -> (Tables, usize, usize) {
    let months = by_month(bars);
    let take = |month: &(NaiveDate, NaiveDate), wanted: &EventDates| {
        excerpt(&months[month], *month, wanted).unwrap().unwrap()
    };
    let old = EventDates::of(&actions(before));
    let mut kept: BTreeMap<_, RecordBatch> = months.keys().map(|month| (*month, take(month, &old))).collect();
    let actions = actions(given);
    let mut wanted = EventDates::of(&actions);
    for again in 0..3 {
        let mut inputs = inputs(&actions, kept.values());
        let lacking = inputs.lacking(&mut wanted);
        if lacking.is_empty() {
            return (inputs.tables().unwrap(), kept.values().map(RecordBatch::num_rows).sum(), again);
        }
        for date in lacking {
            let month = month_of(date);
            kept.insert(month, take(&month, &wanted));
        }
    }
    panic!("bars are lacking however often their months are read");
}

fn dated(given: &Given) -> Vec<(NaiveDate, Row)> {
    let of = batch("daily_bars", &given.bars);
    days(&of, "trading_date").into_iter().zip(given.bars.iter().cloned()).collect()
}

#[test]
fn few_bars_of_the_samples_give_their_tables() {
    let given = samples();
    let bars = dated(&given);
    let (tables, few, again) = by_excerpts(&given, &bars, &given);
    assert_eq!(text(&tables), text(&given.tables()));
    assert_eq!(again, 0);
    // First and last bars of 157 months, and two for each of some hundred events.
    assert!(few < bars.len() / 8, "{few} of {}", bars.len());
    let columns =
        excerpt(&batch("daily_bars", &given.bars[..3]), month_of(bars[0].0), &EventDates::default());
    let names = columns.unwrap().unwrap().schema();
    assert_eq!(names.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), EXCERPT_COLUMNS);
}

#[test]
fn bars_outside_of_their_partition_have_no_excerpt() {
    let rows = batch("daily_bars", &[bar("2020-01-31", "1"), bar("2020-02-03", "1")]);
    let january = month_of("2020-01-05".parse().unwrap());
    assert!(excerpt(&rows, january, &EventDates::default()).unwrap().is_none());
}

/// What a lake has: bars with a day, a series, a symbol, a close and the day of the answer; splits and dividends with a symbol and a day.
#[derive(Debug, Clone)]
struct Chosen {
    bars: Vec<(u64, usize, usize, i64, u64)>,
    events: Vec<(usize, u64, bool)>,
    /// How many of the events were there when the excerpts were taken.
    known: usize,
}

fn chosen() -> impl Strategy<Value = Chosen> {
    let bars = prop::collection::vec((0..130u64, 0..3usize, 0..3usize, 1..900i64, 0..3u64), 1..120);
    let events = prop::collection::vec((0..3usize, 0..140u64, any::<bool>()), 0..12);
    (bars, events, 0..12usize).prop_map(|(bars, events, known)| Chosen {
        known: known.min(events.len()),
        bars,
        events,
    })
}

impl Chosen {
    fn day(offset: u64) -> NaiveDate {
        "2019-12-20".parse::<NaiveDate>().unwrap() + Days::new(offset)
    }

    fn bars(&self) -> Vec<(NaiveDate, Row)> {
        // Several rows of a date are rows of several starts; a series has now this symbol, now that.
        let rows = self.bars.iter().map(|(offset, series, symbol, close, fetched)| {
            let day = Self::day(*offset);
            let adjustment = ["raw", "split", "split_dividend"][*series];
            let row = bar(&day.to_string(), &close.to_string()).with("adjustment", adjustment);
            let row = row.with("symbol", ["A.XNAS", "B.XNAS", "C.XNAS"][*symbol]);
            (day, row.with("fetched_at", &format!("{}T00:00:00Z", Self::day(100 + fetched * 20))))
        });
        rows.collect()
    }

    fn given(&self, events: usize) -> Given {
        let mut given =
            Given { bars: self.bars().into_iter().map(|(_, row)| row).collect(), ..Given::default() };
        for (symbol, offset, is_split) in &self.events[..events] {
            let (day, symbol) = (Self::day(*offset).to_string(), ["A.XNAS", "B.XNAS", "C.XNAS"][*symbol]);
            match is_split {
                true => given.splits.push(split(&day, "1", "2").with("symbol", symbol)),
                false => given.dividends.push(dividend(&day, "0.5").with("symbol", symbol)),
            }
        }
        given
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    /// Bars in any order, of series with several symbols and several bars a date, events that are known before and after.
    #[test]
    fn excerpts_give_what_all_bars_give(chosen in chosen()) {
        let bars = chosen.bars();
        let given = chosen.given(chosen.events.len());
        let whole = inputs(&actions(&given), by_month(&bars).values()).tables().unwrap();
        let (tables, _, again) = by_excerpts(&given, &bars, &chosen.given(chosen.known));
        prop_assert_eq!(text(&tables), text(&whole));
        prop_assert!(again <= 1);
    }
}
