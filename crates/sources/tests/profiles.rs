//! Small files in the shapes of vendors, to the lines that they become.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

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
fn yfinance_with_one_header_row() {
    let history = "\
Date,Open,High,Low,Close,Volume,Dividends,Stock Splits
2026-03-02 00:00:00-05:00,10.5,11.25,10.25,11.0,5000,0.0,0.0
2026-03-03 00:00:00-05:00,11.0,11.5,10.75,11.399999618530273,6000,0.25,0.0
";
    let dollars = ["exchange_mic=XNYS", "quote_unit=USD"];
    let daily = read("yfinance", DailyBars, &dollars, "QL-B.csv", history);
    assert_eq!(
        prices(&daily.records),
        [
            "QL.B.XNYS 2026-03-02T00:00:00.000Z 10.5 11.25 10.25 11 5000",
            "QL.B.XNYS 2026-03-03T00:00:00.000Z 11 11.5 10.75 11.4 6000",
        ]
    );
    assert_eq!(
        columns(&daily.records[0], &["adjustment", "provider_ts", "adj_close"]),
        "split_dividend 1772427600000 -"
    );

    let unadjusted = history
        .replace("Close,Volume", "Close,Adj Close,Volume")
        .replace(",5000,", ",10.9,5000,")
        .replace(",6000,", ",11.3,6000,");
    let unadjusted = read("yfinance", DailyBars, &dollars, "QL-B.csv", &unadjusted);
    assert_eq!(columns(&unadjusted.records[0], &["adjustment", "adj_close"]), "split 10.9");

    let numbered: String = history
        .lines()
        .zip(0..)
        .map(|(line, n)| match n {
            0 => format!(",{line}\n"),
            n => format!("{},{line}\n", n - 1),
        })
        .collect();
    assert_eq!(
        prices(&read("yfinance", DailyBars, &dollars, "QL-B.csv", &numbered).records),
        prices(&daily.records)
    );

    let minutes = "\
Datetime,Open,High,Low,Close,Volume
2026-03-02 09:30:00-05:00,10.5,11.25,10.25,11.0,5000
2026-03-02 09:35:00-05:00,11.0,11.5,10.75,11.25,6000
";
    let set = ["exchange_mic=XNYS", "quote_unit=USD", "interval=5m"];
    let intraday = read("yfinance", IntradayBars, &set, "QL-B.csv", minutes);
    assert_eq!(
        columns(
            &intraday.records[1],
            &["dataset", "bar_start", "trading_date", "interval", "adjustment", "session", "is_final"]
        ),
        "intraday_bars 2026-03-02T14:35:00.000Z 2026-03-02 5m split all true"
    );
    let error = |set: &[&str]| try_read("yfinance", IntradayBars, set, "QL-B.csv", minutes).unwrap_err();
    assert!(
        error(&dollars).starts_with("does not say how long its bars are: say it, e.g. --set interval=5m")
    );
    assert_eq!(
        error(&["exchange_mic=XNYS", "quote_unit=USD", "interval=1h"]),
        "two of its rows are 300 s apart, and its bars are to be 1h long"
    );
}

#[test]
fn dividends_and_splits_beside_bars_are_datasets_of_their_own() {
    let history = "\
Date,Open,High,Low,Close,Volume,Dividends,Stock Splits,Capital Gains
2026-02-27 00:00:00-05:00,40.5,41.25,40.25,41.0,5000,0.0,0.0,0.0
2026-03-02 00:00:00-05:00,10.5,11.25,10.25,11.0,5000,0.1274999976158142,4.0,0.0
2026-03-03 00:00:00-05:00,,,,,,0.0,0.06666666666666667,0.0
2026-03-04 00:00:00-05:00,11.0,11.5,10.75,11.4,6000,3.25,0.0,3.1
2026-03-05 00:00:00-05:00,11.0,11.5,10.75,11.4,6000,soon,twice,0.0
";
    let dollars = ["exchange_mic=XNYS", "quote_unit=USD"];
    let bars = read("yfinance", DailyBars, &dollars, "QLD.csv", history);
    assert_eq!(bars.records.len(), 4);
    assert_eq!(
        bars.notes,
        [
            "1 rows have no price and no volume: gaps, left out",
            "has 4 dividends, which --dataset dividends reads from the same file, and 3 splits, which --dataset splits reads from \
             the same file too"
        ]
    );
    let read_all = |dataset, names: &[&str]| {
        let read = read("yfinance", dataset, &dollars, "QLD.csv", history);
        read.records.iter().map(|record| columns(record, names)).collect::<Vec<_>>()
    };
    assert_eq!(
        read_all(
            Dividends,
            &[
                "dataset",
                "symbol",
                "ex_date",
                "dividend_type",
                "amount",
                "currency",
                "split_adjusted",
                "refused"
            ]
        ),
        [
            "dividends QLD.XNYS 2026-03-02 cash 0.1275 USD true -",
            "dividends QLD.XNYS 2026-03-04 cash 0.15 USD true -",
            r#"dividends QLD.XNYS 2026-03-05 cash - USD true {"amount":{"reason":"on line 6 is no number (column \"Dividends\")","value":"soon"}}"#,
            "dividends QLD.XNYS 2026-03-04 capital_gain 3.1 USD true -",
        ]
    );
    assert_eq!(
        read_all(Splits, &["dataset", "symbol", "execution_date", "split_from", "split_to", "split_type"]),
        [
            "splits QLD.XNYS 2026-03-02 1 4 split",
            "splits QLD.XNYS 2026-03-03 15 1 reverse",
            "splits QLD.XNYS 2026-03-05 - - -",
        ]
    );
    let plain = "Date,Open,High,Low,Close,Volume\n2026-03-02,1,2,1,1,5\n";
    assert_eq!(
        try_read("yfinance", Dividends, &dollars, "QLD.csv", plain).unwrap_err(),
        "has no column of dividends, which profile yfinance reads from \"Dividends\"; the whole file is rejected"
    );
    // Pence are pence in both.
    let pence = "Date,Open,High,Low,Close,Volume,Dividends\n2026-03-02,152.0,154.0,151.0,153.0,100,2.5\n";
    let pence = read("yfinance", Dividends, &LONDON, "QLAA.L.csv", pence);
    assert_eq!(
        columns(&pence.records[0], &["symbol", "amount", "currency", "quote_unit"]),
        "QLAA.XLON 0.025 GBP GBp"
    );
    let alpha = "\
timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient
2026-03-03,11.0,11.5,10.75,11.4,11.4,6000,0.1300,1.0
2026-03-02,10.5,11.25,10.25,11.0,10.9,5000,0.0000,2.0
";
    let alpha_of = |dataset, names: &[&str]| {
        let read = read("alpha-vantage", dataset, &dollars, "daily_adjusted_QLD.csv", alpha);
        read.records.iter().map(|record| columns(record, names)).collect::<Vec<_>>()
    };
    assert_eq!(alpha_of(Dividends, &["ex_date", "amount", "split_adjusted"]), ["2026-03-03 0.13 false"]);
    assert_eq!(alpha_of(Splits, &["execution_date", "split_from", "split_to"]), ["2026-03-02 1 2"]);
}

#[test]
fn weeks_are_never_days() {
    let file = |dates: &[&str]| {
        let rows = dates.iter().map(|date| format!("{date},1,2,1,1.5,1.5,10\n"));
        format!("Date,Open,High,Low,Close,Adj Close,Volume\n{}", rows.collect::<String>())
    };
    let judge = |set: &[&str], dates: &[&str]| {
        let set: Vec<&str> = LONDON.iter().chain(set).copied().collect();
        match try_read("yahoo-csv", DailyBars, &set, "QLAA.L.csv", &file(dates)) {
            Ok(read) => format!("{} rows", read.records.len()),
            Err(error) => error.split(';').next().unwrap().to_owned(),
        }
    };
    let weeks = "most of its rows are 7 days apart: bars of weeks or months, of which there is no table, and not of days";
    // The newest row of a weekly download is the day of the download.
    assert_eq!(judge(&[], &["2026-02-02", "2026-02-09", "2026-02-16", "2026-02-18"]), weeks);
    assert_eq!(judge(&[], &["2026-02-02", "2026-02-09"]), weeks);
    assert_eq!(
        judge(&[], &["2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-02-18"]),
        weeks.replace("7 days", "31 days")
    );
    // A holiday's week is none: London was closed from Christmas to the weekend's end.
    assert_eq!(judge(&[], &["2025-12-24", "2025-12-29"]), "2 rows");
    assert_eq!(judge(&[], &["2026-02-02", "2026-02-09", "2026-02-10", "2026-02-11"]), "4 rows");
    assert_eq!(judge(&["interval=1d"], &["2026-02-02", "2026-02-09", "2026-02-16"]), "3 rows");
    for set in ["interval=1wk", "interval=1mo", "interval=weekly"] {
        let error = Settings::parse([set]).unwrap_err().to_string();
        assert!(error.ends_with("there is no table of bars of weeks or months; download days"), "{error}");
    }
    assert_eq!(
        judge(&["interval=5m"], &["2026-02-02", "2026-02-03"]),
        "interval=5m is set, and daily_bars are of days"
    );
}

#[test]
fn yfinance_with_three_header_rows() {
    let text = "\
Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume
Ticker,QLAA.L,QLBB.L,QLAA.L,QLBB.L,QLAA.L,QLBB.L,QLAA.L,QLBB.L,QLAA.L,QLBB.L
Date,,,,,,,,,,
2026-03-02,153.0,20.5,154.0,21.0,151.0,20.0,152.0,20.25,100,7
2026-03-03,154.0,,155.0,,152.0,,153.0,,200,
";
    let multi = read("yfinance", DailyBars, &LONDON, "all.csv", text);
    assert_eq!(
        prices(&multi.records),
        [
            "QLAA.XLON 2026-03-02T00:00:00.000Z 1.52 1.54 1.51 1.53 100",
            "QLAA.XLON 2026-03-03T00:00:00.000Z 1.53 1.55 1.52 1.54 200",
            "QLBB.XLON 2026-03-02T00:00:00.000Z 0.2025 0.21 0.2 0.205 7",
        ]
    );
    assert_eq!(multi.notes, ["QLBB.L: 1 rows have no price and no volume: gaps, left out"]);

    let by_ticker = "\
Ticker,QLAA.L,QLAA.L,QLAA.L,QLAA.L,QLAA.L
Price,Open,High,Low,Close,Volume
Date,,,,,
2026-03-02,152.0,154.0,151.0,153.0,100
";
    let single = read("yfinance", DailyBars, &LONDON, "download.csv", by_ticker);
    assert_eq!(prices(&single.records), prices(&multi.records)[..1]);
    let old = by_ticker.replace("Ticker,", ",").replace("Price,", ",");
    assert_eq!(
        prices(&read("yfinance", DailyBars, &LONDON, "download.csv", &old).records),
        prices(&single.records)
    );
    let error = try_read("yfinance", DailyBars, &LONDON, "x.csv", &by_ticker.replace("Volume", "Turnover"))
        .unwrap_err();
    assert!(
        error.starts_with(
            "header does not fit profile yfinance: lacks \"Volume\"; has unknown \"Turnover\"; it reads"
        ),
        "{error}"
    );
}

#[test]
fn stooqs_two_shapes_have_one_key() {
    let own = "Date,Open,High,Low,Close,Volume\n2026-03-02,152,154,151,153,1200\n";
    let database = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\nQLAA.UK,D,20260302,000000,152,154,151,153,1200,0\n";
    let of_own = read("stooq", DailyBars, &LONDON, "qlaa_uk_d.csv", own);
    let of_database = read("stooq", DailyBars, &LONDON, "qlaa.uk.txt", database);
    let key = ["provider", "provider_symbol", "symbol", "trading_date", "close", "volume", "adjustment"];
    assert_eq!(columns(&of_own.records[0], &key), "stooq QLAA.UK QLAA.XLON 2026-03-02 1.53 1200 unknown");
    assert_eq!(columns(&of_database.records[0], &key), columns(&of_own.records[0], &key));
    let polish = "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen\n2026-03-02,152,154,151,153,1200\n";
    let polish = read("stooq", DailyBars, &LONDON, "qlaa_uk_d.csv", polish);
    assert_eq!(columns(&polish.records[0], &key), columns(&of_own.records[0], &key));
    let index = read(
        "stooq",
        DailyBars,
        &["exchange_tz=Europe/London", "quote_unit=GBP", "asset_class=index"],
        "^ukx_d.csv",
        "Date,Open,High,Low,Close\n2026-03-02,8152,8154,8151,8153\n",
    );
    assert_eq!(columns(&index.records[0], &["symbol", "exchange_mic", "close", "volume"]), "^UKX - 8153 -");

    let five = database.replace(",D,20260302,000000", ",5,20260302,100500");
    let error = try_read("stooq", DailyBars, &LONDON, "qlaa.uk.txt", &five).unwrap_err();
    assert_eq!(error, "holds bars of 5m, not of days; load it with --dataset intraday_bars");
    let error = try_read("stooq", IntradayBars, &LONDON, "qlaa.uk.txt", &five).unwrap_err();
    assert!(error.starts_with("its times name no zone"), "{error}");
    let set = ["exchange_mic=XLON", "quote_unit=GBp", "stamp_tz=Europe/Warsaw"];
    let five = read("stooq", IntradayBars, &set, "qlaa.uk.txt", &five);
    assert_eq!(columns(&five.records[0], &["bar_start", "interval"]), "2026-03-02T09:05:00.000Z 5m");
}

const INVESTING: &str = "\
\"Date\",\"Price\",\"Open\",\"High\",\"Low\",\"Vol.\",\"Change %\"
\"03/04/2026\",\"1,155.00\",\"1,153.00\",\"1,155.50\",\"1,152.00\",\"1.2M\",\"0.65%\"
\"03/03/2026\",\"1,147.50\",\"1,152.50\",\"1,154.75\",\"1,151.25\",\"-\",\"-0.10%\"
";

#[test]
fn investing_coms_dates_are_asked_for_where_they_fit_both_forms() {
    let name = "QLAA Historical Data.csv";
    let error = try_read("investing.com", DailyBars, &LONDON, name, INVESTING).unwrap_err();
    assert_eq!(
        error,
        "its dates, such as \"03/04/2026\", all fit mm/dd/yyyy and dd/mm/yyyy: say which they are, e.g. --set date_format=mm/dd/yyyy"
    );
    let set = ["exchange_mic=XLON", "quote_unit=GBp", "date_format=mm/dd/yyyy"];
    let american = read("investing.com", DailyBars, &set, name, INVESTING);
    assert_eq!(
        prices(&american.records),
        [
            "QLAA.XLON 2026-03-03T00:00:00.000Z 11.525 11.5475 11.5125 11.475 -",
            "QLAA.XLON 2026-03-04T00:00:00.000Z 11.53 11.555 11.52 11.55 1200000",
        ]
    );
    // The thirteenth decides: no month has that number.
    let decided = INVESTING.replace("03/03/2026", "02/13/2026");
    let decided = read("investing.com", DailyBars, &LONDON, name, &decided);
    assert_eq!(columns(&decided.records[0], &["trading_date"]), "2026-02-13");
    let both = INVESTING.replace("03/03/2026", "02/13/2026").replace("03/04/2026", "14/02/2026");
    let error = try_read("investing.com", DailyBars, &LONDON, name, &both).unwrap_err();
    assert!(
        error.starts_with(
            "its dates, such as \"14/02/2026\", are not all written mm/dd/yyyy, or all dd/mm/yyyy"
        ),
        "{error}"
    );
    let set = ["exchange_mic=XLON", "quote_unit=GBp", "date_format=dd/mm/yyyy"];
    let error = try_read("yahoo-csv", DailyBars, &set, "QLAA.L.csv", YAHOO).unwrap_err();
    assert_eq!(error, "its dates are written yyyy-mm-dd; date_format is no choice");
}

#[test]
fn alpha_vantages_series() {
    let set = ["exchange_mic=XLON", "quote_unit=GBp"];
    let daily = "timestamp,open,high,low,close,volume\n2026-03-03,153.5,155,152,154,900\n2026-03-02,152,154,151,153,1200\n";
    let daily = read("alpha-vantage", DailyBars, &set, "daily_QLAA.LON.csv", daily);
    assert_eq!(
        columns(&daily.records[0], &["symbol", "trading_date", "close", "adjustment"]),
        "QLAA.XLON 2026-03-02 1.53 raw"
    );
    let adjusted = "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\n2026-03-02,152,154,151,153,151.5,1200,0.0000,1.0\n";
    let adjusted = read("alpha-vantage", DailyBars, &set, "daily_adjusted_QLAA.LON.csv", adjusted);
    assert_eq!(columns(&adjusted.records[0], &["close", "adj_close", "adjustment"]), "1.53 1.515 raw");
    let five = "timestamp,open,high,low,close,volume\n2026-03-02 19:55:00,10,11,9,10.5,100\n";
    let dollars = ["exchange_mic=XNYS", "quote_unit=USD"];
    let five = read("alpha-vantage", IntradayBars, &dollars, "intraday_5min_QLZ.csv", five);
    assert_eq!(
        columns(&five.records[0], &["symbol", "bar_start", "trading_date", "interval", "adjustment"]),
        "QLZ.XNYS 2026-03-03T00:55:00.000Z 2026-03-02 5m unknown"
    );
    // A class of shares is no suffix for an exchange.
    let class = read(
        "alpha-vantage",
        DailyBars,
        &dollars,
        "daily_QL.B.csv",
        "timestamp,open,high,low,close,volume\n2026-03-02,1,2,1,1.5,3\n",
    );
    assert_eq!(columns(&class.records[0], &["symbol"]), "QL.B.XNYS");
}

#[test]
fn binances_klines_in_milliseconds_and_microseconds() {
    let coin = ["quote_unit=USDT"];
    let ms =
        "1735516800000,93000.01,93500,92900.5,93200,12.345678,1735520399999,1150000.5,4321,6.1,568000.1,0\n";
    let us =
        "1735693200000000,93576,94000.12,93500,93900,8.5,1735696799999999,797000.5,1234,4.1,384000.1,0\n";
    let hours = read("binance-klines", IntradayBars, &coin, "QLTUSDT-1h-2024-12.csv", &format!("{ms}{us}"));
    assert_eq!(
        prices(&hours.records),
        [
            "QLTUSDT 2024-12-30T00:00:00.000Z 93000.01 93500 92900.5 93200 12.345678",
            "QLTUSDT 2025-01-01T01:00:00.000Z 93576 94000.12 93500 93900 8.5",
        ]
    );
    assert_eq!(
        columns(
            &hours.records[1],
            &["interval", "asset_class", "exchange_tz", "currency", "trade_count", "provider_ts", "is_final"]
        ),
        "1h crypto UTC USDT 1234 1735693200000 true"
    );
    // Files of futures have a header, and a length that the name need not tell.
    let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n";
    let day = ms.replace("1735520399999", "1735603199999");
    let daily = read("binance-klines", DailyBars, &coin, "QLTUSDT.csv", &format!("{header}{day}"));
    assert_eq!(
        columns(&daily.records[0], &["dataset", "interval", "trading_date"]),
        "daily_bars 1d 2024-12-30"
    );

    let error =
        |dataset, name: &str, text: &str| try_read("binance-klines", dataset, &coin, name, text).unwrap_err();
    assert_eq!(
        error(DailyBars, "QLTUSDT.csv", ms),
        "holds bars of 1h, not of days; load it with --dataset intraday_bars"
    );
    assert_eq!(error(IntradayBars, "QLTUSDT-5m-2024-12.csv", ms), "its name says 5m, its rows are of 1h");
    let four = ms.replace("1735520399999", "1735531199999");
    assert_eq!(
        error(IntradayBars, "QLTUSDT.csv", &four),
        "its bars are of 240 minutes; those of 1m, 5m, 15m, 1h and 1d are known"
    );
    assert!(
        error(IntradayBars, "QLTUSDT-1h-2024-12.csv", "1735516800,1,2\n")
            .starts_with("has 3 columns and no header; 12 of profile binance-klines are known")
    );
    assert!(
        try_read("binance-klines", IntradayBars, &[], "QLTUSDT-1h-2024-12.csv", ms)
            .unwrap_err()
            .ends_with("e.g. --set quote_unit=USDT")
    );
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
