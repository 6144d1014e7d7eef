//! Rows and symbols that were not asked for, and pages that are not whole.

use super::*;

#[test]
fn rows_that_nobody_asked_for_are_refused_one_by_one() {
    let body = r#"{"ticker":"ANY","adjusted":false,"status":"OK","queryCount":2,"resultsCount":2,"results":[
        {"t":1520226000000,"o":9,"h":9,"l":9,"c":9,"v":40,"n":2},
        {"t":1709528400000,"o":55,"h":56,"l":54,"c":55.5,"v":800,"n":9}]}"#;
    let asked = unit("aggregates", "ANY", "1d", ("2024-03-04", "2024-03-04"));
    let mapped = map(&Polygon::default(), &asked, LATER, body);
    let why =
        "trading_date \"2018-03-05\" lies outside the window that was asked for, 2024-03-04 to 2024-03-04";
    assert_eq!(refused(&mapped), [vec![why.to_owned()], vec![]]);
    assert_eq!(
        mapped.warnings,
        ["1 rows lie outside the window that was asked for, the first on 2018-03-05: refused"]
    );
    let line = support::lines(&mapped);
    assert!(
        line.contains(r#""refused":{"trading_date":{"value":"2018-03-05","reason":"lies outside"#),
        "{line}"
    );
    assert!(line.contains(r#"2024-03-04 to 2024-03-04","code":"not_asked"}}"#), "{line}");

    // Yahoo alike, but for the newest bar, which it always sends.
    let quote = json!({"close": [20, 21, 22], "volume": [1, 1, 1]});
    let meta = json!({"currency": "USD", "regularMarketTime": OPENS[2] + 99});
    let body = chart("ANY", &meta, &[OPENS[0], OPENS[1], OPENS[2] + 99], &quote, &json!({}));
    let asked = unit(CHART, "ANY", "1d", ("2024-03-05", "2024-03-05"));
    let mapped = map(&Yahoo::default(), &asked, "2024-03-06T15:00:00Z", &body);
    let refusals: Vec<usize> = refused(&mapped).iter().map(Vec::len).collect();
    assert_eq!((refusals, mapped.skipped), (vec![1, 0], 1));
}

#[test]
fn rows_of_another_symbol_are_refused_and_the_others_kept() {
    let row = |ticker: &str, date: &str| json!({"ticker": ticker, "execution_date": date, "split_from": 1, "split_to": 2});
    let page = |rows: &[Value]| json!({"status": "OK", "results": rows}).to_string();
    let asked = unit("splits", "ANY", "1d", MARCH);
    let asked = FetchUnit { from: None, to: None, interval: None, ..asked };
    let mixed = page(&[row("ANY", "2020-03-02"), row("OTHER", "2021-03-02")]);
    assert_eq!(Polygon::default().classify(&response(200, &mixed), &asked), Disposition::Ok(Rows(2)));
    let mapped = map(&Polygon::default(), &asked, LATER, &mixed);
    let why = "provider_symbol \"OTHER\" is another symbol than ANY, which was asked for";
    assert_eq!(refused(&mapped), [vec![], vec![why.to_owned()]]);
    // Nothing of what was asked for is no answer.
    let others = page(&[row("OTHER", "2021-03-02")]);
    let judged = Polygon::default().classify(&response(200, &others), &asked);
    assert!(matches!(judged, Disposition::Permanent(failure) if failure.kind == FailureKind::Malformed));

    let entry = |symbol: &str| {
        json!({"symbol": symbol, "currency": "BRL", "historicalDataPrice": [
            {"date": 1_709_557_200, "open": 9, "high": 9, "low": 9, "close": 9, "volume": 10}]})
    };
    let asked = of_brazil("quote/daily_bars", &["AAAA3", "BBBB4"], MARCH);
    let body = json!({"results": [entry("AAAA3"), entry("ZZZZ3"), entry("BBBB4")]}).to_string();
    assert_eq!(Brapi::default().classify(&response(200, &body), &asked), Disposition::Ok(Rows(3)));
    let mapped = map(&Brapi::default(), &asked, LATER, &body);
    let refused = refused(&mapped);
    assert_eq!(refused, [vec![], vec!["provider_symbol \"ZZZZ3\" was not asked for".to_owned()], vec![]]);
}

#[test]
fn a_page_that_miscounts_itself_is_not_whole() {
    let body = r#"{"ticker":"ANY","adjusted":false,"status":"OK","queryCount":2,"resultsCount":2,"results":[
        {"t":1709528400000,"o":55,"h":56,"l":54,"c":55.5,"v":800}]}"#;
    let asked = unit("aggregates", "ANY", "1d", MARCH);
    let judged = Polygon::default().classify(&response(200, body), &asked);
    let Disposition::Permanent(failure) = judged else { panic!("{judged:?}") };
    assert_eq!(failure.message, "resultsCount is 2, the page has 1 rows");
    // One that waited in the raw zone replaces nothing.
    let mapped = map(&Polygon::default(), &asked, LATER, body);
    assert_eq!(refused(&mapped), [["provider_symbol \"ANY\" resultsCount is 2, the page has 1 rows"]]);
}

#[test]
fn a_count_that_no_page_can_have_is_no_missing_count() {
    let asked = unit("aggregates", "ANY", "1d", MARCH);
    let judged = |count: &str| {
        let body = format!(
            r#"{{"ticker":"ANY","adjusted":false,"status":"OK","resultsCount":{count},"results":[
            {{"t":1709528400000,"o":55,"h":56,"l":54,"c":55.5,"v":800}}]}}"#
        );
        Polygon::default().classify(&response(200, &body), &asked)
    };
    for whole in ["1", "\"1\"", "1.0e0", "null", "\"unknown\""] {
        assert_eq!(judged(whole), Disposition::Ok(Rows(1)), "{whole}");
    }
    // 2^63, 2^70, more than a decimal holds, a half, less than nothing.
    for other in
        ["9223372036854775808", "1180591620717411303424", "1e400", "1.5", "-1", "\"1180591620717411303424\""]
    {
        assert!(matches!(judged(other), Disposition::Permanent(_)), "{other}");
    }
}

#[test]
fn what_an_endpoint_always_sends_is_counted() {
    let bar = |ticker: &str| json!({"T": ticker, "t": 1_709_586_000_000_i64, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1});
    let body = json!({"adjusted": false, "status": "OK", "resultsCount": 3,
        "results": [bar("ANY"), bar("OTHER"), bar("THIRD")]});
    let asked = unit("grouped", "ANY", "1d", ("2024-03-04", "2024-03-04"));
    let mapped = map(&Polygon::default(), &asked, LATER, &body.to_string());
    assert_eq!((mapped.records.len(), mapped.skipped, mapped.warnings.len()), (1, 2, 0));

    // A range of coins ends today, whatever the window is.
    let day = |stamp: i64| json!({"date": stamp, "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1});
    let days: Vec<Value> = (0..20).map(|n| day(1_709_251_200 + 86_400 * n)).collect();
    let body =
        json!({"coins": [{"coin": "BTC", "currency": "BRL", "historicalDataPrice": days}]}).to_string();
    let asked = FetchUnit {
        exchange_tz: "UTC".into(),
        exchange_mic: None,
        currency: Some("BRL".into()),
        asset_class: "crypto".into(),
        ..unit("crypto/daily_bars", "BTC-BRL", "1d", ("2024-03-04", "2024-03-06"))
    };
    let mapped = map(&Brapi::default(), &asked, LATER, &body);
    assert_eq!((mapped.records.len(), mapped.skipped, mapped.warnings.len()), (3, 17, 0));
    assert_eq!(Brapi::default().classify(&response(200, &body), &asked), Disposition::Ok(Rows(3)));
}

#[test]
fn a_reused_ticker_is_said() {
    let meta = json!({"currency": "USD", "firstTradeDate": OPENS[0]});
    let stamps = [1_425_393_000, OPENS[0]];
    let body = chart("ANY", &meta, &stamps, &json!({"close": [3.0, 40.0]}), &json!({}));
    let asked = unit(CHART, "ANY", "1d", ("2015-01-01", "2024-03-31"));
    let mapped = map(&Yahoo::default(), &asked, LATER, &body);
    assert_eq!(
        mapped.warnings,
        [
            "bars from 2015-03-03 are older than the instrument, which is traded since 2024-03-04: another company may have had the ticker before",
            "ANY.XNYS: no bars for 3289 days from 2015-03-03 to 2024-03-04: another company may have had the ticker before"
        ]
    );
}

#[test]
fn one_class_of_shares_has_one_symbol() {
    let quote = json!({"close": [400.5]});
    let body = chart("ABC-B", &json!({"currency": "USD"}), &OPENS[..1], &quote, &json!({}));
    let mapped = map(&Yahoo::default(), &unit(CHART, "ABC-B", "1d", MARCH), LATER, &body);
    let aggregates = r#"{"ticker":"ABC.B","adjusted":false,"status":"OK","results":[{"t":1709528400000,"o":1,"h":1,"l":1,"c":1,"v":1}]}"#;
    let other = map(&Polygon::default(), &unit("aggregates", "ABC.B", "1d", MARCH), LATER, aggregates);
    let name = |mapped: &Mapped| {
        let bar = bars(mapped)[0];
        (bar.symbol.as_deref().unwrap().to_owned(), bar.provider_symbol.as_deref().unwrap().to_owned())
    };
    assert_eq!(name(&mapped), ("ABC.B.XNYS".to_owned(), "ABC-B".to_owned()));
    assert_eq!(name(&other), ("ABC.B.XNYS".to_owned(), "ABC.B".to_owned()));
    let coin =
        FetchUnit { exchange_mic: None, asset_class: "crypto".into(), ..unit(CHART, "BTC-USD", "1d", MARCH) };
    let body = body.replace("ABC-B", "BTC-USD");
    assert_eq!(name(&map(&Yahoo::default(), &coin, LATER, &body)).0, "BTC-USD");
}

#[test]
fn ampersands_are_part_of_symbols() {
    use quotelake_sources::yahoo::YahooConfig;
    use quotelake_sources::{DatasetName, Instrument, Job};
    let base_url = "https://vendor.example.com".parse().unwrap();
    let instrument = |symbol: &str| Instrument {
        symbol: symbol.into(),
        mic: Some("XNSE".into()),
        exchange_tz: "Asia/Kolkata".into(),
        currency: Some("INR".into()),
        asset_class: "equity".into(),
    };
    let job = Job {
        instruments: vec![instrument("A&B.NS")],
        datasets: vec![DatasetName::DailyBars],
        intraday_interval: None,
        from: "2024-03-04".parse().unwrap(),
        to: "2024-03-04".parse().unwrap(),
    };
    let yahoo = Yahoo::new(YahooConfig { base_url, personal_use: true }).unwrap();
    let unit = yahoo.plan(&job).unwrap().remove(0);
    let url = yahoo.request(&unit).unwrap().url;
    assert_eq!(url.path_segments().unwrap().next_back(), Some("A&B.NS"));
    assert_eq!(url.query_pairs().count(), 5);
    let polygon = Polygon::default();
    let splits = Job { datasets: vec![DatasetName::Splits], ..job.clone() };
    let unit = polygon.plan(&splits).unwrap().remove(0);
    let url = polygon.request(&unit).unwrap().url;
    assert!(url.query_pairs().any(|(name, value)| name == "ticker" && value == "A&B.NS"), "{url}");
    assert!(url.as_str().contains("A%26B.NS"));
    let job = Job { instruments: vec![instrument("A?B")], ..job };
    assert!(polygon.plan(&job).is_err());
}
