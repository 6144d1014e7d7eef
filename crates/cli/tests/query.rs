//! `quotelake query` over the demo's tables: exact decimals, partition columns, a clear error.
#![cfg(feature = "sql")]

use crate::common;

use std::process::Command;

use crate::common::samples;
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
        "select r.stage, sum(r.rows_out) as rows_out from runs r where r.day >= date '2020-01-01' and r.stage not in ('publish', 'refine') group by r.stage order by r.stage",
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

/// Where nothing may be written, as for a backup or another user, and with the hidden records beside the files.
#[cfg(unix)]
#[test]
fn a_folder_that_may_only_be_read_answers() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").display().to_string();
    let recording = samples().display().to_string();
    let (code, _, stderr) = quotelake(&["demo", "--json", "--lake", &lake, "--recording", &recording]);
    assert_eq!(code, 0, "{stderr}");
    let set = |mode: u32| {
        for folder in ["", "_platform", "_platform/catalog", "_platform/queues", "_platform/stream", "bronze"]
        {
            let path = std::path::Path::new(&lake).join(folder);
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    let before = common::files(std::path::Path::new(&lake));
    set(0o555);
    let (code, answer, stderr) =
        quotelake(&["query", "--json", "--lake", &lake, "select count(*) as n from splits"]);
    set(0o755);
    assert_eq!(code, 0, "{stderr}");
    assert_ne!(answer["rows"], json!([["0"]]));
    assert_eq!(common::files(std::path::Path::new(&lake)), before, "nothing was written");
}

/// Twenty prices whose sum of hundredths does not fit 64 bits, in a table whose contract gives a price 18 digits.
#[test]
fn sums_of_large_prices_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").display().to_string();
    let contract = samples().join("../contracts/orders.yaml").display().to_string();
    let orders = std::fs::read_to_string(samples().join("../csv/orders.csv")).unwrap();
    let (header, row) = (orders.lines().next().unwrap(), orders.lines().nth(2).unwrap());
    let at = |name: &str| header.split(',').position(|cell| cell == name).unwrap();
    let mut csv = format!("{header}\n");
    for id in 1..=20 {
        let mut cells: Vec<String> = row.split(',').map(str::to_owned).collect();
        cells[at("Order ID")] = format!("B-{id}");
        cells[at("Unit price")] = "9999999999999999.99".into();
        csv += &format!("{}\n", cells.join(","));
    }
    let file = folder.path().join("orders.csv");
    std::fs::write(&file, csv).unwrap();
    let file = file.display().to_string();
    let (code, loaded, stderr) = quotelake(&[
        "load",
        "--json",
        "--lake",
        &lake,
        "--dataset",
        "orders",
        "--contract",
        &contract,
        &file,
    ]);
    assert_eq!(code, 0, "{loaded} {stderr}");
    let sql =
        "select sum(unit_price), avg(unit_price), max(unit_price * 3), sum(unit_price * 0.1) from orders";
    let (code, answer, stderr) = quotelake(&["query", "--json", "--lake", &lake, sql]);
    assert_eq!(code, 0, "{stderr}");
    let wanted =
        ["199999999999999999.80", "9999999999999999.990000", "29999999999999999.97", "19999999999999999.980"];
    assert_eq!(answer["rows"], json!([wanted]));
}
