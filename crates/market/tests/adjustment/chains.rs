//! Chains of events nobody chose: factors beside rational arithmetic of Python's standard library, and what a holder would have made of
//! the same prices.
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use chrono::{Days, NaiveDate};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use quotelake_core::Decimal;

use crate::native::{Given, bar, dividend, rows, split};

/// A series of bars, splits and dividends, and whether prices come in today's shares.
#[derive(Debug, Clone)]
struct Chain {
    /// Days since the bar before, close in cents of a cent.
    bars: Vec<(u64, i64)>,
    /// Day, shares before, shares after.
    splits: Vec<(u64, u32, u32)>,
    /// Day, amount in cents of a cent, whether it was divided by later splits.
    dividends: Vec<(u64, i64, bool)>,
    in_todays_shares: bool,
}

const FIRST: &str = "2019-12-31";

fn day(offset: u64) -> NaiveDate {
    FIRST.parse::<NaiveDate>().unwrap() + Days::new(offset)
}

fn money(units: i64) -> String {
    Decimal::new(units.into(), 4).to_string()
}

impl Chain {
    fn given(&self) -> Given {
        let mut given = Given::default();
        let mut at = 0;
        for (apart, close) in &self.bars {
            at += apart;
            given.bars.push(bar(&day(at).to_string(), &money(*close)));
        }
        for (at, from, to) in &self.splits {
            given.splits.push(split(&day(*at).to_string(), &from.to_string(), &to.to_string()));
        }
        for (at, amount, adjusted) in &self.dividends {
            let row = dividend(&day(*at).to_string(), &money(*amount));
            given.dividends.push(row.with("split_adjusted", &adjusted.to_string()));
        }
        if self.in_todays_shares { given.with_bars("adjustment", "split") } else { given }
    }

    /// As the script reads it.
    fn text(&self) -> String {
        let mut text = format!("chain {}\n", if self.in_todays_shares { "split" } else { "raw" });
        let mut at = 0;
        for (apart, close) in &self.bars {
            at += apart;
            writeln!(text, "bar {} {}", day(at), money(*close)).unwrap();
        }
        for (at, from, to) in &self.splits {
            writeln!(text, "split {} {from} {to}", day(*at)).unwrap();
        }
        for (at, amount, adjusted) in &self.dividends {
            writeln!(text, "dividend {} {} {}", day(*at), money(*amount), u8::from(*adjusted)).unwrap();
        }
        text
    }
}

/// Splits on days of their own; several dividends may share one, and its split.
fn chain() -> impl Strategy<Value = Chain> {
    let bars = prop::collection::vec((1u64..6, 10_000i64..5_000_000), 2..60);
    let splits = prop::collection::btree_map(0u64..200, (1u32..8, 1u32..8), 0..4);
    let dividends = prop::collection::btree_set((0u64..200, 1i64..60_000, any::<bool>()), 0..12);
    (bars, splits, dividends, any::<bool>()).prop_map(|(bars, splits, dividends, in_todays_shares)| Chain {
        bars,
        splits: splits.into_iter().map(|(at, (from, to))| (at, from, to)).collect(),
        dividends: dividends.into_iter().collect(),
        in_todays_shares,
    })
}

const COLUMNS: [&str; 8] = [
    "valid_from",
    "valid_to",
    "split_factor",
    "volume_factor",
    "dividend_factor_previous_close",
    "dividend_factor_ex_close",
    "price_factor_previous_close",
    "price_factor_ex_close",
];

/// The script's answer. `None` where there is no `python3`, which STRICT does not allow.
fn by_fractions(text: &str) -> Option<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/adjustment/by_fractions.py");
    let started = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut python = match started {
        Ok(python) => python,
        Err(error) => {
            let strict = std::env::vars_os().any(|(name, _)| name == "STRICT" || name == "CI");
            assert!(!strict, "python3 does not start: {error}");
            eprintln!("SKIPPED: python3 does not start: {error}");
            return None;
        }
    };
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let answer = python.wait_with_output().unwrap();
    assert!(answer.status.success());
    Some(String::from_utf8(answer.stdout).unwrap())
}

#[test]
fn factors_are_those_of_rational_arithmetic() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let chains: Vec<Chain> = (0..600).map(|_| chain().new_tree(&mut runner).unwrap().current()).collect();
    let text: String = chains.iter().map(Chain::text).collect();
    let Some(answer) = by_fractions(&text) else { return };
    let mut ours = String::new();
    for chain in &chains {
        ours.push_str("chain\n");
        for row in rows(&chain.given().tables().factors, &COLUMNS) {
            writeln!(ours, "{row}").unwrap();
        }
    }
    let first = ours.lines().zip(answer.lines()).position(|(ours, theirs)| ours != theirs);
    if let Some(at) = first {
        let around = at.saturating_sub(3)..at + 3;
        let lines =
            |text: &str| text.lines().skip(around.start).take(around.len()).collect::<Vec<_>>().join("\n");
        panic!("line {at}:\n{}\nby fractions:\n{}", lines(&ours), lines(&answer));
    }
    assert_eq!(ours.lines().count(), answer.lines().count());
    // Chains without an event would prove nothing.
    assert!(ours.lines().count() > 2_000, "{}", ours.lines().count());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Who holds one share from the first bar on, takes every split and buys more at the close of each ex-date makes what prices adjusted
    /// by `ex_close` make.
    #[test]
    fn ex_close_is_total_return(chain in chain()) {
        let chain = Chain { in_todays_shares: false, ..chain };
        let given = chain.given();
        let tables = given.tables();
        let applied = rows(&tables.events, &["effective_date", "event_date", "kind", "split_ratio", "amount_in_bar_basis", "ex_close", "status"]);
        let applied: Vec<Vec<&str>> = applied.iter().map(|row| row.split(' ').collect()).collect();
        let mut shares = 1f64;
        let applied: Vec<&Vec<&str>> = applied.iter().filter(|cells| cells[6] == "applied").collect();
        for of_session in applied.chunk_by(|a, b| a[0] == b[0]) {
            // By date: a dividend is paid on the shares of its day, splits of that day done, and is spent at the session's close.
            let (mut cash, mut close) = (0f64, 1f64);
            for cells in of_session {
                close = cells[5].parse().unwrap();
                match cells[2] {
                    "split" => shares *= cells[3].parse::<f64>().unwrap(),
                    _ => cash += shares * cells[4].parse::<f64>().unwrap(),
                }
            }
            shares += cash / close;
        }
        let first: f64 = rows(&tables.factors, &["price_factor_ex_close"])[0].parse().unwrap();
        let (_, before) = chain.bars[0];
        let (_, after) = chain.bars[chain.bars.len() - 1];
        let held = shares * after as f64 / before as f64;
        let adjusted = after as f64 / (before as f64 * first);
        prop_assert!((held / adjusted - 1.0).abs() < 1e-11, "{held} {adjusted}");
    }
}
