//! Stooq, investing.com, Alpha Vantage, Binance.

use super::*;

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
