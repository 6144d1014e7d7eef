//! `quotelake query` over the demo's tables: exact decimals, partition columns, a clear error.
#![cfg(feature = "sql")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::process::Command;

use common::samples;
use serde_json::{Value, json};

fn quotelake(args: &[&str]) -> (i32, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake")).args(args).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), serde_json::from_str(&stdout).unwrap_or(Value::Null), stderr)
}

#[test]
fn the_published_tables_answer() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").display().to_string();
    let recording = samples().display().to_string();
    let (code, _, stderr) = quotelake(&["demo", "--json", "--lake", &lake, "--recording", &recording]);
    assert_eq!(code, 0, "{stderr}");
    let ask = |sql: &str| quotelake(&["query", "--json", "--lake", &lake, sql]);
    let (code, answer, stderr) = ask(
        "select symbol, count(*) as bars, sum(close) as sum_close from daily_bars group by symbol order by symbol limit 2",
    );
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(
        answer,
        json!({
            "columns": ["symbol", "bars", "sum_close"],
            "rows": [["AAPL.XNAS", "3270", "494123.947100000000000000"], ["FB.XNAS", "196", "5022.710200000000000000"]]
        })
    );
    let (_, answer, stderr) = ask("select count(*) as n from daily_bars where month = '2013-03'");
    assert_eq!(answer["rows"], json!([["5"]]), "{stderr}");
    let (_, answer, _) = ask(
        "select d.symbol, d.amount from dividends d join splits s on d.symbol = s.symbol where s.execution_date = date '2003-02-18' order by d.ex_date limit 1",
    );
    assert_eq!(answer["rows"], json!([["MSFT.XNAS", "0.080000000000000000"]]));
    // What Quotelake writes about its own work, with its day.
    let (_, answer, stderr) = ask(
        "select r.stage, sum(r.rows_out) as rows_out from runs r where r.day >= date '2020-01-01' and r.stage <> 'publish' group by r.stage order by r.stage",
    );
    let rows: Vec<_> = answer["rows"].as_array().into_iter().flatten().collect();
    let stages: Vec<_> = rows.iter().map(|row| row[0].as_str().unwrap()).collect();
    assert_eq!(stages, ["check", "fetch", "transform"], "{stderr}");
    assert!(rows.iter().all(|row| row[1] == rows[0][1] && row[1] != "0"), "{rows:?}");
    let (_, answer, stderr) = ask("select count(distinct check_id) > 0 from rule_results");
    assert_eq!(answer["rows"], json!([["true"]]), "{stderr}");
    let (code, _, stderr) = ask("select nonsense from daily_bars");
    assert_eq!(code, 1);
    assert!(stderr.contains("nonsense"), "{stderr}");
}
