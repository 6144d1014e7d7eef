//! A sealed page to canonical records. Pure: the same envelope gives the same records.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use quotelake_core::time::{instant_from_ms, parse_zone, trading_date};
use quotelake_core::{Decimal, Envelope, Error, FetchUnit, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::{self, Page, Raw};
use super::{Endpoint, NAME, PolygonConfig, classify};
use crate::record::{Bar, Cell, Dividend, Instant, Provenance, SCHEMA_VERSION, Split};
use crate::{DelayClass, Interval, Mapped, Record};

/// The regular session ends at 16:00 on the exchange's clock. A half day ends earlier, which makes a bar final later than
/// it could be, never too early.
const SESSION_END: NaiveTime = NaiveTime::from_hms_opt(16, 0, 0).unwrap();

/// Trades are reported and corrected until the extended session ends, four hours on.
const DAILY_GRACE: TimeDelta = TimeDelta::hours(4);

/// Late trades change a bar minutes after its end, and delayed plans see it fifteen minutes late.
const INTRADAY_GRACE: TimeDelta = TimeDelta::minutes(15);

pub(super) fn transform(config: &PolygonConfig, envelope: &Envelope) -> Result<Mapped> {
    let unit = &envelope.unit;
    let endpoint = Endpoint::of(unit)?;
    let body = envelope.body_bytes()?;
    let bad = |what: String| Error::invalid(format!("unit {}, page {}: {what}", unit.id, unit.page));
    if envelope.status != 200 {
        return Err(bad(format!("the answer's status is {}", envelope.status)));
    }
    let page: Page<'_> = serde_json::from_slice(&body)
        .map_err(|e| bad("the body is not the documented JSON".to_owned()).with_source(e))?;
    if !page.is_ok() {
        return Err(bad(format!("status {:?}: {}", page.status, page.error_text().unwrap_or("no text"))));
    }
    classify::believable(&page, unit).map_err(bad)?;

    let mut rows = Rows::new(config, envelope, &page)?;
    for (index, raw) in page.rows().iter().enumerate() {
        rows.index = index;
        let record = match endpoint {
            Endpoint::Aggregates => rows.bar(raw)?,
            Endpoint::Splits => Record::Splits(rows.split(raw)),
            Endpoint::Dividends => Record::Dividends(rows.dividend(raw)),
        };
        rows.mapped.records.push(record);
    }
    Ok(rows.mapped)
}

/// The rows of one page on their way: what they share, and what is found wrong with them.
struct Rows<'a> {
    unit: &'a FetchUnit,
    zone: Tz,
    interval: Option<Interval>,
    intraday_delay: DelayClass,
    fetched_at: DateTime<Utc>,
    provider_symbol: Option<String>,
    symbol: Option<String>,
    provenance: Provenance,
    index: usize,
    /// Whether the current row could be taken apart; if not, one warning says so for all its fields.
    readable: bool,
    mapped: Mapped,
}

impl<'a> Rows<'a> {
    fn new(config: &PolygonConfig, envelope: &'a Envelope, page: &Page<'_>) -> Result<Self> {
        let unit = &envelope.unit;
        let symbol = unit.symbol.as_deref().map(|ticker| match &unit.exchange_mic {
            Some(mic) => format!("{ticker}.{mic}"),
            None => ticker.to_owned(),
        });
        Ok(Self {
            unit,
            zone: parse_zone(&unit.exchange_tz)?,
            interval: unit.interval.as_deref().map(str::parse).transpose()?,
            intraday_delay: config.intraday_delay,
            fetched_at: envelope.fetched_at,
            provider_symbol: unit.symbol.clone(),
            symbol,
            provenance: Provenance {
                fetched_at: Instant(envelope.fetched_at),
                request_id: page.request_id.clone().unwrap_or_else(|| envelope.request_id.clone()),
                run_id: envelope.run_id.clone(),
                unit_id: unit.id.clone(),
                raw_sha256: envelope.sha256.clone(),
                schema_version: SCHEMA_VERSION,
            },
            index: 0,
            readable: true,
            mapped: Mapped { records: Vec::with_capacity(page.rows().len()), warnings: Vec::new() },
        })
    }

    /// A bar with whatever of it can be read; a required value that is missing stays missing for `check` to see.
    fn bar(&mut self, raw: &RawValue) -> Result<Record> {
        let wire: wire::Bar<'_> = self.row(raw);
        let interval = self.interval.ok_or_else(|| {
            Error::invalid(format!("unit {}: interval is missing, aggregates need one", self.unit.id))
        })?;
        let provider_ts = self.required(wire.t, "t", integer);
        let stamp = provider_ts.as_ref().and_then(Cell::value).copied();
        let trading_date = stamp.and_then(|ms| trading_date(ms, self.zone).ok());
        if stamp.is_some() && trading_date.is_none() {
            self.warn("t", "is outside the calendar");
        }
        let start = stamp.and_then(|ms| instant_from_ms(ms).ok());
        let bar_start = match interval {
            Interval::Day1 => trading_date.map(|date| date.and_time(NaiveTime::MIN).and_utc()),
            _ => start,
        };
        let settled_at = match interval.length() {
            None => trading_date.and_then(|date| session_settled(date, self.zone)),
            Some(length) => start.and_then(|start| start.checked_add_signed(length + INTRADAY_GRACE)),
        };
        let bar = Bar {
            provider: NAME,
            provider_symbol: self.provider_symbol.clone(),
            symbol: self.symbol.clone(),
            asset_class: self.unit.asset_class.clone(),
            exchange_mic: self.unit.exchange_mic.clone(),
            interval: interval.to_string(),
            trading_date,
            bar_start: bar_start.map(Instant),
            exchange_tz: self.unit.exchange_tz.clone(),
            open: self.required(wire.o, "o", decimal),
            high: self.required(wire.h, "h", decimal),
            low: self.required(wire.l, "l", decimal),
            close: self.required(wire.c, "c", decimal),
            adj_close: None,
            volume: self.required(wire.v, "v", decimal),
            vwap: self.optional(wire.vw, "vw", decimal),
            trade_count: self.optional(wire.n, "n", integer),
            adjustment: "raw",
            session: if interval == Interval::Day1 { "regular" } else { "all" },
            currency: self.unit.currency.clone(),
            quote_unit: self.unit.currency.clone(),
            unit_divisor: 1,
            is_final: settled_at.map(|settled_at| self.fetched_at >= settled_at),
            delay_class: if interval == Interval::Day1 { DelayClass::EndOfDay } else { self.intraday_delay },
            provider_ts,
            provenance: self.provenance.clone(),
        };
        Ok(if interval == Interval::Day1 { Record::DailyBars(bar) } else { Record::IntradayBars(bar) })
    }

    fn dividend(&mut self, raw: &RawValue) -> Dividend {
        let wire: wire::Dividend<'_> = self.row(raw);
        // The vendor's answer says the currency, or the watchlist does: never a guess.
        let currency = match wire.currency {
            Some(_) => self.optional(wire.currency, "currency", text),
            None => self.unit.currency.clone().map(Cell::Value),
        };
        if currency.is_none() {
            self.warn("currency", "is missing, and the watchlist gives none");
        }
        Dividend {
            provider: NAME,
            provider_symbol: self.provider_symbol.clone(),
            symbol: self.symbol.clone(),
            asset_class: self.unit.asset_class.clone(),
            exchange_mic: self.unit.exchange_mic.clone(),
            dividend_type: self.required(wire.dividend_type, "dividend_type", dividend_type),
            ex_date: self.required(wire.ex_dividend_date, "ex_dividend_date", date),
            ex_date_source: "given",
            last_date_prior: None,
            record_date: self.optional(wire.record_date, "record_date", date),
            declaration_date: self.optional(wire.declaration_date, "declaration_date", date),
            pay_date: self.optional(wire.pay_date, "pay_date", date),
            amount: self.required(wire.cash_amount, "cash_amount", decimal),
            quote_unit: currency.clone(),
            currency,
            frequency: self.optional(wire.frequency, "frequency", integer),
            split_adjusted: Some(false),
            provenance: self.provenance.clone(),
        }
    }

    fn split(&mut self, raw: &RawValue) -> Split {
        let wire: wire::Split<'_> = self.row(raw);
        let split_from = self.required(wire.split_from, "split_from", decimal);
        let split_to = self.required(wire.split_to, "split_to", decimal);
        let ratio = split_from.as_ref().and_then(Cell::value).zip(split_to.as_ref().and_then(Cell::value));
        Split {
            provider: NAME,
            provider_symbol: self.provider_symbol.clone(),
            symbol: self.symbol.clone(),
            asset_class: self.unit.asset_class.clone(),
            exchange_mic: self.unit.exchange_mic.clone(),
            execution_date: self.required(wire.execution_date, "execution_date", date),
            split_type: ratio.and_then(|(from, to)| split_type(from, to)),
            split_from,
            split_to,
            provenance: self.provenance.clone(),
        }
    }

    /// The row's fields; none of them when it is no object or names a field twice.
    fn row<'r, T: Deserialize<'r> + Default>(&mut self, raw: &'r RawValue) -> T {
        let row = serde_json::from_str(raw.get());
        self.readable = row.is_ok();
        row.unwrap_or_else(|error| {
            self.mapped.warnings.push(format!("results[{}] cannot be read: {error}", self.index));
            T::default()
        })
    }

    fn required<T>(&mut self, raw: Raw<'_>, field: &str, read: fn(&str) -> Option<T>) -> Option<Cell<T>> {
        if raw.is_none() {
            self.warn(field, "is missing");
        }
        self.optional(raw, field, read)
    }

    fn optional<T>(&mut self, raw: Raw<'_>, field: &str, read: fn(&str) -> Option<T>) -> Option<Cell<T>> {
        let raw = raw?;
        Some(read(raw.get()).map_or_else(
            || {
                self.warn(field, "cannot be read");
                Cell::unreadable(raw)
            },
            Cell::Value,
        ))
    }

    fn warn(&mut self, field: &str, what: &str) {
        if self.readable {
            self.mapped.warnings.push(format!("results[{}].{field} {what}", self.index));
        }
    }
}

/// When a session's bar does not change any more. `None` when the zone's clock skips the hour, which none does in the evening.
fn session_settled(date: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let end = zone.from_local_datetime(&date.and_time(SESSION_END)).latest()?;
    end.with_timezone(&Utc).checked_add_signed(DAILY_GRACE)
}

fn decimal(literal: &str) -> Option<Decimal> {
    literal.parse().ok()
}

/// A whole number, also when written as `1.5778e+12`.
fn integer(literal: &str) -> Option<i64> {
    literal.parse().ok().or_else(|| decimal(literal)?.to_string().parse().ok())
}

fn text(literal: &str) -> Option<String> {
    serde_json::from_str(literal).ok()
}

/// `YYYY-MM-DD` and nothing else.
fn date(literal: &str) -> Option<NaiveDate> {
    let text = text(literal)?;
    let date: NaiveDate = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

/// See <https://massive.com/docs/rest/stocks/corporate-actions/dividends>.
fn dividend_type(literal: &str) -> Option<&'static str> {
    match text(literal)?.as_str() {
        "CD" => Some("cash"),
        "SC" => Some("special"),
        "LT" | "ST" => Some("capital_gain"),
        _ => None,
    }
}

/// More shares than before is a split, fewer a reverse one; a ratio with a number that is not positive is neither.
fn split_type(from: &Decimal, to: &Decimal) -> Option<&'static str> {
    let positive = |number: &Decimal| !number.is_negative() && !number.is_zero();
    (positive(from) && positive(to)).then_some(if is_greater(to, from) { "split" } else { "reverse" })
}

/// Compares two positive decimals by their digits: whole parts by length, then digit by digit.
fn is_greater(a: &Decimal, b: &Decimal) -> bool {
    let (a, b) = (a.to_string(), b.to_string());
    let parts = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        (whole.len(), whole.to_owned(), fraction.to_owned())
    };
    parts(&a) > parts(&b)
}
