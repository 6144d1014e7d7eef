//! A sealed page to canonical records. Pure: the same envelope gives the same records.

use std::sync::Arc;

use quotelake_core::time::parse_instant;
use quotelake_core::{Envelope, Error, Result};
use serde_json::value::RawValue;

use super::wire::{self, Page};
use super::{Endpoint, NAME, classify};
use crate::money::Money;
use crate::origin::{Origin, RecordInstrument};
use crate::question::Question;
use crate::read::{Raw, Reader, date, decimal, integer, split_type, text};
use crate::record::{Cell, Dividend, Instant, MarketHoliday, Refusal, Split};
use crate::tolerant::parse;
use crate::{DelayClass, Interval, Mapped, Record};

/// How far behind the market intraday bars are: the plans that pay for less are not told apart.
const INTRADAY_DELAY: DelayClass = DelayClass::Delayed15m;

pub(super) fn transform(envelope: &Envelope) -> Result<Mapped> {
    let unit = &envelope.unit;
    let endpoint = Endpoint::of(unit)?;
    let body = envelope.body_bytes()?;
    let bad = |what: String| Error::invalid(format!("unit {}, page {}: {what}", unit.id, unit.page));
    if envelope.status != 200 {
        return Err(bad(format!("the answer's status is {}", envelope.status)));
    }
    let unread = |e| bad("the body is not the documented JSON".to_owned()).with_source(e);
    if endpoint == Endpoint::MarketHolidays {
        let mut spare = Vec::new();
        let days: Vec<&RawValue> = parse(&body, &mut spare).map_err(unread)?;
        return Ok(holidays(&Origin::of(NAME, envelope, None)?, &days));
    }
    let mut spare = Vec::new();
    let page: Page<'_> = parse(&body, &mut spare).map_err(unread)?;
    if !page.is_ok() {
        return Err(bad(format!("{}: {}", page.status_text(), page.error_text().unwrap_or("no text"))));
    }
    classify::believable(&page, unit).map_err(bad)?;

    let origin = Origin::of(NAME, envelope, page.request_id.text().map(str::to_owned))?;
    let interval = unit.interval.as_deref().map(str::parse).transpose()?;
    let mut rows = Rows { origin: &origin, reader: Reader::default() };
    let mut records = Vec::with_capacity(page.rows().len());
    for (index, raw) in page.rows().iter().enumerate() {
        rows.reader.at(format!("results[{index}]"));
        if endpoint == Endpoint::Grouped {
            records.extend(rows.grouped_bar(raw));
            continue;
        }
        let named = origin
            .instruments()
            .first()
            .ok_or_else(|| Error::invalid(format!("unit {}: symbol is missing", unit.id)))?;
        records.push(match (endpoint, interval) {
            (Endpoint::Splits, _) => Record::Splits(rows.split(named, raw)),
            (Endpoint::Dividends, _) => Record::Dividends(rows.dividend(named, raw)),
            (_, Some(interval)) => rows.bar(named, interval, raw),
            (_, None) => return Err(bad("interval is missing, aggregates need one".to_owned())),
        });
    }
    let mut reader = rows.reader;
    Question::of(unit)?.judge(&mut records, &mut reader);
    if let Some(what) = page.miscount() {
        reader.at(String::new());
        reader.note(&what);
        for record in &mut records {
            record.refuse_symbol(what.clone());
        }
    }
    Ok(reader.into_mapped(records))
}

/// The rows of one page on their way.
struct Rows<'a> {
    origin: &'a Origin,
    reader: Reader,
}

impl Rows<'_> {
    /// A bar with whatever of it can be read; a required value that is missing stays missing for `check` to see.
    fn bar(&mut self, named: &RecordInstrument, interval: Interval, raw: &RawValue) -> Record {
        let wire = self.reader.row(raw);
        self.bar_of(named, interval, wire)
    }

    /// A row of the whole market; `None` when the watchlist does not have it.
    fn grouped_bar(&mut self, raw: &RawValue) -> Option<Record> {
        let wire: wire::Bar<'_> = self.reader.row(raw);
        let ticker = self.reader.required(wire.ticker, "T", text);
        let ticker = ticker.as_ref().and_then(Cell::value)?;
        let Some(named) = self.origin.instrument(ticker) else {
            // The endpoint sends the whole market.
            self.reader.skip(1);
            return None;
        };
        Some(self.bar_of(named, Interval::Day1, wire))
    }

    fn bar_of(&mut self, named: &RecordInstrument, interval: Interval, wire: wire::Bar<'_>) -> Record {
        let reader = &mut self.reader;
        let provider_ts = reader.required(wire.t, "t", integer);
        let stamp = provider_ts.as_ref().and_then(Cell::value).copied();
        let mut bar = self.origin.bar(named, interval, stamp);
        if stamp.is_some() && bar.trading_date.is_none() {
            reader.warn("t", "is outside the calendar");
        }
        bar.provider_ts = provider_ts;
        let price = named.money.price(decimal);
        bar.open = reader.required(wire.o, "o", &price);
        bar.high = reader.required(wire.h, "h", &price);
        bar.low = reader.required(wire.l, "l", &price);
        bar.close = reader.required(wire.c, "c", &price);
        bar.volume = reader.required(wire.v, "v", decimal);
        bar.vwap = reader.optional(wire.vw, "vw", &price);
        bar.trade_count = reader.optional(wire.n, "n", integer);
        if interval == Interval::Day1 {
            return Record::DailyBars(bar);
        }
        bar.delay_class = INTRADAY_DELAY;
        Record::IntradayBars(bar)
    }

    fn dividend(&mut self, named: &RecordInstrument, raw: &RawValue) -> Dividend {
        let reader = &mut self.reader;
        let wire: wire::Dividend<'_> = reader.row(raw);
        let mut dividend = self.origin.dividend(named);
        // The vendor's answer says the currency, or the watchlist does: never a guess.
        let mut money = named.money.clone();
        if let Some(raw) = wire.currency {
            match text(raw.get()) {
                Some(unit) => money = Money::of(Some(&unit), &named.asset_class),
                None => money = Money::of(None, &named.asset_class),
            }
            dividend.set_money(&money);
            if dividend.currency.is_none() {
                dividend.currency = reader.optional(wire.currency, "currency", |_| None);
            }
        }
        if dividend.currency.is_none() {
            reader.warn("currency", "is missing, and the watchlist gives none");
        }
        dividend.refusals.extend(another(named, wire.ticker));
        Dividend {
            dividend_type: reader.required(wire.dividend_type, "dividend_type", dividend_type),
            ex_date: reader.required(wire.ex_dividend_date, "ex_dividend_date", date),
            record_date: reader.optional(wire.record_date, "record_date", date),
            declaration_date: reader.optional(wire.declaration_date, "declaration_date", date),
            pay_date: reader.optional(wire.pay_date, "pay_date", date),
            amount: reader.required(wire.cash_amount, "cash_amount", money.price(decimal)),
            frequency: reader.optional(wire.frequency, "frequency", integer),
            ..dividend
        }
    }

    fn split(&mut self, named: &RecordInstrument, raw: &RawValue) -> Split {
        let reader = &mut self.reader;
        let wire: wire::Split<'_> = reader.row(raw);
        let split_from = reader.required(wire.split_from, "split_from", decimal);
        let split_to = reader.required(wire.split_to, "split_to", decimal);
        let ratio = split_from.as_ref().and_then(Cell::value).zip(split_to.as_ref().and_then(Cell::value));
        let mut split = self.origin.split(named);
        split.refusals.extend(another(named, wire.ticker));
        Split {
            execution_date: reader.required(wire.execution_date, "execution_date", date),
            split_type: ratio.and_then(|(from, to)| split_type(from, to)),
            split_from,
            split_to,
            ..split
        }
    }
}

/// Why a row is of another instrument than the one that was asked for, where it says so.
fn another(named: &RecordInstrument, ticker: Raw<'_>) -> Option<(&'static str, Refusal)> {
    let ticker = text(ticker?.get())?;
    let refusal = || {
        let reason = format!("is another symbol than {}, which was asked for", named.provider_symbol);
        ("provider_symbol", Refusal::not_asked(ticker.as_str(), reason))
    };
    (*ticker != *named.provider_symbol).then(refusal)
}

/// The holidays of every exchange that the vendor names; it announces those of New York under both exchanges' names.
fn holidays(origin: &Origin, days: &[&RawValue]) -> Mapped {
    let mut reader = Reader::default();
    let mut mapped = Mapped::default();
    for (index, raw) in days.iter().enumerate() {
        reader.at(format!("[{index}]"));
        let wire: wire::Holiday<'_> = reader.row(raw);
        let exchange = reader.required(wire.exchange, "exchange", text);
        mapped.records.push(Record::MarketHolidays(MarketHoliday {
            provider: NAME,
            exchange_mic: exchange.as_ref().and_then(Cell::value).and_then(|name| mic_of(name)),
            exchange,
            holiday_date: reader.required(wire.date, "date", date),
            name: reader.required(wire.name, "name", text),
            status: reader.required(wire.status, "status", text),
            opens_at: reader.optional(wire.open, "open", instant),
            closes_at: reader.optional(wire.close, "close", instant),
            refusals: Vec::new(),
            provenance: Arc::clone(&origin.provenance),
        }));
    }
    mapped.warnings = reader.into_warnings();
    mapped
}

fn mic_of(exchange: &str) -> Option<&'static str> {
    match exchange {
        "NYSE" => Some("XNYS"),
        "NASDAQ" => Some("XNAS"),
        _ => None,
    }
}

fn instant(literal: &str) -> Option<Instant> {
    let ms = parse_instant(text(literal)?.as_bytes())?;
    quotelake_core::time::instant_from_ms(ms).ok().map(Instant)
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
