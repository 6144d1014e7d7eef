//! Small files in the shapes of vendors, to the lines that they become.

mod others;
mod yfinance;

use chrono::{DateTime, Utc};
use quotelake_sources::DatasetName::{DailyBars, Dividends, IntradayBars, Splits};
use quotelake_sources::profiles::{FileFacts, FileRow, FileRows, Settings, find, read_rows};
use quotelake_sources::{DatasetName, Record};

const SHA256: &str = "00ff";

fn rows(text: &str) -> Vec<FileRow> {
    let cells = |line: &str| {
        let mut cells = vec![String::new()];
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                c => cells.last_mut().unwrap().push(c),
            }
        }
        cells
    };
    let rows = text.lines().zip(1..);
    rows.map(|(raw, line)| FileRow { line, cells: cells(raw), raw: raw.to_owned() }).collect()
}

fn try_read(
    profile: &str,
    dataset: DatasetName,
    set: &[&str],
    name: &str,
    text: &str,
) -> Result<FileRows, String> {
    let fetched_at: DateTime<Utc> = "2026-03-06T20:00:00Z".parse().unwrap();
    let settings = Settings::parse(set.iter().copied()).map_err(|error| error.to_string())?;
    let fetched_at = settings.fetched_at().unwrap_or(fetched_at);
    let file = FileFacts { name, sha256: SHA256, fetched_at, run_id: "load-1" };
    read_rows(find(profile).unwrap(), dataset, &settings, file, &rows(text))
        .map_err(|error| error.to_string())
}

fn read(profile: &str, dataset: DatasetName, set: &[&str], name: &str, text: &str) -> FileRows {
    try_read(profile, dataset, set, name, text).unwrap()
}

/// The columns of a record's line, `-` for a missing one.
fn columns(record: &Record, names: &[&str]) -> String {
    let mut line = Vec::new();
    record.write_line(&mut line);
    let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
    let text = |name: &&str| match line.get(*name) {
        None => "-".to_owned(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    names.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn prices(records: &[Record]) -> Vec<String> {
    let names = ["symbol", "bar_start", "open", "high", "low", "close", "volume"];
    records.iter().map(|record| columns(record, &names)).collect()
}

const LONDON: [&str; 2] = ["exchange_mic=XLON", "quote_unit=GBp"];

const YAHOO: &str = "\
Date,Open,High,Low,Close,Adj Close,Volume
2026-03-02,152.5,154.75,151.25,153.10000610351562,148.25,1200345
2026-03-03,null,null,null,null,null,null
2026-03-04,153.0,155.5,152.0,155.0,150.0,900000
2026-03-06,155.0,156.0,154.5,155.75,155.75,300100
";

#[test]
fn pence_of_yahoos_download_are_pounds_and_the_open_day_is_not_final() {
    let read = read("yahoo-csv", DailyBars, &LONDON, "FTSE/QLAA.L.csv", YAHOO);
    assert_eq!(
        prices(&read.records),
        [
            "QLAA.XLON 2026-03-02T00:00:00.000Z 1.525 1.5475 1.5125 1.531 1200345",
            "QLAA.XLON 2026-03-04T00:00:00.000Z 1.53 1.555 1.52 1.55 900000",
            "QLAA.XLON 2026-03-06T00:00:00.000Z 1.55 1.56 1.545 1.5575 300100",
        ]
    );
    let rest = [
        "dataset",
        "provider",
        "provider_symbol",
        "asset_class",
        "exchange_mic",
        "interval",
        "trading_date",
        "exchange_tz",
        "adj_close",
        "adjustment",
        "session",
        "currency",
        "quote_unit",
        "unit_divisor",
        "is_final",
        "delay_class",
        "request_id",
        "run_id",
        "unit_id",
        "raw_sha256",
    ];
    let last = read.records.last().unwrap();
    assert_eq!(
        columns(last, &rest),
        "daily_bars yahoo-csv QLAA.L equity XLON 1d 2026-03-06 Europe/London 1.5575 split regular GBP GBp 100 false eod \
         FTSE/QLAA.L.csv load-1 yahoo-csv/daily_bars/QLAA.L/1d 00ff"
    );
    assert_eq!(columns(&read.records[1], &["is_final"]), "true");
    assert_eq!(read.notes, ["1 rows have no price and no volume: gaps, left out"]);
    assert!(read.faults.is_empty());
}

#[test]
fn a_file_that_names_no_currency_is_never_taken_for_pounds() {
    let error = try_read("yahoo-csv", DailyBars, &["exchange_mic=XLON"], "QLAA.L.csv", YAHOO).unwrap_err();
    assert_eq!(
        error,
        "the file names no currency, and prices without one are not taken: say their unit, e.g. --set quote_unit=GBp for pence or \
         --set quote_unit=GBP for pounds"
    );
    let pounds = read("yahoo-csv", DailyBars, &["exchange_mic=XLON", "quote_unit=GBP"], "QLAA.L.csv", YAHOO);
    assert_eq!(columns(&pounds.records[0], &["close", "currency", "unit_divisor"]), "153.1 GBP 1");
    let error = try_read("yahoo-csv", DailyBars, &["quote_unit=GBp"], "QLAA.L.csv", YAHOO).unwrap_err();
    assert!(error.starts_with("the file names no exchange: say it, e.g. --set exchange_mic=XLON"), "{error}");
}

#[test]
fn cells_that_are_no_numbers_are_refused_with_their_line() {
    let text = "Date,Open,High,Low,Close,Adj Close,Volume\n2026-03-02,1,2,1,1.5x,1.5,10\n2026-03-32,1,2,1,1.5,1.5,10\n1,2\n";
    let read = read("yahoo-csv", DailyBars, &LONDON, "QLAA.L.csv", text);
    assert_eq!(
        columns(&read.records[1], &["close", "refused"]),
        r#"- {"close":{"reason":"on line 2 is no number (column \"Close\")","value":"1.5x"}}"#
    );
    assert_eq!(
        columns(&read.records[0], &["trading_date", "refused"]),
        r#"- {"trading_date":{"reason":"on line 3 is not written yyyy-mm-dd (column \"Date\")","value":"2026-03-32"}}"#
    );
    assert_eq!((read.faults[0].reason.as_str(), read.faults[0].raw.as_str()), ("field_count", "1,2"));
    assert_eq!(read.faults[0].detail, "line 4: has 2 fields, the header has 7");
}

#[test]
fn what_a_file_is_not_is_said_in_a_sentence() {
    let sentences = [
        ("yahoo-csv", DailyBars, "QLAA.L.csv", "Date,Open,High,Low,Last,Volume\n2026-03-02,1,2,1,1,5\n"),
        (
            "yfinance",
            DailyBars,
            "QLAA.L.csv",
            "Datetime,Open,High,Low,Close,Volume\n2026-03-02 09:00:00+00:00,1,2,1,1,5\n",
        ),
        ("yahoo-csv", IntradayBars, "QLAA.L.csv", YAHOO),
        ("yahoo-csv", DailyBars, "prices (1).csv", YAHOO),
        ("yahoo-csv", DailyBars, "QLAA.L.csv", ""),
        ("stooq", DailyBars, "qlaa_uk_d.csv", "No data\n"),
        (
            "alpha-vantage",
            DailyBars,
            "daily_QLAA.csv",
            "timestamp,open,high,low,close,volume\n2026-03-02 10:00:00,1,2,1,1,5\n",
        ),
        (
            "yahoo-csv",
            DailyBars,
            "QLAA.L.csv",
            "Date,Open,High,Low,Close,Adj Close,Volume\n2026-02-02,1,2,1,1,1,5\n2026-02-09,1,2,1,1,1,5\n2026-02-16,1,2,1,1,1,5\n",
        ),
        (
            "yahoo-csv",
            DailyBars,
            "QLAA.L.csv",
            "Date,Open,High,Low,Close,Adj Close,Volume\n2026-03-09,1,2,1,1,1,5\n",
        ),
    ];
    let said: Vec<String> = sentences
        .into_iter()
        .map(|(profile, dataset, name, text)| try_read(profile, dataset, &LONDON, name, text).unwrap_err())
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
header does not fit profile yahoo-csv: lacks "Adj Close", "Close"; has unknown "Last"; it reads Date,Open,High,Low,Close,Adj Close,Volume; the whole file is rejected
is a file of intraday_bars, not of daily_bars, by its header; load it with --dataset intraday_bars
is a file of daily_bars, not of intraday_bars, by its header; load it with --dataset daily_bars
its name "prices (1)" names no instrument: say it, e.g. --set symbol=BARC.L
is empty: there is no header; the whole file is rejected
header does not fit profile stooq: lacks "Close", "Date", "High", "Low", "Open"; has unknown "No data"; it reads Date,Open,High,Low,Close,[Volume],[OpenInt] or Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,[Wolumen],[LOP] or <DATE>,[<TIME>],<OPEN>,<HIGH>,<LOW>,<CLOSE>,[<VOL>],<TICKER>,<PER>,[<OPENINT>]; the whole file is rejected
its dates, such as "2026-03-02 10:00:00", are not written yyyy-mm-dd; the whole file is rejected
most of its rows are 7 days apart: bars of weeks or months, of which there is no table, and not of days; download days, or say --set interval=1d where they are days of an instrument that is seldom traded
holds a bar of 2026-03-09, and was last changed on 2026-03-06: say when it was downloaded, e.g. --set fetched_at=2026-03-09T22:00:00Z
"#);
}

#[test]
fn a_known_header_in_another_order_is_read_by_name() {
    let text = "Close,Date,Volume,Low,High,Open,Adj Close\n153,2026-03-02,7,151,154,152,150\n";
    let read = read("yahoo-csv", DailyBars, &LONDON, "QLAA.L.csv", text);
    assert_eq!(prices(&read.records), ["QLAA.XLON 2026-03-02T00:00:00.000Z 1.52 1.54 1.51 1.53 7"]);
}

#[test]
fn settings_are_checked_before_a_file_is_read() {
    let said: Vec<String> = [
        &["quote_unit"][..],
        &["quote_unit=GBp", "quote_unit=GBP"],
        &["currency=GBP"],
        &["exchange_mic=lse"],
        &["exchange_tz=London"],
        &["asset_class=share"],
        &["interval=2m"],
        &["adjustment=all"],
        &["date_format=yyyy"],
        &["fetched_at=yesterday"],
        &["symbol=a b"],
        &["quote_unit=GPB"],
        &["quote_unit=USDT", "asset_class=equity"],
    ]
    .into_iter()
    .map(|set| Settings::parse(set.iter().copied()).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
"quote_unit" is no setting; wants name=value
quote_unit is set twice
unknown setting "currency"; known are quote_unit, exchange_mic, exchange_tz, asset_class, symbol, interval, adjustment, date_format, stamp_tz, fetched_at
exchange_mic "lse" is no code of ISO 10383, such as XLON
"London" is not an IANA time zone
asset_class "share" is unknown; known are equity, fund, etf, index, crypto, fx, future, rate
interval "2m" is unknown; known are 1m, 5m, 15m, 1h, 1d
adjustment "all" is unknown; known are raw, split, split_dividend, unknown
date_format "yyyy" is neither mm/dd/yyyy nor dd/mm/yyyy
fetched_at "yesterday" is no instant such as 2026-03-02T18:30:00Z: premature end of input
symbol "a b" is no instrument's symbol
quote_unit "GPB" is no currency of ISO 4217 and no minor unit of one
quote_unit "USDT" is no currency of ISO 4217 and no minor unit of one
"#);
    // A coin is no unit of shares, which the profile says.
    let error =
        try_read("yahoo-csv", DailyBars, &["exchange_mic=XLON", "quote_unit=USDT"], "QLAA.L.csv", YAHOO)
            .unwrap_err();
    assert_eq!(error, "quote_unit \"USDT\" is no currency of ISO 4217 and no minor unit of one");
}

#[test]
fn an_instrument_of_a_watchlist_has_its_own_unit() {
    let watched = quotelake_sources::Instrument {
        symbol: "QLUS.L".into(),
        mic: Some("XLON".into()),
        exchange_tz: "Europe/London".into(),
        currency: Some("USD".into()),
        asset_class: "etf".into(),
    };
    let settings = Settings::parse(["quote_unit=GBp"]).unwrap().with_instruments(vec![watched]);
    let read = |name: &str| {
        let file = FileFacts {
            name,
            sha256: SHA256,
            fetched_at: "2026-03-06T20:00:00Z".parse().unwrap(),
            run_id: "load-1",
        };
        read_rows(find("yahoo-csv").unwrap(), DailyBars, &settings, file, &rows(YAHOO))
    };
    let own = read("QLUS.L.csv").unwrap();
    assert_eq!(
        columns(&own.records[1], &["close", "currency", "asset_class", "unit_divisor"]),
        "155 USD etf 1"
    );
    assert_eq!(read("QLAA.L.csv").unwrap_err().to_string(), "symbol \"QLAA.L\" is not in the watchlist");
}
