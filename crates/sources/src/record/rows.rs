//! The records themselves, a struct for each contract, its fields in the contract's column order.

use std::sync::Arc;

use chrono::NaiveDate;
use quotelake_core::Decimal;

use super::line::{Field, append_refusal};
use super::{Instant, Provenance};
use crate::cell::{Cell, Refusal};
use crate::{DelayClass, Interval};

macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)+
            /// What was refused of the row besides, by column: values that can be read and are not to be believed. They are in
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
            pub(super) fn append(&self, out: &mut Vec<u8>) {
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
