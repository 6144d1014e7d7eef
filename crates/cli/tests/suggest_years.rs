//! Proposals hold tomorrow: what a year of the demo's real prices proposes, held against the next year of the same stock.

use crate::common;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::samples;
use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use chrono::{Datelike as _, Days, NaiveDate};
use dqdl::{Options, Outcome, Plan, Profile, Severity, SuggestOptions};
use quotelake_cli::args::{DemoArgs, LakeArg};
use quotelake_cli::commands::demo;
use quotelake_cli::output::{Exit, Output};
use quotelake_cli::tables::{dates, texts};
use quotelake_contract::Contracts;
use quotelake_local::FolderLake;

/// The bars of each stock and year.
async fn years() -> BTreeMap<(String, i32), RecordBatch> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lake");
    let args =
        DemoArgs { lake: LakeArg { lake: root.clone() }, recording: Some(samples()), out: None, chaos: None };
    assert_eq!(demo::run(args, Output::silent()).await.unwrap(), Exit::Done);
    let lake: Arc<FolderLake> = Arc::new(FolderLake::open(&root).unwrap());
    let contracts = Contracts::built_in().unwrap();
    let bars =
        common::read_table(lake.as_ref(), &contracts.get("daily_bars").unwrap().contract).await.unwrap();
    let batches: Vec<RecordBatch> = bars.into_iter().map(|(_, batch)| batch).collect();
    let all = concat_batches(&batches[0].schema(), &batches).unwrap();
    let keys: Vec<(String, i32)> = texts(&all, "symbol")
        .unwrap()
        .iter()
        .zip(dates(&all, "trading_date").unwrap())
        .map(|(symbol, day)| (symbol.clone().unwrap(), day.unwrap().year()))
        .collect();
    let mut years = BTreeMap::new();
    for key in &keys {
        years.entry(key.clone()).or_insert_with(|| {
            let wanted: BooleanArray = keys.iter().map(|other| Some(other == key)).collect();
            filter_record_batch(&all, &wanted).unwrap()
        });
    }
    years
}

/// What is proposed at the end of a year.
fn proposed(bars: &RecordBatch, year: i32) -> (String, Options) {
    let now = NaiveDate::from_ymd_opt(year, 12, 31).unwrap().checked_add_days(Days::new(3)).unwrap();
    let now = now.and_hms_opt(0, 0, 0).unwrap().and_utc();
    // As of Parquet files that no contract is known of.
    let options = SuggestOptions { key: Vec::new(), provenance: Vec::new(), now };
    let mut profile = Profile::new(&bars.schema(), options);
    profile.observe(bars);
    (profile.suggest(), Options::new(now))
}

/// The rules that fail, of how many; none may be more than a warning.
fn failing(ruleset: &str, bars: &RecordBatch, options: &Options) -> (Vec<String>, usize) {
    let ruleset = dqdl::parse(ruleset).unwrap();
    let plan = Plan::compile(&ruleset, bars.schema(), options);
    assert!(plan.rules().iter().all(|rule| rule.severity == Severity::Warn));
    let mut run = plan.start();
    run.observe(bars, &plan.row_masks(bars), None);
    let results = run.finish().results;
    let failed = results.iter().filter(|result| result.outcome != Outcome::Pass);
    (failed.map(|result| result.rule.clone()).collect(), results.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_than_one_rule_in_a_hundred_fails_on_the_next_year() {
    let years = years().await;
    let (mut pairs, mut rules, mut failed) = (0, 0, Vec::new());
    for ((symbol, year), bars) in &years {
        let (ruleset, options) = proposed(bars, *year);
        assert_eq!(failing(&ruleset, bars, &options).0, [""; 0], "{symbol} {year} itself\n{ruleset}");
        let Some(next) = years.get(&(symbol.clone(), year + 1)) else { continue };
        let (_, then) = proposed(next, year + 1);
        let (broken, of) = failing(&ruleset, next, &then);
        pairs += 1;
        rules += of;
        failed.extend(broken.into_iter().map(|rule| format!("{symbol} {year}: {rule}")));
    }
    assert_eq!(pairs, 3 * 13 + 9 + 1, "{:?}", years.keys());
    // They say something of every column that has values, limits of the prices among it.
    assert!(rules / pairs >= 25, "{rules} rules of {pairs} pairs");
    assert!(failed.len() * 100 < rules, "{} of {rules} rules fail:\n{}", failed.len(), failed.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn proposals_of_a_year_find_what_breaks_in_the_next() {
    let years = years().await;
    let bars = &years[&("IBM.XNYS".to_owned(), 2009)];
    let (ruleset, _) = proposed(bars, 2009);
    for rule in [
        "ColumnValues \"close\" between ",
        "ColumnValues \"volume\" ",
        "ColumnValues \"symbol\" in [\"IBM.XNYS\"]",
        "where \"high < low\"",
    ] {
        assert!(ruleset.contains(rule), "{rule}\n{ruleset}");
    }
    // A price in pence: a hundred times the other.
    let close = ruleset.lines().find(|line| line.contains("ColumnValues \"close\" between")).unwrap();
    let most: f64 = close.trim().trim_end_matches(',').rsplit(' ').next().unwrap().parse().unwrap();
    assert!(most < 132.0 * 100.0, "{close}");
    for absent in
        ["raw_sha256\" in", "run_id\" in", "\"month\" in", "IsUnique \"close\"", "request_id\" matches"]
    {
        assert!(!ruleset.contains(absent), "{absent}\n{ruleset}");
    }
}
