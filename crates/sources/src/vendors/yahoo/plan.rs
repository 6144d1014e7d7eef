//! What to ask: windows that one request may span, and how it is spelled.

use chrono::{Days, NaiveDate, NaiveTime, TimeZone};
use quotelake_core::time::parse_zone;
use quotelake_core::{Error, FetchUnit, Result};

use super::{DATASETS, NAME, YahooConfig};
use crate::size::{longest_window, windows};
use crate::units::{Wanted, unit_of, url_of, wanted_field};
use crate::{Auth, DatasetName, HttpSpec, Instrument, Interval, Job};

/// The page, as endpoints name it.
pub(super) const CHART: &str = "chart";

/// One unit for each instrument and window of daily bars and events, and one for each window of intraday bars.
///
/// A window is as long as Yahoo answers at once, unless more rows are to be expected of it than a page may have. A daily history is
/// one page in all but the longest cases, and that matters: its prices are split-adjusted as of the day of the answer, so windows that
/// were asked for on both sides of a split would not fit each other.
pub(super) fn plan(job: &Job) -> Result<Vec<FetchUnit>> {
    job.check_for(NAME, DATASETS)?;
    let intraday = job.datasets.contains(&DatasetName::IntradayBars);
    let daily: Vec<DatasetName> =
        job.datasets.iter().copied().filter(|dataset| *dataset != DatasetName::IntradayBars).collect();
    let mut units = Vec::new();
    for instrument in &job.instruments {
        let mut plan = |datasets: &[DatasetName], interval: Interval| {
            let days = longest_window(interval, &instrument.asset_class).min(days_per_request(interval));
            let windows = windows(job.from, job.to, days).into_iter();
            units.extend(windows.map(|(from, to)| unit(instrument, datasets, interval, from, to)));
        };
        if !daily.is_empty() {
            plan(&daily, Interval::Day1);
        }
        if intraday {
            plan(&[DatasetName::IntradayBars], job.intraday()?);
        }
    }
    Ok(units)
}

/// The longest window of one request; Yahoo also keeps minute bars for 30 days, other intraday bars for 60, hours for 730.
fn days_per_request(interval: Interval) -> u64 {
    match interval {
        Interval::Minute1 => 7,
        Interval::Minute5 | Interval::Minute15 => 59,
        Interval::Hour1 => 729,
        Interval::Day1 => u64::MAX,
    }
}

fn unit(
    instrument: &Instrument,
    datasets: &[DatasetName],
    interval: Interval,
    from: NaiveDate,
    to: NaiveDate,
) -> FetchUnit {
    let endpoint = Wanted::new(CHART, datasets);
    let (from, to) = (from.to_string(), to.to_string());
    FetchUnit {
        id: format!("{NAME}/{endpoint}/{}/{interval}/{from}/{to}", instrument.symbol),
        interval: Some(interval.to_string()),
        from: Some(from),
        to: Some(to),
        ..unit_of(&endpoint, instrument)
    }
}

pub(super) fn request(config: &YahooConfig, unit: &FetchUnit) -> Result<HttpSpec> {
    let symbol = wanted_field(unit, &unit.symbol, "symbol")?;
    let interval: Interval = wanted_field(unit, &unit.interval, "interval")?.parse()?;
    let from = midnight(unit, wanted_field(unit, &unit.from, "from")?, 0)?;
    // The second bound is exclusive.
    let to = midnight(unit, wanted_field(unit, &unit.to, "to")?, 1)?;
    let mut url = url_of(&config.base_url, &["v8", "finance", "chart", symbol])?;
    url.query_pairs_mut()
        .append_pair("period1", &from.to_string())
        .append_pair("period2", &to.to_string())
        .append_pair("interval", interval.as_str())
        .append_pair("includePrePost", "false")
        .append_pair("events", "div,splits,capitalGains");
    Ok(HttpSpec { url, auth: Auth::None, accept: "application/json" })
}

/// The start of a day on the exchange's clock, in Unix seconds.
fn midnight(unit: &FetchUnit, day: &str, days_later: u64) -> Result<i64> {
    let zone = parse_zone(&unit.exchange_tz)?;
    let bad = || Error::invalid(format!("unit {}: {day:?} is no day", unit.id));
    let date: NaiveDate = day.parse().map_err(|_| bad())?;
    let date = date.checked_add_days(Days::new(days_later)).ok_or_else(bad)?;
    // Where a clock change skips midnight, the day starts an hour later.
    let start = [0, 1].into_iter().find_map(|hour| {
        zone.from_local_datetime(&date.and_time(NaiveTime::from_hms_opt(hour, 0, 0)?)).earliest()
    });
    Ok(start.ok_or_else(bad)?.timestamp())
}
