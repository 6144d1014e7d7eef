//! What an answer is worth: a page whose table is as the profile says, or nothing.

use quotelake_core::FetchUnit;

use super::table::{Table, decode};
use super::{Profile, RATE_WINDOW, TableProfile};
use crate::origin::instruments;
use crate::units::narrowed;
use crate::{DatasetName, Disposition, FailedPart, Failure, FailureKind, RawResponse, Rows};

pub(super) fn classify(
    profile: &Profile,
    table: &TableProfile,
    response: &RawResponse,
    unit: &FetchUnit,
) -> Disposition {
    let status = response.status;
    let fails = |kind, what: String| Disposition::Permanent(Failure::of_status(kind, status, what));
    match status {
        200 => {}
        429 => {
            let after = response.wait_after_429(RATE_WINDOW);
            return Disposition::RateLimited { after, message: response.quote() };
        }
        // A gateway's challenge comes with 403 or 503 and names itself.
        503 if response.header("server").is_some_and(|server| server.eq_ignore_ascii_case("cloudflare")) => {
            return fails(FailureKind::Blocked, response.quote());
        }
        408 | 500..=599 => {
            return Disposition::Transient(Failure::of_status(FailureKind::Server, status, response.quote()));
        }
        404 => return fails(FailureKind::NotFound, response.quote()),
        300..=399 | 401..=403 => return fails(FailureKind::Blocked, response.quote()),
        _ => return fails(FailureKind::BadRequest, response.quote()),
    }
    let page = decode(profile, response.header("content-type"), &response.body);
    let read = match page.and_then(|page| Table::read(table, unit, &page)) {
        Ok(read) => read,
        Err(what) => return fails(FailureKind::Malformed, what),
    };
    if table.dataset != DatasetName::FundSnapshots {
        return whole(read.rows.len());
    }
    let place = table.columns.iter().position(|column| column.to == "symbol").unwrap_or_default();
    let listed = |symbol: &str| read.rows.iter().filter(|row| row[place].text == symbol).count();
    let wanted = instruments(unit);
    let rows: usize = wanted.iter().map(|instrument| listed(&instrument.symbol)).sum();
    let failure = |symbol: &str| {
        Failure::of_status(
            FailureKind::NotFound,
            200,
            format!("{symbol} is not in the table of {}", profile.name),
        )
    };
    let failed: Vec<FailedPart> = wanted
        .iter()
        .filter(|instrument| listed(&instrument.symbol) == 0)
        .map(|instrument| FailedPart {
            unit: narrowed(unit, instrument),
            failure: failure(&instrument.symbol),
        })
        .collect();
    match (failed.is_empty(), &unit.symbol) {
        (true, _) => whole(rows),
        (false, Some(symbol)) => Disposition::Permanent(failure(symbol)),
        (false, None) => Disposition::Partial { page: Box::new(whole(rows)), failed },
    }
}

fn whole(rows: usize) -> Disposition {
    if rows == 0 { Disposition::Empty } else { Disposition::Ok(Rows(rows as u64)) }
}
