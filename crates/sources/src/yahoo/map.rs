//! A sealed chart to canonical records. Pure: the same envelope gives the same records.

use std::sync::Arc;

use chrono::{Days, NaiveDate, Timelike as _};
use quotelake_core::time::{instant_from_ms, parse_zone};
use quotelake_core::{Decimal, Envelope, Error, Result};
use serde_json::value::RawValue;

use super::NAME;
use super::classify::{believable, is_empty_window};
use super::wire::{self, Body, Meta, Period, PeriodsByKind, Series};
use crate::origin::{Named, Origin};
use crate::read::{Raw, Reader, decimal, float32_decimal, integer, split_type};
use crate::record::{Bar, Cell};
use crate::units::Wanted;
use crate::{DatasetName, DelayClass, Interval, Mapped, Record};

pub(super) fn transform(envelope: &Envelope) -> Result<Mapped> {
    let unit = &envelope.unit;
    let bad = |what: String| Error::invalid(format!("unit {}: {what}", unit.id));
    let wanted = Wanted::parse(&unit.endpoint)?;
    let body = envelope.body_bytes()?;
    let body: Body<'_> =
        serde_json::from_slice(&body).map_err(|e| bad("the body is no chart".to_owned()).with_source(e))?;
    if let Some(error) = &body.chart.error {
        return if is_empty_window(envelope.status, error) {
            Ok(Mapped::default())
        } else {
            Err(bad(error.text()))
        };
    }
    if envelope.status != 200 {
        return Err(bad(format!("the answer's status is {}", envelope.status)));
    }
    let series = believable(&body, unit).map_err(bad)?;

    let mut origin = Origin::with_tickers(NAME, envelope, None, ticker)?;
    let mut reader = Reader::default();
    // The answer's own zone: offsets in it are of now, not of the bar.
    if let Some(zone) = &series.meta.exchange_timezone
        && **zone != *origin.exchange_tz
    {
        reader.note(&format!(
            "meta.exchangeTimezoneName is {zone:?}, the watchlist says {:?}",
            origin.exchange_tz
        ));
        origin.zone = parse_zone(zone)?;
        origin.exchange_tz = zone.as_str().into();
    }
    let named = origin.instruments().first().ok_or_else(|| bad("symbol is missing".to_owned()))?;
    let interval = unit.interval.as_deref().map(str::parse).transpose()?;
    let interval = interval.ok_or_else(|| bad("interval is missing".to_owned()))?;
    let mut chart = Chart { origin: &origin, named, series, money: Money::of(&series.meta), reader };
    let mut records = Vec::new();
    if wanted.has(DatasetName::DailyBars) || wanted.has(DatasetName::IntradayBars) {
        chart.bars(interval, &mut records);
    }
    chart.events(&wanted, &mut records);
    Ok(Mapped { records, warnings: chart.reader.into_warnings() })
}

/// A symbol without Yahoo's suffix for the exchange: `BARC.L` is `BARC`. New York's symbols have none.
fn ticker(symbol: &str) -> &str {
    symbol.rsplit_once('.').map_or(symbol, |(ticker, _)| ticker)
}

/// A unit of prices, and what it takes to make it a currency's major one.
#[derive(Debug, Clone)]
struct Money {
    currency: Option<Arc<str>>,
    quote_unit: Option<Arc<str>>,
    /// Decimal places by which prices move to the right.
    places: u8,
}

impl Money {
    fn of(meta: &Meta<'_>) -> Self {
        Self::of_unit(meta.currency.as_deref())
    }

    fn of_unit(unit: Option<&str>) -> Self {
        let (currency, places) = match unit {
            Some("GBp" | "GBX") => (Some("GBP"), 2),
            Some("ZAc") => (Some("ZAR"), 2),
            Some("ILA") => (Some("ILS"), 2),
            other => (other, 0),
        };
        Self { currency: currency.map(Arc::from), quote_unit: unit.map(Arc::from), places }
    }

    /// A price in the major unit, exactly.
    fn read(&self) -> impl Fn(&str) -> Option<Decimal> + use<> {
        let places = self.places;
        move |literal| float32_decimal(literal)?.shift_right(places)
    }
}

/// One chart on its way.
struct Chart<'a> {
    origin: &'a Origin,
    named: &'a Named,
    series: &'a Series<'a>,
    money: Money,
    reader: Reader,
}

impl Chart<'_> {
    fn bars(&mut self, interval: Interval, records: &mut Vec<Record>) {
        let series = self.series;
        let stamps = series.timestamp.as_deref().unwrap_or_default();
        let regular = regular_sessions(&series.meta);
        if regular.is_none() && series.meta.trading_periods.is_some() {
            self.reader
                .note("meta.tradingPeriods cannot be read: bars outside the session are not told apart");
        }
        if self.money.currency.is_none() && !stamps.is_empty() {
            self.reader.note("meta.currency is missing: the unit of the prices is unknown");
        }
        for (index, raw) in stamps.iter().enumerate() {
            self.reader.at(format!("[{index}]"));
            let Some(mut bar) = self.bar(index, raw, interval, index + 1 == stamps.len()) else { continue };
            if interval == Interval::Day1 {
                records.push(Record::DailyBars(bar));
                continue;
            }
            bar.session = session_of(&bar, &regular);
            bar.delay_class = match series.meta.delayed_by {
                Some(0) => DelayClass::Realtime,
                _ => DelayClass::Delayed15m,
            };
            records.push(Record::IntradayBars(bar));
        }
    }

    /// A bar; `None` for a gap, which is a stamp with no price and no trade.
    fn bar(&mut self, index: usize, stamp: &RawValue, interval: Interval, last: bool) -> Option<Bar> {
        let quote = self.series.indicators.quote.first();
        let (open, high, low, close, volume) = match quote {
            None => (None, None, None, None, None),
            Some(quote) => (
                cell(&quote.open, index),
                cell(&quote.high, index),
                cell(&quote.low, index),
                cell(&quote.close, index),
                cell(&quote.volume, index),
            ),
        };
        let no_volume = volume.is_none_or(|raw| matches!(raw.get(), "0" | "0.0"));
        if [open, high, low, close].iter().all(Option::is_none) && no_volume {
            self.reader.note("has no price and no volume: a gap, left out");
            return None;
        }
        let seconds = self.reader.required(Some(stamp), "timestamp", integer);
        let stamp = seconds.as_ref().and_then(Cell::value).copied();
        let stamp_ms = stamp.and_then(|seconds| seconds.checked_mul(1000));
        let live = last && stamp.is_some() && stamp == self.series.meta.regular_market_time;
        let date = stamp_ms.and_then(|ms| self.trading_date(ms, interval, live));
        let mut bar = self.origin.bar_on(self.named, interval, stamp_ms, date);
        let price = self.money.read();
        bar.open = self.reader.optional(open, "open", &price);
        bar.high = self.reader.optional(high, "high", &price);
        bar.low = self.reader.optional(low, "low", &price);
        bar.close = self.reader.required(close, "close", &price);
        bar.volume = self.reader.optional(volume, "volume", decimal);
        let adjusted = self.series.indicators.adjclose.as_ref().and_then(|columns| columns.first());
        let adjusted = adjusted.and_then(|column| cell(&column.adjclose, index));
        bar.adj_close = self.reader.optional(adjusted, "adjclose", &price);
        bar.adjustment = "split";
        bar.session = "regular";
        bar.currency = self.money.currency.clone();
        bar.quote_unit = self.money.quote_unit.clone();
        bar.unit_divisor = 10u32.pow(u32::from(self.money.places));
        if live {
            bar.is_final = Some(false);
        }
        Some(bar)
    }

    /// The date on the exchange's clock. Yahoo stamps some daily bars an hour or two before the midnight that they mean, where a
    /// clock change was applied to the wrong side; no exchange opens at 22:00, and what trades all day is stamped by UTC.
    fn trading_date(&self, stamp_ms: i64, interval: Interval, live: bool) -> Option<NaiveDate> {
        let date = self.origin.date_of(stamp_ms)?;
        let around_the_clock = matches!(&*self.named.asset_class, "crypto" | "fx");
        if interval != Interval::Day1 || live || around_the_clock {
            return Some(date);
        }
        let local = instant_from_ms(stamp_ms).ok()?.with_timezone(&self.origin.zone);
        let early = local.hour() >= 22 && local.minute() == 0 && local.second() == 0;
        if early { date.checked_add_days(Days::new(1)) } else { Some(date) }
    }

    fn events(&mut self, wanted: &Wanted, records: &mut Vec<Record>) {
        let Some(events) = &self.series.events else { return };
        if wanted.has(DatasetName::Dividends) {
            for (kind, name, map) in [
                ("cash", "dividends", &events.dividends),
                ("capital_gain", "capitalGains", &events.capital_gains),
            ] {
                for (key, raw) in map {
                    self.reader.at(format!("events.{name}.{key}"));
                    records.push(self.dividend(kind, raw));
                }
            }
        }
        if wanted.has(DatasetName::Splits) {
            for (key, raw) in &events.splits {
                self.reader.at(format!("events.splits.{key}"));
                records.push(self.split(raw));
            }
        }
    }

    fn dividend(&mut self, kind: &'static str, raw: &RawValue) -> Record {
        let wire: wire::Dividend<'_> = self.reader.row(raw);
        let money = match &wire.currency {
            Some(unit) => Money::of_unit(Some(unit)),
            None => self.money.clone(),
        };
        let ex_date = self.date(wire.date);
        let mut dividend = self.origin.dividend(self.named);
        dividend.dividend_type = Some(Cell::Value(kind));
        dividend.ex_date = ex_date;
        dividend.amount = self.reader.required(wire.amount, "amount", money.read());
        dividend.currency = money.currency.map(Cell::Value);
        dividend.quote_unit = money.quote_unit.map(Cell::Value);
        dividend.split_adjusted = Some(true);
        Record::Dividends(dividend)
    }

    fn split(&mut self, raw: &RawValue) -> Record {
        let wire: wire::Split<'_> = self.reader.row(raw);
        let mut split = self.origin.split(self.named);
        split.execution_date = self.date(wire.date);
        // Numbers now and then come as strings.
        let number = |literal: &str| literal.trim_matches('"').parse().ok();
        split.split_from = self.reader.required(wire.denominator, "denominator", number);
        split.split_to = self.reader.required(wire.numerator, "numerator", number);
        let ratio = split.split_from.as_ref().and_then(Cell::value);
        let ratio = ratio.zip(split.split_to.as_ref().and_then(Cell::value));
        split.split_type = ratio.and_then(|(from, to)| split_type(from, to));
        Record::Splits(split)
    }

    /// The day of an event, whose stamp is the open of its session.
    fn date(&mut self, raw: Raw<'_>) -> Option<Cell<NaiveDate>> {
        let origin = self.origin;
        self.reader.required(raw, "date", |literal| origin.date_of(integer(literal)?.checked_mul(1000)?))
    }
}

/// One value of a column.
fn cell<'a>(column: &Option<Vec<Option<&'a RawValue>>>, index: usize) -> Raw<'a> {
    column.as_ref().and_then(|values| values.get(index).copied().flatten())
}

/// The regular sessions that intraday bars may lie in, in either of the shapes that they come in; `None` when the answer says nothing.
fn regular_sessions(meta: &Meta<'_>) -> Option<Vec<Period>> {
    let raw = meta.trading_periods?;
    let periods: Vec<Vec<Period>> = match raw.get().as_bytes().first() {
        Some(b'{') => serde_json::from_str::<PeriodsByKind>(raw.get()).ok()?.regular,
        _ => serde_json::from_str(raw.get()).ok()?,
    };
    Some(periods.into_iter().flatten().collect())
}

/// Yahoo now and then sends bars outside the session unasked: they are kept, under another session.
fn session_of(bar: &Bar, regular: &Option<Vec<Period>>) -> &'static str {
    let (Some(periods), Some(start)) = (regular, bar.bar_start) else { return "regular" };
    let seconds = start.0.timestamp();
    let inside = periods.iter().any(|period| (period.start..period.end).contains(&seconds));
    if inside { "regular" } else { "extended" }
}
