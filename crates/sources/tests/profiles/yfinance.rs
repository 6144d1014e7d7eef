//! What yfinance writes: headers in one row and in three, events beside bars.

use super::*;

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
