//! What a run wants to have: instruments, datasets and a window. A source turns it into units.

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, TimeDelta};
use quotelake_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A dataset that a source can deliver; its text form is the contract's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatasetName {
    /// Daily bars.
    DailyBars,
    /// Bars within a session.
    IntradayBars,
    /// Splits.
    Splits,
    /// Dividends.
    Dividends,
    /// Indicators of funds.
    FundSnapshots,
    /// Days on which an exchange is closed or keeps other hours.
    MarketHolidays,
}

impl DatasetName {
    const ALL: [Self; 6] = [
        Self::DailyBars,
        Self::IntradayBars,
        Self::Splits,
        Self::Dividends,
        Self::FundSnapshots,
        Self::MarketHolidays,
    ];

    /// The contract's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DailyBars => "daily_bars",
            Self::IntradayBars => "intraday_bars",
            Self::Splits => "splits",
            Self::Dividends => "dividends",
            Self::FundSnapshots => "fund_snapshots",
            Self::MarketHolidays => "market_holidays",
        }
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DatasetName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|dataset| dataset.as_str() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|dataset| dataset.as_str()).collect();
            Error::invalid(format!("{text:?} is no dataset of a source; known are {}", known.join(", ")))
        })
    }
}

/// The length of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Interval {
    /// One minute.
    #[serde(rename = "1m")]
    Minute1,
    /// Five minutes.
    #[serde(rename = "5m")]
    Minute5,
    /// Fifteen minutes.
    #[serde(rename = "15m")]
    Minute15,
    /// One hour.
    #[serde(rename = "1h")]
    Hour1,
    /// One session.
    #[serde(rename = "1d")]
    Day1,
}

impl Interval {
    const ALL: [Self; 5] = [Self::Minute1, Self::Minute5, Self::Minute15, Self::Hour1, Self::Day1];

    /// `1m`, `5m`, `15m`, `1h` or `1d`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute1 => "1m",
            Self::Minute5 => "5m",
            Self::Minute15 => "15m",
            Self::Hour1 => "1h",
            Self::Day1 => "1d",
        }
    }

    /// How long an intraday bar is; `None` for a session, whose length the exchange decides.
    pub fn length(self) -> Option<TimeDelta> {
        match self {
            Self::Minute1 => Some(TimeDelta::minutes(1)),
            Self::Minute5 => Some(TimeDelta::minutes(5)),
            Self::Minute15 => Some(TimeDelta::minutes(15)),
            Self::Hour1 => Some(TimeDelta::hours(1)),
            Self::Day1 => None,
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Interval {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == text).ok_or_else(|| {
            Error::invalid(format!("interval {text:?} is unknown; known are 1m, 5m, 15m, 1h, 1d"))
        })
    }
}

/// How far behind the market a vendor's answer is, by the plan that pays for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DelayClass {
    /// After the session.
    #[serde(rename = "eod")]
    EndOfDay,
    /// Fifteen minutes.
    #[serde(rename = "delayed_15m")]
    Delayed15m,
    /// None worth naming.
    #[serde(rename = "realtime")]
    Realtime,
}

impl DelayClass {
    /// As it is in rows and settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EndOfDay => "eod",
            Self::Delayed15m => "delayed_15m",
            Self::Realtime => "realtime",
        }
    }
}

/// One instrument of a watchlist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// The symbol as the vendor writes it, case kept.
    pub symbol: String,
    /// The exchange's ISO 10383 code, where known.
    pub mic: Option<String>,
    /// The exchange's IANA zone.
    pub exchange_tz: String,
    /// The currency that the vendor quotes it in, where known beforehand.
    pub currency: Option<String>,
    /// `equity`, `fund`, `etf`, `index`, `crypto` or `fx`.
    pub asset_class: String,
}

/// What a run wants to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The instruments, each asked for by itself.
    pub instruments: Vec<Instrument>,
    /// The datasets wanted of each.
    pub datasets: Vec<DatasetName>,
    /// The bar length of `intraday_bars`; ignored without it.
    pub intraday_interval: Option<Interval>,
    /// First day wanted, inclusive, in the exchange's zone.
    pub from: NaiveDate,
    /// Last day wanted, inclusive.
    pub to: NaiveDate,
}

impl Job {
    /// The interval of `intraday_bars`, which a plan for them needs. `InvalidInput` where there is none, or a day.
    pub fn intraday(&self) -> Result<Interval> {
        match self.intraday_interval {
            Some(Interval::Day1) => Err(Error::invalid("intraday_bars: 1d is not an intraday interval")),
            Some(interval) => Ok(interval),
            None => Err(Error::invalid("intraday_bars: no interval is given (1m, 5m, 15m or 1h)")),
        }
    }

    /// [`Job::check`], and `InvalidInput` for the first dataset that `source` does not have.
    pub fn check_for(&self, source: &str, known: &[DatasetName]) -> Result<()> {
        self.check()?;
        match self.datasets.iter().find(|dataset| !known.contains(dataset)) {
            None => Ok(()),
            Some(other) => {
                let known: Vec<&str> = known.iter().map(|dataset| dataset.as_str()).collect();
                Err(Error::invalid(format!("{source} has no {other}; it has {}", known.join(", "))))
            }
        }
    }

    /// Refuses a job that asks for nothing, for a window that ends before it starts, or for the same thing twice.
    pub fn check(&self) -> Result<()> {
        if self.instruments.is_empty() {
            return Err(Error::invalid("the watchlist names no instrument"));
        }
        if self.datasets.is_empty() {
            return Err(Error::invalid("no dataset is asked for"));
        }
        if self.from > self.to {
            return Err(Error::invalid(format!("from {} is after to {}", self.from, self.to)));
        }
        for (index, instrument) in self.instruments.iter().enumerate() {
            check_symbol(&instrument.symbol).map_err(|e| e.context(format!("symbols[{index}]")))?;
            quotelake_core::time::parse_zone(&instrument.exchange_tz)
                .map_err(|e| e.context(format!("symbols[{index}]")))?;
            if self.instruments[..index].iter().any(|other| other.symbol == instrument.symbol) {
                return Err(Error::invalid(format!(
                    "symbols[{index}]: {:?} is listed twice",
                    instrument.symbol
                )));
            }
        }
        if let Some(twice) =
            (1..self.datasets.len()).find(|i| self.datasets[..*i].contains(&self.datasets[*i]))
        {
            return Err(Error::invalid(format!("datasets[{twice}] is listed twice")));
        }
        Ok(())
    }
}

/// A symbol becomes part of a path and of ids: letters, digits and `. - : ^ = _ &` only, at most 32 of them. `&` is part of names
/// such as `M&M.NS`, and is encoded in queries.
fn check_symbol(symbol: &str) -> Result<()> {
    let fits = !symbol.is_empty()
        && symbol.len() <= 32
        && symbol.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:^=_&".contains(&byte))
        && symbol.bytes().any(|byte| byte.is_ascii_alphanumeric());
    if fits { Ok(()) } else { Err(Error::invalid(format!("{symbol:?} is not a symbol"))) }
}
