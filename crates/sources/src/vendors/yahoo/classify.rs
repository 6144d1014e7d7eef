//! What an answer is worth. Yahoo answers much in HTML and plain text: the status and the first byte decide, then the JSON.

use quotelake_core::FetchUnit;
use quotelake_core::time::parse_zone;
use serde_json::value::RawValue;

use super::RATE_WINDOW;
use super::wire::{Body, ChartError, EventList, Series};
use crate::read::Lenient;
use crate::tolerant::parse;
use crate::units::Wanted;
use crate::{DatasetName, Disposition, Failure, FailureKind, RawResponse, Rows};

/// How Yahoo says that a window is empty, with status 400.
const NO_DATA: &str = "Data doesn't exist for startDate";

pub(super) fn classify(response: &RawResponse, unit: &FetchUnit) -> Disposition {
    let status = response.status;
    let failure = |kind, what: String| Failure::of_status(kind, status, what);
    let fails = |kind, what: String| Disposition::Permanent(failure(kind, what));
    match status {
        429 => {
            let after = response.retry_after().map_or(RATE_WINDOW, |after| after.max(RATE_WINDOW));
            return Disposition::RateLimited { after, message: response.quote() };
        }
        408 | 500..=599 => return Disposition::Transient(failure(FailureKind::Server, response.quote())),
        // 999 is Yahoo's own status for clients that it does not want.
        999 | 300..=399 => {
            let to = response.header("location").unwrap_or("nowhere");
            return fails(FailureKind::Blocked, format!("sent to {to:?}: {}", response.quote()));
        }
        _ if response.is_html() => {
            return fails(FailureKind::Blocked, format!("a web page instead of data: {}", response.quote()));
        }
        _ => {}
    }
    // A limit is also told in plain words with another status.
    if response.body.trim_ascii().eq_ignore_ascii_case(b"too many requests") {
        return Disposition::RateLimited { after: RATE_WINDOW, message: response.quote() };
    }
    let mut spare = Vec::new();
    let body: Body<'_> = match parse(&response.body, &mut spare) {
        Ok(body) => body,
        Err(error) => {
            let kind = kind_of(status).unwrap_or(FailureKind::Malformed);
            return fails(kind, format!("the body is no chart: {error}: {}", response.quote()));
        }
    };
    if let Some(error) = &body.chart.error {
        return match is_empty_window(status, error) {
            true => Disposition::Empty,
            false => fails(kind_of_error(status, error), error.text()),
        };
    }
    if let Some(kind) = kind_of(status) {
        return fails(kind, response.quote());
    }
    match believable(&body, unit).map(|series| rows(series, unit)) {
        Ok(0) => Disposition::Empty,
        Ok(rows) => Disposition::Ok(Rows(rows)),
        Err(what) => fails(FailureKind::Malformed, what),
    }
}

/// Whether an error says no more than that there is nothing in the window.
pub(super) fn is_empty_window(status: u16, error: &ChartError) -> bool {
    status == 400 && error.description.as_deref().is_some_and(|text| text.starts_with(NO_DATA))
}

/// What a status that is no success means; `None` for 200.
fn kind_of(status: u16) -> Option<FailureKind> {
    match status {
        200 => None,
        401 => Some(FailureKind::Auth),
        403 => Some(FailureKind::Blocked),
        404 => Some(FailureKind::NotFound),
        400 | 422 => Some(FailureKind::BadRequest),
        _ => Some(FailureKind::Malformed),
    }
}

/// An error in the body, which may come with status 200.
fn kind_of_error(status: u16, error: &ChartError) -> FailureKind {
    let too_old = error.description.as_deref().is_some_and(|text| text.contains("must be within the last"));
    match (kind_of(status), error.code.as_deref()) {
        // Yahoo keeps intraday bars for a while only; asking again gives the same.
        (Some(FailureKind::BadRequest), _) if too_old => FailureKind::Entitlement,
        (Some(kind), _) => kind,
        (None, Some("Not Found")) => FailureKind::NotFound,
        (None, Some("Unauthorized")) => FailureKind::Auth,
        (None, _) => FailureKind::Malformed,
    }
}

/// The chart of the unit's symbol. The error is why it must not be believed.
pub(super) fn believable<'p, 'a>(body: &'p Body<'a>, unit: &FetchUnit) -> Result<&'p Series<'a>, String> {
    let Some([series]) = body.chart.result.as_deref() else {
        return Err("result holds another number of charts than one".to_owned());
    };
    if let Some(wanted) = &unit.symbol
        && *wanted != series.meta.symbol
    {
        return Err(format!("meta.symbol is {:?}, {wanted:?} was asked for", series.meta.symbol));
    }
    let bars = series.timestamp.as_ref().map_or(0, Vec::len);
    // Of instruments that are seldom traded Yahoo sends days where minutes were asked for.
    if let (Some(is), Some(asked)) = (series.meta.granularity.text(), unit.interval.as_deref())
        && bars > 0
        && is != asked
        && (is, asked) != ("60m", "1h")
    {
        return Err(format!("meta.dataGranularity is {is:?}, {asked:?} was asked for"));
    }
    // Days would be dated in the wrong zone.
    if let Some(zone) = series.meta.exchange_timezone.text()
        && parse_zone(zone).is_err()
    {
        return Err(format!("meta.exchangeTimezoneName is {zone:?}, which is no IANA time zone"));
    }
    // Volumes and adjusted closes are for information: of another length they are left out, and cost no price.
    let columns = series
        .indicators
        .quote
        .iter()
        .flat_map(|quote| [&quote.open, &quote.high, &quote.low, &quote.close].into_iter().flatten());
    for column in columns {
        if column.len() != bars {
            return Err(format!("a column has {} values for {bars} stamps", column.len()));
        }
    }
    Ok(series)
}

/// Bars and events of a chart.
fn rows(series: &Series<'_>, unit: &FetchUnit) -> u64 {
    let bars = series.timestamp.as_ref().map_or(0, Vec::len);
    // What is no list of events becomes one row, for `check` to set aside.
    let of_kind = |list: &Lenient<'_, EventList<'_>>| match list {
        Lenient::Absent => 0,
        Lenient::Read(EventList(all)) => all.len(),
        Lenient::Unreadable(_) => 1,
    };
    let events = match &series.events {
        Lenient::Absent => 0,
        Lenient::Read(events) => {
            of_kind(&events.dividends) + of_kind(&events.splits) + of_kind(&events.capital_gains)
        }
        Lenient::Unreadable(raw) if is_empty_list(raw) => 0,
        Lenient::Unreadable(_) => Wanted::parse(&unit.endpoint).map_or(0, |wanted| {
            let kinds = [DatasetName::Dividends, DatasetName::Splits];
            kinds.into_iter().filter(|kind| wanted.has(*kind)).count()
        }),
    };
    (bars + events) as u64
}

/// Whether something is `[]`, which some languages make of an empty object.
pub(super) fn is_empty_list(raw: &RawValue) -> bool {
    raw.get().trim_start_matches('[').trim_end_matches(']').trim().is_empty()
}
