//! Canonical records: one struct per contract, its fields in the contract's column order, and the exact line of each.
//!
//! A line is one JSON object that names its dataset and is newline-ended:
//! `{"dataset":"daily_bars","provider":"polygon",...}`. Decimals are JSON numbers with the digits that the vendor wrote, dates are
//! `YYYY-MM-DD`, instants RFC 3339 with milliseconds and `Z`, a missing value is an absent field.
//!
//! A value that was refused is no value, whatever it looks like: [`Cell::Refused`] leaves its column out of the line and is
//! in the line's member `refused`, with the vendor's own JSON and the reason:
//! `"refused":{"close":{"value":"1234.56","reason":"is no number in pt-BR"}}`. What becomes of the row is the contract's
//! choice, by column: `check` quarantines it whole, or publishes it without the value and with a flag. A row that nobody asked
//! for is refused by the column that says so, with `"code":"not_asked"` beside the reason: it is no fault of its series.

mod line;
mod rows;

use chrono::{DateTime, NaiveDate, Utc};

use line::Field;
pub use rows::{Bar, Dividend, FundSnapshot, MarketHoliday, Split};

pub use crate::cell::{Cell, Refusable, Refusal};

/// The version of the canonical records that this build writes.
pub const SCHEMA_VERSION: u32 = 1;

/// A UTC instant, written with milliseconds and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub DateTime<Utc>);

/// One canonical record; the variant is the dataset.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// `daily_bars`.
    DailyBars(Bar),
    /// `intraday_bars`.
    IntradayBars(Bar),
    /// `dividends`.
    Dividends(Dividend),
    /// `splits`.
    Splits(Split),
    /// `fund_snapshots`.
    FundSnapshots(Box<FundSnapshot>),
    /// `market_holidays`.
    MarketHolidays(MarketHoliday),
}

impl Record {
    /// The dataset's name.
    pub fn dataset(&self) -> &'static str {
        match self {
            Self::DailyBars(_) => "daily_bars",
            Self::IntradayBars(_) => "intraday_bars",
            Self::Dividends(_) => "dividends",
            Self::Splits(_) => "splits",
            Self::FundSnapshots(_) => "fund_snapshots",
            Self::MarketHolidays(_) => "market_holidays",
        }
    }

    /// The date in the exchange's zone that the record belongs to, where it could be read.
    pub fn date(&self) -> Option<NaiveDate> {
        let value = |cell: &Option<Cell<NaiveDate>>| cell.as_ref().and_then(Cell::value).copied();
        match self {
            Self::DailyBars(bar) | Self::IntradayBars(bar) => bar.trading_date,
            Self::Dividends(dividend) => value(&dividend.ex_date),
            Self::Splits(split) => value(&split.execution_date),
            Self::FundSnapshots(fund) => value(&fund.as_of_date),
            Self::MarketHolidays(holiday) => value(&holiday.holiday_date),
        }
    }

    /// The instrument as the provider writes it; an exchange has none.
    pub fn provider_symbol(&self) -> Option<&str> {
        match self {
            Self::DailyBars(bar) | Self::IntradayBars(bar) => bar.provider_symbol.as_deref(),
            Self::Dividends(dividend) => dividend.provider_symbol.as_deref(),
            Self::Splits(split) => split.provider_symbol.as_deref(),
            Self::FundSnapshots(fund) => fund.provider_symbol.as_deref(),
            Self::MarketHolidays(_) => None,
        }
    }

    /// Refuses the row as one of its instrument, and with that the row.
    pub fn refuse_symbol(&mut self, reason: String) {
        let refusal = Refusal::new(self.provider_symbol().unwrap_or_default(), reason);
        self.refuse("provider_symbol", refusal);
    }

    /// Refuses the row because its instrument is none that was asked for.
    pub fn refuse_stray(&mut self, reason: String) {
        let refusal = Refusal::not_asked(self.provider_symbol().unwrap_or_default(), reason);
        self.refuse("provider_symbol", refusal);
    }

    /// The column of [`Record::date`].
    pub fn date_column(&self) -> &'static str {
        match self {
            Self::DailyBars(_) | Self::IntradayBars(_) => "trading_date",
            Self::Dividends(_) => "ex_date",
            Self::Splits(_) => "execution_date",
            Self::FundSnapshots(_) => "as_of_date",
            Self::MarketHolidays(_) => "holiday_date",
        }
    }

    /// Refuses a value that could be read. In a column that a row cannot do without, that refuses the row.
    pub fn refuse(&mut self, column: &'static str, refusal: Refusal) {
        self.refusals_mut().push((column, refusal));
    }

    /// What was refused besides what could not be read, by column.
    pub fn refusals(&self) -> &[(&'static str, Refusal)] {
        match self {
            Self::DailyBars(bar) | Self::IntradayBars(bar) => &bar.refusals,
            Self::Dividends(dividend) => &dividend.refusals,
            Self::Splits(split) => &split.refusals,
            Self::FundSnapshots(fund) => &fund.refusals,
            Self::MarketHolidays(holiday) => &holiday.refusals,
        }
    }

    fn refusals_mut(&mut self) -> &mut Vec<(&'static str, Refusal)> {
        match self {
            Self::DailyBars(bar) | Self::IntradayBars(bar) => &mut bar.refusals,
            Self::Dividends(dividend) => &mut dividend.refusals,
            Self::Splits(split) => &mut split.refusals,
            Self::FundSnapshots(fund) => &mut fund.refusals,
            Self::MarketHolidays(holiday) => &mut holiday.refusals,
        }
    }

    /// Where the record came from.
    pub fn provenance(&self) -> &Provenance {
        match self {
            Self::DailyBars(bar) | Self::IntradayBars(bar) => &bar.provenance,
            Self::Dividends(dividend) => &dividend.provenance,
            Self::Splits(split) => &split.provenance,
            Self::FundSnapshots(fund) => &fund.provenance,
            Self::MarketHolidays(holiday) => &holiday.provenance,
        }
    }

    /// Appends the record's line, newline-ended.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"dataset\":\"");
        out.extend_from_slice(self.dataset().as_bytes());
        out.push(b'"');
        match self {
            Self::DailyBars(bar) | Self::IntradayBars(bar) => bar.append(out),
            Self::Dividends(dividend) => dividend.append(out),
            Self::Splits(split) => split.append(out),
            Self::FundSnapshots(fund) => fund.append(out),
            Self::MarketHolidays(holiday) => holiday.append(out),
        }
        out.extend_from_slice(&self.provenance().end_of_line);
    }
}

/// Where a row came from: the last columns of every contract. The rows of a page share it.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// When the vendor's answer arrived.
    pub fetched_at: Instant,
    /// The vendor's id of the request, or ours.
    pub request_id: String,
    /// The run that fetched it.
    pub run_id: String,
    /// The fetch unit.
    pub unit_id: String,
    /// SHA-256 of the vendor's body.
    pub raw_sha256: String,
    /// The columns as the end of every line.
    end_of_line: Vec<u8>,
}

impl Provenance {
    /// The columns, in this order: `fetched_at`, `request_id`, `run_id`, `unit_id`, `raw_sha256`.
    pub fn new(
        fetched_at: Instant,
        request_id: String,
        run_id: String,
        unit_id: String,
        raw_sha256: String,
    ) -> Self {
        let mut end_of_line = Vec::new();
        let end = &mut end_of_line;
        Field::append(&Some(fetched_at), ",\"fetched_at\":", end);
        for (name, text) in [
            (",\"request_id\":", &request_id),
            (",\"run_id\":", &run_id),
            (",\"unit_id\":", &unit_id),
            (",\"raw_sha256\":", &raw_sha256),
        ] {
            text.append(name, end);
        }
        SCHEMA_VERSION.append(",\"schema_version\":", end);
        end.extend(b"}\n");
        Self { fetched_at, request_id, run_id, unit_id, raw_sha256, end_of_line }
    }
}
