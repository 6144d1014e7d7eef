//! A sealed chart to canonical records. Pure: the same envelope gives the same records.

use chrono::{Days, NaiveDate, Timelike as _};
use quotelake_core::time::{instant_from_ms, parse_zone};
use quotelake_core::{Decimal, Envelope, Error, Result};
use serde_json::value::RawValue;

use super::NAME;
use super::classify::{believable, is_empty_window};
use super::wire::{Body, CurrentPeriod, InfoColumn, Meta, Period, PeriodsByKind, Quote, Series};
use crate::money::Money;
use crate::origin::{Origin, RecordInstrument, calendar_of};
use crate::question::Question;
use crate::read::{Lenient, Raw, Reader, decimal, float32_decimal, integer, seconds};
use crate::record::{Bar, Cell};
use crate::source::quote;
use crate::tolerant::parse;
use crate::units::Wanted;
use crate::{DatasetName, DelayClass, Interval, Mapped, Record};

pub(super) fn transform(envelope: &Envelope) -> Result<Mapped> {
    let unit = &envelope.unit;
    let bad = |what: String| Error::invalid(format!("unit {}: {what}", unit.id));
    let wanted = Wanted::parse(&unit.endpoint)?;
    let body = envelope.body_bytes()?;
    let mut spare = Vec::new();
    let body: Body<'_> =
        parse(&body, &mut spare).map_err(|e| bad("the body is no chart".to_owned()).with_source(e))?;
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
    if let Some(zone) = series.meta.exchange_timezone.text()
        && *zone != *origin.exchange_tz
    {
        reader.note(&format!(
            "meta.exchangeTimezoneName is {zone:?}, the watchlist says {:?}",
            origin.exchange_tz
        ));
        origin.zone = parse_zone(zone)?;
        origin.exchange_tz = zone.into();
    }
    let mut named = origin.instruments().first().ok_or_else(|| bad("symbol is missing".to_owned()))?.clone();
    // The answer's own unit; the watchlist's where it names none.
    let unreadable = series.meta.currency.unreadable().map(RawValue::get);
    if let Some(unit) = series.meta.currency.text().or(unreadable) {
        named.money = Money::of(Some(unit), &named.asset_class);
    }
    for (field, raw) in [
        ("exchangeTimezoneName", series.meta.exchange_timezone.unreadable()),
        ("dataGranularity", series.meta.granularity.unreadable()),
        ("regularMarketTime", series.meta.regular_market_time.filter(|raw| seconds(raw.get()).is_none())),
    ] {
        if let Some(raw) = raw {
            reader.note(&format!("meta.{field} cannot be read: {}", quote(raw.get().as_bytes())));
        }
    }
    let interval = unit.interval.as_deref().map(str::parse).transpose()?;
    let interval = interval.ok_or_else(|| bad("interval is missing".to_owned()))?;
    let question = Question::of(unit)?;
    let mut chart = Chart { origin: &origin, named: &named, series, question: &question, reader };
    let mut records = Vec::new();
    if wanted.has(DatasetName::DailyBars) || wanted.has(DatasetName::IntradayBars) {
        chart.bars(interval, &mut records);
    }
    chart.events(&wanted, &mut records);
    Ok(question.answer(chart.reader, records))
}

/// A symbol without Yahoo's suffix for the exchange: `BARC.L` is `BARC`. New York's symbols have none.
fn ticker(symbol: &str) -> &str {
    symbol.rsplit_once('.').map_or(symbol, |(ticker, _)| ticker)
}

/// One chart on its way.
pub(super) struct Chart<'a> {
    pub(super) origin: &'a Origin,
    pub(super) named: &'a RecordInstrument,
    pub(super) series: &'a Series<'a>,
    question: &'a Question,
    pub(super) reader: Reader,
}

/// Seconds.
const WEEK: i64 = 7 * 86_400;

impl Chart<'_> {
    fn bars(&mut self, interval: Interval, records: &mut Vec<Record>) {
        let series = self.series;
        let stamps = series.timestamp.as_deref().unwrap_or_default();
        let regular = regular_sessions(&series.meta);
        if regular.is_none() && series.meta.trading_periods.is_some() {
            self.reader
                .note("meta.tradingPeriods cannot be read: bars outside the session are not told apart");
        }
        if self.named.money.currency.is_none() && !stamps.is_empty() {
            self.reader.note(match &self.named.money.quote_unit {
                None => "meta.currency is missing: the unit of the prices is unknown",
                Some(_) => "meta.currency is no currency, and no minor unit of one",
            });
        }
        self.listing(stamps);
        let first = records.len();
        for (index, raw) in stamps.iter().enumerate() {
            self.reader.at(format!("[{index}]"));
            let before = records.last().filter(|_| records.len() > first).and_then(bar_of);
            let last = index + 1 == stamps.len();
            let Some((mut bar, live)) = self.bar(index, raw, interval, last, before) else { continue };
            // The newest bar comes along whatever is asked for. One that cannot have begun is refused by name, as any other.
            let has_begun = bar.trading_date.is_none_or(|date| self.origin.has_begun(self.named, date));
            if live && has_begun && !self.question.holds(bar.trading_date, None) {
                self.reader.skip(1);
                continue;
            }
            // The last trade, stamped at or behind the close, is no bar of its own: nothing would ever replace it.
            if live && has_begun && interval != Interval::Day1 && self.is_outside_session(&bar, &regular) {
                self.reader.skip(1);
                continue;
            }
            if interval != Interval::Day1 {
                bar.session = session_of(&bar, &regular);
                bar.delay_class = match self.series.meta.delayed_by.and_then(|raw| seconds(raw.get())) {
                    Some(0) => DelayClass::Realtime,
                    _ => DelayClass::Delayed15m,
                };
            }
            // A day, or a minute, that is there twice: the later stamp tells more of it. Of two with one stamp that differ neither does:
            // both go on, and are set aside.
            if before.is_some_and(|before| is_of_same(before, &bar) && (live || !contradicts(before, &bar))) {
                self.reader.skip(1);
                if !live {
                    self.reader.note("is of the same bar as the row before: the later stamp wins");
                }
                if bar.close.as_ref().and_then(Cell::value).is_none() {
                    continue;
                }
                records.pop();
            }
            records.push(match interval {
                Interval::Day1 => Record::DailyBars(bar),
                _ => Record::IntradayBars(bar),
            });
        }
    }

    /// Whether a live stamp lies outside its day's regular session: by the answer's sessions, by its current one, else by the
    /// venue's calendar. Where none of them knows the day, it does not.
    fn is_outside_session(&self, bar: &Bar, regular: &Option<Vec<Period>>) -> bool {
        let stamp = bar.provider_ts.as_ref().and_then(Cell::value).and_then(|ms| instant_from_ms(*ms).ok());
        let (Some(stamp), Some(date)) = (stamp, bar.trading_date) else { return false };
        let of_day = |period: &Period| {
            period.start.checked_mul(1000).and_then(|ms| self.origin.date_of(ms)) == Some(date)
        };
        let current = self.series.meta.current_period.and_then(|raw| {
            let periods: Option<CurrentPeriod> = serde_json::from_str(raw.get()).ok();
            periods.map(|periods| periods.regular)
        });
        let mut known = regular.iter().flatten().chain(&current).filter(|period| of_day(period)).peekable();
        if known.peek().is_some() {
            return known.all(|period| !(period.start..period.end).contains(&stamp.timestamp()));
        }
        calendar_of(self.named.mic.as_deref(), &self.named.asset_class)
            .and_then(|calendar| calendar.session_close(date))
            .is_some_and(|close| stamp >= close)
    }

    /// Says when a chart begins before its instrument was first traded.
    fn listing(&mut self, stamps: &[&RawValue]) {
        let first = stamps.first().and_then(|raw| integer(raw.get()));
        let listed = self.series.meta.first_trade_date.and_then(|raw| integer(raw.get()));
        let older = |(first, listed): &(i64, i64)| first.saturating_add(WEEK) < *listed;
        if let Some((first, listed)) = first.zip(listed).filter(older) {
            let date = |seconds: i64| self.origin.date_of(seconds.saturating_mul(1000)).unwrap_or_default();
            self.reader.note(&format!(
                "bars from {} are older than the instrument, which is traded since {}: another company may have had the ticker before",
                date(first),
                date(listed)
            ));
        }
    }

    /// A bar, and whether it is the newest, that may still change; `None` for a gap, which is a stamp with no price and no trade.
    fn bar(
        &mut self,
        index: usize,
        stamp: &RawValue,
        interval: Interval,
        last: bool,
        before: Option<&Bar>,
    ) -> Option<(Bar, bool)> {
        let quoted = self.series.indicators.quote.first().map(|quote| Quoted::at(quote, index));
        let quoted = quoted.unwrap_or_default();
        if quoted.is_gap() {
            self.reader.note("has no price and no volume: a gap, left out");
            return None;
        }
        let stamped = self.reader.required(Some(stamp), "timestamp", integer);
        let stamp = stamped.as_ref().and_then(Cell::value).copied();
        // Every bar begins with a minute; the newest carries the time of the last trade.
        let off_grid = interval != Interval::Day1 && stamp.is_some_and(|seconds| seconds % 60 != 0);
        let last_trade = self.series.meta.regular_market_time.and_then(|raw| seconds(raw.get()));
        let live = last && stamp.is_some() && (off_grid || stamp == last_trade);
        let stamp_ms = stamp.and_then(|seconds| seconds.checked_mul(1000));
        let date = stamp_ms.and_then(|ms| self.trading_date(ms, interval, live));
        let start_ms = match interval.length() {
            Some(length) if live && stamp_ms.is_some() => stamp.map(|seconds| {
                let anchor = self.anchor(seconds, date, before);
                1000 * (anchor + (seconds - anchor).div_euclid(length.num_seconds()) * length.num_seconds())
            }),
            _ => stamp_ms,
        };
        let mut bar = self.origin.bar_on(self.named, interval, start_ms, date);
        bar.provider_ts = match stamped {
            Some(Cell::Refused(refusal)) => Some(Cell::Refused(refusal)),
            _ => stamp_ms.map(Cell::Value),
        };
        self.prices(&mut bar, index, &quoted);
        bar.adjustment = "split";
        bar.session = "regular";
        // Of a day long past no later answer would make it final.
        if live && date.is_none_or(|date| self.origin.may_change(date)) {
            bar.is_final = Some(false);
        }
        Some((bar, live))
    }

    /// A bar's prices and volume.
    fn prices(&mut self, bar: &mut Bar, index: usize, quoted: &Quoted<'_>) {
        let quote = self.series.indicators.quote.first();
        let stamps = self.series.timestamp.as_ref().map_or(0, Vec::len);
        let price = self.named.money.price(float32_decimal);
        bar.open = self.reader.optional(quoted.open, "open", &price);
        bar.high = self.reader.optional(quoted.high, "high", &price);
        bar.low = self.reader.optional(quoted.low, "low", &price);
        bar.close = self.reader.required(quoted.close, "close", &price);
        bar.volume = match quote.and_then(|quote| no_column(&quote.volume, stamps)) {
            None => self.reader.optional(quoted.volume, "volume", decimal),
            Some(refused) => Some(refused),
        };
        let columns = &self.series.indicators.adjclose;
        let column = columns.value().and_then(|columns| columns.first());
        let unreadable = columns.unreadable().or_else(|| column?.unreadable());
        let adjusted = column.and_then(Lenient::value).map(|column| &column.adjclose);
        let refused = unreadable.map(no_list).or_else(|| no_column(adjusted?, stamps));
        bar.adj_close = match refused {
            None => {
                let adjusted = adjusted.and_then(|column| info_cell(column, index));
                self.reader.optional(adjusted, "adjclose", &price)
            }
            Some(refused) => Some(refused),
        };
    }

    /// Where the bars of a day start from, Unix seconds: hours begin with the session, not with the clock's.
    fn anchor(&self, seconds: i64, date: Option<NaiveDate>, before: Option<&Bar>) -> i64 {
        let same_day = before.filter(|before| before.trading_date == date);
        let start = |of: Option<&Bar>| of.and_then(|before| Some(before.bar_start?.0.timestamp()));
        let session = || {
            let periods = regular_sessions(&self.series.meta)?;
            periods.iter().map(|period| period.start).filter(|start| *start <= seconds).max()
        };
        // All lengths divide a day: the bars of another day begin at the same minutes.
        start(same_day).or_else(session).or_else(|| start(before)).unwrap_or(0)
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
}

/// Whether two rows are of one day or one minute: they have one key.
fn is_of_same(before: &Bar, bar: &Bar) -> bool {
    bar.bar_start.is_some() && before.bar_start == bar.bar_start
}

/// Whether two rows of one stamp have other values.
fn contradicts(before: &Bar, bar: &Bar) -> bool {
    let values = |bar: &Bar| [&bar.open, &bar.high, &bar.low, &bar.close, &bar.volume].map(Clone::clone);
    before.provider_ts == bar.provider_ts && values(before) != values(bar)
}

fn bar_of(record: &Record) -> Option<&Bar> {
    match record {
        Record::DailyBars(bar) | Record::IntradayBars(bar) => Some(bar),
        _ => None,
    }
}

/// Why an informational column has no value for any stamp: it is no list, or not as long as the stamps are.
fn no_column(column: &InfoColumn<'_>, stamps: usize) -> Option<Cell<Decimal>> {
    match column {
        InfoColumn::Absent => None,
        InfoColumn::Unreadable(raw) => Some(no_list(raw)),
        InfoColumn::Read(values) => (values.len() != stamps).then(|| of_another_length(values.len(), stamps)),
    }
}

/// What is in place of a column.
fn no_list(raw: &RawValue) -> Cell<Decimal> {
    Cell::refused(quote(raw.get().as_bytes()).as_str(), "is in place of the column")
}

/// A value of an informational column that is not as long as the stamps: which value is whose cannot be told.
fn of_another_length(values: usize, stamps: usize) -> Cell<Decimal> {
    Cell::refused(format!("{values} values").as_str(), format!("for {stamps} stamps"))
}

/// What a bar is quoted at.
#[derive(Debug, Default)]
struct Quoted<'a> {
    open: Raw<'a>,
    high: Raw<'a>,
    low: Raw<'a>,
    close: Raw<'a>,
    volume: Raw<'a>,
}

impl<'a> Quoted<'a> {
    fn at(quote: &Quote<'a>, index: usize) -> Self {
        Self {
            open: cell(&quote.open, index),
            high: cell(&quote.high, index),
            low: cell(&quote.low, index),
            close: cell(&quote.close, index),
            volume: info_cell(&quote.volume, index),
        }
    }

    /// Whether it has no price and no trade.
    fn is_gap(&self) -> bool {
        let no_volume = self.volume.is_none_or(|raw| matches!(raw.get(), "0" | "0.0"));
        [self.open, self.high, self.low, self.close].iter().all(Option::is_none) && no_volume
    }
}

/// One value of a column.
fn cell<'a>(column: &Option<Vec<Option<&'a RawValue>>>, index: usize) -> Raw<'a> {
    column.as_ref().and_then(|values| values.get(index).copied().flatten())
}

/// The same of a column that is for information.
fn info_cell<'a>(column: &InfoColumn<'a>, index: usize) -> Raw<'a> {
    column.value().and_then(|values| values.get(index).copied().flatten())
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
