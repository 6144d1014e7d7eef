//! Canonical records: one struct per contract, its fields in the contract's column order, and the exact line of each.
//!
//! A line is one JSON object that names its dataset and is newline-ended:
//! `{"dataset":"daily_bars","provider":"polygon",...}`. Decimals are JSON numbers with the digits that the vendor wrote, dates are
//! `YYYY-MM-DD`, instants RFC 3339 with milliseconds and `Z`, a missing value is an absent field.
//!
//! A value that was refused is no value, whatever it looks like: [`Cell::Refused`] leaves its column out of the line and stands
//! in the line's member `refused`, with the vendor's own JSON and the reason:
//! `"refused":{"close":{"value":"1234.56","reason":"is no number in pt-BR"}}`. What becomes of the row is the contract's
//! choice, by column: `check` quarantines it whole, or publishes it without the value and with a flag.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use quotelake_core::Decimal;

pub use crate::cell::{Cell, Refusable, Refusal};
use crate::{DelayClass, Interval};

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

macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)+
            /// What was refused of the row besides, by column: values that can be read and are not to be believed. They stand in
            /// the line beside their columns.
            pub refusals: Vec<(&'static str, Refusal)>,
            /// Where the row came from.
            pub provenance: Arc<Provenance>,
        }

        impl $name {
            /// The columns of a line, in order, without `dataset`.
            pub const COLUMNS: &[&str] = &[
                $(stringify!($field),)+
                "fetched_at", "request_id", "run_id", "unit_id", "raw_sha256", "schema_version",
            ];
        }

        impl $name {
            /// Appends the columns before the provenance, and what was refused of them.
            fn append(&self, out: &mut Vec<u8>) {
                $(self.$field.append(concat!(",\"", stringify!($field), "\":"), out);)+
                let mut any = false;
                $(if let Some(refusal) = self.$field.refused() {
                    append_refusal(refusal, stringify!($field), &mut any, out);
                })+
                for (column, refusal) in &self.refusals {
                    append_refusal(refusal, column, &mut any, out);
                }
                if any {
                    out.push(b'}');
                }
            }
        }
    };
}

/// Appends a column to the member `refused`, which the first of them opens.
#[cold]
fn append_refusal(refusal: &Refusal, column: &'static str, any: &mut bool, out: &mut Vec<u8>) {
    let before: &[u8] = if *any { b"," } else { b",\"refused\":{" };
    out.extend_from_slice(before);
    *any = true;
    column.json(out);
    out.extend_from_slice(b":{\"value\":");
    out.extend_from_slice(refusal.value().get().as_bytes());
    out.extend_from_slice(b",\"reason\":");
    refusal.reason().json(out);
    out.push(b'}');
}

/// A column of a line: `None`, and what was refused, is written as nothing at all.
trait Field {
    fn append(&self, name: &'static str, out: &mut Vec<u8>);

    /// What stood in the value's place.
    fn refused(&self) -> Option<&Refusal> {
        None
    }
}

impl<T: Json> Field for Option<T> {
    fn append(&self, name: &'static str, out: &mut Vec<u8>) {
        if let Some(value) = self.as_ref().filter(|value| value.refusal().is_none()) {
            out.extend_from_slice(name.as_bytes());
            value.json(out);
        }
    }

    fn refused(&self) -> Option<&Refusal> {
        self.as_ref().and_then(Json::refusal)
    }
}

/// A value as JSON.
trait Json {
    fn json(&self, out: &mut Vec<u8>);

    /// Why it is no value, where it is none.
    fn refusal(&self) -> Option<&Refusal> {
        None
    }
}

impl Json for str {
    fn json(&self, out: &mut Vec<u8>) {
        if self.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            out.push(b'"');
            out.extend_from_slice(self.as_bytes());
            out.push(b'"');
        } else {
            out.extend(serde_json::Value::from(self).to_string().as_bytes());
        }
    }
}

impl Json for String {
    fn json(&self, out: &mut Vec<u8>) {
        self.as_str().json(out);
    }
}

impl Json for Arc<str> {
    fn json(&self, out: &mut Vec<u8>) {
        (**self).json(out);
    }
}

impl Json for Interval {
    fn json(&self, out: &mut Vec<u8>) {
        self.as_str().json(out);
    }
}

impl Json for &'static str {
    fn json(&self, out: &mut Vec<u8>) {
        (**self).json(out);
    }
}

impl Json for DelayClass {
    fn json(&self, out: &mut Vec<u8>) {
        self.as_str().json(out);
    }
}

impl Json for NaiveDate {
    fn json(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        date(*self, out);
        out.push(b'"');
    }
}

impl Json for Instant {
    fn json(&self, out: &mut Vec<u8>) {
        let Self(instant) = self;
        out.push(b'"');
        date(instant.date_naive(), out);
        out.push(b'T');
        for (part, end) in [(instant.hour(), b':'), (instant.minute(), b':'), (instant.second(), b'.')] {
            out.extend_from_slice(&digits::<2>(part));
            out.push(end);
        }
        out.extend_from_slice(&digits::<3>(instant.timestamp_subsec_millis()));
        out.extend_from_slice(b"Z\"");
    }
}

/// `YYYY-MM-DD`; a year of other than four digits as ISO 8601 has it.
fn date(date: NaiveDate, out: &mut Vec<u8>) {
    match u32::try_from(date.year()) {
        Ok(year @ 0..=9999) => out.extend_from_slice(&digits::<4>(year)),
        _ => out.extend(date.format("%Y").to_string().as_bytes()),
    }
    for part in [date.month(), date.day()] {
        out.push(b'-');
        out.extend_from_slice(&digits::<2>(part));
    }
}

/// The last digits of a number.
fn digits<const COUNT: usize>(mut number: u32) -> [u8; COUNT] {
    let mut digits = [b'0'; COUNT];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    digits
}

impl<T: Json> Json for Cell<T> {
    fn json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Value(value) => value.json(out),
            Self::Refused(_) => out.extend_from_slice(b"null"),
        }
    }

    fn refusal(&self) -> Option<&Refusal> {
        Self::refusal(self)
    }
}

impl Json for bool {
    fn json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

macro_rules! integers {
    ($($ty:ty),+) => {
        $(impl Json for $ty {
            fn json(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
            }
        })+
    };
}

integers!(i64, u32);

impl Json for Decimal {
    fn json(&self, out: &mut Vec<u8>) {
        self.append_to(out);
    }
}

macro_rules! always_written {
    ($($ty:ty),+) => {
        $(impl Field for $ty {
            fn append(&self, name: &'static str, out: &mut Vec<u8>) {
                out.extend_from_slice(name.as_bytes());
                self.json(out);
            }
        })+
    };
}

always_written!(String, Arc<str>, &'static str, u32, DelayClass, Interval);

record! {
/// One bar: a row of `daily_bars` or of `intraday_bars`, which have the same columns.
Bar {
    /// Where the data comes from, e.g. `polygon`.
    provider: &'static str,
    /// The instrument as the provider writes it, case kept.
    provider_symbol: Option<Arc<str>>,
    /// Canonical instrument, `TICKER.MIC` where the exchange is known.
    symbol: Option<Arc<str>>,
    /// `equity`, `fund`, `etf`, `index`, `crypto` or `fx`.
    asset_class: Arc<str>,
    /// ISO 10383 code of the exchange.
    exchange_mic: Option<Arc<str>>,
    /// Length of the bar, e.g. `1d`.
    interval: Interval,
    /// Date of the session in the exchange's own zone.
    trading_date: Option<NaiveDate>,
    /// Start of the bar; for `1d` it is `trading_date` at 00:00Z.
    bar_start: Option<Instant>,
    /// IANA zone in which `trading_date` was computed.
    exchange_tz: Arc<str>,
    /// First price, in the currency's major unit.
    open: Option<Cell<Decimal>>,
    /// Highest price.
    high: Option<Cell<Decimal>>,
    /// Lowest price.
    low: Option<Cell<Decimal>>,
    /// Last price.
    close: Option<Cell<Decimal>>,
    /// The provider's own adjusted close, where it gives one.
    adj_close: Option<Cell<Decimal>>,
    /// Units traded; missing is not zero.
    volume: Option<Cell<Decimal>>,
    /// Volume-weighted average price.
    vwap: Option<Cell<Decimal>>,
    /// Number of trades.
    trade_count: Option<Cell<i64>>,
    /// `raw`, `split`, `split_dividend` or `unknown`.
    adjustment: &'static str,
    /// `regular`, `extended` or `all`.
    session: &'static str,
    /// ISO 4217 code of the major unit.
    currency: Option<Arc<str>>,
    /// The unit as the provider served it.
    quote_unit: Option<Arc<str>>,
    /// What served prices were divided by to reach the major unit.
    unit_divisor: u32,
    /// False while the bar could still change when it was fetched.
    is_final: Option<bool>,
    /// How far behind the market the answer was.
    delay_class: DelayClass,
    /// The provider's own stamp, untouched, Unix milliseconds.
    provider_ts: Option<Cell<i64>>,
}
}

record! {
/// One distribution: a row of `dividends`.
Dividend {
    /// Where the data comes from, e.g. `polygon`.
    provider: &'static str,
    /// The instrument as the provider writes it, case kept.
    provider_symbol: Option<Arc<str>>,
    /// Canonical instrument, `TICKER.MIC` where the exchange is known.
    symbol: Option<Arc<str>>,
    /// `equity`, `fund`, `etf`, `index`, `crypto` or `fx`.
    asset_class: Arc<str>,
    /// ISO 10383 code of the exchange.
    exchange_mic: Option<Arc<str>>,
    /// `cash`, `special`, `capital_gain`, `jcp`, `rendimento` or `amortizacao`.
    dividend_type: Option<Cell<&'static str>>,
    /// First session without the right to the distribution.
    ex_date: Option<Cell<NaiveDate>>,
    /// `given`, or `derived_from_last_date_prior`.
    ex_date_source: &'static str,
    /// Last session with the right.
    last_date_prior: Option<Cell<NaiveDate>>,
    /// Date on which holders are recorded.
    record_date: Option<Cell<NaiveDate>>,
    /// Date of the announcement.
    declaration_date: Option<Cell<NaiveDate>>,
    /// Date of payment.
    pay_date: Option<Cell<NaiveDate>>,
    /// Amount per share, in the currency's major unit.
    amount: Option<Cell<Decimal>>,
    /// ISO 4217 code of the major unit.
    currency: Option<Cell<Arc<str>>>,
    /// The unit as the provider served it.
    quote_unit: Option<Cell<Arc<str>>>,
    /// Distributions a year; 0 for a one-time one.
    frequency: Option<Cell<i64>>,
    /// Whether the provider already divided the amount by later splits.
    split_adjusted: Option<bool>,
}
}

record! {
/// One split: a row of `splits`.
Split {
    /// Where the data comes from, e.g. `polygon`.
    provider: &'static str,
    /// The instrument as the provider writes it, case kept.
    provider_symbol: Option<Arc<str>>,
    /// Canonical instrument, `TICKER.MIC` where the exchange is known.
    symbol: Option<Arc<str>>,
    /// `equity`, `fund`, `etf`, `index`, `crypto` or `fx`.
    asset_class: Arc<str>,
    /// ISO 10383 code of the exchange.
    exchange_mic: Option<Arc<str>>,
    /// First session at the new number of shares.
    execution_date: Option<Cell<NaiveDate>>,
    /// Shares before.
    split_from: Option<Cell<Decimal>>,
    /// Shares after.
    split_to: Option<Cell<Decimal>>,
    /// `split`, `reverse` or `bonus`.
    split_type: Option<&'static str>,
}
}

record! {
/// One fund on one day: a row of `fund_snapshots`. What does not apply is missing, never zero.
FundSnapshot {
    /// Where the data comes from, e.g. `brapi`.
    provider: &'static str,
    /// The fund as the provider writes it, case kept.
    provider_symbol: Option<Arc<str>>,
    /// Canonical instrument, `TICKER.MIC`.
    symbol: Option<Arc<str>>,
    /// `fund`.
    asset_class: Arc<str>,
    /// ISO 10383 code of the exchange.
    exchange_mic: Option<Arc<str>>,
    /// The day that the values are of.
    as_of_date: Option<Cell<NaiveDate>>,
    /// `given`, or `derived_from_fetched_at`.
    as_of_date_source: &'static str,
    /// Name of the fund.
    name: Option<Cell<String>>,
    /// Tax number, digits only.
    cnpj: Option<Cell<String>>,
    /// Segment in the provider's words.
    segment: Option<Cell<String>>,
    /// `tijolo`, `papel`, `hibrido` or what else the provider says.
    segment_type: Option<Cell<String>>,
    /// Kind of management in the provider's words.
    management: Option<Cell<String>>,
    /// Last price of a unit.
    price: Option<Cell<Decimal>>,
    /// Net asset value of a unit.
    nav_per_share: Option<Cell<Decimal>>,
    /// Price over net asset value.
    price_to_nav: Option<Cell<Decimal>>,
    /// Distributions of twelve months over the price, a fraction.
    dividend_yield_12m: Option<Cell<Decimal>>,
    /// The same of one month.
    dividend_yield_1m: Option<Cell<Decimal>>,
    /// Return of the month, a fraction.
    monthly_return: Option<Cell<Decimal>>,
    /// Funds from operations over the price, a fraction.
    ffo_yield: Option<Cell<Decimal>>,
    /// A year's rent over the properties' value, a fraction.
    cap_rate: Option<Cell<Decimal>>,
    /// Vacant part, a fraction.
    vacancy_rate: Option<Cell<Decimal>>,
    /// Price times units.
    market_cap: Option<Cell<Decimal>>,
    /// Money traded a day.
    avg_daily_liquidity: Option<Cell<Decimal>>,
    /// Net assets.
    equity: Option<Cell<Decimal>>,
    /// Assets.
    total_assets: Option<Cell<Decimal>>,
    /// Units issued.
    shares_outstanding: Option<Cell<Decimal>>,
    /// Holders.
    investors: Option<Cell<i64>>,
    /// Properties owned.
    properties_count: Option<Cell<i64>>,
    /// Value of a square metre.
    price_per_m2: Option<Cell<Decimal>>,
    /// Rent of a square metre.
    rent_per_m2: Option<Cell<Decimal>>,
    /// ISO 4217 code.
    currency: Option<Arc<str>>,
    /// Profile and version by which a page was read.
    layout_version: Option<String>,
}
}

record! {
/// One day on which an exchange is closed or keeps other hours: a row of `market_holidays`.
MarketHoliday {
    /// Where the data comes from, e.g. `polygon`.
    provider: &'static str,
    /// The exchange as the provider writes it.
    exchange: Option<Cell<String>>,
    /// ISO 10383 code of the exchange, where known.
    exchange_mic: Option<&'static str>,
    /// The day in the exchange's own zone.
    holiday_date: Option<Cell<NaiveDate>>,
    /// Name of the holiday.
    name: Option<Cell<String>>,
    /// `closed`, `early-close` or `late-open`.
    status: Option<Cell<String>>,
    /// When the session opens, where it does.
    opens_at: Option<Cell<Instant>>,
    /// When the session closes, where it does.
    closes_at: Option<Cell<Instant>>,
}
}
