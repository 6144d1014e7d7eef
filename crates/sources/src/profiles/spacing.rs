//! How far apart the rows of a series are: what tells bars of days from those of weeks and months.

use std::ops::RangeInclusive;

use chrono::TimeDelta;
use quotelake_core::{Error, Result};
use quotelake_market::calendar::Calendar;

use super::rows::bar_of;
use crate::Interval;
use crate::record::{Bar, Record};

/// Days between two rows of weeks (with a holiday at either end), of months, of quarters.
const WIDE: [RangeInclusive<i64>; 3] = [5..=10, 27..=32, 88..=93];
/// Sessions to the next row up to which it may still be a day's: a holiday's week, and a day without a trade.
const DAILY_SESSIONS: usize = 2;

/// Holds bars, by instrument and time, against their length. Where most steps are of weeks the file holds no days: the newest row of a
/// weekly download is of the day of the download, so that the least step says nothing. `said` is the length that is set beside the
/// file: days that are said to be days are. `InvalidInput` otherwise, and where two rows are closer than a bar is long.
pub(super) fn check(interval: Interval, said: Option<Interval>, bars: &[Record]) -> Result<()> {
    let pairs = bars.windows(2).filter_map(|pair| Some((bar_of(&pair[0])?, bar_of(&pair[1])?)));
    let of_one = pairs.filter(|(a, b)| a.provider_symbol == b.provider_symbol);
    let steps = of_one.filter_map(|(a, b)| Some((b.bar_start?.0 - a.bar_start?.0, a, b)));
    let steps: Vec<(TimeDelta, &Bar, &Bar)> = steps.filter(|(step, ..)| *step > TimeDelta::zero()).collect();
    let least = steps.iter().map(|(step, ..)| *step).min();
    match (interval.length(), least) {
        (None, _) if said.is_none() => {
            let wide: Vec<i64> =
                steps.iter().filter(|step| is_wide(step)).map(|step| step.0.num_days()).collect();
            let usual = usual(&wide).filter(|_| wide.len() * 2 > steps.len());
            usual.map_or(Ok(()), |days| Err(too_wide(days)))
        }
        (Some(length), Some(least)) if least < length => Err(Error::invalid(format!(
            "two of its rows are {} s apart, and its bars are to be {interval} long",
            least.num_seconds(),
        ))),
        _ => Ok(()),
    }
}

fn is_wide((step, from, to): &(TimeDelta, &Bar, &Bar)) -> bool {
    let calendar = from.exchange_mic.as_deref().and_then(Calendar::of_mic);
    let sessions = || calendar?.sessions_between(from.trading_date?, to.trading_date?);
    WIDE.iter().any(|days| days.contains(&step.num_days()))
        && sessions().is_none_or(|sessions| sessions > DAILY_SESSIONS)
}

/// The step in the middle, by its length.
fn usual(days: &[i64]) -> Option<i64> {
    let mut days = days.to_vec();
    days.sort_unstable();
    days.get(days.len() / 2).copied()
}

fn too_wide(days: i64) -> Error {
    Error::invalid(format!(
        "most of its rows are {days} days apart: bars of weeks or months, of which there is no table, and not of days; download days, \
         or say --set interval=1d where they are days of an instrument that is seldom traded"
    ))
}
