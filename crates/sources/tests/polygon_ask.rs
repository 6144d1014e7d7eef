//! What Polygon is asked, and what its answers are worth.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use crate::support::{answer, fixture, job, unit};
use quotelake_sources::polygon::{Polygon, PolygonConfig};
use quotelake_sources::{DatasetName, Disposition, FailureKind, Interval, RawResponse, Rows, Source as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

fn replaying() -> Polygon {
    Polygon::new(PolygonConfig::with_base_url(Url::parse("http://127.0.0.1:8080").unwrap())).unwrap()
}

fn classify(response: &RawResponse) -> Disposition {
    Polygon::default().classify(response, &unit("AAPL", DatasetName::DailyBars))
}

fn permanent(response: &RawResponse) -> (FailureKind, String) {
    match classify(response) {
        Disposition::Permanent(failure) => (failure.kind, failure.message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn units_are_stable_and_spelled_like_the_vendor_wants_them() {
    let all =
        [DatasetName::DailyBars, DatasetName::IntradayBars, DatasetName::Splits, DatasetName::Dividends];
    let mut job = job(&["AAPL", "BRK.B"], &all);
    job.intraday_interval = Some(Interval::Minute15);
    let polygon = Polygon::default();
    let units = polygon.plan(&job).unwrap();
    assert_eq!(units, polygon.plan(&job).unwrap());
    let spelled: Vec<String> =
        units.iter().map(|unit| format!("{}\n  {}", unit.id, polygon.request(unit).unwrap().url)).collect();
    insta::assert_snapshot!(spelled.join("\n"), @r"
    polygon/aggregates/AAPL/1d/2000-03-01/2013-03-01
      https://api.massive.com/v2/aggs/ticker/AAPL/range/1/day/2000-03-01/2013-03-01?adjusted=false&sort=asc&limit=1000
    polygon/aggregates/AAPL/15m/2000-03-01/2013-03-01
      https://api.massive.com/v2/aggs/ticker/AAPL/range/15/minute/2000-03-01/2013-03-01?adjusted=false&sort=asc&limit=1000
    polygon/splits/AAPL
      https://api.massive.com/v3/reference/splits?ticker=AAPL&order=asc&limit=1000&sort=execution_date
    polygon/dividends/AAPL
      https://api.massive.com/v3/reference/dividends?ticker=AAPL&order=asc&limit=1000&sort=ex_dividend_date
    polygon/aggregates/BRK.B/1d/2000-03-01/2013-03-01
      https://api.massive.com/v2/aggs/ticker/BRK.B/range/1/day/2000-03-01/2013-03-01?adjusted=false&sort=asc&limit=1000
    polygon/aggregates/BRK.B/15m/2000-03-01/2013-03-01
      https://api.massive.com/v2/aggs/ticker/BRK.B/range/15/minute/2000-03-01/2013-03-01?adjusted=false&sort=asc&limit=1000
    polygon/splits/BRK.B
      https://api.massive.com/v3/reference/splits?ticker=BRK.B&order=asc&limit=1000&sort=execution_date
    polygon/dividends/BRK.B
      https://api.massive.com/v3/reference/dividends?ticker=BRK.B&order=asc&limit=1000&sort=ex_dividend_date
    ");
}

#[test]
fn a_job_that_makes_no_sense_is_refused() {
    let daily = [DatasetName::DailyBars];
    let refusal = |job| Polygon::default().plan(&job).unwrap_err().to_string();
    assert_eq!(refusal(job(&[], &daily)), "the watchlist names no instrument");
    assert_eq!(refusal(job(&["AAPL"], &[])), "no dataset is asked for");
    assert_eq!(refusal(job(&["AAPL", "AAPL"], &daily)), "symbols[1]: \"AAPL\" is listed twice");
    assert_eq!(refusal(job(&["../v1"], &daily)), "symbols[0]: \"../v1\" is not a symbol");
    assert_eq!(
        refusal(job(&["AAPL"], &[DatasetName::IntradayBars])),
        "intraday_bars: no interval is given (1m, 5m, 15m or 1h)"
    );
    let mut backwards = job(&["AAPL"], &daily);
    (backwards.from, backwards.to) = (backwards.to, backwards.from);
    assert_eq!(refusal(backwards), "from 2013-03-01 is after to 2000-03-01");
}

#[test]
fn configuration_is_checked_once() {
    for url in [
        "https://api.massive.com/v2",
        "https://key@api.massive.com",
        "https://api.massive.com/?apiKey=k",
        "ftp://x",
    ] {
        let error =
            Polygon::new(PolygonConfig::with_base_url(Url::parse(url).unwrap())).unwrap_err().to_string();
        assert!(error.contains("plain http(s) origin") && !error.contains("key"), "{error}");
    }
    for page_limit in [0, 5001] {
        let config = PolygonConfig {
            page_limit,
            ..PolygonConfig::with_base_url(Url::parse("https://x.test").unwrap())
        };
        assert!(Polygon::new(config).is_err());
    }
}

#[derive(Deserialize)]
struct RecordedError<'a> {
    http: u16,
    #[serde(borrow)]
    body: &'a RawValue,
}

#[test]
fn every_known_error_has_its_action() {
    let text = fixture("errors.json");
    let errors: std::collections::BTreeMap<String, RecordedError<'_>> =
        serde_json::from_slice(&text).unwrap();
    let verdicts: Vec<String> = errors
        .iter()
        .map(|(name, error)| format!("{name}: {:?}", classify(&answer(error.http, error.body.get()))))
        .collect();
    insta::assert_snapshot!(verdicts.join("\n"));
}

#[test]
fn rate_limits_wait_as_told_or_one_window() {
    let mut response = answer(429, "");
    let after = |response: &RawResponse| match classify(response) {
        Disposition::RateLimited { after, .. } => after,
        other => panic!("{other:?}"),
    };
    assert_eq!(after(&response), Duration::from_secs(60));
    for (header, seconds) in [("7", 7), ("0", 1), ("Fri, 31 Dec 1999 23:59:59 GMT", 60)] {
        response.headers = vec![("retry-after".into(), header.into())];
        assert_eq!(after(&response), Duration::from_secs(seconds), "{header}");
    }
}

#[test]
fn passing_faults_and_lasting_ones() {
    for status in [408, 413, 499, 500, 502, 503, 504, 520] {
        assert!(matches!(classify(&answer(status, "oops")), Disposition::Transient(_)), "{status}");
    }
    let cases = [
        (400, FailureKind::BadRequest),
        (401, FailureKind::Auth),
        (402, FailureKind::Entitlement),
        (403, FailureKind::Entitlement),
        (404, FailureKind::NotFound),
        (302, FailureKind::Blocked),
        (204, FailureKind::Malformed),
        (600, FailureKind::Malformed),
    ];
    for (status, kind) in cases {
        assert_eq!(permanent(&answer(status, "{}")).0, kind, "{status}");
    }
    assert_eq!(permanent(&answer(403, "<html>Access denied</html>")).0, FailureKind::Blocked);
    // The vendor sometimes answers a bad key with a web page: still the key.
    assert_eq!(permanent(&answer(401, "<html>401</html>")).0, FailureKind::Auth);
}

#[test]
fn two_hundred_is_no_promise() {
    let mut html = answer(200, "\n <!doctype html><title>Will be right back</title>");
    assert_eq!(permanent(&html).0, FailureKind::Blocked);
    html.headers = vec![("content-type".into(), "text/html; charset=utf-8".into())];
    html.body = "Too Many Requests".into();
    assert_eq!(permanent(&html).0, FailureKind::Blocked);
    for body in [
        &b""[..],
        b"[]",
        b"null",
        b"{\"status\":\"OK\",\"results\":7}",
        b"\xff\xfe",
        b"{\"status\":\"WHAT\"}",
    ] {
        assert_eq!(permanent(&answer(200, body)).0, FailureKind::Malformed, "{body:?}");
    }
    let refused = permanent(&answer(200, br#"{"status":"NOT_AUTHORIZED","message":"no"}"#));
    assert_eq!(refused.0, FailureKind::Entitlement);
    assert_eq!(permanent(&answer(200, fixture("adjusted_prices.json"))).0, FailureKind::Malformed);
    let long = "x".repeat(100_000);
    assert!(permanent(&answer(200, long)).1.len() < 400);
}

#[test]
fn the_next_page_is_asked_for_on_the_configured_host() {
    let unit = unit("AAPL", DatasetName::DailyBars);
    let body = fixture("daily_bars_with_next_page.json");
    let Disposition::NextPage(Rows(2), next) = replaying().classify(&answer(200, body), &unit) else {
        panic!()
    };
    assert_eq!(
        next.url.as_str(),
        "http://127.0.0.1:8080/v2/aggs/ticker/AAPL/range/1/day/1578114000000/2020-01-10?cursor=bGltaXQ9MiZzb3J0PWFzYw"
    );
    assert_eq!(replaying().resume(&unit, &next.resume_at()).unwrap(), next);
}

#[test]
fn a_link_that_leads_elsewhere_is_not_followed() {
    let unit = unit("AAPL", DatasetName::DailyBars);
    let judge = |link: &str| {
        let body = format!(
            r#"{{"status":"OK","ticker":"AAPL","adjusted":false,"results":[{{}}],"next_url":"{link}"}}"#
        );
        replaying().classify(&answer(200, body), &unit)
    };
    for link in [
        "https://evil.test/v2/aggs/ticker/AAPL/range/1/day/1/2?cursor=x",
        "https://api.polygon.io.evil.test/v2/aggs/ticker/AAPL/range/1/day/1/2",
        "https://api.polygon.io/v2/aggs/ticker/IBM/range/1/day/1/2?cursor=x",
        "https://api.polygon.io/v2/aggs/ticker/AAPL/range/1/day/../../../../x",
        "https://api.polygon.io/v3/reference/splits?cursor=x",
        "/v2/aggs/ticker/AAPL/range/1/day/1/2",
        "not a link",
    ] {
        assert!(
            matches!(judge(link), Disposition::Permanent(f) if f.kind == FailureKind::Malformed),
            "{link}"
        );
    }
    for link in [
        "https://api.polygon.io/v2/aggs/ticker/AAPL/range/1/day/1/2?cursor=x&apiKey=k",
        "https://api.polygon.io/v2/aggs/ticker/%41APL/range/1/day/1/2?cursor=x",
        "https://api.massive.com/v2/aggs/ticker/AAPL/range/1/day/1/2?apikey=k&cursor=x",
        "http://user:k@api.massive.com:99/v2/aggs/ticker/AAPL/range/1/day/1/2?cursor=x",
    ] {
        let Disposition::NextPage(_, next) = judge(link) else { panic!("{link}") };
        assert_eq!(next.url.as_str(), "http://127.0.0.1:8080/v2/aggs/ticker/AAPL/range/1/day/1/2?cursor=x");
    }
    for link in
        ["//evil.test/v2/aggs/ticker/AAPL/range/1/day/1/2", "/v3/reference/splits", "https://evil.test/"]
    {
        assert!(replaying().resume(&unit, link).is_err(), "{link}");
    }
}
