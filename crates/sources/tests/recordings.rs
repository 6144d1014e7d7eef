//! Answers that other projects recorded, or that keep the shape of a vendor's: each gives exactly the rows that it should.
//!
//! They lie in a folder beside the project, `../shared/data`, or where `QUOTELAKE_SHARED` says, and then have to be there; without
//! either these tests say so and pass. Yahoo's are not to be passed on, so what is asserted of them is counts and rules, not their rows.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "the folder may be named by a variable")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

use crate::support;

use std::path::{Path, PathBuf};

use quotelake_core::{Envelope, FetchUnit, UnitInstrument};
use quotelake_sources::brapi::Brapi;
use quotelake_sources::fii::{Fii, Profile};
use quotelake_sources::polygon::Polygon;
use quotelake_sources::record::{Bar, Cell};
use quotelake_sources::yahoo::Yahoo;
use quotelake_sources::{Disposition, FailureKind, Mapped, RawResponse, Record, Rows, Source};
use serde_json::Value;

fn shared(name: &str) -> Option<Vec<u8>> {
    let named = std::env::var_os("QUOTELAKE_SHARED").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = named.clone().unwrap_or_else(beside).join("data").join(name);
    let body = std::fs::read(&path).ok();
    if body.is_none() {
        assert!(named.is_none(), "QUOTELAKE_SHARED is set, and {} is not there", path.display());
        eprintln!("SKIPPED: the recording {name} is not here");
    }
    body
}

/// The vendor's body of a recorded exchange, or of a bare answer.
fn body_of(recorded: &[u8]) -> Vec<u8> {
    let value: Value = serde_json::from_slice(recorded).unwrap();
    match value.get("response") {
        // The numbers' literals must not go through a float on the way.
        Some(_) => {
            let text = std::str::from_utf8(recorded).unwrap();
            let start = text.find("\"bodyJson\":").unwrap() + "\"bodyJson\":".len();
            let mut values = serde_json::Deserializer::from_str(&text[start..])
                .into_iter::<Box<serde_json::value::RawValue>>();
            values.next().unwrap().unwrap().get().as_bytes().to_vec()
        }
        None => recorded.to_vec(),
    }
}

fn unit(endpoint: &str, symbol: &str, zone: &str, mic: Option<&str>, asset_class: &str) -> FetchUnit {
    FetchUnit {
        id: format!("test/{endpoint}/{symbol}"),
        endpoint: endpoint.into(),
        symbol: Some(symbol.into()),
        interval: Some("1d".into()),
        exchange_tz: zone.into(),
        exchange_mic: mic.map(str::to_owned),
        asset_class: asset_class.into(),
        ..FetchUnit::default()
    }
}

fn of_brazil(endpoint: &str, symbol: &str) -> FetchUnit {
    let unit = unit(endpoint, symbol, "America/Sao_Paulo", Some("BVMF"), "fund");
    FetchUnit { currency: Some("BRL".into()), ..unit }
}

fn several(unit: FetchUnit, symbols: &[&str]) -> FetchUnit {
    let instrument = |symbol: &&str| UnitInstrument {
        symbol: (*symbol).into(),
        mic: Some("BVMF".into()),
        currency: Some("BRL".into()),
        asset_class: unit.asset_class.clone(),
    };
    FetchUnit { symbol: None, instruments: symbols.iter().map(instrument).collect(), ..unit.clone() }
}

/// What the executor would make of an answer, and what its page maps to.
fn read(
    source: &dyn Source,
    unit: &FetchUnit,
    content_type: &str,
    fetched_at: &str,
    body: &[u8],
) -> (Disposition, Mapped) {
    let response = RawResponse {
        status: 200,
        headers: vec![("content-type".into(), content_type.into())],
        body: body.to_vec().into(),
    };
    let envelope = support::sealed(source.name(), unit.clone(), fetched_at, content_type, body);
    // Through the stream's own form and back, twice: the rows are the same bytes.
    let envelope = Envelope::from_record(&envelope.to_record().unwrap()).unwrap();
    let (first, again) = (source.transform(&envelope).unwrap(), source.transform(&envelope).unwrap());
    assert_eq!(support::lines(&first), support::lines(&again));
    (source.classify(&response, unit), first)
}

fn json(source: &dyn Source, unit: &FetchUnit, fetched_at: &str, body: &[u8]) -> (Disposition, Mapped) {
    read(source, unit, "application/json", fetched_at, body)
}

fn bars(mapped: &Mapped) -> Vec<&Bar> {
    let bars = mapped.records.iter().filter_map(|record| match record {
        Record::DailyBars(bar) | Record::IntradayBars(bar) => Some(bar),
        _ => None,
    });
    bars.collect()
}

const CHART: &str = "chart/daily_bars+dividends+splits";

#[test]
fn yahoo_charts_give_their_bars_and_events() {
    for (name, symbol, zone, mic, class, expected) in [
        ("yfrs_history_chart_AAPL", "AAPL", "America/New_York", Some("XNAS"), "equity", (127, 2, 0)),
        (
            "gadicc_chart-AAPL-2020-08-31-to-2020-11-07",
            "AAPL",
            "America/New_York",
            Some("XNAS"),
            "equity",
            (49, 1, 1),
        ),
        (
            "gadicc_historical-via-chart-NVDA-split-2021-02-01-to-2022-01-31.csv",
            "NVDA",
            "America/New_York",
            Some("XNAS"),
            "equity",
            (252, 0, 1),
        ),
        (
            "gadicc_chart-OCDO.L-2020-01-01-to-2020-01-03",
            "OCDO.L",
            "Europe/London",
            Some("XLON"),
            "equity",
            (1, 0, 0),
        ),
        ("gadicc_chart-BTC-USD-2020-01-01-to-2020-01-03", "BTC-USD", "UTC", None, "crypto", (3, 0, 0)),
        (
            "gadicc_chart-AAPL-2025-02-01-to-2025-02-02-includePrePost-false-interval-1m",
            "AAPL",
            "America/New_York",
            Some("XNAS"),
            "equity",
            (0, 0, 0),
        ),
    ] {
        let Some(recorded) = shared(&format!("yahoo/{name}.json")) else { return };
        let unit = unit(CHART, symbol, zone, mic, class);
        let (disposition, mapped) =
            json(&Yahoo::default(), &unit, "2026-11-26T12:00:00Z", &body_of(&recorded));
        let count =
            |dataset: &str| mapped.records.iter().filter(|record| record.dataset() == dataset).count();
        assert_eq!((count("daily_bars"), count("dividends"), count("splits")), expected, "{name}");
        let rows = mapped.records.len() as u64;
        let worth = if rows == 0 { Disposition::Empty } else { Disposition::Ok(Rows(rows)) };
        assert_eq!((disposition, &mapped.warnings), (worth, &Vec::new()), "{name}");
        let bars = bars(&mapped);
        let dates: Vec<_> = bars.iter().map(|bar| bar.trading_date.unwrap()).collect();
        assert!(dates.windows(2).all(|pair| pair[0] < pair[1]), "{name}: one bar a day, in order");
        // Recovered from 32 bits, a price has no more than eight significant digits.
        for bar in bars {
            let close = bar.close.as_ref().and_then(Cell::value).unwrap().to_string();
            assert!(close.bytes().filter(u8::is_ascii_digit).count() <= 10, "{name}: {close}");
        }
    }
}

#[test]
fn yahoos_live_bar_is_not_final_and_pence_are_pounds() {
    let (Some(live), Some(pence)) = (
        shared("yahoo/yfrs_history_chart_AAPL.json"),
        shared("yahoo/gadicc_chart-OCDO.L-2020-01-01-to-2020-01-03.json"),
    ) else {
        return;
    };
    let yahoo = Yahoo::default();
    let unit_of = |symbol, zone, mic| unit(CHART, symbol, zone, Some(mic), "equity");
    let (_, mapped) =
        json(&yahoo, &unit_of("AAPL", "America/New_York", "XNAS"), "2025-10-30T12:00:00Z", &body_of(&live));
    let finals: Vec<Option<bool>> = bars(&mapped).iter().map(|bar| bar.is_final).collect();
    assert!(finals[..finals.len() - 1].iter().all(|is_final| *is_final == Some(true)));
    assert_eq!(finals.last(), Some(&Some(false)));
    assert_eq!(bars(&mapped).last().unwrap().trading_date.unwrap().to_string(), "2025-10-29");

    let body = body_of(&pence);
    let (_, mapped) =
        json(&yahoo, &unit_of("OCDO.L", "Europe/London", "XLON"), "2026-11-26T12:00:00Z", &body);
    let bar = bars(&mapped)[0];
    let unit = (bar.currency.as_deref(), bar.quote_unit.as_deref(), bar.unit_divisor);
    assert_eq!(unit, (Some("GBP"), Some("GBp"), 100));
    assert_eq!(bar.symbol.as_deref(), Some("OCDO.XLON"));
    let served: Value = serde_json::from_slice(&body).unwrap();
    let served = served.pointer("/chart/result/0/indicators/quote/0/close/0").unwrap().as_f64().unwrap();
    let close: f64 = bar.close.as_ref().and_then(Cell::value).unwrap().to_string().parse().unwrap();
    assert!((close * 100.0 - served).abs() < 1e-3, "{close} for {served}");
}

#[test]
fn yahoos_errors_have_their_kinds() {
    let Some(errors) = shared("yahoo/errors.json") else { return };
    let errors: Value = serde_json::from_slice(&errors).unwrap();
    let unit = unit(CHART, "VWCE.DE", "Europe/Berlin", None, "etf");
    let judged = |name: &str| {
        let error = &errors[name];
        let text = error["body_text"].as_str().map(str::to_owned);
        let content_type = error["content_type"].as_str().unwrap_or("application/json");
        let response = RawResponse {
            status: error["http"].as_u64().unwrap().try_into().unwrap(),
            headers: vec![("content-type".into(), content_type.into())],
            body: text.unwrap_or_else(|| error["body"].to_string()).into(),
        };
        match Yahoo::default().classify(&response, &unit) {
            Disposition::Permanent(failure) => failure.kind.code().to_owned(),
            Disposition::RateLimited { after, .. } => format!("wait {} s", after.as_secs()),
            other => format!("{other:?}"),
        }
    };
    let found: Vec<(&str, String)> = [
        "404_unknown_symbol",
        "400_bad_interval",
        "422_1m_too_wide",
        "422_1m_too_old",
        "no_data_in_range",
        "429_plain_text",
        "200_empty",
    ]
    .into_iter()
    .map(|name| (name, judged(name)))
    .collect();
    let expected = [
        ("404_unknown_symbol", "not_found"),
        ("400_bad_interval", "bad_request"),
        ("422_1m_too_wide", "bad_request"),
        ("422_1m_too_old", "entitlement"),
        ("no_data_in_range", "Empty"),
        ("429_plain_text", "wait 60 s"),
        ("200_empty", "Empty"),
    ];
    assert_eq!(found, expected.map(|(name, kind)| (name, kind.to_owned())));
}

#[test]
fn brapi_answers_give_their_rows() {
    let quote = several(
        FetchUnit { asset_class: "equity".into(), ..of_brazil("quote/daily_bars+dividends+splits", "x") },
        &["PETR4", "^BVSP"],
    );
    for (name, unit) in [
        ("quote_PETR4_BVSP", quote),
        ("v2_fii_dividends", of_brazil("fii_dividends/dividends", "MXRF11")),
        ("v2_fii_historical", of_brazil("fii_historical/daily_bars", "MXRF11")),
        ("v2_fii_indicators", of_brazil("fii_indicators/fund_snapshots", "MXRF11")),
        ("v2_fii_list", of_brazil("fii_list/fund_snapshots", "MXRF11")),
    ] {
        let Some(body) = shared(&format!("brapi/{name}.json")) else { return };
        let (disposition, mapped) = json(&Brapi::default(), &unit, "2026-05-28T18:00:00Z", &body);
        let next = matches!(disposition, Disposition::NextPage(..));
        assert_eq!((next, &mapped.warnings), (name == "v2_fii_list", &Vec::new()), "{disposition:?}");
        insta::assert_snapshot!(name, support::lines(&mapped));
    }
}

#[test]
fn one_bad_symbol_of_brapi_costs_the_others_nothing() {
    let body = r#"{"results":[
        {"symbol":"PETR4","currency":"BRL","historicalDataPrice":[{"date":1699621200,"open":34.66,"high":35.06,"low":34.51,"close":34.72,"volume":40004800,"adjustedClose":34.72}]},
        {"symbol":"G3X","error":true,"message":"sem dados"}]}"#;
    let unit = several(of_brazil("quote/daily_bars", "x"), &["PETR4", "G3X", "VALE3"]);
    let (disposition, mapped) = json(&Brapi::default(), &unit, "2023-11-20T12:00:00Z", body.as_bytes());
    let Disposition::Partial { page, failed } = disposition else { panic!("{disposition:?}") };
    assert_eq!((*page, mapped.records.len()), (Disposition::Ok(Rows(1)), 1));
    let failed: Vec<_> = failed
        .iter()
        .map(|part| (part.unit.symbol.as_deref().unwrap(), part.failure.kind, part.failure.message.as_str()))
        .collect();
    assert_eq!(
        failed,
        [
            ("G3X", FailureKind::NotFound, "sem dados"),
            ("VALE3", FailureKind::NotFound, "VALE3 is not in the answer")
        ]
    );
    let used_up =
        RawResponse { status: 402, headers: Vec::new(), body: r#"{"error":true,"message":"limite"}"#.into() };
    let Disposition::Permanent(failure) = Brapi::default().classify(&used_up, &unit) else { panic!() };
    assert!(failure.kind == FailureKind::Quota && failure.kind.stops_source() && failure.message == "limite");
}

/// The shipped profile, which wants a hundred rows, for pages of two.
fn small_profile() -> Fii {
    let mut profile = Profile::fundamentus();
    profile.version = 99;
    profile.tables[0].min_rows = 1;
    Fii::new(profile, None).unwrap()
}

const HTML: &str = "text/html";

#[test]
fn fund_tables_give_their_rows() {
    let funds = several(of_brazil("fundamentus-99/fund_snapshots", "x"), &["BTLG11", "KNIP11"]);
    for (name, unit) in [
        ("fundamentus_fii_resultado_shape", funds),
        ("fundamentus_fii_proventos_shape", of_brazil("fundamentus-99/dividends", "HGLG11")),
    ] {
        let Some(body) = shared(&format!("fii/{name}.html")) else { return };
        // A Saturday: the values are of Friday.
        let (_, mapped) = read(&small_profile(), &unit, HTML, "2026-08-29T12:00:00Z", &body);
        insta::assert_snapshot!(name, support::lines(&mapped));
    }
}

#[test]
fn a_changed_layout_stops_the_batch_and_names_the_header() {
    let page = |headers: &str, row: &str| {
        let text = format!(
            "<table id=resultado><thead><tr>{headers}</tr></thead><tbody><tr>{row}</tr></tbody></table>"
        );
        // Latin-1, as the site sends it.
        text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect::<Vec<u8>>()
    };
    let unit = of_brazil("fundamentus-1/dividends", "HGLG11");
    let fii = Fii::default();
    let judge = |headers: &str, row: &str| {
        let body = page(headers, row).into();
        let headers = vec![("content-type".to_owned(), HTML.to_owned())];
        match fii.classify(&RawResponse { status: 200, headers, body }, &unit) {
            Disposition::Permanent(failure) => failure.to_string(),
            other => format!("{other:?}"),
        }
    };
    let row = "<td>31/08/2026<td>Rendimento<td>15/09/2026<td>1,17";
    let good = "<th>Última Data Com<th>Tipo<th>Data de Pagamento<th>Valor";
    assert_eq!(judge(good, row), "Ok(Rows(1))");
    assert_eq!(
        judge(&good.replace("Valor", "Valor (R$)"), row),
        "malformed (http 200): the layout has changed: the header \"Valor (R$)\" is new"
    );
    assert_eq!(
        judge(&good.replace("<th>Tipo", ""), row),
        "malformed (http 200): the layout has changed: the header \"Tipo\" is missing"
    );
    assert!(judge(&format!("{good}<th>Valor"), row).contains("the header \"Valor\" is there twice"));
    assert!(judge(good, "<td>31/08/2026").contains("row 1 has 1 cells for 4 headers"));
    let blocked =
        RawResponse { status: 403, headers: Vec::new(), body: "<html>Attention Required!</html>".into() };
    let Disposition::Permanent(failure) = fii.classify(&blocked, &unit) else { panic!() };
    assert_eq!(failure.kind, FailureKind::Blocked);
    // The shipped profile wants a hundred funds.
    let funds = several(of_brazil("fundamentus-1/fund_snapshots", "x"), &["BTLG11", "KNIP11"]);
    if let Some(body) = shared("fii/fundamentus_fii_resultado_shape.html") {
        let response = RawResponse { status: 200, headers: Vec::new(), body: body.into() };
        let Disposition::Permanent(failure) = fii.classify(&response, &funds) else { panic!() };
        assert!(failure.message.starts_with("2 rows, 100 are the least"), "{failure}");
    }
}

#[test]
fn polygon_holidays_and_grouped_days() {
    if let Some(body) = shared("polygon/marketstatus_upcoming.json") {
        let unit = unit("market_holidays", "x", "America/New_York", None, "equity");
        let unit = FetchUnit { symbol: None, interval: None, ..unit };
        let (disposition, mapped) = json(&Polygon::default(), &unit, "2022-05-01T12:00:00Z", &body);
        assert_eq!(disposition, Disposition::Ok(Rows(mapped.records.len() as u64)));
        assert!(mapped.warnings.is_empty());
        insta::assert_snapshot!("polygon_holidays", support::lines(&mapped));
    }
    if let Some(body) = shared("polygon/grouped_2005-04-04.json") {
        let unit = several(unit("grouped", "x", "America/New_York", None, "equity"), &["GIK", "AAPL"]);
        let adjusted = RawResponse { status: 200, headers: Vec::new(), body: body.clone().into() };
        let refused = Polygon::default().classify(&adjusted, &unit);
        assert!(matches!(refused, Disposition::Permanent(failure) if failure.message.contains("adjusted")));
        let raw = String::from_utf8(body).unwrap().replace("\"adjusted\": true", "\"adjusted\": false");
        let (disposition, mapped) = json(&Polygon::default(), &unit, "2026-11-26T12:00:00Z", raw.as_bytes());
        // Stamped at the close; the same date, and so the same key, as a bar that is stamped at midnight.
        assert_eq!(disposition, Disposition::Ok(Rows(1)));
        assert_eq!(bars(&mapped)[0].trading_date.unwrap().to_string(), "2020-10-14");
    }
}

#[test]
fn what_is_not_understood_is_said() {
    // A row of the whole market without a ticker.
    let unit_of = |zone, mic: Option<&str>| unit("grouped", "x", zone, mic, "equity");
    let grouped = several(unit_of("America/New_York", None), &["AAPL"]);
    let body = r#"{"adjusted":false,"status":"OK","results":[{"T":5,"c":1},{"c":1,"t":1602705600000}]}"#;
    let (_, mapped) = json(&Polygon::default(), &grouped, "2026-11-26T12:00:00Z", body.as_bytes());
    assert_eq!(mapped.warnings, ["results[0].T cannot be read", "results[1].T is missing"]);

    // Sessions in a shape that nobody knows.
    let minute = FetchUnit {
        interval: Some("1m".into()),
        ..unit("chart/intraday_bars", "AAPL", "America/New_York", Some("XNAS"), "equity")
    };
    let body = r#"{"chart":{"result":[{"meta":{"currency":"USD","symbol":"AAPL","tradingPeriods":"closed"},"timestamp":[1602682200],"indicators":{"quote":[{"close":[1]}]}}],"error":null}}"#;
    let (_, mapped) = json(&Yahoo::default(), &minute, "2026-11-26T12:00:00Z", body.as_bytes());
    assert_eq!(
        mapped.warnings,
        ["meta.tradingPeriods cannot be read: bars outside the session are not told apart"]
    );

    // Latin-1 that calls itself UTF-8: a name with letters replaced would be another name.
    let response = RawResponse {
        status: 200,
        headers: vec![("content-type".into(), "text/html; charset=utf-8".into())],
        body: b"<table id=resultado><thead><tr><th>\xdaltima Data Com</thead></table>".to_vec().into(),
    };
    let judged = Fii::default().classify(&response, &of_brazil("fundamentus-1/dividends", "HGLG11"));
    assert!(
        matches!(&judged, Disposition::Permanent(failure) if failure.message == "the page is not UTF-8"),
        "{judged:?}"
    );
}
