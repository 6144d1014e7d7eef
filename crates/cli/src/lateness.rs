//! How far a series of bars is behind its exchange: the one definition, of `status` and of the report.

use chrono::{DateTime, NaiveDate, Utc};
use quotelake_market::calendar::Calendar;

use crate::gaps::{Series, has_begun};

/// How far behind a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lateness {
    /// The newest session of the exchange that has closed.
    pub expected: NaiveDate,
    /// Sessions after the series' last one, up to `expected`; 0 of a series that is current.
    pub sessions_behind: u64,
}

/// How far a series is behind at `now`. Nothing where that cannot be said: the exchange has no calendar, or none that reaches so far,
/// or the series has only bars of days to come.
pub fn of_series(series: &Series, now: DateTime<Utc>) -> Option<Lateness> {
    if !has_begun(series.last, now) {
        return None;
    }
    let calendar = Calendar::of_instrument(Some(&series.asset_class), series.exchange_mic.as_deref())?;
    let expected = calendar.last_closed_session(now)?;
    let sessions_behind = match series.last >= expected {
        true => 0,
        false => calendar.sessions_between(series.last, expected)? as u64,
    };
    Some(Lateness { expected, sessions_behind })
}

/// Whether a series goes on as another one: what a provider's newer answers say of the adjustment is `unknown` in older rows.
pub fn goes_on(series: &Series, all: &[Series]) -> bool {
    series.adjustment == UNKNOWN
        && all.iter().any(|other| {
            other.adjustment != UNKNOWN && other.last >= series.last && identity(other) == identity(series)
        })
}

/// What a series has besides its adjustment.
fn identity(series: &Series) -> [&str; 4] {
    [&series.provider, &series.provider_symbol, &series.interval, &series.session].map(String::as_str)
}

const UNKNOWN: &str = "unknown";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaps::made_up::series;

    #[test]
    fn after_the_close_the_day_itself_is_expected() {
        let series = series("A.XNYS", Some("XNYS"), "2026-11-23");
        let behind = |now: &str| of_series(&series, now.parse().unwrap()).map(|of| of.sessions_behind);
        assert_eq!(behind("2026-11-24T20:59:00Z"), Some(0));
        assert_eq!(behind("2026-11-24T21:00:00Z"), Some(1));
        // Of a day that has not begun nothing follows.
        assert_eq!(behind("2026-11-20T12:00:00Z"), None);
        // Thanksgiving is no session.
        assert_eq!(behind("2026-11-26T22:00:00Z"), Some(2));
    }

    #[test]
    fn what_newer_answers_say_more_exactly_goes_on_as_that() {
        let of = |adjustment: &str, last: &str| Series {
            adjustment: adjustment.to_owned(),
            ..series("PETR4.BVMF", Some("BVMF"), last)
        };
        let old = of("unknown", "2026-11-20");
        assert!(goes_on(&old, &[old.clone(), of("split", "2026-11-23")]));
        assert!(!goes_on(&old, &[old.clone(), of("split", "2026-11-19")]), "the other one is older");
        let other = Series { provider_symbol: "VALE3".to_owned(), ..of("split", "2026-11-23") };
        assert!(!goes_on(&old, &[old.clone(), other]));
        assert!(!goes_on(&of("split", "2026-11-20"), &[of("raw", "2026-11-23")]));
    }

    #[test]
    fn without_a_calendar_nothing_is_late() {
        let unknown = series("A", None, "2026-11-23");
        assert_eq!(of_series(&unknown, "2026-12-24T21:00:00Z".parse().unwrap()), None);
    }
}
