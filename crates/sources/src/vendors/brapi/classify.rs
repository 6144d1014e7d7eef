//! What an answer is worth: as a whole by its status, then symbol by symbol.

use chrono::{Datelike as _, NaiveDate};
use quotelake_core::time::instant_from_ms;
use quotelake_core::{FetchUnit, UnitInstrument};
use serde_json::value::RawValue;

use super::plan::{Kind, coin, next_page};
use super::wire::{Bar, Entry, Page};
use super::{BrapiConfig, RATE_WINDOW};
use crate::origin::instruments;
use crate::question::Question;
use crate::read::integer;
use crate::source::quote;
use crate::tolerant::parse;
use crate::units::narrowed;
use crate::{Disposition, FailedPart, Failure, FailureKind, RawResponse, Rows};

pub(super) fn classify(config: &BrapiConfig, response: &RawResponse, unit: &FetchUnit) -> Disposition {
    let status = response.status;
    let failure = |kind| Failure::of_status(kind, status, vendor_text(response));
    match status {
        200 => judge_page(config, response, unit),
        429 => Disposition::RateLimited {
            after: response.wait_after_429(RATE_WINDOW),
            message: vendor_text(response),
        },
        408 | 500..=599 => Disposition::Transient(failure(FailureKind::Server)),
        _ if response.is_html() => Disposition::Permanent(failure(FailureKind::Blocked)),
        401 => Disposition::Permanent(failure(FailureKind::Auth)),
        // The requests of the plan are used up.
        402 => Disposition::Permanent(failure(FailureKind::Quota)),
        403 => Disposition::Permanent(failure(FailureKind::Entitlement)),
        404 if is_passing(&vendor_text(response)) => Disposition::Transient(failure(FailureKind::Server)),
        // One symbol that is unknown fails the request: the others are good.
        404 if names_several(unit) => Disposition::Split {
            units: instruments(unit).iter().map(|instrument| narrowed(unit, instrument)).collect(),
            failure: failure(FailureKind::NotFound),
        },
        404 => Disposition::Permanent(failure(FailureKind::NotFound)),
        _ if status < 500 && is_passing(&vendor_text(response)) => {
            Disposition::Transient(failure(FailureKind::Server))
        }
        300..=399 => Disposition::Permanent(failure(FailureKind::Blocked)),
        400..=499 => Disposition::Permanent(failure(FailureKind::BadRequest)),
        _ => Disposition::Permanent(failure(FailureKind::Malformed)),
    }
}

/// Whether the request names several symbols; that of the list of all funds names none.
fn names_several(unit: &FetchUnit) -> bool {
    unit.symbol.is_none() && !matches!(Kind::of(unit), Ok((Kind::FundList, _)))
}

/// Whether the vendor says no more than that it failed, under whatever status: asking again may help.
fn is_passing(text: &str) -> bool {
    let text = text.to_lowercase();
    ["something went wrong", "algo deu errado", "internal server error", "erro interno"]
        .iter()
        .any(|words| text.contains(words))
}

/// What a text in place of data means, of a page or of one symbol.
fn kind_of(text: &str) -> FailureKind {
    if is_passing(text) { FailureKind::Server } else { FailureKind::NotFound }
}

/// The vendor's words: its JSON text where there is one, else the body's beginning.
fn vendor_text(response: &RawResponse) -> String {
    let page = serde_json::from_slice::<Page<'_>>(&response.body).ok();
    page.and_then(|page| page.error_text().or_else(|| page.message.text().map(str::to_owned)))
        .unwrap_or_else(|| response.quote())
}

fn judge_page(config: &BrapiConfig, response: &RawResponse, unit: &FetchUnit) -> Disposition {
    let fails = |kind, what: String| Disposition::Permanent(Failure::of_status(kind, 200, what));
    if response.is_html() {
        return fails(FailureKind::Blocked, format!("a web page instead of data: {}", response.quote()));
    }
    let mut spare = Vec::new();
    let page: Page<'_> = match parse(&response.body, &mut spare) {
        Ok(page) => page,
        Err(error) => {
            let what = format!("the body is not the documented JSON: {error}: {}", response.quote());
            return fails(FailureKind::Malformed, what);
        }
    };
    if let Some(text) = page.error_text() {
        return match kind_of(&text) {
            FailureKind::NotFound => fails(FailureKind::NotFound, text),
            kind => Disposition::Transient(Failure::of_status(kind, 200, text)),
        };
    }
    let answer = match by_symbol(&page, unit) {
        Ok(answer) => answer,
        Err(what) => return fails(FailureKind::Malformed, what),
    };
    let whole = match &page.pagination {
        Some(pagination) if pagination.has_next_page => match next_page(config, unit, pagination.page + 1) {
            Ok(next) => Disposition::NextPage(Rows(answer.rows), next),
            Err(error) => return fails(FailureKind::Malformed, error.to_string()),
        },
        _ if answer.rows == 0 => Disposition::Empty,
        _ => Disposition::Ok(Rows(answer.rows)),
    };
    match (answer.failed.is_empty(), unit.symbol.is_some()) {
        (true, _) => whole,
        (false, true) => {
            let (_, text) = answer.failed.into_iter().next().unwrap_or_default();
            match kind_of(&text) {
                FailureKind::NotFound => fails(FailureKind::NotFound, text),
                kind => Disposition::Transient(Failure::of_status(kind, 200, text)),
            }
        }
        (false, false) => {
            let part = |(instrument, text): (Option<UnitInstrument>, String)| {
                let unit = narrowed(unit, &instrument?);
                Some(FailedPart { unit, failure: Failure::of_status(kind_of(&text), 200, text) })
            };
            Disposition::Partial {
                page: Box::new(whole),
                failed: answer.failed.into_iter().filter_map(part).collect(),
            }
        }
    }
}

/// What a page holds for the symbols that were asked for.
struct Answer {
    rows: u64,
    failed: Vec<(Option<UnitInstrument>, String)>,
}

/// Goes through a page by its symbols. The error is why it must not be believed.
fn by_symbol(page: &Page<'_>, unit: &FetchUnit) -> Result<Answer, String> {
    let (kind, _) = Kind::of(unit).map_err(|error| error.to_string())?;
    let (name, entries) = entries(page, kind)?;
    let wanted = instruments(unit);
    let question = Question::of(unit).map_err(|error| error.to_string())?;
    let mut answer = Answer { rows: 0, failed: Vec::new() };
    let (mut found, mut unreadable) = (Vec::new(), None);
    for (index, raw) in entries.iter().enumerate() {
        // Of which symbol it is cannot be told: one that is not in the answer then fails, with this as its reason.
        let entry: Entry<'_> = match serde_json::from_str(raw.get()) {
            Ok(entry) => entry,
            Err(error) => {
                let quoted = quote(raw.get().as_bytes());
                unreadable
                    .get_or_insert(format!(", whose {name}[{index}] cannot be read: {error}: {quoted}"));
                continue;
            }
        };
        let symbol = symbol_of(&entry, &wanted);
        let instrument = wanted.iter().find(|instrument| Some(&instrument.symbol) == symbol.as_ref());
        match (instrument, entry.error_text()) {
            (None, _) if kind == Kind::FundList => continue,
            (Some(instrument), Some(text)) => answer.failed.push((Some(instrument.clone()), text)),
            (None, Some(_)) => {}
            // Of what nobody asked for, the rows are refused one by one.
            (_, None) => answer.rows += rows(&entry, kind, &question),
        }
        found.extend(symbol);
    }
    // A list of all funds goes on over pages, and a fund may have paid nothing.
    if !matches!(kind, Kind::FundList | Kind::FundDividends) {
        for instrument in wanted.iter().filter(|instrument| !found.contains(&instrument.symbol)) {
            let why = unreadable.as_deref().unwrap_or_default();
            let what = format!("{} is not in the answer{why}", instrument.symbol);
            answer.failed.push((Some(instrument.clone()), what));
        }
    }
    Ok(answer)
}

/// The symbols of a page, and the field that they are in.
pub(super) fn entries<'p, 'a>(
    page: &'p Page<'a>,
    kind: Kind,
) -> Result<(&'static str, &'p [&'a RawValue]), String> {
    let (name, list) = match kind {
        Kind::Quote => ("results", &page.results),
        Kind::Crypto => ("coins", &page.coins),
        Kind::FundDividends => ("dividends", &page.dividends),
        Kind::FundHistory | Kind::FundIndicators | Kind::FundList => ("fiis", &page.fiis),
    };
    list.as_deref().map(|list| (name, list)).ok_or_else(|| format!("{name} is missing"))
}

/// The symbol as the watchlist writes it.
pub(super) fn symbol_of(entry: &Entry<'_>, wanted: &[UnitInstrument]) -> Option<String> {
    let Some(name) = &entry.coin else { return entry.symbol.clone() };
    let is_named = |instrument: &&UnitInstrument| {
        coin(&instrument.symbol).is_ok_and(|(coin, currency)| {
            coin == name && entry.currency.text().is_none_or(|given| given == currency)
        })
    };
    wanted.iter().find(is_named).map(|instrument| instrument.symbol.clone()).or_else(|| Some(name.clone()))
}

/// Whether a day can be of a range of coins: from the first bitcoin on. When the answer arrived is not known here.
pub(super) fn is_of_a_range(date: NaiveDate) -> bool {
    (2009..2100).contains(&date.year())
}

fn rows(entry: &Entry<'_>, kind: Kind, question: &Question) -> u64 {
    match kind {
        Kind::FundDividends | Kind::FundIndicators | Kind::FundList => 1,
        // A range of coins reaches further than the window. What no range has is a row like any other, to be refused by name.
        Kind::Crypto => {
            let counts = |raw: &&&RawValue| {
                let bar = serde_json::from_str::<Bar<'_>>(raw.get()).unwrap_or_default();
                let stamp = bar.date.and_then(|raw| integer(raw.get())?.checked_mul(1000));
                let date = stamp.and_then(|ms| Some(instant_from_ms(ms).ok()?.date_naive()));
                question.holds(date, stamp) || !date.is_some_and(is_of_a_range)
            };
            entry.history.iter().flatten().filter(counts).count() as u64
        }
        Kind::Quote | Kind::FundHistory => {
            let [cash, stock] = entry.actions();
            (entry.history.as_ref().map_or(0, Vec::len) + cash.len() + stock.len()) as u64
        }
    }
}
