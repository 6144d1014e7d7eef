//! Daily series with their events, as files: the public-domain prices under `samples/polygon/pages`, cut into stretches of 20 months.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, TimeZone as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Bars of a stretch.
const LENGTH: usize = 420;
const TICKERS: [&str; 5] = ["AAPL", "FB", "GOOG", "IBM", "MSFT"];

/// A bar; prices are open, high, low and close.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) date: NaiveDate,
    pub(crate) prices: [f64; 4],
    pub(crate) volume: f64,
    /// Where the vendor says one.
    pub(crate) adj_close: Option<f64>,
}

impl Bar {
    pub(crate) fn scale(&mut self, factor: f64) {
        self.prices.iter_mut().for_each(|price| *price *= factor);
    }

    pub(crate) fn close(&self) -> f64 {
        self.prices[3]
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Dividend {
    pub(crate) date: NaiveDate,
    pub(crate) amount: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Split {
    pub(crate) date: NaiveDate,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// How a vendor states a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Prices as they were traded.
    Raw,
    /// In the shares of its end, with adjusted closes.
    Adjusted,
}

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) mic: &'static str,
    pub(crate) bars: Vec<Bar>,
    pub(crate) dividends: Vec<Dividend>,
    pub(crate) splits: Vec<Split>,
}

impl Series {
    /// Adjusted closes by the events, as vendors make them: from the end, by one less the dividend over the close before.
    pub(crate) fn adjust(&mut self) {
        let mut factor = 1.0;
        for at in (0..self.bars.len()).rev() {
            self.bars[at].adj_close = Some(self.bars[at].close() * factor);
            if at == 0 {
                break;
            }
            let (day, before) = (self.bars[at].date, self.bars[at - 1].close());
            for dividend in self.dividends.iter().filter(|dividend| dividend.date == day) {
                factor *= 1.0 - dividend.amount / before;
            }
        }
    }

    /// The lines of its object.
    pub(crate) fn lines(&self) -> Vec<String> {
        let (provider, adjustment) = match self.shape {
            Shape::Raw => ("polygon", "raw"),
            Shape::Adjusted => ("yahoo", "split"),
        };
        let Self { name, mic, .. } = self;
        let line = |own: String| {
            format!(
                r#"{{"provider":"{provider}","provider_symbol":"{name}","symbol":"{name}.{mic}","asset_class":"equity","exchange_mic":"{mic}","currency":"USD","quote_unit":"USD",{own},"fetched_at":"2026-03-02T02:00:00Z","request_id":"r","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}}"#
            )
        };
        let bars = self.bars.iter().map(|Bar { date, prices: [open, high, low, close], volume, adj_close }| {
            let adj_close = adj_close.map(|close| format!(r#""adj_close":{close:.8},"#)).unwrap_or_default();
            line(format!(
                r#""dataset":"daily_bars","interval":"1d","trading_date":"{date}","bar_start":"{date}T00:00:00Z","exchange_tz":"America/New_York","open":{open:.8},"high":{high:.8},"low":{low:.8},"close":{close:.8},"volume":{volume},{adj_close}"adjustment":"{adjustment}","session":"regular","unit_divisor":1,"is_final":true,"delay_class":"eod","provider_ts":1"#
            ))
        });
        let adjusted = self.shape == Shape::Adjusted;
        let dividends = self.dividends.iter().map(|Dividend { date, amount }| {
            line(format!(
                r#""dataset":"dividends","dividend_type":"cash","ex_date":"{date}","ex_date_source":"given","amount":{amount:.8},"split_adjusted":{adjusted}"#
            ))
        });
        let splits = self.splits.iter().map(|Split { date, from, to }| {
            let kind = if to > from { "split" } else { "reverse" };
            line(format!(
                r#""dataset":"splits","execution_date":"{date}","split_from":{from},"split_to":{to},"split_type":"{kind}""#
            ))
        });
        bars.chain(dividends).chain(splits).collect()
    }
}

/// Every stretch in both shapes.
pub(crate) fn clean() -> Vec<Series> {
    let mut all = Vec::new();
    for ticker in TICKERS {
        let whole = recorded(ticker);
        for (at, bars) in whole.bars.chunks(LENGTH).enumerate().filter(|(_, bars)| bars.len() >= 100) {
            let (first, last) = (bars[0].date, bars[bars.len() - 1].date);
            let within = |date: NaiveDate| first < date && date <= last;
            let raw = Series {
                name: format!("{ticker}{at}"),
                bars: bars.to_vec(),
                dividends: whole.dividends.iter().filter(|one| within(one.date)).cloned().collect(),
                splits: whole.splits.iter().filter(|one| within(one.date)).cloned().collect(),
                ..whole.clone()
            };
            all.push(in_shares_of_the_end(&raw));
            all.push(raw);
        }
    }
    all
}

fn in_shares_of_the_end(raw: &Series) -> Series {
    let later = |date: NaiveDate| -> f64 {
        raw.splits.iter().filter(|split| split.date > date).map(|split| split.to / split.from).product()
    };
    let mut adjusted = Series { shape: Shape::Adjusted, ..raw.clone() };
    for bar in &mut adjusted.bars {
        let factor = later(bar.date);
        bar.scale(1.0 / factor);
        bar.volume *= factor;
    }
    for dividend in &mut adjusted.dividends {
        dividend.amount /= later(dividend.date);
    }
    adjusted.adjust();
    adjusted
}

fn recorded(ticker: &'static str) -> Series {
    #[derive(Deserialize)]
    struct RawBar {
        t: i64,
        o: f64,
        h: f64,
        l: f64,
        c: f64,
        v: f64,
    }
    #[derive(Deserialize)]
    struct RawSplit {
        execution_date: NaiveDate,
        split_from: f64,
        split_to: f64,
    }
    #[derive(Deserialize)]
    struct RawDividend {
        ex_dividend_date: NaiveDate,
        cash_amount: f64,
    }
    let day = |ms: i64| {
        let utc = DateTime::from_timestamp_millis(ms).unwrap().naive_utc();
        // Stamps are New York's midnight, which is five in the morning, or four, in UTC.
        chrono::Utc.from_utc_datetime(&utc).date_naive()
    };
    let bar =
        |RawBar { t, o, h, l, c, v }| Bar { date: day(t), prices: [o, h, l, c], volume: v, adj_close: None };
    let split = |RawSplit { execution_date, split_from, split_to }| Split {
        date: execution_date,
        from: split_from,
        to: split_to,
    };
    let dividend = |RawDividend { ex_dividend_date, cash_amount }| Dividend {
        date: ex_dividend_date,
        amount: cash_amount,
    };
    let mut dividends: Vec<Dividend> = Vec::new();
    for one in pages(ticker, "dividends").into_iter().map(dividend) {
        // A regular and a special one of one day: one sum.
        match dividends.iter_mut().find(|known| known.date == one.date) {
            Some(known) => known.amount += one.amount,
            None => dividends.push(one),
        }
    }
    dividends.sort_by_key(|one| one.date);
    Series {
        name: ticker.to_owned(),
        shape: Shape::Raw,
        mic: "XNYS",
        bars: pages(ticker, "1day").into_iter().map(bar).collect(),
        dividends,
        splits: pages(ticker, "splits").into_iter().map(split).collect(),
    }
}

fn pages<T: DeserializeOwned>(ticker: &str, kind: &str) -> Vec<T> {
    #[derive(Deserialize)]
    struct Page<T> {
        results: Vec<T>,
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/polygon/pages");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files
        .retain(|path| path.file_name().unwrap().to_string_lossy().starts_with(&format!("{ticker}-{kind}-")));
    assert!(!files.is_empty(), "no pages of {ticker}-{kind}");
    files.sort();
    let read = |path: &PathBuf| {
        serde_json::from_str::<Page<T>>(&std::fs::read_to_string(path).unwrap()).unwrap().results
    };
    files.iter().flat_map(read).collect()
}
