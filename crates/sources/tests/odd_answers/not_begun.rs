//! Stamps of days and minutes that have not begun.

use super::*;

/// Bars of Polygon on these days, stamped at midnight in New York as the vendor does.
pub(super) fn aggregates(days: &[&str]) -> Vec<u8> {
    let stamp = |day: &&str| {
        let midnight = day.parse::<chrono::NaiveDate>().unwrap().and_hms_opt(0, 0, 0).unwrap();
        midnight.and_local_timezone(chrono_tz::America::New_York).unwrap().timestamp_millis()
    };
    let bars: Vec<Value> =
        days.iter().map(|day| json!({"t": stamp(day), "o": 9, "h": 9, "l": 9, "c": 9, "v": 40})).collect();
    let count = bars.len();
    json!({"ticker": "ANY", "adjusted": false, "status": "OK", "resultsCount": count, "count": count, "results": bars})
        .to_string()
        .into_bytes()
}

#[test]
fn a_day_that_has_not_begun_is_refused_by_name() {
    let asked = unit("aggregates", "ANY", ("2024-09-03", "2027-12-31"));
    // Half past eleven at night in New York is another day in UTC.
    for (fetched_at, days, refusals) in [
        (LATER, ["2024-09-03", "2027-01-05"], 1),
        (LATER, ["2024-09-09", "2024-09-10"], 0),
        (LATER, ["2024-09-10", "2024-09-11"], 1),
        ("2024-09-11T03:30:00Z", ["2024-09-10", "2024-09-11"], 1),
        ("2024-09-11T03:50:00Z", ["2024-09-10", "2024-09-11"], 0),
    ] {
        let mapped = map(&Polygon::default(), &asked, fetched_at, &aggregates(&days));
        let found = refused(&mapped);
        assert_eq!((mapped.records.len(), found.len()), (2, refusals), "{fetched_at} {days:?}: {found:?}");
        assert!(found.iter().all(|(day, why)| day == days[1] && why.contains("had not begun")), "{found:?}");
    }
    // A page that is dated in another zone than the watchlist's: tomorrow has begun in Tokyo.
    let tokyo = chart(|whole| {
        whole["meta"]["exchangeTimezoneName"] = json!("Asia/Tokyo");
        whole["timestamp"] = json!([OPENS[0], OPENS[1], OPENS[2], 1_726_012_800]); // 2024-09-11 09:00 in Tokyo
    });
    let asked = unit(CHART, "ODD", ("2024-09-03", "2024-12-31"));
    assert_eq!(refused(&map(&Yahoo::default(), &asked, "2024-09-11T00:05:00Z", &tokyo)), []);
    // The newest of Yahoo, live or not, in the window or not.
    for (window, live) in [("2024-12-31", true), ("2024-12-31", false), ("2024-09-06", true)] {
        let body = chart(|whole| {
            whole["timestamp"][3] = json!(OPENS[3] + 90 * DAY);
            whole["meta"]["regularMarketTime"] = if live { json!(OPENS[3] + 90 * DAY) } else { json!(0) };
        });
        let mapped = map(&Yahoo::default(), &unit(CHART, "ODD", ("2024-09-03", window)), LATER, &body);
        assert_eq!((refused(&mapped).len(), mapped.skipped), (1, 0), "{window} {live}: {mapped:?}");
    }
}

#[test]
fn a_minute_that_has_not_begun_is_refused_by_name() {
    let asked = FetchUnit { interval: Some("1m".into()), ..unit("chart/intraday_bars", "ODD", SEPTEMBER) };
    let body = chart(|whole| {
        whole["meta"]["dataGranularity"] = json!("1m");
        // 13:31, 13:45, 13:46 and 16:26 in UTC.
        whole["timestamp"] = json!([1_725_370_260, 1_725_371_100, 1_725_371_160, 1_725_380_760]);
    });
    let mapped = map(&Yahoo::default(), &asked, "2024-09-03T13:30:30Z", &body);
    let why: Vec<String> = refused(&mapped).into_iter().map(|(_, why)| why).collect();
    assert_eq!((bars(&mapped).len(), why.len()), (4, 2), "{why:?}");
    assert!(
        why.iter().all(|why| why.starts_with("bar_start had not begun when the answer arrived")),
        "{why:?}"
    );
}
