//! The public-domain prices under `samples/polygon/pages`: 13 years of five New York stocks, with their splits and
//! dividends.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use quotelake_core::time::{parse_zone, trading_date};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

pub(crate) const TICKERS: [&str; 5] = ["AAPL", "FB", "GOOG", "IBM", "MSFT"];

#[derive(Deserialize)]
struct Page<T> {
    results: Vec<T>,
}

/// A bar with its numbers as they are written.
#[derive(Deserialize)]
pub(crate) struct Bar {
    pub(crate) t: i64,
    pub(crate) o: Box<RawValue>,
    pub(crate) h: Box<RawValue>,
    pub(crate) l: Box<RawValue>,
    pub(crate) c: Box<RawValue>,
    pub(crate) v: Box<RawValue>,
}

impl Bar {
    pub(crate) fn date(&self) -> NaiveDate {
        trading_date(self.t, parse_zone("America/New_York").unwrap()).unwrap()
    }
}

#[derive(Deserialize)]
pub(crate) struct Split {
    pub(crate) execution_date: NaiveDate,
    pub(crate) split_from: f64,
    pub(crate) split_to: f64,
}

#[derive(Deserialize)]
pub(crate) struct Dividend {
    pub(crate) ex_dividend_date: NaiveDate,
    pub(crate) cash_amount: f64,
    pub(crate) currency: String,
}

pub(crate) fn bars(ticker: &str) -> Vec<Bar> {
    pages(ticker, "1day")
}

pub(crate) fn splits(ticker: &str) -> Vec<Split> {
    pages(ticker, "splits")
}

pub(crate) fn dividends(ticker: &str) -> Vec<Dividend> {
    pages(ticker, "dividends")
}

fn pages<T: DeserializeOwned>(ticker: &str, kind: &str) -> Vec<T> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/polygon/pages");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&format!("{ticker}-{kind}-")))
        .collect();
    assert!(!files.is_empty(), "no pages of {ticker}-{kind}");
    files.sort();
    files
        .iter()
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            serde_json::from_str::<Page<T>>(&text).unwrap().results
        })
        .collect()
}
