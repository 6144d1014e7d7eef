//! Pages of brapi and of the fund tables.

use super::*;

#[test]
fn a_batch_that_is_not_found_is_asked_for_one_by_one() {
    let unit = of_brazil("quote/daily_bars", &["AAAA3", "BBBB4"], MARCH);
    let brapi = Brapi::default();
    let not_found = response(404, r#"{"error":true,"message":"Não encontramos a ação BBBB4"}"#);
    let Disposition::Split { units, failure } = brapi.classify(&not_found, &unit) else { panic!() };
    let symbols: Vec<_> = units.iter().map(|unit| unit.symbol.clone().unwrap()).collect();
    assert_eq!((symbols, failure.kind), (vec!["AAAA3".into(), "BBBB4".into()], FailureKind::NotFound));
    let Disposition::Permanent(failure) = brapi.classify(&not_found, &units[1]) else { panic!() };
    assert_eq!(failure.kind, FailureKind::NotFound);
}

#[test]
fn something_went_wrong_is_asked_for_again() {
    let batch = of_brazil("quote/daily_bars", &["AAAA3", "BBBB4"], MARCH);
    let alone = FetchUnit { symbol: Some("AAAA3".into()), instruments: Vec::new(), ..batch.clone() };
    for body in [
        r#"{"error":true,"message":"Something went wrong"}"#,
        r#"{"error":"Something went wrong, try again later"}"#,
    ] {
        for (status, unit) in [(200, &batch), (200, &alone), (400, &alone), (404, &batch), (404, &alone)] {
            let judged = Brapi::default().classify(&response(status, body), unit);
            assert!(
                matches!(&judged, Disposition::Transient(failure) if failure.kind.is_retryable()),
                "{status}: {judged:?}"
            );
        }
    }
    let body = r#"{"results":[{"symbol":"AAAA3","error":true,"message":"Something went wrong"},
        {"symbol":"BBBB4","currency":"BRL","historicalDataPrice":[{"date":1709557200,"close":9}]}]}"#;
    let judged = Brapi::default().classify(&response(200, body), &batch);
    let Disposition::Partial { failed, .. } = judged else { panic!("{judged:?}") };
    assert_eq!((failed.len(), failed[0].failure.kind), (1, FailureKind::Server));
}

#[test]
fn brazilian_pages_in_another_countrys_numbers_are_refused_by_name() {
    let mut profile = Profile::fundamentus();
    profile.version = 99;
    profile.tables[0].min_rows = 1;
    let fii = Fii::new(profile, None).unwrap();
    let headers = "<th>Papel<th>Segmento<th>Cotação<th>FFO Yield<th>Dividend Yield<th>P/VP<th>Valor de Mercado<th>Liquidez<th>Qtd de imóveis<th>Preço do m2<th>Aluguel por m2<th>Cap Rate<th>Vacância Média<th>Endereço";
    let row = "<tr><td>ABCD11<td>Logística<td>1234.56<td>6,09%<td>8.63<td>0,97<td>6.863.330.000<td>14.368.600<td>31<td>3.360,87<td>258,46<td>7,69%<td>5.06%<td>-";
    let body = format!("<table id=tabelaResultado><thead><tr>{headers}</thead><tbody>{row}</tbody></table>");
    let unit = FetchUnit {
        symbol: Some("ABCD11".into()),
        asset_class: "fund".into(),
        exchange_mic: Some("BVMF".into()),
        currency: Some("BRL".into()),
        interval: None,
        from: None,
        to: None,
        instruments: Vec::new(),
        ..of_brazil("fundamentus-99/fund_snapshots", &[], MARCH)
    };
    let envelope =
        support::sealed(fii.name(), unit, "2024-03-04T20:00:00Z", "text/html; charset=utf-8", &body);
    let mapped = fii.transform(&envelope).unwrap();
    let [Record::FundSnapshots(fund)] = &mapped.records[..] else { panic!("{mapped:?}") };
    assert_eq!(text(&fund.price), "refused: \"1234.56\" is no number as 1.234,56 is one");
    assert_eq!(text(&fund.dividend_yield_12m), "refused: \"8.63\" is no percentage as 8,63% is one");
    assert_eq!(text(&fund.vacancy_rate), "refused: \"5.06%\" is no percentage as 8,63% is one");
    assert_eq!(text(&fund.price_to_nav), "0.97");
    let line = support::lines(&mapped);
    assert!(!line.contains("\"price\":1234") && !line.contains("\"dividend_yield_12m\":8"), "{line}");
}

#[test]
fn kinds_of_dividends_that_nobody_knows_are_refused() {
    let body = r#"{"status":"OK","results":[{"ticker":"ANY","cash_amount":1,"currency":"USD","dividend_type":"XX","ex_dividend_date":"2024-03-04"}]}"#;
    let mapped = map(&Polygon::default(), &unit("dividends", "ANY", "1d", MARCH), LATER, body);
    assert_eq!(text(&dividends(&mapped)[0].dividend_type), "refused: \"XX\" cannot be read");
    assert!(!support::lines(&mapped).contains("\"dividend_type\":\"XX\""));
}
