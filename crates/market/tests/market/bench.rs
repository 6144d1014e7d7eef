//! Real bars, the defects put into them, and the counting.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use chrono::{DateTime, NaiveDate, Utc};
use quotelake_contract::Contracts;
use quotelake_market::{
    CorporateActions, Dividend, LookBack, MarketColumns, MarketContext, MarketLimits, Split, market_columns,
};
use quotelake_table::RowDecoder;

use crate::wiki;

/// A bar that defects can be put into.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) ticker: &'static str,
    pub(crate) date: NaiveDate,
    /// Open, high, low, close.
    pub(crate) prices: [f64; 4],
    pub(crate) volume: f64,
    /// Whether a check should find something here.
    pub(crate) bad: bool,
}

impl Row {
    pub(crate) fn scale(&mut self, factor: f64) {
        for price in &mut self.prices {
            *price *= factor;
        }
    }

    pub(crate) fn close(&self) -> f64 {
        self.prices[3]
    }

    fn line(&self) -> String {
        let Self { ticker, date, prices: [open, high, low, close], volume, .. } = self;
        let mut line = String::with_capacity(400);
        write!(
            line,
            r#"{{"dataset":"daily_bars","provider":"polygon","provider_symbol":"{ticker}","symbol":"{ticker}.XNAS",
            "asset_class":"equity","exchange_mic":"XNAS","interval":"1d","trading_date":"{date}",
            "bar_start":"{date}T00:00:00Z","exchange_tz":"America/New_York","open":{open:.8},"high":{high:.8},
            "low":{low:.8},"close":{close:.8},"volume":{volume},"adjustment":"raw","session":"regular",
            "currency":"USD"}}"#
        )
        .unwrap();
        line.replace('\n', " ")
    }
}

/// The five stocks, each in time order.
pub(crate) fn real() -> Vec<Row> {
    let number = |raw: &serde_json::value::RawValue| raw.get().parse::<f64>().unwrap();
    let row = |ticker| {
        move |bar: wiki::Bar| Row {
            ticker,
            date: bar.date(),
            prices: [number(&bar.o), number(&bar.h), number(&bar.l), number(&bar.c)],
            volume: number(&bar.v),
            bad: false,
        }
    };
    wiki::TICKERS.iter().flat_map(|ticker| wiki::bars(ticker).into_iter().map(row(ticker))).collect()
}

pub(crate) fn recorded_splits() -> CorporateActions {
    let mut actions = CorporateActions::default();
    for ticker in wiki::TICKERS {
        let symbol = format!("{ticker}.XNAS");
        for split in wiki::splits(ticker) {
            let wiki::Split { execution_date, split_from, split_to } = split;
            actions.add_split(&symbol, Split { execution_date, split_from, split_to }).unwrap();
        }
    }
    actions
}

pub(crate) fn recorded_actions() -> CorporateActions {
    let mut actions = recorded_splits();
    for ticker in wiki::TICKERS {
        let symbol = format!("{ticker}.XNAS");
        for dividend in wiki::dividends(ticker) {
            let wiki::Dividend { ex_dividend_date: ex_date, cash_amount: amount, currency } = dividend;
            let dividend = Dividend { ex_date, amount, currency, split_adjusted: false };
            actions.add_dividend(&symbol, dividend).unwrap();
        }
    }
    actions
}

/// The bars as a batch of the contract.
pub(crate) fn batch(rows: &[Row]) -> RecordBatch {
    let contracts = Contracts::built_in().unwrap();
    let mut decoder = RowDecoder::new(Arc::clone(&contracts.get("daily_bars").unwrap().contract));
    for row in rows {
        decoder.push(&row.line()).unwrap();
    }
    decoder.take_batch().unwrap()
}

pub(crate) fn columns(rows: &[Row], actions: &CorporateActions) -> MarketColumns {
    let context = MarketContext {
        look_back: &LookBack::default(),
        actions,
        limits: &MarketLimits::default(),
        now: "2013-03-02T00:00:00Z".parse::<DateTime<Utc>>().unwrap(),
    };
    market_columns(&batch(rows), &context).unwrap()
}

/// The rows that a check objects to.
pub(crate) type Flags = BTreeSet<usize>;

pub(crate) fn flags(rows: usize, objects: impl Fn(usize) -> bool) -> Flags {
    (0..rows).filter(|row| objects(*row)).collect()
}

pub(crate) fn outliers(columns: &MarketColumns, limit: f64) -> Flags {
    let z = &columns.ret_mad_z;
    flags(z.len(), |row| z.is_valid(row) && z.value(row).abs() > limit)
}

pub(crate) fn ints(array: &arrow::array::Int32Array, objects: impl Fn(i32) -> bool) -> Flags {
    flags(array.len(), |row| array.is_valid(row) && objects(array.value(row)))
}

/// The usual rule: a return more than three standard deviations from the mean of the sixty before it.
pub(crate) fn three_sigma(rows: &[Row]) -> Flags {
    let mut found = Flags::new();
    let mut returns: Vec<f64> = Vec::new();
    for (index, pair) in rows.windows(2).enumerate() {
        if pair[0].ticker != pair[1].ticker {
            returns.clear();
            continue;
        }
        let ret = (pair[1].close() / pair[0].close()).ln();
        let window = &returns[returns.len().saturating_sub(60)..];
        if window.len() >= 20 {
            let n = window.len() as f64;
            let mean = window.iter().sum::<f64>() / n;
            let variance = window.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
            if (ret - mean).abs() > 3.0 * variance.sqrt() {
                found.insert(index + 1);
            }
        }
        returns.push(ret);
    }
    found
}

/// How well flags and defects agree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Score {
    pub(crate) defects: usize,
    pub(crate) found: usize,
    pub(crate) flagged: usize,
}

impl Score {
    pub(crate) fn of(rows: &[Row], flags: &Flags) -> Self {
        Self {
            defects: rows.iter().filter(|row| row.bad).count(),
            found: flags.iter().filter(|row| rows[**row].bad).count(),
            flagged: flags.len(),
        }
    }

    pub(crate) fn recall(self) -> f64 {
        self.found as f64 / self.defects as f64
    }

    pub(crate) fn precision(self) -> f64 {
        self.found as f64 / self.flagged as f64
    }
}

/// Numbers that are the same in every run (Knuth's MMIX generator).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.below(1 << 20) as f64 / f64::from(1 << 20)
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 1
    }

    /// Rows to put defects at: `apart` and up to as many more from each other, with `apart` bars of the same stock on
    /// either side.
    pub(crate) fn places(&mut self, rows: &[Row], apart: usize) -> Vec<usize> {
        let mut places = Vec::new();
        let mut at = apart;
        while at + apart < rows.len() {
            if rows[at - apart].ticker == rows[at + apart].ticker {
                places.push(at);
            }
            at += apart + self.below(apart);
        }
        places
    }
}

/// Whether a row is of one of these weekdays.
pub(crate) fn falls_on(row: &Row, days: [chrono::Weekday; 2]) -> bool {
    days.contains(&chrono::Datelike::weekday(&row.date))
}
