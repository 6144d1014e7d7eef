//! What an answer is worth. The actions follow the vendor's errors as documented and as people met them.

use quotelake_core::FetchUnit;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::Page;
use super::{Endpoint, PolygonConfig, RATE_WINDOW, plan};
use crate::origin::instruments;
use crate::source::quote;
use crate::tolerant::parse;
use crate::{Disposition, Failure, FailureKind, RawResponse, Rows};

pub(super) fn classify(config: &PolygonConfig, response: &RawResponse, unit: &FetchUnit) -> Disposition {
    let status = response.status;
    let failure = |kind| Failure::of_status(kind, status, vendor_text(response));
    match status {
        200 => judge_page(config, response, unit),
        400 | 405..=407 | 410..=412 | 414..=428 => Disposition::Permanent(failure(FailureKind::BadRequest)),
        // A web page under these is a gateway's block; JSON is the vendor speaking of the key or the plan.
        401 => Disposition::Permanent(failure(FailureKind::Auth)),
        402 | 403 if response.is_html() => Disposition::Permanent(failure(FailureKind::Blocked)),
        402 | 403 => Disposition::Permanent(failure(FailureKind::Entitlement)),
        404 => Disposition::Permanent(failure(FailureKind::NotFound)),
        // The vendor documents no `Retry-After`; a gateway in front of it may send one.
        429 => Disposition::RateLimited {
            after: response.wait_after_429(RATE_WINDOW),
            message: vendor_text(response),
        },
        // 413 and 499 are in the official clients' list of answers to retry.
        408 | 413 | 499 | 500..=599 => Disposition::Transient(failure(FailureKind::Server)),
        300..=399 => Disposition::Permanent(Failure::of_status(
            FailureKind::Blocked,
            status,
            format!(
                "a redirect to {:?}, which is not followed",
                response.header("location").unwrap_or("nowhere")
            ),
        )),
        _ => Disposition::Permanent(failure(FailureKind::Malformed)),
    }
}

fn judge_page(config: &PolygonConfig, response: &RawResponse, unit: &FetchUnit) -> Disposition {
    let malformed =
        |what: String| Disposition::Permanent(Failure::of_status(FailureKind::Malformed, 200, what));
    if response.is_html() {
        return Disposition::Permanent(Failure::of_status(
            FailureKind::Blocked,
            200,
            format!("a web page instead of data: {}", quote(&response.body)),
        ));
    }
    if matches!(Endpoint::of(unit), Ok(Endpoint::MarketHolidays)) {
        return match parse::<Vec<&RawValue>>(&response.body, &mut Vec::new()) {
            Ok(days) if days.is_empty() => Disposition::Empty,
            Ok(days) => Disposition::Ok(Rows(days.len() as u64)),
            Err(error) => malformed(format!("the body is no array: {error}: {}", quote(&response.body))),
        };
    }
    let mut spare = Vec::new();
    let page: Page<'_> = match parse(&response.body, &mut spare) {
        Ok(page) => page,
        Err(error) => {
            return malformed(format!(
                "the body is not the documented JSON: {error}: {}",
                quote(&response.body)
            ));
        }
    };
    if !page.is_ok() {
        let kind = match page.status.as_deref() {
            Some("NOT_AUTHORIZED") => FailureKind::Entitlement,
            Some("NOT_FOUND") => FailureKind::NotFound,
            _ => FailureKind::Malformed,
        };
        let text = page.error_text().unwrap_or("no text");
        let what = format!("{} in a 200 answer: {text}", page.status_text());
        return Disposition::Permanent(Failure::of_status(kind, 200, what));
    }
    if let Err(what) = believable(&page, unit) {
        return malformed(what);
    }
    // Rows of a page that is not whole would be taken for all there is.
    if let Some(what) = page.miscount() {
        return malformed(what);
    }
    let rows = match Endpoint::of(unit) {
        Ok(Endpoint::Grouped) => wanted_rows(&page, unit) as u64,
        _ => page.rows().len() as u64,
    };
    match page.next_url.as_deref().filter(|link| !link.is_empty()) {
        Some(link) => {
            match plan::request(config, unit).and_then(|first| plan::follow(config, &first, link)) {
                Ok(next) => Disposition::NextPage(Rows(rows), next),
                Err(error) => malformed(error.to_string()),
            }
        }
        None if rows == 0 => Disposition::Empty,
        None => Disposition::Ok(Rows(rows)),
    }
}

/// The rows of a grouped page that the unit asks for.
fn wanted_rows(page: &Page<'_>, unit: &FetchUnit) -> usize {
    let instruments = instruments(unit);
    let tickers =
        page.rows().iter().filter_map(|row| serde_json::from_str::<RowName>(row.get()).ok()?.grouped);
    tickers.filter(|ticker| instruments.iter().any(|wanted| wanted.symbol == *ticker)).count()
}

/// Bars that nobody adjusted for splits, or no bars.
fn unadjusted(page: &Page<'_>) -> Result<(), String> {
    match page.adjusted {
        _ if page.rows().is_empty() => Ok(()),
        Some(false) => Ok(()),
        Some(true) => Err("the page's prices are adjusted, unadjusted ones were asked for".to_owned()),
        None => Err("adjusted is missing: the page does not say whether its prices are adjusted".to_owned()),
    }
}

/// Whether a page may be taken for an answer to the unit: rows of its own ticker, bars unadjusted. The mapper asks again, for a
/// page may have waited in the raw zone.
pub(super) fn believable(page: &Page<'_>, unit: &FetchUnit) -> Result<(), String> {
    let endpoint = Endpoint::of(unit).map_err(|error| error.to_string())?;
    if endpoint == Endpoint::Grouped {
        return unadjusted(page);
    }
    let Some(wanted) = unit.symbol.as_deref() else { return Ok(()) };
    if endpoint != Endpoint::Aggregates {
        // A row of another ticker is refused by itself; a page of nothing else is no answer.
        let others = page.rows().iter().map(|row| {
            let named = serde_json::from_str::<RowName>(row.get()).ok();
            named.and_then(|named| named.ticker).filter(|ticker| ticker != wanted)
        });
        return match others.collect::<Option<Vec<_>>>().as_deref() {
            None | Some([]) => Ok(()),
            Some([first, ..]) => {
                Err(format!("results are of {first:?} and others, {wanted:?} was asked for"))
            }
        };
    }
    unadjusted(page)?;
    match page.ticker.as_deref() {
        Some(ticker) if ticker != wanted && !page.rows().is_empty() => {
            Err(format!("ticker is {ticker:?}, {wanted:?} was asked for"))
        }
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
struct RowName {
    ticker: Option<String>,
    /// The same in a grouped page.
    #[serde(rename = "T")]
    grouped: Option<String>,
}

/// The vendor's words: its JSON text where there is one, else the body's beginning.
fn vendor_text(response: &RawResponse) -> String {
    if response.body.trim_ascii().is_empty() {
        return "no text".to_owned();
    }
    match serde_json::from_slice::<Page<'_>>(&response.body) {
        Ok(page) => quote(page.error_text().unwrap_or("no text").as_bytes()),
        Err(_) => quote(&response.body),
    }
}
