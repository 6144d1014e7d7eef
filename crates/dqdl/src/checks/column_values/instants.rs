//! Date operands: days, times of day in a zone, and `now()`.

use chrono::TimeZone;
use chrono_tz::Tz;

use crate::ast::{DateOperand, Duration, Test, TimeUnit};
use crate::check::{Context, Refusal};

/// The zone of times of day. Days are midnight UTC, so another zone next to one would say something else than it does.
pub(in super::super) fn time_zone(name: &str, test: &Test<DateOperand>) -> Result<Tz, Refusal> {
    let zone = match name {
        "" | "Z" => Tz::UTC,
        name => {
            name.parse().map_err(|_| Refusal::Error(format!("{name} is not a time zone of the IANA list")))?
        }
    };
    let day = test.operands().into_iter().any(|operand| matches!(operand, DateOperand::Date(_)));
    if day && !["", "Z", "UTC", "GMT", "Etc/UTC"].contains(&name) {
        return Err(Refusal::Error("`timeZone` is for times of day, not for dates".to_owned()));
    }
    Ok(zone)
}

/// Nanoseconds since 1970-01-01 UTC, `None` for NULL.
pub(in super::super) fn instant(
    operand: &DateOperand,
    zone: Tz,
    context: &Context<'_>,
) -> Result<Option<i128>, String> {
    let nanos = |seconds: i64| i128::from(seconds) * 1_000_000_000;
    let now = nanos(context.now.timestamp());
    Ok(Some(match operand {
        DateOperand::Null => return Ok(None),
        DateOperand::Date(date) => nanos(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()),
        DateOperand::Time(time, text) => {
            let today = context.now.with_timezone(&zone).date_naive();
            let local = zone.from_local_datetime(&today.and_time(*time));
            let time =
                local.earliest().ok_or_else(|| format!("{text} does not occur on {today} in {zone}"))?;
            nanos(time.timestamp())
        }
        DateOperand::Now => now,
        DateOperand::NowPlus(Duration { amount, unit }) => {
            let minutes: i128 = match unit {
                TimeUnit::Days => 24 * 60,
                TimeUnit::Hours => 60,
                TimeUnit::Minutes => 1,
            };
            now + i128::from(*amount) * minutes * 60_000_000_000
        }
    }))
}
