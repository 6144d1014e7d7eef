//! What a plan costs, before anything is asked.

use std::time::Duration;

use chrono::{Datelike as _, NaiveDate};
use quotelake_core::{Decimal, FetchUnit, UnitInstrument};
use quotelake_market::calendar::Calendar;
use quotelake_sources::origin::instruments;
use serde::Serialize;

use super::Plan;

/// What asking costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tariff {
    /// The least time between two calls.
    pub min_interval: Duration,
    /// Rows of one answer.
    pub page_rows: u64,
    /// Money for one call, where it costs any.
    pub price_per_call: Option<Decimal>,
}

/// What a plan will take and bring. Rows are expected, not promised: bars by the exchange's calendar and regular hours, on
/// weekdays where there is no calendar; splits and dividends count as one page each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Units.
    pub units: u64,
    /// Calls, where no answer has to be asked for twice.
    pub calls: u64,
    /// Seconds at the vendor's rate.
    pub seconds: u64,
    /// Rows of bars.
    pub rows: u64,
    /// Money, where a call costs any.
    pub money: Option<Decimal>,
    /// Units whose rows are counted by weekdays, for want of a calendar.
    pub without_calendar: u64,
}

/// Adds up a plan.
pub fn estimate(plan: &Plan, tariff: Tariff) -> Estimate {
    let mut total = Estimate {
        units: plan.units.len() as u64,
        calls: 0,
        seconds: 0,
        rows: 0,
        money: None,
        without_calendar: 0,
    };
    for unit in &plan.units {
        let of_each: Vec<(u64, bool)> =
            instruments(unit).iter().map(|instrument| rows_of(unit, instrument)).collect();
        let rows: u64 = of_each.iter().map(|(rows, _)| rows).sum();
        let known = of_each.iter().all(|(_, known)| *known);
        total.calls += rows.div_ceil(tariff.page_rows.max(1)).max(1);
        total.rows += rows;
        total.without_calendar += u64::from(!known);
    }
    // Nothing is waited for before the first call.
    let waits = u32::try_from(total.calls.saturating_sub(1)).unwrap_or(u32::MAX);
    total.seconds = tariff.min_interval.saturating_mul(waits).as_secs();
    total.money = tariff.price_per_call.and_then(|price| price.times(total.calls));
    total
}

/// Rows of one of a unit's instruments, and whether a calendar says so.
fn rows_of(unit: &FetchUnit, instrument: &UnitInstrument) -> (u64, bool) {
    let date = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<NaiveDate>().ok());
    let (Some(interval), Some(from), Some(to)) = (&unit.interval, date(&unit.from), date(&unit.to)) else {
        return (0, true);
    };
    let calendar = Calendar::of_instrument(Some(&instrument.asset_class), instrument.mic.as_deref());
    let mut known = true;
    let (mut sessions, mut minutes) = (0, 0);
    for day in from.iter_days().take_while(|day| *day <= to) {
        let open = calendar.and_then(|calendar| {
            let is_session = calendar.is_session(day)?;
            let hours = || Some(calendar.session_close(day)? - calendar.session_open(day)?);
            Some(if is_session { hours().map_or(USUAL_MINUTES, |length| length.num_minutes()) } else { 0 })
        });
        let length = open.unwrap_or_else(|| {
            known = false;
            if day.weekday().number_from_monday() <= 5 { USUAL_MINUTES } else { 0 }
        });
        sessions += u64::from(length > 0);
        minutes += u64::try_from(length).unwrap_or(0);
    }
    let rows = match interval.as_str() {
        "1m" => minutes,
        "5m" => minutes.div_ceil(5),
        "15m" => minutes.div_ceil(15),
        "1h" => minutes.div_ceil(60),
        _ => sessions,
    };
    (rows, known)
}

/// Six and a half hours, as in New York.
const USUAL_MINUTES: i64 = 390;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn unit(mic: Option<&str>, interval: Option<&str>) -> FetchUnit {
        FetchUnit {
            id: "u".into(),
            endpoint: "e".into(),
            symbol: Some("A".into()),
            interval: interval.map(str::to_owned),
            from: Some("2013-07-01".into()),
            to: Some("2013-07-31".into()),
            exchange_tz: "America/New_York".into(),
            exchange_mic: mic.map(str::to_owned),
            currency: None,
            asset_class: "equity".into(),
            ..FetchUnit::default()
        }
    }

    #[test]
    fn a_unit_of_several_instruments_has_the_rows_of_each() {
        let one = unit(Some("XNYS"), Some("1d"));
        let wanted = instruments(&one).remove(0);
        let other = UnitInstrument { mic: Some("XXXX".into()), ..wanted.clone() };
        let both = FetchUnit { symbol: None, instruments: vec![wanted, other], ..one };
        let tariff = Tariff { min_interval: Duration::ZERO, page_rows: u64::MAX, price_per_call: None };
        let found = estimate(&Plan { source: "brapi".into(), units: vec![both] }, tariff);
        assert_eq!((found.calls, found.rows, found.without_calendar), (1, 22 + 23, 1));
    }

    #[test]
    fn calls_time_rows_and_money() {
        let units = vec![
            // 22 sessions, one of them a half day of 210 minutes.
            unit(Some("XNYS"), Some("1d")),
            unit(Some("XNYS"), Some("1m")),
            // 23 weekdays, for want of a calendar.
            unit(Some("XXXX"), Some("1d")),
            unit(Some("XNYS"), None),
        ];
        let tariff = Tariff {
            min_interval: Duration::from_secs(12),
            page_rows: 5000,
            price_per_call: Some("0.0125".parse().unwrap()),
        };
        let minutes = 21 * 390 + 210;
        assert_eq!(
            estimate(&Plan { source: "polygon".into(), units }, tariff),
            Estimate {
                units: 4,
                calls: 1 + 2 + 1 + 1,
                seconds: 48,
                rows: 22 + minutes + 23,
                money: Some("0.0625".parse().unwrap()),
                without_calendar: 1,
            }
        );
    }
}
