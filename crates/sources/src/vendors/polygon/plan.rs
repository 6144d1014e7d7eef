//! What to ask: the units of a job, the request of a unit, and the link to its next page.

use chrono::Datelike as _;
use quotelake_core::{Error, FetchUnit, Result, sha256_hex};
use quotelake_market::calendar::Calendar;
use url::Url;

use super::{DATASETS, Endpoint, NAME, PolygonConfig};
use crate::units::{by_zone, unit_of, unit_of_several, url_of, wanted_field};
use crate::{Auth, DatasetName, HttpSpec, Instrument, Interval, Job};

/// Hosts that a `next_url` may name besides the configured one: the vendor answers under both names.
const VENDOR_HOSTS: [&str; 2] = ["api.polygon.io", "api.massive.com"];

/// Rows in a page of splits or dividends: the vendor's maximum.
/// See <https://massive.com/docs/rest/stocks/corporate-actions/splits>.
const REFERENCE_LIMIT: &str = "1000";

/// One unit for each instrument and dataset, instrument by instrument. Splits and dividends are asked for whole: there are few,
/// and an adjustment needs them all. With [`PolygonConfig::grouped_daily`], daily bars are one unit for each session.
pub(super) fn plan(config: &PolygonConfig, job: &Job) -> Result<Vec<FetchUnit>> {
    job.check_for(NAME, DATASETS)?;
    let mut units = Vec::with_capacity(job.instruments.len() * job.datasets.len());
    for instrument in &job.instruments {
        for dataset in &job.datasets {
            units.push(match dataset {
                DatasetName::DailyBars if config.grouped_daily => continue,
                DatasetName::DailyBars => bars(job, instrument, Interval::Day1),
                DatasetName::IntradayBars => bars(job, instrument, job.intraday()?),
                DatasetName::Splits => whole(instrument, Endpoint::Splits),
                DatasetName::Dividends => whole(instrument, Endpoint::Dividends),
                DatasetName::MarketHolidays | DatasetName::FundSnapshots => continue,
            });
        }
    }
    if config.grouped_daily && job.datasets.contains(&DatasetName::DailyBars) {
        units.extend(grouped(job)?);
    }
    if job.datasets.contains(&DatasetName::MarketHolidays) {
        units.push(FetchUnit {
            id: format!("{NAME}/{}", Endpoint::MarketHolidays.as_str()),
            endpoint: Endpoint::MarketHolidays.as_str().to_owned(),
            exchange_tz: "America/New_York".to_owned(),
            asset_class: "equity".to_owned(),
            ..FetchUnit::default()
        });
    }
    Ok(units)
}

fn bars(job: &Job, instrument: &Instrument, interval: Interval) -> FetchUnit {
    let (from, to) = (job.from.to_string(), job.to.to_string());
    FetchUnit {
        id: format!("{NAME}/aggregates/{}/{interval}/{from}/{to}", instrument.symbol),
        interval: Some(interval.to_string()),
        from: Some(from),
        to: Some(to),
        ..whole(instrument, Endpoint::Aggregates)
    }
}

fn whole(instrument: &Instrument, endpoint: Endpoint) -> FetchUnit {
    FetchUnit {
        id: format!("{NAME}/{}/{}", endpoint.as_str(), instrument.symbol),
        ..unit_of(endpoint.as_str(), instrument)
    }
}

/// One unit for each session of New York: the answer is the whole market, of which the watchlist's rows are wanted. Days that the
/// calendar does not know are asked for unless they are at a weekend.
///
/// The id names the watchlist by its hash: another watchlist wants other rows of the same answer.
fn grouped(job: &Job) -> Result<Vec<FetchUnit>> {
    let calendar = Calendar::of_mic("XNYS");
    let instruments: Vec<&Instrument> = job.instruments.iter().collect();
    let mut units = Vec::new();
    for group in by_zone(&instruments) {
        let symbols: Vec<&str> = group.iter().map(|instrument| instrument.symbol.as_str()).collect();
        let list = &sha256_hex(symbols.join(",").as_bytes())[..8];
        for day in job.from.iter_days().take_while(|day| *day <= job.to) {
            let session = calendar.and_then(|calendar| calendar.is_session(day));
            if !session.unwrap_or(day.weekday().number_from_monday() <= 5) {
                continue;
            }
            let date = day.to_string();
            units.push(FetchUnit {
                id: format!("{NAME}/grouped/{date}/{list}"),
                interval: Some(Interval::Day1.to_string()),
                from: Some(date.clone()),
                to: Some(date),
                ..unit_of_several(Endpoint::Grouped.as_str(), &group)
            });
        }
    }
    Ok(units)
}

/// The unit's first request.
pub(super) fn request(config: &PolygonConfig, unit: &FetchUnit) -> Result<HttpSpec> {
    let base = &config.base_url;
    let endpoint = Endpoint::of(unit)?;
    let url = match endpoint {
        Endpoint::Aggregates => {
            let symbol = wanted_field(unit, &unit.symbol, "symbol")?;
            let interval: Interval = wanted_field(unit, &unit.interval, "interval")?.parse()?;
            let (multiplier, timespan) = range(interval);
            let from = wanted_field(unit, &unit.from, "from")?;
            let to = wanted_field(unit, &unit.to, "to")?;
            let path = ["v2", "aggs", "ticker", symbol, "range", multiplier, timespan, from, to];
            let mut url = url_of(base, &path)?;
            url.query_pairs_mut()
                .append_pair("adjusted", "false")
                .append_pair("sort", "asc")
                .append_pair("limit", &config.page_limit.to_string());
            url
        }
        Endpoint::Grouped => {
            let date = wanted_field(unit, &unit.from, "from")?;
            let mut url = url_of(base, &["v2", "aggs", "grouped", "locale", "us", "market", "stocks", date])?;
            url.query_pairs_mut().append_pair("adjusted", "false");
            url
        }
        Endpoint::MarketHolidays => url_of(base, &["v1", "marketstatus", "upcoming"])?,
        Endpoint::Splits | Endpoint::Dividends => {
            let symbol = wanted_field(unit, &unit.symbol, "symbol")?;
            let sort = if endpoint == Endpoint::Splits { "execution_date" } else { "ex_dividend_date" };
            let mut url = url_of(base, &["v3", "reference", endpoint.as_str()])?;
            url.query_pairs_mut()
                .append_pair("ticker", symbol)
                .append_pair("order", "asc")
                .append_pair("limit", REFERENCE_LIMIT)
                .append_pair("sort", sort);
            url
        }
    };
    Ok(spec(url))
}

/// The request that a page's `next_url` asks for, moved onto the configured base: a recording answers itself, and a link cannot
/// send the key to another host. Its query is kept as it is, but for a key, which never travels in a URL. `InvalidInput`
/// when the link leads elsewhere: to an unknown host or out of the unit's endpoint.
pub(super) fn follow(config: &PolygonConfig, first: &HttpSpec, next_url: &str) -> Result<HttpSpec> {
    let link = Url::parse(next_url).map_err(|e| Error::invalid("next_url is no URL").with_source(e))?;
    let host = link.host_str().unwrap_or_default();
    if config.base_url.host_str() != Some(host) && !VENDOR_HOSTS.contains(&host) {
        return Err(Error::invalid(format!("next_url leads to the unknown host {host:?}")));
    }
    // `/v2/aggs/ticker/AAPL/range/1/day/` and the whole path of a reference endpoint may not change; the window may.
    let home = endpoint_path(&first.url);
    let window = rest_behind(link.path(), home)
        .ok_or_else(|| Error::invalid(format!("next_url leads to {:?}, out of {home:?}", link.path())))?;
    let mut url = config.base_url.clone();
    url.set_path(&format!("{home}{window}"));
    match link.query() {
        Some(query) if query.split('&').any(is_key) => {
            let kept: Vec<&str> = query.split('&').filter(|pair| !is_key(pair)).collect();
            url.set_query(Some(&kept.join("&")));
        }
        query => url.set_query(query),
    }
    Ok(spec(url))
}

/// What of a path follows another one, whichever characters are percent-encoded in either: `X:BTCUSD` is `X%3ABTCUSD`.
fn rest_behind<'p>(path: &'p str, home: &str) -> Option<&'p str> {
    let mut rest = path;
    let mut wanted = home;
    while !wanted.is_empty() {
        let ((byte, after), (other, after_wanted)) = (first_byte(rest)?, first_byte(wanted)?);
        // An encoded slash is no slash.
        if byte != other || rest.starts_with('/') != wanted.starts_with('/') {
            return None;
        }
        (rest, wanted) = (after, after_wanted);
    }
    Some(rest)
}

/// The first byte that a percent-encoded text stands for, and what follows it.
fn first_byte(text: &str) -> Option<(u8, &str)> {
    let encoded = text
        .strip_prefix('%')
        .and_then(|rest| Some((u8::from_str_radix(rest.get(..2)?, 16).ok()?, rest.get(2..)?)));
    match encoded {
        Some(byte) => Some(byte),
        // Paths of URLs are ASCII.
        None => Some((*text.as_bytes().first()?, text.get(1..)?)),
    }
}

fn is_key(pair: &str) -> bool {
    pair.split('=').next().is_some_and(|name| name.eq_ignore_ascii_case("apikey"))
}

fn endpoint_path(first: &Url) -> &str {
    let path = first.path();
    if !path.starts_with("/v2/aggs/") {
        return path;
    }
    // All but the last two segments, `from` and `to`.
    let end = path.rmatch_indices('/').nth(1).map_or(path.len(), |(slash, _)| slash + 1);
    &path[..end]
}

fn spec(url: Url) -> HttpSpec {
    HttpSpec { url, auth: Auth::Bearer, accept: "application/json" }
}

/// Multiplier and timespan of a bar length.
fn range(interval: Interval) -> (&'static str, &'static str) {
    match interval {
        Interval::Minute1 => ("1", "minute"),
        Interval::Minute5 => ("5", "minute"),
        Interval::Minute15 => ("15", "minute"),
        Interval::Hour1 => ("1", "hour"),
        Interval::Day1 => ("1", "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_same_however_it_is_encoded() {
        for (path, home, rest) in [
            ("/v2/X%3aBTC/1/2", "/v2/X:BTC/", Some("1/2")),
            ("/v2/X:BTC/1/2", "/v2/X%3ABTC/", Some("1/2")),
            ("/v2/M%26M/", "/v2/M&M/", Some("")),
            ("/v2/X%2FBTC/1", "/v2/X/BTC/", None),
            ("/v2/X", "/v2/X/", None),
            ("/v2/Y/1", "/v2/X/", None),
            ("/v2/%zz/1", "/v2/%zz/", Some("1")),
        ] {
            assert_eq!(rest_behind(path, home), rest, "{path}");
        }
    }
}
