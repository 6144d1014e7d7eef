//! A sealed page to canonical records. Pure: the same envelope gives the same records.

use chrono::NaiveDate;
use quotelake_core::{Decimal, Envelope, Error, Result};
use serde_json::value::RawValue;

use super::NAME;
use super::classify::{entries, is_of_a_range, symbol_of};
use super::plan::{Kind, coin};
use super::wire::{self, Entry, Page};
use crate::money::Money;
use crate::origin::{Origin, RecordInstrument, instruments};
use crate::question::Question;
use crate::read::{
    Raw, Reader, date, decimal, float32_decimal, integer, is_greater, kind_of_distribution, text,
};
use crate::record::{Cell, FundSnapshot};
use crate::tolerant::parse;
use crate::units::Wanted;
use crate::{DatasetName, Interval, Mapped, Record};

/// A bonus of more new shares than old ones has not been seen: the ratio is written the other way round, or means something else.
const LARGEST_BONUS: &str = "2";

pub(super) fn transform(envelope: &Envelope) -> Result<Mapped> {
    let unit = &envelope.unit;
    let bad = |what: String| Error::invalid(format!("unit {}, page {}: {what}", unit.id, unit.page));
    if envelope.status != 200 {
        return Err(bad(format!("the answer's status is {}", envelope.status)));
    }
    let (kind, wanted) = Kind::of(unit)?;
    let body = envelope.body_bytes()?;
    let mut spare = Vec::new();
    let page: Page<'_> = parse(&body, &mut spare)
        .map_err(|e| bad("the body is not the documented JSON".to_owned()).with_source(e))?;
    if let Some(text) = page.error_text() {
        return Err(bad(text));
    }
    let (name, entries) = entries(&page, kind).map_err(bad)?;
    let asked = instruments(unit);
    let origin = Origin::of(NAME, envelope, None)?;
    let question = Question::of(unit)?.of_bars();
    let mut rows =
        Rows { origin: &origin, question: &question, reader: Reader::default(), records: Vec::new() };
    for (index, raw) in entries.iter().enumerate() {
        let place = format!("{name}[{index}]");
        rows.reader.at(place.clone());
        let entry: Entry<'_> = match serde_json::from_str(raw.get()) {
            Ok(entry) => entry,
            // Its symbol failed alone when the page was judged.
            Err(error) => {
                rows.reader.note(&format!("cannot be read: {error}"));
                continue;
            }
        };
        let symbol = symbol_of(&entry, &asked);
        let known = symbol.as_deref().and_then(|symbol| origin.instrument(symbol));
        if known.is_none() && kind == Kind::FundList {
            // The endpoint sends all funds.
            rows.reader.skip(1);
            continue;
        }
        let first = rows.records.len();
        let named = match (known, origin.instruments().first()) {
            (Some(named), _) => named.clone(),
            (None, Some(one)) => one.stray(symbol.as_deref().unwrap_or_default()),
            (None, None) => return Err(bad("symbol is missing".to_owned())),
        };
        let named = &named;
        if let Some(text) = entry.error_text() {
            rows.reader.note(&format!("has no data: {text}"));
            continue;
        }
        match kind {
            Kind::Quote | Kind::Crypto | Kind::FundHistory => rows.entry(&place, named, &entry, &wanted),
            Kind::FundDividends => rows.dividend(named, raw),
            Kind::FundIndicators | Kind::FundList => rows.fund(named, raw, kind),
        }
        if known.is_none() {
            rows.reader.at(place);
            let of = symbol.as_ref().map_or_else(|| "no symbol".to_owned(), |symbol| format!("{symbol:?}"));
            rows.reader.note(&format!("is of {of}, which was not asked for: its rows are refused"));
            for record in &mut rows.records[first..] {
                record.refuse_stray("was not asked for".to_owned());
            }
        }
    }
    Ok(question.answer(rows.reader, rows.records))
}

/// The rows of one page on their way.
struct Rows<'a> {
    origin: &'a Origin,
    question: &'a Question,
    reader: Reader,
    records: Vec<Record>,
}

impl Rows<'_> {
    fn entry(&mut self, place: &str, named: &RecordInstrument, entry: &Entry<'_>, wanted: &Wanted) {
        let unreadable = entry.currency.unreadable().map(RawValue::get);
        let named = &in_money_of(named, entry.currency.text().or(unreadable));
        let first = self.records.len();
        if wanted.has(DatasetName::DailyBars) {
            let history = entry.history.as_deref().unwrap_or_default();
            for (index, raw) in history.iter().enumerate() {
                self.reader.at(format!("{place}.historicalDataPrice[{index}]"));
                self.bar(named, raw, index + 1 == history.len());
            }
            if let Some(used) = entry.used_interval.text().filter(|used| *used != "1d") {
                self.reader.at(place.to_owned());
                self.reader
                    .note(&format!("usedInterval is {used:?}, \"1d\" was asked for: its bars are refused"));
                for record in &mut self.records[first..] {
                    record.refuse_stray(format!("is a bar of {used}, 1d was asked for"));
                }
            }
        }
        let [cash, stock] = entry.actions();
        if wanted.has(DatasetName::Dividends) {
            for (index, raw) in cash.into_iter().enumerate() {
                self.reader.at(format!("{place}.dividendsData.cashDividends[{index}]"));
                self.dividend(named, raw);
            }
        }
        if wanted.has(DatasetName::Splits) {
            for (index, raw) in stock.into_iter().enumerate() {
                self.reader.at(format!("{place}.dividendsData.stockDividends[{index}]"));
                self.stock_action(named, raw);
            }
        }
    }

    /// A bar; one without any price is a gap, and left out with a warning.
    fn bar(&mut self, named: &RecordInstrument, raw: &RawValue, newest: bool) {
        let wire: wire::Bar<'_> = self.reader.row(raw);
        let no_volume = wire.volume.is_none_or(|raw| raw.get() == "0");
        let dated_gap = wire.date.is_some() && no_volume;
        if dated_gap && [wire.open, wire.high, wire.low, wire.close].iter().all(Option::is_none) {
            self.reader.note("has no price and no volume: a gap, left out");
            return;
        }
        let seconds = self.reader.required(wire.date, "date", integer);
        let seconds = seconds.as_ref().and_then(Cell::value).copied();
        let stamp_ms = seconds.and_then(|seconds| seconds.checked_mul(1000));
        let mut bar = self.origin.bar(named, Interval::Day1, stamp_ms);
        if wire.date.is_some() && stamp_ms.is_none() {
            bar.provider_ts = wire.date.map(Cell::unreadable);
        }
        let price = named.money.price(float32_decimal);
        bar.open = self.reader.optional(wire.open, "open", &price);
        bar.high = self.reader.optional(wire.high, "high", &price);
        bar.low = self.reader.optional(wire.low, "low", &price);
        bar.close = self.reader.required(wire.close, "close", &price);
        bar.volume = self.reader.optional(wire.volume, "volume", decimal);
        bar.adj_close = self.reader.optional(wire.adjusted_close, "adjustedClose", &price);
        bar.adjustment = "split";
        // A stamp that is no full hour is the time of the last trade, for some days.
        let off_the_hour = seconds.is_some_and(|seconds| seconds % 3600 != 0);
        if off_the_hour && bar.trading_date.is_some_and(|date| self.origin.may_change(date)) {
            bar.is_final = Some(false);
        }
        let along = bar.trading_date.is_some_and(|date| self.comes_along(named, date, newest));
        if along && !self.question.holds(bar.trading_date, stamp_ms) {
            self.reader.skip(1);
            return;
        }
        self.records.push(Record::DailyBars(bar));
    }

    /// Whether a bar of that day may come along with an answer to any window: of a coin each day of the range, which ends today; of
    /// anything else the running day, or the last one, behind all others. No other row is left out without a word.
    fn comes_along(&self, named: &RecordInstrument, date: NaiveDate, newest: bool) -> bool {
        if *named.asset_class == *"crypto" {
            return is_of_a_range(date) && self.origin.has_begun(named, date);
        }
        let today = self.origin.fetched_at.with_timezone(&self.origin.zone).date_naive();
        let last_session = named.mic.as_deref().and_then(|mic| self.origin.last_opened_session(mic));
        newest && (date == today || Some(date) == last_session)
    }

    fn dividend(&mut self, named: &RecordInstrument, raw: &RawValue) {
        let wire: wire::Action<'_> = self.reader.row(raw);
        let mut dividend = self.origin.dividend(named);
        dividend.dividend_type = self.reader.required(wire.label, "label", dividend_type);
        dividend.last_date_prior = self.reader.required(wire.last_date_prior, "lastDatePrior", day);
        dividend.ex_date =
            self.origin.session_after(named, dividend.last_date_prior.as_ref(), &mut self.reader);
        dividend.ex_date_source = "derived_from_last_date_prior";
        dividend.declaration_date = self.reader.optional(wire.approved_on, "approvedOn", day);
        dividend.pay_date = self.reader.optional(wire.payment_date, "paymentDate", day);
        dividend.amount = self.reader.required(wire.rate, "rate", named.money.price(float32_decimal));
        if dividend.currency.is_none() {
            self.reader.warn("currency", "is missing, and the watchlist gives none");
        }
        dividend.split_adjusted = None;
        self.records.push(Record::Dividends(dividend));
    }

    fn stock_action(&mut self, named: &RecordInstrument, raw: &RawValue) {
        let wire: wire::Action<'_> = self.reader.row(raw);
        let mut split = self.origin.split(named);
        let last = self.reader.required(wire.last_date_prior, "lastDatePrior", day);
        split.execution_date = self.origin.session_after(named, last.as_ref(), &mut self.reader);
        let label = self.reader.required(wire.label, "label", text);
        let label = label.as_ref().and_then(Cell::value).map(String::as_str).unwrap_or_default();
        match ratio(label, wire.complete_factor, wire.factor) {
            Some((kind, from, to)) => {
                split.split_from = Some(Cell::Value(from));
                split.split_to = Some(Cell::Value(to));
                split.split_type = Some(kind);
            }
            None => {
                self.reader.warn("completeFactor", "is no ratio that fits the label");
                let written = wire.complete_factor.or(wire.factor);
                split.split_from = written.map(Cell::unreadable);
                split.split_to = written.map(Cell::unreadable);
            }
        }
        self.records.push(Record::Splits(split));
    }

    fn fund(&mut self, named: &RecordInstrument, raw: &RawValue, kind: Kind) {
        let wire: wire::Fund<'_> = self.reader.row(raw);
        let reader = &mut self.reader;
        let mut fund = FundSnapshot {
            name: reader.optional(wire.name, "name", text),
            cnpj: reader.optional(wire.cnpj, "cnpj", digits),
            segment: reader.optional(wire.segmento_atuacao, "segmentoAtuacao", text),
            segment_type: reader.optional(wire.segment_type, "segmentType", text),
            management: reader.optional(wire.tipo_gestao, "tipoGestao", text),
            price: reader.optional(wire.price, "price", decimal),
            nav_per_share: reader.optional(wire.nav_per_share, "navPerShare", decimal),
            price_to_nav: reader.optional(wire.price_to_nav, "priceToNav", decimal),
            dividend_yield_12m: reader.optional(wire.dividend_yield_12m, "dividendYield12m", decimal),
            dividend_yield_1m: reader.optional(wire.dividend_yield_1m, "dividendYield1m", decimal),
            monthly_return: reader.optional(wire.monthly_return, "monthlyReturn", decimal),
            investors: reader.optional(wire.total_investors, "totalInvestors", integer),
            shares_outstanding: reader.optional(wire.shares_outstanding, "sharesOutstanding", decimal),
            equity: reader.optional(wire.equity, "equity", decimal),
            total_assets: reader.optional(wire.total_assets, "totalAssets", decimal),
            ..self.origin.fund(named)
        };
        if kind == Kind::FundIndicators {
            fund.as_of_date = reader.required(wire.as_of_date, "asOfDate", day);
        } else {
            let mic = named.mic.as_deref().unwrap_or_default();
            fund.as_of_date = self.origin.last_opened_session(mic).map(Cell::Value);
            fund.as_of_date_source = "derived_from_fetched_at";
        }
        self.records.push(Record::FundSnapshots(Box::new(fund)));
    }
}

/// The instrument in the unit that the answer is in: what it says, a coin's own, or the watchlist's.
fn in_money_of(named: &RecordInstrument, currency: Option<&str>) -> RecordInstrument {
    let of_coin = (*named.asset_class == *"crypto").then(|| coin(&named.provider_symbol).ok()).flatten();
    let named_unit = currency.filter(|unit| !unit.trim().is_empty());
    match named_unit.or(of_coin.map(|(_, currency)| currency)) {
        Some(unit) => RecordInstrument { money: Money::of(Some(unit), &named.asset_class), ..named.clone() },
        None => named.clone(),
    }
}

/// The day of `"2026-04-30"`, `"2026-04-30T13:00:00.000Z"` or `"2026-04-30 00:00:00+00"`: days that were given a time on the way.
fn day(literal: &str) -> Option<NaiveDate> {
    let text = text(literal)?;
    let (day, rest) = text.split_at_checked(10)?;
    let fits = rest.is_empty() || rest.starts_with(['T', ' ']);
    if fits { date(&format!("\"{day}\"")) } else { None }
}

fn digits(literal: &str) -> Option<String> {
    let digits: String = text(literal)?.chars().filter(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

fn dividend_type(literal: &str) -> Option<&'static str> {
    kind_of_distribution(&text(literal)?)
}

/// Kind, shares before and after. The vendor writes `1 para 10` or `10 para 1` for the same split: the label says which way it goes.
fn ratio(label: &str, complete: Raw<'_>, factor: Raw<'_>) -> Option<(&'static str, Decimal, Decimal)> {
    let one = Decimal::new(1, 0);
    let written = complete.and_then(|raw| text(raw.get())).and_then(|text| {
        let (a, b) = text.split_once(" para ").or_else(|| text.split_once(" / "))?;
        let number = |text: &str| text.trim().replace(',', ".").parse::<Decimal>().ok();
        Some((number(a)?, number(b)?))
    });
    let factor = factor.and_then(|raw| decimal(raw.get()));
    let (a, b) = match written {
        Some(pair) => pair,
        None => (one, factor?),
    };
    let positive = |number: &Decimal| !number.is_negative() && !number.is_zero();
    if !positive(&a) || !positive(&b) || a == b {
        return None;
    }
    let (small, large) = if is_greater(&a, &b) { (b, a) } else { (a, b) };
    let label = label.trim().to_uppercase();
    // A factor of its own that is another ratio, either way up: which of the two is right cannot be told.
    let number = |decimal: &Decimal| decimal.to_string().parse::<f64>().ok();
    let ratio = number(&large).zip(number(&small)).map(|(large, small)| large / small);
    let another = ratio
        .zip(factor.as_ref().filter(|factor| positive(factor)).and_then(number))
        .is_some_and(|(ratio, factor)| (factor.ln().abs() - ratio.ln()).abs() > 1e-3);
    if another && !label.starts_with("BONIFICA") {
        return None;
    }
    match label.as_str() {
        "DESDOBRAMENTO" => Some(("split", small, large)),
        "GRUPAMENTO" => Some(("reverse", large, small)),
        "BONIFICACAO" | "BONIFICAÇÃO" => {
            let largest: Decimal = LARGEST_BONUS.parse().ok()?;
            (small == one && !is_greater(&large, &largest)).then_some(("bonus", small, large))
        }
        _ => None,
    }
}
