//! The demo, whole: real prices from recorded pages to the table, twice, and once into a new lake.

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::common::{files, samples};
use quotelake_cli::args::{DemoArgs, LakeArg};
use quotelake_cli::commands::demo;
use quotelake_cli::output::{Exit, Output};
use quotelake_cli::tables::{dates, decimals, texts};
use quotelake_contract::Contracts;
use quotelake_core::Decimal;
use quotelake_local::FolderLake;

/// Closes of the source file by ticker: rows, first and last day, sum.
const EXPECTED: [(&str, usize, &str, &str, &str); 5] = [
    ("AAPL.XNAS", 3270, "2000-03-01", "2013-03-01", "494123.9471"),
    ("FB.XNAS", 196, "2012-05-18", "2013-03-01", "5022.7102"),
    ("GOOG.XNAS", 2148, "2004-08-19", "2013-03-01", "1021329.1685"),
    ("IBM.XNYS", 3270, "2000-03-01", "2013-03-01", "373001.1868"),
    ("MSFT.XNAS", 3270, "2000-03-01", "2013-03-01", "113796.975"),
];

async fn run(root: &std::path::Path) -> Exit {
    let args = DemoArgs {
        lake: LakeArg { lake: root.to_owned() },
        recording: Some(samples()),
        out: None,
        chaos: None,
    };
    demo::run(args, Output::silent()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_thousand_bars_arrive_exactly_and_a_second_run_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lake");
    assert_eq!(run(&root).await, Exit::Done);

    let lake: Arc<FolderLake> = Arc::new(FolderLake::open(&root).unwrap());
    let contracts = Contracts::built_in().unwrap();
    let bars =
        common::read_table(lake.as_ref(), &contracts.get("daily_bars").unwrap().contract).await.unwrap();
    let mut found: BTreeMap<String, (BTreeSet<chrono::NaiveDate>, i128)> = BTreeMap::new();
    let mut rows = 0;
    for (_, batch) in &bars {
        let (closes, scale) = decimals(batch, "close").unwrap();
        assert_eq!(scale, 18);
        let symbols = texts(batch, "symbol").unwrap();
        let days = dates(batch, "trading_date").unwrap();
        for row in 0..batch.num_rows() {
            rows += 1;
            let entry = found.entry(symbols[row].clone().unwrap()).or_default();
            assert!(entry.0.insert(days[row].unwrap()), "two bars for one key");
            entry.1 += closes[row].unwrap();
        }
    }
    assert_eq!(rows, 12_154);
    let found: Vec<_> = found
        .into_iter()
        .map(|(symbol, (days, sum))| {
            let (first, last) = (days.first().unwrap().to_string(), days.last().unwrap().to_string());
            (symbol, days.len(), first, last, Decimal::new(sum, 18).to_string())
        })
        .collect();
    let expected: Vec<_> = EXPECTED
        .iter()
        .map(|(symbol, count, first, last, sum)| {
            ((*symbol).to_owned(), *count, (*first).to_owned(), (*last).to_owned(), (*sum).to_owned())
        })
        .collect();
    assert_eq!(found, expected);
    let actions = |name: &str| contracts.get(name).unwrap().contract.clone();
    let count = async |name: &str| {
        let parts = common::read_table(lake.as_ref(), &actions(name)).await.unwrap();
        parts.iter().map(|(_, batch)| batch.num_rows()).sum::<usize>()
    };
    assert_eq!((count("splits").await, count("dividends").await), (3, 93));
    let page = std::fs::read_to_string(root.join("report.html")).unwrap();
    assert!(page.contains("AAPL.XNAS") && !page.contains("src=\"http"));

    let first = files(&root.join("bronze"));
    assert_eq!(run(&root).await, Exit::Done);
    assert_eq!(files(&root.join("bronze")), first, "the same run again");
    let other = folder.path().join("other");
    assert_eq!(run(&other).await, Exit::Done);
    assert_eq!(files(&other.join("bronze")), first, "a new lake");
}
