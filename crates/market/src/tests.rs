mod unit;

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, UInt32Array};
use arrow::compute::take_record_batch;
use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;
use crate::calendar::Calendar;
use quotelake_contract::Contracts;
use quotelake_table::RowDecoder;

/// A bar as a canonical line, with `extra` fields that replace the usual ones.
#[derive(Clone)]
struct Line(Vec<(String, String)>);

impl Line {
    fn new(date: &str, close: f64) -> Self {
        let text = |value: &str| format!("{value:?}");
        let fields = [
            ("provider", text("polygon")),
            ("provider_symbol", text("X")),
            ("symbol", text("X.XNYS")),
            ("asset_class", text("equity")),
            ("exchange_mic", text("XNYS")),
            ("interval", text("1d")),
            ("adjustment", text("raw")),
            ("session", text("regular")),
            ("currency", text("USD")),
            ("trading_date", text(date)),
            ("bar_start", text(&format!("{date}T00:00:00Z"))),
            ("open", format!("{:.4}", close - 0.25)),
            ("high", format!("{:.4}", close + 0.5)),
            ("low", format!("{:.4}", (close - 0.5).max(0.0001))),
            ("close", format!("{close:.4}")),
            ("volume", "1000".into()),
        ];
        Self(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    fn text(&self) -> String {
        let mut line = String::new();
        for (name, value) in &self.0 {
            let comma = if line.is_empty() { "" } else { "," };
            write!(line, "{comma}{name:?}:{value}").unwrap();
        }
        format!("{{{line}}}")
    }
}

fn batch(lines: &[Line]) -> RecordBatch {
    let contracts = Contracts::built_in().unwrap();
    let mut decoder = RowDecoder::new(Arc::clone(&contracts.get("intraday_bars").unwrap().contract));
    for line in lines {
        decoder.push(&line.text()).unwrap();
    }
    decoder.take_batch().unwrap()
}

/// Bars on the sessions of New York from 2024-01-02 on.
fn daily(closes: &[f64]) -> Vec<Line> {
    let mut date: NaiveDate = "2024-01-01".parse().unwrap();
    let mut lines = Vec::new();
    for close in closes {
        date = Calendar::of_mic("XNYS").unwrap().next_session(date).unwrap();
        lines.push(Line::new(&date.to_string(), *close));
    }
    lines
}

struct World {
    look_back: LookBack,
    actions: CorporateActions,
    limits: MarketLimits,
    now: DateTime<Utc>,
}

impl World {
    fn new() -> Self {
        Self {
            look_back: LookBack::default(),
            actions: CorporateActions::default(),
            limits: MarketLimits::default(),
            now: "2024-12-31T12:00:00Z".parse().unwrap(),
        }
    }

    fn split(mut self, date: &str, to: f64) -> Self {
        let split = Split { execution_date: date.parse().unwrap(), split_from: 1.0, split_to: to };
        self.actions.add_split("X.XNYS", split).unwrap();
        self
    }

    fn columns(&self, lines: &[Line]) -> MarketColumns {
        self.of(&batch(lines))
    }

    fn of(&self, batch: &RecordBatch) -> MarketColumns {
        let Self { look_back, actions, limits, now } = self;
        market_columns(batch, &MarketContext { look_back, actions, limits, now: *now }).unwrap()
    }
}

fn ints(array: &Int32Array) -> Vec<Option<i32>> {
    array.iter().collect()
}

#[test]
fn returns_are_carried_over_splits_and_dividends() {
    let mut world = World::new().split("2024-01-04", 2.0);
    let dividend = Dividend {
        ex_date: "2024-01-05".parse().unwrap(),
        amount: 0.5,
        currency: "USD".into(),
        split_adjusted: false,
    };
    world.actions.add_dividend("X.XNYS", dividend).unwrap();
    let found = world.columns(&daily(&[100.0, 102.0, 51.0, 50.5]));
    let ret: Vec<_> = found.ret_1.iter().collect();
    assert_eq!(ret, [None, Some((1.02f64).ln()), Some(0.0), Some(0.0)]);
    assert_eq!(ints(&found.unexplained_split), [None, Some(0), Some(0), Some(0)]);
    assert!(found.ret_mad_z.iter().all(|z| z.is_none()), "four bars are no history");
}

#[test]
fn splits_that_nobody_recorded() {
    let jump = |world: &World, lines: &[Line]| ints(&world.columns(lines).unexplained_split)[2];
    let halved = daily(&[100.0, 100.0, 50.5]);
    assert_eq!(jump(&World::new(), &halved), Some(1));
    assert_eq!(jump(&World::new(), &daily(&[100.0, 100.0, 48.1])), Some(0), "a fall by 52 % is none");
    // Recorded a session early or late is near enough; a week is not.
    for (date, expected) in [("2024-01-03", 0), ("2024-01-04", 0), ("2024-01-05", 0), ("2024-01-11", 1)] {
        assert_eq!(jump(&World::new().split(date, 2.0), &halved), Some(expected), "{date}");
    }
    // A 2:1 split that was applied twice.
    assert_eq!(jump(&World::new().split("2024-01-04", 2.0), &daily(&[100.0, 100.0, 25.0])), Some(1));
    // Prices that claim to be adjusted must not jump on the day.
    let adjusted: Vec<_> = halved.iter().map(|line| line.clone().with("adjustment", "\"split\"")).collect();
    assert_eq!(jump(&World::new().split("2024-01-04", 2.0), &adjusted), Some(1));
    let unknown: Vec<_> = halved.iter().map(|line| line.clone().with("adjustment", "\"unknown\"")).collect();
    assert_eq!(jump(&World::new().split("2024-01-04", 2.0), &unknown), Some(0));
    assert!(World::new().split("2024-01-04", 2.0).columns(&unknown).ret_1.is_null(2));
}

#[test]
fn a_block_in_another_unit_is_found_from_end_to_end() {
    let mut closes = vec![1.0; 40];
    closes[5..35].fill(102.0);
    let found = World::new().columns(&daily(&closes));
    // Most of the series is in the block, so it is held against its end, where three bars have too few behind them.
    let expected = (0..40).map(|i| if i > 36 { None } else { Some(i32::from((5..35).contains(&i))) });
    assert_eq!(ints(&found.unit_jump), expected.collect::<Vec<_>>());
    // What is compared over the block is what is trusted.
    assert_eq!(found.ret_1.value(35), 0.0);
}

#[test]
fn the_market_moves_within_a_block_too() {
    let mut closes = vec![1.0; 40];
    closes[20..26].copy_from_slice(&[100.0, 101.0, 48.0, 30.0, 12.0, 9.0]);
    let found = World::new().columns(&daily(&closes));
    let jumped: Vec<usize> = (0..40).filter(|at| ints(&found.unit_jump)[*at] == Some(1)).collect();
    assert_eq!(jumped, [20, 21, 22, 23, 24], "nearer to the other unit than to its own");
    // Without a hundredfold before it a price that is tenfold is a price.
    closes[20..26].fill(12.0);
    assert!(!ints(&World::new().columns(&daily(&closes)).unit_jump).contains(&Some(1)));
}

#[test]
fn the_first_bars_are_held_against_those_behind_them() {
    for (wrong, factor) in [(0, 100.0), (1, 0.01), (2, 100.0)] {
        let mut closes = vec![20.0; 12];
        closes[wrong] *= factor;
        let found = World::new().columns(&daily(&closes));
        let jumped: Vec<usize> = (0..12).filter(|at| ints(&found.unit_jump)[*at] > Some(0)).collect();
        assert_eq!(jumped, [wrong], "x{factor}");
        // The answer contradicts itself where bars of the other unit lie on both sides.
        assert_eq!(ints(&found.unit_jump)[wrong], Some(if wrong == 0 { 1 } else { 2 }));
        // Nothing is compared with it.
        let returns: Vec<f64> = (0..12).filter(|at| *at != wrong).map(|at| found.ret_1.value(at)).collect();
        assert!(returns.iter().all(|ret| *ret == 0.0), "{returns:?}");
    }
    // Three bars say nothing of each other.
    let found = World::new().columns(&daily(&[2000.0, 20.0, 20.0]));
    assert_eq!(ints(&found.unit_jump), [None, None, None]);
    // Published bars do.
    let mut world = World::new();
    let lines = daily(&[20.0, 20.0, 20.0, 2000.0, 20.0, 20.0, 20.0, 20.0]);
    world.look_back.add(&batch(&lines[..3])).unwrap();
    assert_eq!(ints(&world.columns(&lines[3..]).unit_jump)[0], Some(1));
}

#[test]
fn adjusted_closes_are_held_against_the_record_but_for_rounding() {
    let of = |closes: &[f64], adjusted: &[&str]| {
        let lines = daily(closes).into_iter().zip(adjusted);
        let lines: Vec<_> = lines
            .map(|(line, adjusted)| {
                line.with("adj_close", adjusted).with("fetched_at", "\"2024-02-01T00:00:00Z\"")
            })
            .collect();
        let found = World::new().columns(&lines).adj_diff;
        (1..lines.len()).map(|at| found.value(at)).collect::<Vec<_>>()
    };
    // Rounded to the hundredth, and a dividend of a thousandth that nobody recorded.
    let found = of(&[100.0, 101.0, 102.0], &["99.91", "100.91", "102.00"]);
    assert!(found[0] < 1e-4 && (0.0005..0.001).contains(&found[1]), "{found:?}");
    // Of a price of cents no more is taken off than a dividend's yield.
    assert!(of(&[0.05, 0.05], &["0.0499", "0.05"])[0] > 0.0004);
    assert_eq!(of(&[20.0, 20.0], &["-40.0", "20.0"]), [1.0], "an adjusted close below zero is no price");
}

#[test]
fn a_reverse_split_is_no_other_unit() {
    let closes = [0.5, 0.5, 0.5, 50.0, 50.0];
    let recorded = World::new().split("2024-01-05", 0.01);
    assert_eq!(ints(&recorded.columns(&daily(&closes)).unit_jump)[3..], [Some(0), Some(0)]);
    assert_eq!(ints(&World::new().columns(&daily(&closes)).unit_jump)[3..], [Some(1), Some(1)]);
}

#[test]
fn another_currency_is_another_unit() {
    let mut lines = daily(&[5.0; 4]);
    lines[2] = lines[2].clone().with("currency", "\"GBX\"");
    assert_eq!(ints(&World::new().columns(&lines).unit_jump), [None, None, Some(1), None]);
    let mut world = World::new();
    world.look_back.add(&batch(&daily(&[5.0; 3]))).unwrap();
    let later: Vec<_> = daily(&[5.0; 5])[3..].iter().map(|l| l.clone().with("currency", "\"GBX\"")).collect();
    assert_eq!(ints(&world.columns(&later).unit_jump), [Some(1), Some(1)]);
}

/// Small moves with an outlier that comes back, and with one that does not.
#[test]
fn a_tick_that_comes_back_flags_itself_only() {
    let calm = |i: usize| 100.0 + [0.0, 0.5, -0.5, 0.25][i % 4];
    let mut closes: Vec<f64> = (0..60).map(calm).collect();
    closes[40] = 140.0;
    let outliers = |closes: &[f64]| -> Vec<usize> {
        let z = World::new().columns(&daily(closes)).ret_mad_z;
        (0..closes.len()).filter(|i| z.is_valid(*i) && z.value(*i).abs() > 12.0).collect()
    };
    assert_eq!(outliers(&closes), [40]);
    for (i, close) in closes.iter_mut().enumerate().skip(41) {
        *close = calm(i) + 40.0;
    }
    assert_eq!(outliers(&closes), [40]);
}

#[test]
fn runs_that_do_not_move() {
    let still = |line: &Line, close: &str| {
        let line = line.clone().with("open", close).with("high", close).with("low", close);
        line.with("close", close)
    };
    let lines = daily(&[5.0, 5.0, 5.0, 5.0, 6.0, 6.0, 7.0, 7.5]);
    let lines = [
        lines[0].clone(),
        lines[1].clone(),                       // a copy of the bar before
        lines[2].clone().with("volume", "0"),   // no volume
        still(&lines[3], "5"),                  // one price
        still(&lines[4], "6"),                  // one price, another
        lines[5].clone().with("volume", "999"), // the same close, but it moved
        lines[6].clone().with("open", "null").with("high", "null").with("low", "null"),
        lines[7].clone().with("volume", "null"),
    ];
    let found = World::new().columns(&lines);
    let expected = [Some(0), Some(2), Some(3), Some(4), Some(1), Some(0), None, Some(0)];
    assert_eq!(ints(&found.flat_run), expected);
}

#[test]
fn sessions() {
    let lines: Vec<_> =
        ["2024-12-20", "2024-12-24", "2024-12-28", "2024-12-27"].map(|d| Line::new(d, 9.0)).into();
    let mut found = World::new().columns(&lines);
    assert_eq!(ints(&found.is_session), [Some(1), Some(1), Some(0), Some(1)]);
    // The 23rd is missing, then the 26th; Saturday's bar lies behind Friday's.
    assert_eq!(ints(&found.missing_sessions), [None, Some(1), Some(0), Some(1)]);
    // On the 31st at noon UTC, the 30th has closed since; Saturday's bar is the newest.
    assert_eq!(ints(&found.sessions_behind), [None, None, Some(1), None]);
    let elsewhere: Vec<_> = lines.iter().map(|l| l.clone().with("exchange_mic", "\"XTKS\"")).collect();
    found = World::new().columns(&elsewhere);
    for column in [&found.is_session, &found.missing_sessions, &found.sessions_behind] {
        assert_eq!(column.null_count(), 4, "unknown venue");
    }
    let coins: Vec<_> = lines
        .iter()
        .map(|l| l.clone().with("exchange_mic", "null").with("asset_class", "\"crypto\""))
        .collect();
    found = World::new().columns(&coins);
    assert_eq!(ints(&found.is_session), [Some(1); 4]);
    assert_eq!(ints(&found.missing_sessions), [None, Some(3), Some(0), Some(2)]);
    assert_eq!(ints(&found.sessions_behind), [None, None, Some(2), None]);
}

#[test]
fn lateness_counts_what_is_published_too() {
    let mut world = World::new();
    world.look_back.add(&batch(&[Line::new("2024-12-30", 9.0)])).unwrap();
    let backfill = world.columns(&[Line::new("2024-01-03", 9.0), Line::new("2024-01-02", 9.0)]);
    assert_eq!(ints(&backfill.sessions_behind), [Some(0), None]);
    assert!(backfill.ret_1.is_null(1), "a later bar is no history");
}

#[test]
fn intraday_hours_and_nights() {
    let at = |date: &str, time: &str, close: f64| {
        let line = Line::new(date, close).with("interval", "\"5m\"");
        line.with("bar_start", &format!("\"{date}T{time}:00Z\""))
    };
    let lines = [
        at("2024-07-03", "13:25", 5.0), // before the open at 13:30Z
        at("2024-07-03", "13:30", 5.0),
        at("2024-07-03", "17:00", 5.1), // the closing auction of a half day
        at("2024-07-03", "18:00", 5.1), // an hour late: a clock change, or a half day that is none
        at("2024-07-05", "13:30", 5.1),
    ];
    let found = World::new().columns(&lines);
    assert_eq!(ints(&found.is_session), [Some(0), Some(1), Some(1), Some(0), Some(1)]);
    assert_eq!(ints(&found.missing_sessions), [None, Some(0), Some(0), Some(0), Some(0)]);
    let extended: Vec<_> = lines.iter().map(|l| l.clone().with("session", "\"all\"")).collect();
    assert_eq!(ints(&World::new().columns(&extended).is_session), [Some(1); 5]);

    let minutes = |date: &'static str, level: f64| {
        (0..30).map(move |i| at(date, &format!("15:{i:02}"), level + f64::from(i % 3) / 100.0))
    };
    let found = World::new()
        .columns(&minutes("2024-07-02", 50.0).chain(minutes("2024-07-05", 55.0)).collect::<Vec<_>>());
    assert!(found.ret_1.is_valid(30) && found.ret_mad_z.is_null(30), "a night has no intraday z");
    assert!(found.ret_mad_z.is_valid(29) && found.ret_mad_z.is_valid(31));
}

#[test]
fn rows_that_are_no_bars() {
    let lines = daily(&[5.0, 5.1, 5.2, 5.3]);
    let lines = [
        lines[0].clone(),
        lines[1].clone().with("close", "null"),
        lines[2].clone().with("trading_date", "null"),
        lines[3].clone().with("close", "-5.3"),
        lines[3].clone(),
    ];
    let found = World::new().columns(&lines);
    assert_eq!(
        found.ret_1.iter().map(|r| r.is_some()).collect::<Vec<_>>(),
        [false, false, false, false, true]
    );
    assert_eq!(found.ret_1.value(4), (5.3f64 / 5.0).ln());
    assert_eq!(ints(&found.is_session), [Some(1), Some(1), None, Some(1), Some(1)]);
    assert!(found.flat_run.is_null(2));
    let missing = batch(&lines).project(&[0, 1]).unwrap();
    let World { look_back, actions, limits, now } = &World::new();
    let error = market_columns(&missing, &MarketContext { look_back, actions, limits, now: *now });
    assert_eq!(error.unwrap_err().to_string(), "there is no column interval");
}

#[test]
fn columns_stand_behind_the_batch() {
    let lines = batch(&daily(&[5.0, 5.1]));
    let whole = World::new().of(&lines).append_to(&lines).unwrap();
    assert_eq!(whole.num_columns(), lines.num_columns() + MarketColumns::NAMES.len());
    assert!(whole.column_by_name("dq_sessions_behind").is_some());
}

proptest! {
    /// Rows in any order get the same values, and a batch that arrives in two gets what it gets in one.
    #[test]
    fn order_and_batches_do_not_matter(
        steps in prop::collection::vec(-0.04f64..0.04, 30..90),
        at in 1usize..29,
        seed in any::<u64>(),
    ) {
        let mut close = 50.0;
        let closes: Vec<f64> = steps.iter().map(|step| { close *= 1.0 + step; (close * 100.0).round() / 100.0 }).collect();
        let lines = daily(&closes);
        let whole = batch(&lines);
        let mut world = World::new();
        let expected = world.of(&whole);

        let mut order: Vec<u32> = (0..lines.len() as u32).collect();
        let mut state = seed;
        for i in (1..order.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order.swap(i, (state >> 33) as usize % (i + 1));
        }
        let order = UInt32Array::from(order);
        let shuffled = world.of(&take_record_batch(&whole, &order).unwrap());
        for (expected, shuffled) in expected.arrays().iter().zip(shuffled.arrays()) {
            prop_assert_eq!(&arrow::compute::take(expected, &order, None).unwrap(), &shuffled);
        }

        world.look_back.add(&whole.slice(0, at)).unwrap();
        world.look_back.keep_newest(world.limits.look_back_bars());
        let rest = world.of(&whole.slice(at, lines.len() - at));
        for (expected, rest) in expected.arrays().iter().zip(rest.arrays()) {
            prop_assert_eq!(&expected.slice(at, lines.len() - at), &rest);
        }
    }
}
