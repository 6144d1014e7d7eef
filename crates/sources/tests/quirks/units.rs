//! Units of money and numbers.

use super::*;

#[test]
fn minor_units_are_one_table_for_prices_and_dividends() {
    for (served, currency, divisor, close, amount) in [
        ("KWF", "KWD", 1000, "0.0741", "0.0125"),
        ("GBX", "GBP", 100, "0.741", "0.125"),
        ("ILA", "ILS", 100, "0.741", "0.125"),
        ("USX", "USD", 100, "0.741", "0.125"),
        ("CHF", "CHF", 1, "74.1", "12.5"),
    ] {
        let quote = json!({"open": [74.5], "high": [75], "low": [74], "close": [74.1], "volume": [300]});
        let events = json!({"dividends": {"1": {"amount": 12.5, "date": OPENS[0]}}});
        let body = chart("ANY.KW", &json!({"currency": served}), &OPENS[..1], &quote, &events);
        let mapped = map(&Yahoo::default(), &unit(CHART, "ANY.KW", "1d", MARCH), LATER, &body);
        let (bar, dividend) = (bars(&mapped)[0], dividends(&mapped)[0]);
        assert_eq!((text(&bar.close).as_str(), bar.unit_divisor), (close, divisor), "{served}");
        assert_eq!((bar.currency.as_deref(), bar.quote_unit.as_deref()), (Some(currency), Some(served)));
        assert_eq!((text(&dividend.amount).as_str(), text(&dividend.currency).as_str()), (amount, currency));
        assert_eq!(refused(&mapped), [Vec::<String>::new(), Vec::new()]);
    }
}

#[test]
fn what_is_no_currency_is_refused_from_every_source() {
    let quote = json!({"close": [74.1]});
    let body = chart("ANY", &json!({"currency": "QQQ"}), &OPENS[..1], &quote, &json!({}));
    let mapped = map(&Yahoo::default(), &unit(CHART, "ANY", "1d", MARCH), LATER, &body);
    assert_eq!(bars(&mapped)[0].currency, None);
    let why = "currency \"QQQ\" is no currency of ISO 4217 and no minor unit of one";
    assert_eq!(refused(&mapped), [[why]]);
    assert!(support::lines(&mapped).contains(r#""refused":{"currency":{"value":"QQQ","reason":"is no"#));

    let body = r#"{"status":"OK","results":[{"ticker":"ANY","cash_amount":1,"currency":"QQQ","dividend_type":"CD","ex_dividend_date":"2024-03-04"}]}"#;
    let mapped = map(&Polygon::default(), &unit("dividends", "ANY", "1d", MARCH), LATER, body);
    assert!(text(&dividends(&mapped)[0].currency).starts_with("refused: \"QQQ\""));
    let pence = body.replace("QQQ", "GBp").replace("\"cash_amount\":1", "\"cash_amount\":7.5");
    let mapped = map(&Polygon::default(), &unit("dividends", "ANY", "1d", MARCH), LATER, &pence);
    let dividend = dividends(&mapped)[0];
    assert_eq!((text(&dividend.amount), text(&dividend.currency)), ("0.075".into(), "GBP".into()));

    // A coin is a unit of coins, and of nothing else.
    let coin = |asset_class: &str| {
        let unit = FetchUnit {
            currency: Some("USDT".into()),
            asset_class: asset_class.into(),
            ..unit("aggregates", "X:ABCUSDT", "1d", MARCH)
        };
        let body = r#"{"ticker":"X:ABCUSDT","adjusted":false,"status":"OK","results":[{"t":1709528400000,"o":1,"h":1,"l":1,"c":1,"v":1}]}"#;
        bars(&map(&Polygon::default(), &unit, LATER, body))[0].currency.as_deref().map(str::to_owned)
    };
    assert_eq!((coin("crypto").as_deref(), coin("equity")), (Some("USDT"), None));
}

#[test]
fn a_unit_that_the_answer_does_not_name_is_the_watchlists() {
    let quote = json!({"close": [812.5]});
    let body = chart("ANY.L", &json!({"currency": null}), &OPENS[..1], &quote, &json!({}));
    let unit = FetchUnit { currency: Some("GBp".into()), ..unit(CHART, "ANY.L", "1d", MARCH) };
    let mapped = map(&Yahoo::default(), &unit, LATER, &body);
    let bar = bars(&mapped)[0];
    assert_eq!((text(&bar.close).as_str(), bar.currency.as_deref()), ("8.125", Some("GBP")));
    assert_eq!(mapped.warnings, Vec::<String>::new());
    let nobody = FetchUnit { currency: None, ..unit };
    let mapped = map(&Yahoo::default(), &nobody, LATER, &body);
    assert_eq!(bars(&mapped)[0].currency, None);
    assert_eq!(mapped.warnings, ["meta.currency is missing: the unit of the prices is unknown"]);
}

#[test]
fn numbers_as_text_in_pence_are_refused() {
    let quote = json!({"open": ["81.5"], "high": ["82.5"], "low": ["80.5"], "close": ["81"], "volume": [5]});
    let body = chart("ANY.L", &json!({"currency": "GBp"}), &OPENS[..1], &quote, &json!({}));
    let mapped = map(&Yahoo::default(), &unit(CHART, "ANY.L", "1d", MARCH), LATER, &body);
    assert_eq!(text(&bars(&mapped)[0].close), "refused: \"81\" cannot be read");
    let line = support::lines(&mapped);
    assert!(!line.contains("\"close\":8") && line.contains(r#""refused":{"open":{"value":"81.5""#), "{line}");
}

#[test]
fn what_json_has_no_number_for_costs_its_field() {
    let body = r#"{"chart":{"result":[{"meta":{"symbol":"ANY","currency":"USD","exchangeTimezoneName":"America/New_York"},
        "timestamp":[1709562600,1709649000],"indicators":{"quote":[{"open":[NaN,20],"high":[22,22],"low":[19,19],"close":[21,21.5],"volume":[900,null]}],
        "adjclose":[{"adjclose":[Infinity,-Infinity]}]}}],"error":null}}"#;
    let asked = unit(CHART, "ANY", "1d", MARCH);
    assert_eq!(Yahoo::default().classify(&response(200, body), &asked), Disposition::Ok(Rows(2)));
    let mapped = map(&Yahoo::default(), &asked, LATER, body);
    let rows: Vec<_> = bars(&mapped)
        .iter()
        .map(|bar| [text(&bar.open), text(&bar.close), text(&bar.volume), text(&bar.adj_close)])
        .collect();
    let refused = |token: &str| format!("refused: \"{token}\" cannot be read");
    assert_eq!(
        rows,
        [
            [refused("NaN"), "21".into(), "900".into(), refused("Infinity")],
            ["20".into(), "21.5".into(), "missing".into(), refused("-Infinity")]
        ]
    );
    let body = r#"{"ticker":"ANY","adjusted":false,"status":"OK","results":[{"t":1709528400000,"o":55,"h":56,"l":54,"c":55.5,"v":800,"vw":NaN}]}"#;
    let mapped = map(&Polygon::default(), &unit("aggregates", "ANY", "1d", MARCH), LATER, body);
    assert_eq!(text(&bars(&mapped)[0].close), "55.5");
}

#[test]
fn large_numbers_and_small_ones_keep_their_digits() {
    let quote = json!({"close": [123_456_792.0, 0.000_007_781_2], "volume": [1_234_567_891_i64, 16_777_217]});
    let body = chart("ANY", &json!({"currency": "USD"}), &OPENS[..2], &quote, &json!({}));
    let mapped = map(&Yahoo::default(), &unit(CHART, "ANY", "1d", MARCH), LATER, &body);
    let rows: Vec<_> = bars(&mapped).iter().map(|bar| (text(&bar.close), text(&bar.volume))).collect();
    let expected = [("123456792", "1234567891"), ("0.0000077812", "16777217")];
    assert_eq!(rows, expected.map(|(close, volume)| (close.to_owned(), volume.to_owned())));
}
