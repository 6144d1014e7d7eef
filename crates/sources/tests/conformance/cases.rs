//! The shipped sources, and the guide's.

use std::sync::Arc;

use quotelake_core::FetchUnit;
use quotelake_sources::brapi::{Brapi, BrapiConfig};
use quotelake_sources::fii::{Fii, Profile};
use quotelake_sources::origin::instruments;
use quotelake_sources::polygon::{Polygon, PolygonConfig};
use quotelake_sources::yahoo::{Yahoo, YahooConfig};
use quotelake_sources::{DatasetName, Instrument, Interval, Job};
use url::Url;

use crate::conformance::suite::Case;
use crate::conformance::toy::Toy;

use DatasetName::{DailyBars, Dividends, FundSnapshots, IntradayBars, MarketHolidays, Splits};

fn base() -> Url {
    "https://vendor.example.com".parse().unwrap()
}

fn job(instruments: &[(&str, &str, &str, &str)], asset_class: &str, datasets: &[DatasetName]) -> Job {
    let instrument = |(symbol, mic, zone, currency): &(&str, &str, &str, &str)| Instrument {
        symbol: (*symbol).into(),
        mic: (!mic.is_empty()).then(|| (*mic).into()),
        exchange_tz: (*zone).into(),
        currency: Some((*currency).into()),
        asset_class: asset_class.into(),
    };
    Job {
        instruments: instruments.iter().map(instrument).collect(),
        datasets: datasets.to_vec(),
        intraday_interval: Some(Interval::Minute1),
        from: "2013-03-01".parse().unwrap(),
        to: "2013-03-01".parse().unwrap(),
    }
}

const NEW_YORK: [(&str, &str, &str, &str); 2] =
    [("AAPL", "XNAS", "America/New_York", "USD"), ("IBM", "XNYS", "America/New_York", "USD")];

pub(crate) fn all() -> Vec<Case> {
    let brazil = |symbol| (symbol, "BVMF", "America/Sao_Paulo", "BRL");
    let brapi = || {
        let config = BrapiConfig { symbols_per_request: 2, ..BrapiConfig::with_base_url(base()) };
        Arc::new(Brapi::new(config).unwrap())
    };
    let grouped = PolygonConfig { grouped_daily: true, ..PolygonConfig::with_base_url(base()) };
    vec![
        Case {
            source: Arc::new(Polygon::new(PolygonConfig::with_base_url(base())).unwrap()),
            job: job(&NEW_YORK, "equity", &[DailyBars, IntradayBars, Splits, Dividends, MarketHolidays]),
            answer: polygon,
        },
        Case {
            source: Arc::new(Polygon::new(grouped).unwrap()),
            job: job(&NEW_YORK, "equity", &[DailyBars]),
            answer: polygon,
        },
        Case {
            source: Arc::new(Yahoo::new(YahooConfig { base_url: base(), personal_use: true }).unwrap()),
            job: job(
                &[("BARC.L", "XLON", "Europe/London", "GBp"), ("RR.L", "XLON", "Europe/London", "GBp")],
                "equity",
                &[DailyBars, IntradayBars, Dividends, Splits],
            ),
            answer: yahoo,
        },
        Case {
            source: brapi(),
            job: job(&[brazil("PETR4"), brazil("VALE3")], "equity", &[DailyBars, Dividends, Splits]),
            answer: brapi_answer,
        },
        Case {
            source: brapi(),
            job: job(&[("BTC-BRL", "", "UTC", "BRL"), ("ETH-BRL", "", "UTC", "BRL")], "crypto", &[DailyBars]),
            answer: brapi_answer,
        },
        Case {
            source: brapi(),
            job: job(&[brazil("MXRF11"), brazil("HGLG11")], "fund", &[DailyBars, Dividends, FundSnapshots]),
            answer: brapi_answer,
        },
        Case {
            source: Arc::new(small_fii()),
            job: job(&[brazil("BTLG11"), brazil("KNIP11")], "fund", &[FundSnapshots, Dividends]),
            answer: fii,
        },
        Case {
            source: Arc::new(Toy(base())),
            job: job(&NEW_YORK, "equity", &[DailyBars]),
            answer: |unit| {
                let symbol = unit.symbol.as_deref().unwrap_or_default();
                let body =
                    format!(r#"{{"symbol":"{symbol}","days":[["2013-03-01",10.1,10.5,10,10.3,1500]]}}"#);
                ("application/json", body)
            },
        },
    ]
}

/// The shipped profile, which wants a hundred funds in a page, for pages of two.
fn small_fii() -> Fii {
    let mut profile = Profile::fundamentus();
    profile.version = 99;
    profile.tables[0].min_rows = 1;
    Fii::new(profile, Some(base())).unwrap()
}

fn joined(unit: &FetchUnit, one: impl Fn(&str) -> String) -> String {
    instruments(unit).iter().map(|instrument| one(&instrument.symbol)).collect::<Vec<_>>().join(",")
}

fn polygon(unit: &FetchUnit) -> (&'static str, String) {
    let symbol = unit.symbol.as_deref().unwrap_or_default();
    let bar = |ticker: &str, stamp: i64| {
        format!(r#"{{{ticker}"v":1.5e+06,"vw":10.2,"o":10.1,"c":10.3,"h":10.5,"l":10,"t":{stamp},"n":5}}"#)
    };
    let body = match (unit.endpoint.as_str(), unit.interval.as_deref()) {
        ("aggregates", Some("1d")) => aggregates(symbol, &bar("", 1_362_114_000_000)),
        ("aggregates", _) => aggregates(symbol, &bar("", 1_362_148_200_000)),
        ("grouped", _) => {
            let rows = joined(unit, |symbol| bar(&format!(r#""T":"{symbol}","#), 1_362_171_600_000));
            let other = bar(r#""T":"ZZZ","#, 1_362_171_600_000);
            format!(
                r#"{{"adjusted":false,"queryCount":3,"resultsCount":3,"status":"OK","results":[{rows},{other}]}}"#
            )
        }
        ("splits", _) => reference(symbol, r#""execution_date":"2013-03-01","split_from":1,"split_to":2"#),
        ("dividends", _) => reference(
            symbol,
            r#""cash_amount":2.65,"currency":"USD","dividend_type":"CD","ex_dividend_date":"2013-03-01","frequency":4"#,
        ),
        _ => r#"[{"exchange":"NYSE","name":"Good Friday","date":"2013-03-29","status":"closed"}]"#.into(),
    };
    ("application/json", body)
}

fn aggregates(symbol: &str, rows: &str) -> String {
    format!(
        r#"{{"ticker":"{symbol}","adjusted":false,"queryCount":1,"resultsCount":1,"status":"OK","request_id":"r1","results":[{rows}]}}"#
    )
}

fn reference(symbol: &str, fields: &str) -> String {
    format!(r#"{{"status":"OK","request_id":"r1","results":[{{"ticker":"{symbol}",{fields}}}]}}"#)
}

fn yahoo(unit: &FetchUnit) -> (&'static str, String) {
    let symbol = unit.symbol.as_deref().unwrap_or_default();
    let daily = unit.interval.as_deref() == Some("1d");
    let events = r#""events":{"dividends":{"1362124800":{"amount":5.5,"date":1362124800}},"splits":{"1362124800":{"date":1362124800,"numerator":2,"denominator":1,"splitRatio":"2:1"}}},"#;
    let events = if daily { events } else { "" };
    let adjusted = if daily { r#","adjclose":[{"adjclose":[90.5]}]"# } else { "" };
    let body = format!(
        r#"{{"chart":{{"result":[{{"meta":{{"currency":"GBp","symbol":"{symbol}","exchangeTimezoneName":"Europe/London","regularMarketTime":1362155700}},"timestamp":[1362124800],{events}"indicators":{{"quote":[{{"open":[101.5],"high":[102.5],"low":[100.5],"close":[102],"volume":[1000]}}]{adjusted}}}}}],"error":null}}}}"#
    );
    ("application/json", body)
}

fn brapi_answer(unit: &FetchUnit) -> (&'static str, String) {
    let page = unit.endpoint.split('/').next().unwrap_or_default();
    let bar = |stamp: i64| {
        format!(
            r#"[{{"date":{stamp},"open":10.1,"high":10.5,"low":10,"close":10.3,"volume":1500,"adjustedClose":9.9}}]"#
        )
    };
    let body = match page {
        "quote" => {
            let actions = r#"{"cashDividends":[{"paymentDate":"2013-03-20T13:00:00.000Z","rate":1.5,"label":"DIVIDENDO","lastDatePrior":"2013-03-01T13:00:00.000Z","approvedOn":"2013-02-20T13:00:00.000Z"}],"stockDividends":[{"factor":2,"completeFactor":"1 para 2","label":"DESDOBRAMENTO","lastDatePrior":"2013-03-01T13:00:00.000Z","approvedOn":"2013-02-20T13:00:00.000Z"}]}"#;
            let rows = joined(unit, |symbol| {
                format!(
                    r#"{{"symbol":"{symbol}","currency":"BRL","historicalDataPrice":{},"dividendsData":{actions}}}"#,
                    bar(1_362_142_800)
                )
            });
            format!(r#"{{"results":[{rows}],"requestedAt":"2013-06-03T12:00:00.000Z","took":"1ms"}}"#)
        }
        "crypto" => {
            let rows = joined(unit, |symbol| {
                let (coin, currency) = symbol.split_once('-').unwrap();
                format!(
                    r#"{{"coin":"{coin}","currency":"{currency}","historicalDataPrice":{}}}"#,
                    bar(1_362_096_000)
                )
            });
            format!(r#"{{"coins":[{rows}]}}"#)
        }
        "fii_historical" => {
            let rows = joined(unit, |symbol| {
                format!(r#"{{"symbol":"{symbol}","historicalDataPrice":{}}}"#, bar(1_362_142_800))
            });
            format!(r#"{{"fiis":[{rows}]}}"#)
        }
        "fii_dividends" => {
            let rows = joined(unit, |symbol| {
                format!(
                    r#"{{"symbol":"{symbol}","label":"RENDIMENTO","rate":0.1,"lastDatePrior":"2013-03-01","paymentDate":"2013-03-20"}}"#
                )
            });
            format!(r#"{{"dividends":[{rows}],"pagination":{{"page":1,"hasNextPage":false}}}}"#)
        }
        _ => {
            let rows = joined(unit, |symbol| {
                format!(
                    r#"{{"symbol":"{symbol}","name":"A fund","asOfDate":"2013-03-01","price":10.3,"navPerShare":10,"priceToNav":1.03,"dividendYield12m":0.1}}"#
                )
            });
            format!(r#"{{"fiis":[{rows}]}}"#)
        }
    };
    ("application/json", body)
}

fn fii(unit: &FetchUnit) -> (&'static str, String) {
    let body = if unit.endpoint.ends_with("fund_snapshots") {
        let headers = "<th>Papel<th>Segmento<th>Cotação<th>FFO Yield<th>Dividend Yield<th>P/VP<th>Valor de Mercado<th>Liquidez<th>Qtd de imóveis<th>Preço do m2<th>Aluguel por m2<th>Cap Rate<th>Vacância Média<th>Endereço";
        let row = |symbol: &str| {
            format!(
                "<tr><td><span title=\"A fund\"><a href=\"x\">{symbol}</a></span><td>Logística<td>98,91<td>6,09%<td>8,63%<td>0,97<td>6.863.330.000<td>14.368.600<td>31<td>3.360,87<td>258,46<td>7,69%<td>5,06%<td>-"
            )
        };
        let rows = instruments(unit).iter().map(|one| row(&one.symbol)).collect::<String>();
        format!(
            "<table id=tabelaResultado><thead><tr>{headers}</thead><tbody>{rows}{}</tbody></table>",
            row("ZZZZ11")
        )
    } else {
        "<table id=resultado><thead><tr><th>Última Data Com<th>Tipo<th>Data de Pagamento<th>Valor</thead><tbody><tr><td>01/03/2013<td>Rendimento<td>20/03/2013<td>1,17</tbody></table>".to_owned()
    };
    ("text/html; charset=utf-8", body)
}
