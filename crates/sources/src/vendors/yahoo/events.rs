//! The events of a chart: distributions and splits.

use chrono::NaiveDate;
use quotelake_core::{Decimal, parse_scaled};
use serde_json::value::RawValue;

use super::classify::is_empty_list;
use super::map::Chart;
use super::wire::{self, EventList, Events};
use crate::money::Money;
use crate::read::{Lenient, Raw, float32_decimal, integer, split_type, text};
use crate::record::{Cell, Dividend};
use crate::units::Wanted;
use crate::{DatasetName, Record};

/// Decimal places that amounts are compared in.
const PLACES: u8 = 18;

impl Chart<'_> {
    pub(super) fn events(&mut self, wanted: &Wanted, records: &mut Vec<Record>) {
        let events = match &self.series.events {
            Lenient::Absent => return,
            Lenient::Unreadable(raw) if is_empty_list(raw) => return,
            // Of which kind they are cannot be told: each kind that is wanted has one row, for `check` to set aside.
            Lenient::Unreadable(raw) => &Events {
                dividends: Lenient::Unreadable(raw),
                splits: Lenient::Unreadable(raw),
                ..Events::default()
            },
            Lenient::Read(events) => events,
        };
        if wanted.has(DatasetName::Dividends) {
            let cash = self.dividends("cash", "dividends", &events.dividends);
            let gains = self.dividends("capital_gain", "capitalGains", &events.capital_gains);
            records.extend(told_apart(cash, gains).into_iter().map(Record::Dividends));
        }
        if wanted.has(DatasetName::Splits) {
            for (place, raw) in places("splits", &events.splits) {
                self.reader.at(place);
                records.push(self.split(raw));
            }
        }
    }

    fn dividends(
        &mut self,
        kind: &'static str,
        name: &str,
        events: &Lenient<'_, EventList<'_>>,
    ) -> Vec<Dividend> {
        let mut read = Vec::new();
        for (place, raw) in places(name, events) {
            self.reader.at(place);
            read.push(self.dividend(kind, raw));
        }
        read
    }

    fn dividend(&mut self, kind: &'static str, raw: &RawValue) -> Dividend {
        let wire: wire::Dividend<'_> = self.reader.row(raw);
        let money = match wire.currency.as_deref().filter(|unit| !unit.trim().is_empty()) {
            Some(unit) => Money::of(Some(unit), &self.named.asset_class),
            None => self.named.money.clone(),
        };
        let ex_date = self.date(wire.date);
        let mut dividend = self.origin.dividend(self.named);
        dividend.dividend_type = Some(Cell::Value(kind));
        dividend.ex_date = ex_date;
        dividend.amount = self.reader.required(wire.amount, "amount", money.price(float32_decimal));
        dividend.set_money(&money);
        dividend.split_adjusted = Some(true);
        dividend
    }

    fn split(&mut self, raw: &RawValue) -> Record {
        let wire: wire::Split<'_> = self.reader.row(raw);
        let mut split = self.origin.split(self.named);
        split.execution_date = self.date(wire.date);
        // Numbers now and then come as strings.
        let number = |raw: Raw<'_>| raw?.get().trim_matches('"').parse::<Decimal>().ok();
        let in_words = || wire.ratio.and_then(|raw| ratio(&text(raw.get())?));
        let numbers = number(wire.denominator).zip(number(wire.numerator));
        if let (Some(numbers), Some(words)) = (&numbers, in_words())
            && !same_ratio(numbers, &words)
        {
            self.reader.warn("splitRatio", "is another ratio than that of numerator and denominator");
            let refused =
                |raw: Raw<'_>| raw.map(|raw| Cell::refused(raw, "is another ratio than splitRatio"));
            split.split_from = refused(wire.denominator);
            split.split_to = refused(wire.numerator);
        } else if let Some((from, to)) = numbers.or_else(in_words) {
            split.split_type = split_type(&from, &to);
            split.split_from = Some(Cell::Value(from));
            split.split_to = Some(Cell::Value(to));
        } else {
            let none = |_: &str| None;
            split.split_from = self.reader.required(wire.denominator, "denominator", none);
            split.split_to = self.reader.required(wire.numerator, "numerator", none);
        }
        Record::Splits(split)
    }

    /// The day of an event, whose stamp is the open of its session.
    fn date(&mut self, raw: Raw<'_>) -> Option<Cell<NaiveDate>> {
        let origin = self.origin;
        self.reader.required(raw, "date", |literal| origin.date_of(integer(literal)?.checked_mul(1000)?))
    }
}

/// The events of a kind with their places; what is no list of them counts as one that cannot be read.
fn places<'l>(name: &str, events: &'l Lenient<'_, EventList<'_>>) -> Vec<(String, &'l RawValue)> {
    match events {
        Lenient::Absent => Vec::new(),
        Lenient::Unreadable(raw) => vec![(format!("events.{name}"), raw)],
        Lenient::Read(EventList(all)) => {
            all.iter().map(|(key, raw)| (format!("events.{name}.{key}"), *raw)).collect()
        }
    }
}

/// Whether two pairs of shares before and after are one split.
fn same_ratio(a: &(Decimal, Decimal), b: &(Decimal, Decimal)) -> bool {
    let ratio = |(from, to): &(Decimal, Decimal)| {
        let number = |decimal: &Decimal| decimal.to_string().parse::<f64>().ok();
        Some(number(to)? / number(from)?)
    };
    // Written with a few places at most.
    ratio(a).zip(ratio(b)).is_some_and(|(a, b)| (a / b - 1.0).abs() < 1e-3)
}

/// Shares before and after, of `3:2` or `3/2`: two of the old become three.
fn ratio(text: &str) -> Option<(Decimal, Decimal)> {
    let (to, from) = text.split_once([':', '/'])?;
    Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
}

/// Distributions in which no capital gain is counted twice: Yahoo's dividend of a day already holds the gain of that day, which it
/// also lists apart. What is left of the dividend is the ordinary one. A gain that is in no dividend of its day is beside them.
pub(crate) fn told_apart(mut cash: Vec<Dividend>, gains: Vec<Dividend>) -> Vec<Dividend> {
    for gain in &gains {
        let rest = cash.iter_mut().find_map(|dividend| {
            let same = dividend.ex_date == gain.ex_date && dividend.currency == gain.currency;
            let rest = difference(&dividend.amount, &gain.amount).filter(|_| same)?;
            dividend.amount = Some(Cell::Value(rest));
            Some(rest)
        });
        if rest.is_some_and(Decimal::is_zero) {
            cash.retain(|dividend| {
                let nothing =
                    dividend.amount.as_ref().and_then(Cell::value).is_some_and(|rest| rest.is_zero());
                !(nothing && dividend.ex_date == gain.ex_date)
            });
        }
    }
    cash.extend(gains);
    cash
}

/// The part of an amount that noise of a float of 32 bits changes, one in so many.
const NOISE: i128 = 1_000_000;

/// What is left of an amount above zero, exactly; nothing, where the two are one number but for the noise of a float. `None` where the
/// part is not of it.
fn difference(whole: &Option<Cell<Decimal>>, part: &Option<Cell<Decimal>>) -> Option<Decimal> {
    let scaled = |amount: &Option<Cell<Decimal>>| {
        let text = amount.as_ref()?.value()?.to_string();
        parse_scaled(text.as_bytes(), 38, PLACES.cast_signed()).ok()
    };
    let (whole, part) = (scaled(whole)?, scaled(part)?);
    let rest = if (whole - part).abs() <= whole / NOISE { 0 } else { whole - part };
    (part > 0 && rest >= 0).then(|| Decimal::new(rest, PLACES))
}
