//! What to ask: the units of a job, the request of a unit, and the link to its next page.

use quotelake_core::{Error, FetchUnit, Result};
use url::Url;

use super::{Endpoint, NAME, PolygonConfig};
use crate::{Auth, DatasetName, HttpSpec, Instrument, Interval, Job};

/// Hosts that a `next_url` may name besides the configured one: the vendor answers under both names.
const VENDOR_HOSTS: [&str; 2] = ["api.polygon.io", "api.massive.com"];

/// Rows in a page of splits or dividends: the vendor's maximum.
/// See <https://massive.com/docs/rest/stocks/corporate-actions/splits>.
const REFERENCE_LIMIT: &str = "1000";

/// One unit for each instrument and dataset, instrument by instrument. Splits and dividends are asked for whole: there are few,
/// and an adjustment needs them all.
pub(super) fn plan(job: &Job) -> Result<Vec<FetchUnit>> {
    job.check()?;
    let mut units = Vec::with_capacity(job.instruments.len() * job.datasets.len());
    for instrument in &job.instruments {
        for dataset in &job.datasets {
            units.push(match dataset {
                DatasetName::DailyBars => bars(job, instrument, Interval::Day1),
                DatasetName::IntradayBars => match job.intraday_interval {
                    Some(Interval::Day1) => {
                        return Err(Error::invalid("intraday_bars: 1d is not an intraday interval"));
                    }
                    Some(interval) => bars(job, instrument, interval),
                    None => {
                        return Err(Error::invalid(
                            "intraday_bars: no interval is given (1m, 5m, 15m or 1h)",
                        ));
                    }
                },
                DatasetName::Splits => whole(instrument, Endpoint::Splits),
                DatasetName::Dividends => whole(instrument, Endpoint::Dividends),
            });
        }
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
        endpoint: endpoint.as_str().to_owned(),
        symbol: Some(instrument.symbol.clone()),
        interval: None,
        from: None,
        to: None,
        exchange_tz: instrument.exchange_tz.clone(),
        exchange_mic: instrument.mic.clone(),
        currency: instrument.currency.clone(),
        asset_class: instrument.asset_class.clone(),
        page: 0,
    }
}

/// The unit's first request.
pub(super) fn request(config: &PolygonConfig, unit: &FetchUnit) -> Result<HttpSpec> {
    let wanted = |field: &Option<String>, name: &str| {
        field.clone().ok_or_else(|| Error::invalid(format!("unit {}: {name} is missing", unit.id)))
    };
    let symbol = wanted(&unit.symbol, "symbol")?;
    let mut url = config.base_url.clone();
    let path = |url: &mut Url, segments: &[&str]| {
        // Each segment is percent-encoded, so a symbol cannot add one.
        url.path_segments_mut()
            .map(|mut path| {
                path.clear().extend(segments);
            })
            .map_err(|()| Error::config("polygon's base URL has no path"))
    };
    match Endpoint::of(unit)? {
        Endpoint::Aggregates => {
            let interval: Interval = wanted(&unit.interval, "interval")?.parse()?;
            let (multiplier, timespan) = range(interval);
            let (from, to) = (wanted(&unit.from, "from")?, wanted(&unit.to, "to")?);
            path(&mut url, &["v2", "aggs", "ticker", &symbol, "range", multiplier, timespan, &from, &to])?;
            url.query_pairs_mut()
                .append_pair("adjusted", "false")
                .append_pair("sort", "asc")
                .append_pair("limit", &config.page_limit.to_string());
        }
        reference => {
            let (kind, sort) = match reference {
                Endpoint::Splits => ("splits", "execution_date"),
                _ => ("dividends", "ex_dividend_date"),
            };
            path(&mut url, &["v3", "reference", kind])?;
            url.query_pairs_mut()
                .append_pair("ticker", &symbol)
                .append_pair("order", "asc")
                .append_pair("limit", REFERENCE_LIMIT)
                .append_pair("sort", sort);
        }
    }
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
    if !link.path().starts_with(home) {
        return Err(Error::invalid(format!("next_url leads to {:?}, out of {home:?}", link.path())));
    }
    let mut url = config.base_url.clone();
    url.set_path(link.path());
    match link.query() {
        Some(query) if query.split('&').any(is_key) => {
            let kept: Vec<&str> = query.split('&').filter(|pair| !is_key(pair)).collect();
            url.set_query(Some(&kept.join("&")));
        }
        query => url.set_query(query),
    }
    Ok(spec(url))
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
