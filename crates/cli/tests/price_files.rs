//! `quotelake load --profile`: price files in vendors' shapes, from the command line to the table.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

struct World(tempfile::TempDir);

struct Ran {
    code: i32,
    json: Value,
    stderr: String,
}

impl World {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn lake(&self) -> PathBuf {
        self.0.path().join("lake")
    }

    fn load(&self, dataset: &str, profile: &str, set: &[&str], rest: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
        command
            .args(["load", "--json", "--dataset", dataset, "--profile", profile, "--lake"])
            .arg(self.lake());
        set.iter().for_each(|set| {
            command.args(["--set", set]);
        });
        let output = command.args(rest).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("panicked"), "{stderr}");
        Ran {
            code: output.status.code().unwrap(),
            json: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            stderr,
        }
    }

    /// Columns of a table's rows, by its files and in their order.
    fn table(&self, table: &str, columns: &[&str]) -> Vec<String> {
        let mut files = Vec::new();
        walk(&self.lake().join("bronze").join(table), &mut files);
        files.sort();
        let mut rows = Vec::new();
        for file in files {
            let reader =
                ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap().build().unwrap();
            for batch in reader {
                let batch = batch.unwrap();
                let texts: Vec<_> =
                    columns.iter().map(|name| cast(&batch[*name], &DataType::Utf8).unwrap()).collect();
                for row in 0..batch.num_rows() {
                    let cell = |texts: &arrow::array::ArrayRef| {
                        if texts.is_null(row) {
                            "-".to_owned()
                        } else {
                            plain(texts.as_string::<i32>().value(row))
                        }
                    };
                    rows.push(texts.iter().map(cell).collect::<Vec<_>>().join(" "));
                }
            }
        }
        rows
    }
}

/// Decimals without the zeros at their end.
fn plain(text: &str) -> String {
    let is_decimal = text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_decimal { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            files.push(path);
        }
    }
}

const LONDON: [&str; 2] = ["exchange_mic=XLON", "quote_unit=GBp"];

const HEADER: &str = "Date,Open,High,Low,Close,Adj Close,Volume\n";

#[test]
fn a_folder_of_pence_becomes_pounds_and_loads_once() {
    let world = World::new();
    let first = world.file(
        "FTSE/QLAA.L.csv",
        &format!("{HEADER}2024-03-01,152.5,154.75,151.25,153.100006,148.2,1200345\n2024-03-04,null,null,null,null,null,null\n2024-03-05,153.0,155.5,152.0,155.0,150.0,900000\n"),
    );
    let second = world.file(
        "FTSE/QLBB.L.csv",
        &format!(
            "{HEADER}2024-03-01,1000.0,1010.0,990.0,1005.0,1001.0,77\n2024-03-05,1005.0,,990.0,x,1001.0,77\n"
        ),
    );
    let refused = world.load("daily_bars", "yahoo-csv", &["exchange_mic=XLON"], &[&first, &second]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("the file names no currency, and prices without one are not taken: say their unit, e.g. --set quote_unit=GBp"), "{}", refused.stderr);

    let loaded = world.load("daily_bars", "yahoo-csv", &LONDON, &[&first, &second]);
    assert_eq!(loaded.code, 2, "{}", loaded.json);
    assert_eq!(
        (&loaded.json["rows_in"], &loaded.json["inserted"], &loaded.json["quarantined"]),
        (&4.into(), &3.into(), &1.into())
    );
    assert!(
        loaded.json["notes"][0]
            .as_str()
            .unwrap()
            .ends_with("QLAA.L.csv: 1 rows have no price and no volume: gaps, left out")
    );
    let columns = [
        "provider",
        "provider_symbol",
        "symbol",
        "trading_date",
        "open",
        "close",
        "adj_close",
        "volume",
        "currency",
        "quote_unit",
        "unit_divisor",
        "adjustment",
        "is_final",
    ];
    assert_eq!(
        world.table("daily_bars", &columns),
        [
            "yahoo-csv QLAA.L QLAA.XLON 2024-03-01 1.525 1.531 1.482 1200345 GBP GBp 100 split true",
            "yahoo-csv QLAA.L QLAA.XLON 2024-03-05 1.53 1.55 1.5 900000 GBP GBp 100 split true",
            "yahoo-csv QLBB.L QLBB.XLON 2024-03-01 10 10.05 10.01 77 GBP GBp 100 split true",
        ]
    );
    let again = world.load("daily_bars", "yahoo-csv", &LONDON, &[&first]);
    assert_eq!((again.code, &again.json["inserted"], &again.json["duplicates"]), (0, &0.into(), &2.into()));

    let quarantine = Command::new(env!("CARGO_BIN_EXE_quotelake"))
        .args(["quarantine", "ls", "--json", "--lake"])
        .arg(world.lake())
        .output()
        .unwrap();
    let quarantine = String::from_utf8(quarantine.stdout).unwrap();
    assert!(
        quarantine.contains("on line 3 is no number (column \\\\\\\"Close\\\\\\\")")
            || quarantine.contains("on line 3 is no number"),
        "{quarantine}"
    );
}

#[test]
fn rows_are_checked_as_a_vendors_rows_are() {
    let world = World::new();
    // A Sunday; a high below the low; two days that are good.
    let rows = [
        "2024-03-03,152,154,151,153,153,10",
        "2024-03-04,152,150,155,153,153,10",
        "2024-03-05,152,154,151,153,153,10",
        "2024-03-06,152,154,151,153,153,10",
    ];
    let file = world.file("QLAA.L.csv", &format!("{HEADER}{}\n", rows.join("\n")));
    let loaded = world.load("daily_bars", "yahoo-csv", &LONDON, &[&file]);
    assert_eq!(
        (&loaded.json["rows_in"], &loaded.json["quarantined"]),
        (&4.into(), &2.into()),
        "{}",
        loaded.json
    );
}

#[test]
fn a_watchlist_names_the_units_that_differ() {
    let world = World::new();
    let row = format!("{HEADER}2024-03-01,152,154,151,153,153,10\n");
    let pence = world.file("f/QLAA.L.csv", &row);
    world.file("f/QLUS.L.csv", &row);
    world.file("f/OTHER.L.csv", &row);
    let watchlist = world.file(
        "list.json",
        r#"{"exchange_tz":"Europe/London","asset_class":"equity","mic":"XLON","symbols":[{"symbol":"QLAA.L"},{"symbol":"QLUS.L","currency":"USD","asset_class":"etf"}]}"#,
    );
    let folder = Path::new(&pence).parent().unwrap().display().to_string();
    let loaded =
        world.load("daily_bars", "yahoo-csv", &["quote_unit=GBp"], &["--watchlist", &watchlist, &folder]);
    assert_eq!(loaded.code, 3, "{}", loaded.json);
    let failed = loaded.json["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 1);
    assert!(failed[0]["error"].as_str().unwrap().contains("symbol \"OTHER.L\" is not in the watchlist"));
    assert_eq!(
        world.table("daily_bars", &["symbol", "close", "currency"]),
        ["QLAA.XLON 1.53 GBP", "QLUS.XLON 153 USD"]
    );
}

/// Profile, dataset, settings, the file's name and text, the row that it becomes.
type Case<'a> = (&'a str, &'a str, &'a [&'a str], &'a str, &'a str, &'a str);

#[test]
fn every_profile_loads_into_its_tables() {
    let cases: [Case<'_>; 6] = [
        (
            "yfinance",
            "daily_bars",
            &LONDON,
            "all.csv",
            "Price,Close,High,Low,Open,Volume\nTicker,QLAA.L,QLAA.L,QLAA.L,QLAA.L,QLAA.L\nDate,,,,,\n2024-03-01,153.0,154.0,151.0,152.0,100\n",
            "QLAA.XLON 1.53 GBP split_dividend",
        ),
        (
            "stooq",
            "daily_bars",
            &LONDON,
            "qlaa_uk_d.csv",
            "Date,Open,High,Low,Close,Volume\n2024-03-01,152,154,151,153,1200\n",
            "QLAA.XLON 1.53 GBP unknown",
        ),
        (
            "investing.com",
            "daily_bars",
            &["exchange_mic=XLON", "quote_unit=GBp", "date_format=mm/dd/yyyy"],
            "QLAA Historical Data.csv",
            "\u{feff}\"Date\",\"Price\",\"Open\",\"High\",\"Low\",\"Vol.\",\"Change %\"\n\"03/01/2024\",\"1,153.00\",\"1,152.00\",\"1,154.00\",\"1,151.00\",\"1.2M\",\"0.65%\"\n",
            "QLAA.XLON 11.53 GBP unknown",
        ),
        (
            "alpha-vantage",
            "daily_bars",
            &LONDON,
            "daily_QLAA.LON.csv",
            "timestamp,open,high,low,close,volume\n2024-03-01,152,154,151,153,1200\n",
            "QLAA.XLON 1.53 GBP raw",
        ),
        (
            "binance-klines",
            "intraday_bars",
            &["quote_unit=USDT"],
            "QLTUSDT-1m-2025-01.csv",
            "1735693200000000,93576,94000.12,93500,93900,8.5,1735693259999999,797000.5,1234,4.1,384000.1,0\n",
            "QLTUSDT 93900 USDT raw",
        ),
        (
            "yfinance",
            "intraday_bars",
            &["exchange_mic=XNYS", "quote_unit=USD", "interval=5m"],
            "QL-B.csv",
            "Datetime,Open,High,Low,Close,Volume\n2024-03-01 09:30:00-05:00,10.5,11.25,10.25,11.0,5000\n",
            "QL.B.XNYS 11 USD split",
        ),
    ];
    for (profile, dataset, set, name, text, row) in cases {
        let world = World::new();
        let file = world.file(name, text);
        let loaded = world.load(dataset, profile, set, &[&file]);
        assert_eq!(loaded.code, 0, "{profile}: {} {}", loaded.json, loaded.stderr);
        assert_eq!(world.table(dataset, &["symbol", "close", "currency", "adjustment"]), [row], "{profile}");
    }
}

/// Runs a command in JSON: how it ended, what it printed, and what it complained of.
fn quotelake(args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake")).arg("--json").args(args).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
    Ran {
        code: output.status.code().unwrap(),
        json: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
        stderr,
    }
}

#[test]
fn a_price_file_is_checked_by_its_profile() {
    let world = World::new();
    let file = world.file(
        "QLAA.L.csv",
        &format!("{HEADER}2024-03-04,152,154,151,153,153,10\n2024-03-05,152,150,155,153,153,10\n"),
    );
    let check = |rest: &[&str]| {
        let args =
            ["check", "--dataset", "daily_bars", "--profile", "yahoo-csv", "--set", "exchange_mic=XLON"];
        quotelake(&[&args[..], rest, &[&file]].concat())
    };
    let checked = check(&["--set", "quote_unit=GBp"]);
    assert_eq!(
        (checked.code, &checked.json["rows"]["staged"], &checked.json["rows"]["quarantined"]),
        (2, &1.into(), &1.into())
    );
    let refused = check(&[]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("the file names no currency"), "{}", refused.stderr);
    let alone = quotelake(&["check", "--profile", "yahoo-csv", "--rules", "x.dqdl", &file]);
    assert_eq!(alone.code, 64, "{}", alone.stderr);
}

#[test]
fn price_files_in_the_inbox_are_read_by_an_option_or_by_what_the_lake_says() {
    let world = World::new();
    let lake = world.lake().display().to_string();
    let bars = format!("{HEADER}2024-03-01,152,154,151,153,153,10\n");
    world.file("lake/inbox/daily_bars/london/QLAA.L.csv", &bars);
    let inbox =
        |rest: &[&str]| quotelake(&[&["inbox", "run", "--quiet-ms", "0", "--lake", &lake], rest].concat());
    let file = |ran: &Ran, at: usize| {
        let file = &ran.json["files"][at];
        format!(
            "{} {}",
            file["outcome"].as_str().unwrap_or_default(),
            file["reason"].as_str().unwrap_or_default()
        )
    };
    // By its contract a table of bars is canonical rows.
    let rejected = inbox(&[]);
    assert_eq!(rejected.code, 3);
    assert!(file(&rejected, 0).starts_with("rejected"), "{}", rejected.json);

    let unsaid = inbox(&["--again", "--profile", "yahoo-csv", "--set", "exchange_mic=XLON"]);
    assert!(file(&unsaid, 0).contains("the file names no currency"), "{}", unsaid.json);
    let unknown = inbox(&["--profile", "yahoo-csv", "--set", "unit=GBp"]);
    assert!(unknown.stderr.contains("unknown setting"), "{}", unknown.stderr);

    let set = ["--profile", "yahoo-csv", "--set", "exchange_mic=XLON", "--set", "quote_unit=GBp"];
    let landed = inbox(&[&["--again"], &set[..]].concat());
    assert_eq!((landed.code, file(&landed, 0).as_str()), (0, "landed "), "{} {}", landed.json, landed.stderr);
    let columns = ["symbol", "trading_date", "close", "currency", "provider", "is_final"];
    assert_eq!(world.table("daily_bars", &columns), ["QLAA.XLON 2024-03-01 1.53 GBP yahoo-csv true"]);
    assert!(inbox(&set).json["files"].as_array().unwrap().is_empty(), "a file is taken once");

    // What the lake itself says holds without an option, for each folder; another name of the same bytes is another instrument.
    world.file(
        "lake/contracts/price-files.json",
        r#"{"daily_bars/london": {"profile": "yahoo-csv", "set": {"exchange_mic": "XLON", "quote_unit": "GBp"}},
            "daily_bars/us": {"profile": "yfinance", "set": {"exchange_mic": "XNYS", "quote_unit": "USD"}},
            "splits": {"profile": "yfinance", "set": {"exchange_mic": "XNYS", "quote_unit": "USD"}},
            "dividends": {"profile": "list"}}"#,
    );
    world.file("lake/inbox/daily_bars/london/QLBB.L.csv", &bars);
    let history = "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n2024-03-01 00:00:00-05:00,10.5,11.25,10.25,11.0,5000,0.0,3.0\n";
    for folder in ["daily_bars/us", "splits", "dividends"] {
        world.file(&format!("lake/inbox/{folder}/QLUS.csv"), history);
    }
    let landed = inbox(&[]);
    let said: Vec<String> = (0..4).map(|at| file(&landed, at)).collect();
    assert_eq!(landed.code, 3, "{}", landed.json);
    assert_eq!(
        (said[0].as_str(), said[1].as_str(), said[3].as_str()),
        ("landed ", "landed ", "landed "),
        "{said:?}"
    );
    assert!(said[2].contains("by profile list: unknown profile \"list\""), "{said:?}");
    assert_eq!(
        world.table("daily_bars", &columns),
        [
            "QLAA.XLON 2024-03-01 1.53 GBP yahoo-csv true",
            "QLBB.XLON 2024-03-01 1.53 GBP yahoo-csv true",
            "QLUS.XNYS 2024-03-01 11 USD yfinance true",
        ]
    );
    assert_eq!(world.table("splits", &["symbol", "execution_date", "split_to"]), ["QLUS.XNYS 2024-03-01 3"]);
}

#[test]
fn a_day_that_ran_when_the_file_was_written_is_not_final() {
    let world = World::new();
    let lake = world.lake().display().to_string();
    let path = world.file(
        "lake/inbox/daily_bars/QLAA.L.csv",
        &format!("{HEADER}2024-03-01,152,154,151,153,153,10\n2024-03-04,152,154,151,153,153,10\n"),
    );
    // 2024-03-04T12:00:00Z: London is open.
    let noon = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_709_553_600);
    File::options().write(true).open(path).unwrap().set_modified(noon).unwrap();
    let ran = quotelake(&[
        "inbox",
        "run",
        "--quiet-ms",
        "0",
        "--lake",
        &lake,
        "--profile",
        "yahoo-csv",
        "--set",
        "exchange_mic=XLON",
        "--set",
        "quote_unit=GBp",
    ]);
    assert_eq!(ran.code, 0, "{} {}", ran.json, ran.stderr);
    assert_eq!(
        world.table("daily_bars", &["trading_date", "is_final"]),
        ["2024-03-01 true", "2024-03-04 false"]
    );
}

#[test]
fn profiles_are_listed() {
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_quotelake")).args(args).output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, json, _) = run(&["profiles", "--json"]);
    let listed: Value = serde_json::from_str(&json).unwrap();
    let names: Vec<&str> =
        listed.as_array().unwrap().iter().map(|profile| profile["name"].as_str().unwrap()).collect();
    assert_eq!(
        (code, names),
        (0, vec!["alpha-vantage", "binance-klines", "investing-com", "stooq", "yahoo-csv", "yfinance"])
    );
    let (_, text, _) = run(&["profiles", "yahoo-csv"]);
    assert!(text.contains("daily_bars\n  Date,Open,High,Low,Close,Adj Close,Volume\n"), "{text}");
    assert!(text.contains("quote_unit: the unit of the prices"), "{text}");
    let world = World::new();
    let file = world.file("QLAA.L.csv", HEADER);
    let unknown = world.load("daily_bars", "list", &LONDON, &[&file]);
    assert!(unknown.stderr.contains("known are alpha-vantage, binance-klines"), "{}", unknown.stderr);
    let other = world.load("dividends", "stooq", &LONDON, &[&file]);
    assert!(
        other.stderr.contains("profile stooq has files of daily_bars and intraday_bars, not of dividends"),
        "{}",
        other.stderr
    );
}
