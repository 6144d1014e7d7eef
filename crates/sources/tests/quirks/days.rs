//! Days and stamps: a day twice, a running one, a length that was not asked for.

use super::*;

#[test]
fn a_day_that_is_there_twice_is_its_later_stamp() {
    // The close of 2024-03-04 is 21:00Z.
    let stamps = [OPENS[0], 1_709_586_001];
    let quote = json!({"open": [20, 20], "high": [22, 22], "low": [19, 19], "close": [21, 21.5], "volume": [900, 950]});
    let meta = json!({"currency": "USD", "regularMarketTime": 1_709_586_001});
    let body = chart("TWICE", &meta, &stamps, &quote, &json!({}));
    let mapped = map(&Yahoo::default(), &unit(CHART, "TWICE", "1d", MARCH), "2024-03-04T21:40:00Z", &body);
    let [bar] = bars(&mapped)[..] else { panic!("{mapped:?}") };
    assert_eq!(bar.trading_date.unwrap().to_string(), "2024-03-04");
    assert_eq!((text(&bar.close).as_str(), text(&bar.volume).as_str()), ("21.5", "950"));
    assert_eq!((bar.is_final, mapped.skipped), (Some(false), 1));
    assert_eq!(mapped.warnings, Vec::<String>::new());
}

#[test]
fn two_rows_of_one_stamp_that_differ_both_go_on() {
    let stamps = [OPENS[0], OPENS[1], OPENS[1], OPENS[2]];
    let read = |closes: [f64; 4]| {
        let quote = json!({"close": closes, "volume": [1, 2, 2, 3]});
        let body = chart("TWICE", &json!({"currency": "USD"}), &stamps, &quote, &json!({}));
        let mapped = map(&Yahoo::default(), &unit(CHART, "TWICE", "1d", MARCH), LATER, &body);
        bars(&mapped).iter().map(|bar| text(&bar.close)).collect::<Vec<_>>()
    };
    assert_eq!(read([21.0, 22.0, 22.5, 23.0]), ["21", "22", "22.5", "23"]);
    assert_eq!(read([21.0, 22.0, 22.0, 23.0]), ["21", "22", "23"]);
}

#[test]
fn bars_of_another_length_than_was_asked_for_are_refused() {
    let quote = json!({"close": [21.0], "volume": [1]});
    let judge = |interval: &str, of: &Value| {
        let body = chart("LONG", of, &OPENS[..1], &quote, &json!({}));
        match Yahoo::default().classify(&response(200, &body), &unit(CHART, "LONG", interval, MARCH)) {
            Disposition::Ok(_) => "read".to_owned(),
            Disposition::Permanent(failure) => failure.message,
            other => format!("{other:?}"),
        }
    };
    for (interval, granularity, is) in [
        ("1d", json!({"dataGranularity": "1wk"}), "meta.dataGranularity is \"1wk\", \"1d\" was asked for"),
        ("1m", json!({"dataGranularity": "1d"}), "meta.dataGranularity is \"1d\", \"1m\" was asked for"),
        ("1h", json!({"dataGranularity": "60m"}), "read"),
        ("1h", json!({"dataGranularity": "1h"}), "read"),
        ("1d", json!({}), "read"),
    ] {
        assert_eq!(judge(interval, &granularity), is, "{interval}");
    }
    let body = json!({"results": [
        {"symbol": "ABCD3", "currency": "BRL", "usedInterval": "1wk", "historicalDataPrice": [{"date": 1_709_557_200, "close": 9.5, "volume": 1}]},
        {"symbol": "EFGH4", "currency": "BRL", "usedInterval": "1d", "historicalDataPrice": [{"date": 1_709_557_200, "close": 8.5, "volume": 1}]},
    ]});
    let unit = of_brazil("quote/daily_bars", &["ABCD3", "EFGH4"], MARCH);
    let mapped = map(&Brapi::default(), &unit, LATER, &body.to_string());
    let refused = refused(&mapped);
    assert!(refused[0].iter().any(|why| why.contains("is a bar of 1wk, 1d was asked for")), "{refused:?}");
    assert_eq!(refused[1], Vec::<String>::new());
}

#[test]
fn a_stamp_that_cannot_be_read_is_named() {
    let quote = json!({"close": [21.0, 22.0], "volume": [1, 2]});
    let body = chart("ODD", &json!({"currency": "USD"}), &OPENS[..2], &quote, &json!({}));
    let body = body.replace(&OPENS[1].to_string(), "\"yesterday\"");
    let mapped = map(&Yahoo::default(), &unit(CHART, "ODD", "1d", MARCH), LATER, &body);
    assert_eq!(text(&bars(&mapped)[1].provider_ts), "refused: \"yesterday\" cannot be read");
}

#[test]
fn a_live_bar_has_the_key_of_the_bar_that_replaces_it() {
    let starts = |interval: &str, stamps: &[i64], market: i64, fetched_at: &str| {
        let close: Vec<f64> = stamps.iter().map(|_| 21.5).collect();
        let quote = json!({"close": close, "volume": vec![0; stamps.len()]});
        let meta = json!({"currency": "USD", "regularMarketTime": market});
        let body = chart("LIVE", &meta, stamps, &quote, &json!({}));
        let unit = unit("chart/intraday_bars", "LIVE", interval, MARCH);
        let mapped = map(&Yahoo::default(), &unit, fetched_at, &body);
        let row = |bar: &&Bar| (bar.bar_start.unwrap().0.format("%T").to_string(), bar.is_final.unwrap());
        bars(&mapped).iter().map(row).collect::<Vec<_>>()
    };
    let rows = |rows: &[(&str, bool)]| -> Vec<(String, bool)> {
        rows.iter().map(|(start, is_final)| ((*start).to_owned(), *is_final)).collect()
    };
    let open = OPENS[0];
    let now = "2024-03-04T14:32:20Z";
    assert_eq!(
        starts("1m", &[open + 60, open + 137], open + 137, now),
        rows(&[("14:31:00", false), ("14:32:00", false)])
    );
    // The minute that runs beside its last trade is one bar.
    assert_eq!(
        starts("1m", &[open + 60, open + 120, open + 137], open + 137, now),
        rows(&[("14:31:00", false), ("14:32:00", false)])
    );
    // Hours begin with the session: half past.
    assert_eq!(
        starts("1h", &[open, open + 3600 + 777], open + 3600 + 777, "2024-03-04T15:44:00Z"),
        rows(&[("14:30:00", false), ("15:30:00", false)])
    );
    assert_eq!(
        starts("1m", &[open + 60, open + 120, open + 180], 0, "2024-03-05T14:00:00Z"),
        rows(&[("14:31:00", true), ("14:32:00", true), ("14:33:00", true)])
    );
}

#[test]
fn the_last_trade_behind_the_close_is_no_bar() {
    // New York closes at 21:00Z in early March.
    let close = 1_709_586_000;
    let last = OPENS[0] + 389 * 60;
    let period = |start: i64, end: i64| json!({"start": start, "end": end});
    let rows = |meta: &Value, asset_class: &str, mic: Option<&str>, stamps: &[i64]| {
        let mut meta = meta.clone();
        meta["currency"] = "USD".into();
        meta["regularMarketTime"] = stamps[stamps.len() - 1].into();
        let closes: Vec<f64> = stamps.iter().map(|_| 21.5).collect();
        let body = chart(
            "LATE",
            &meta,
            stamps,
            &json!({"close": closes, "volume": vec![0; closes.len()]}),
            &json!({}),
        );
        let unit = FetchUnit {
            asset_class: asset_class.into(),
            exchange_mic: mic.map(str::to_owned),
            ..unit("chart/intraday_bars", "LATE", "1m", MARCH)
        };
        let mapped = map(&Yahoo::default(), &unit, "2024-03-04T21:01:00Z", &body);
        let row = |bar: &&Bar| format!("{} {}", bar.bar_start.unwrap().0.format("%T"), bar.session);
        (bars(&mapped).iter().map(row).collect::<Vec<_>>(), mapped.skipped)
    };
    let periods = json!({"tradingPeriods": [[period(OPENS[0], close)]]});
    let by_kind = json!({"tradingPeriods": {"regular": [[period(OPENS[0], close)]]}});
    let current = json!({"currentTradingPeriod": {"regular": period(OPENS[0], close)}});
    for meta in [&periods, &by_kind, &current, &json!({})] {
        for late in [close, close + 1, close + 1234] {
            let expected = (vec!["20:59:00 regular".to_owned()], 1);
            assert_eq!(rows(meta, "equity", Some("XNYS"), &[last, late]), expected, "{meta} {late}");
        }
        // A second before, it is the last minute's.
        let expected = (vec!["20:59:00 regular".to_owned()], 1);
        assert_eq!(rows(meta, "equity", Some("XNYS"), &[last, close - 1]), expected, "{meta}");
    }
    // An early close is the answer's to know.
    let early = json!({"tradingPeriods": [[period(OPENS[0], close - 3 * 3600)]]});
    let noon = close - 3 * 3600;
    assert_eq!(rows(&early, "equity", Some("XNYS"), &[noon - 60, noon + 1]).0, ["17:59:00 regular"]);
    // The session of another day says nothing of this one, and what trades around the clock has no close.
    let next = json!({"currentTradingPeriod": {"regular": period(OPENS[1], close + 86_400)}});
    assert_eq!(rows(&next, "equity", None, &[last, close + 1]).0, ["20:59:00 regular", "21:00:00 regular"]);
    assert_eq!(rows(&next, "equity", Some("XNYS"), &[last, close + 1]).0, ["20:59:00 regular"]);
    assert_eq!(rows(&json!({}), "crypto", None, &[last, close + 1]).0.len(), 2);
    // The hour that the close ends is kept, and the last trade does not take its place.
    let quote = json!({"close": [20, 21], "volume": [500, 0]});
    let meta = json!({"currency": "USD", "regularMarketTime": close + 1});
    let body = chart("LATE", &meta, &[close - 1800, close + 1], &quote, &json!({}));
    let asked = unit("chart/intraday_bars", "LATE", "1h", MARCH);
    let mapped = map(&Yahoo::default(), &asked, "2024-03-04T21:01:00Z", &body);
    let [bar] = bars(&mapped)[..] else { panic!("{mapped:?}") };
    assert_eq!((text(&bar.close).as_str(), text(&bar.volume).as_str()), ("20", "500"));
}
