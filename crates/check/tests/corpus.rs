//! A corpus of daily series: clean ones, from which nothing may be withheld and hardly anything flagged, and faulty ones made of them,
//! whose faulty rows have to be found. `cargo test -p quotelake-check --test all corpus:: -- --nocapture` prints both by kind.
#![allow(clippy::print_stdout, reason = "a test prints its table")]

mod faults;
mod invented;
mod series;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::support::{KEY, World};
use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::NaiveDate;
use quotelake_check::{CheckReport, check_object};
use quotelake_contract::Contracts;
use quotelake_core::ports::Lake as _;
use quotelake_table::Columnar as _;
use quotelake_table::staged::StagedObjects;
use quotelake_testkit::CallPlan;
use series::Series;

/// Flagged rows of clean series, as a part of all: a market's wild days, and no more.
const CLEAN_FLAGGED: f64 = 0.0005;
/// The same of markets that are wilder than the recorded ones.
const UNLIKE_FLAGGED: f64 = 0.005;
/// Files of a kind that have to be found.
const FOUND: f64 = 0.95;
/// Faulty rows of a file that have to be found for it to count.
const ROWS_FOUND: f64 = 0.8;

/// Other rows that may be flagged for each faulty file: the bars beside a fault, and the market's wild days.
const OTHERS: usize = 3;

/// What was found in a file: dates of bars and of dividends, each with what was said.
struct Found {
    report: CheckReport,
    bars: BTreeMap<NaiveDate, String>,
    dividends: BTreeMap<NaiveDate, String>,
    quarantined: usize,
}

async fn check(series: &Series) -> Found {
    let world = World::with(&series.lines()).await;
    let report = check_object(&world.context(&CallPlan::new()), KEY, "d").await.unwrap();
    let mut bars = flagged(&world, "daily_bars", "trading_date").await;
    let mut dividends = flagged(&world, "dividends", "ex_date").await;
    let quarantined = world.quarantined().await;
    for row in &quarantined {
        let line: serde_json::Value = serde_json::from_str(row.raw.as_deref().unwrap()).unwrap();
        let (found, column) = match row.dataset.as_str() {
            "daily_bars" => (&mut bars, "trading_date"),
            _ => (&mut dividends, "ex_date"),
        };
        let date = line[column].as_str().unwrap().parse().unwrap();
        found.insert(date, format!("quarantine: {}", row.reason));
    }
    Found { report, bars, dividends, quarantined: quarantined.len() }
}

/// The staged rows that have a flag.
async fn flagged(world: &World, dataset: &str, date_column: &str) -> BTreeMap<NaiveDate, String> {
    static CONTRACTS: LazyLock<Contracts> = LazyLock::new(|| Contracts::built_in().unwrap());
    let contract = CONTRACTS.get(dataset).unwrap().contract.clone();
    let mut objects = StagedObjects::new(contract.clone());
    for meta in world.lake.list(&format!("staged/dataset={dataset}/")).await.unwrap() {
        objects.open(world.lake.as_ref(), &meta.key, meta.size).await.unwrap();
    }
    let mut rows = BTreeMap::new();
    for (partition, _) in objects.partitions() {
        let blocks = objects.fetch(world.lake.as_ref(), &partition).await.unwrap();
        let batch = objects.rows(&blocks).unwrap();
        let text = |name: &str| {
            cast(&batch.read(contract.index_of(name).unwrap()).unwrap(), &DataType::Utf8).unwrap()
        };
        let (dates, flags) = (text(date_column), text("flags"));
        for row in (0..dates.len()).filter(|row| flags.is_valid(*row)) {
            let date = dates.as_string::<i32>().value(row).parse().unwrap();
            rows.insert(date, flags.as_string::<i32>().value(row).to_owned());
        }
    }
    rows
}

#[tokio::test]
async fn nothing_of_a_clean_series_is_withheld_and_hardly_anything_flagged() {
    let (mut files, mut rows, mut said) = (0, 0, Vec::new());
    for series in series::clean() {
        let found = check(&series).await;
        files += 1;
        rows += found.report.rows.rows_in;
        let name = format!("{} {:?}", series.name, series.shape);
        assert_eq!((found.quarantined, found.report.blocked()), (0, 0), "{name}: {:?}", found.bars);
        assert!(
            found.report.documents.iter().all(|document| document.gate.blocked_series.is_empty()),
            "{name}"
        );
        let all = found.bars.iter().chain(&found.dividends);
        said.extend(all.map(|(date, flags)| format!("{name} {date}: {flags}")));
    }
    println!("{files} clean files, {rows} rows, {} flagged:\n{}", said.len(), said.join("\n"));
    assert!(files >= 40, "{files} files");
    assert!(said.len() as f64 <= CLEAN_FLAGGED * rows as f64, "{} of {rows}", said.len());
}

#[tokio::test]
async fn nothing_of_a_market_that_is_unlike_others_is_withheld() {
    let (mut rows, mut flagged) = (0, BTreeMap::<String, usize>::new());
    for series in invented::clean() {
        let found = check(&series).await;
        assert_eq!((found.quarantined, found.report.blocked()), (0, 0), "{}: {:?}", series.name, found.bars);
        let blocked = found.report.documents.iter().any(|document| !document.gate.blocked_series.is_empty());
        assert!(!blocked, "{}", series.name);
        // Where most days stand still, every move is far from the median, and is flagged: that much is known.
        if invented::STANDS_STILL.iter().any(|name| series.name.starts_with(name)) {
            continue;
        }
        rows += found.report.rows.rows_in;
        for flags in found.bars.values().chain(found.dividends.values()) {
            *flagged.entry(format!("{} {flags}", series.name)).or_default() += 1;
        }
    }
    println!("{rows} rows; {flagged:#?}");
    let all: usize = flagged.values().sum();
    assert!(all as f64 <= UNLIKE_FLAGGED * rows as f64, "{all} of {rows}");
}

#[tokio::test]
async fn faulty_rows_of_invented_markets_are_found() {
    faults_are_found(&invented::steady()).await;
}

#[tokio::test]
async fn faulty_rows_are_found_by_kind() {
    faults_are_found(&series::clean()).await;
}

/// Puts every kind of fault into series, and looks for it.
async fn faults_are_found(clean: &[Series]) {
    let mut kinds: BTreeMap<&str, (usize, usize, usize, Vec<String>)> = BTreeMap::new();
    for file in faults::faulty(clean) {
        let found = check(&file.series).await;
        let hits = |wanted: &BTreeSet<NaiveDate>, found: &BTreeMap<NaiveDate, String>| {
            wanted.iter().filter(|date| found.contains_key(date)).count()
        };
        let (bars, dividends) = (hits(&file.bars, &found.bars), hits(&file.dividends, &found.dividends));
        // A dividend shows in its own row or in the bar of its ex-date; a stretch of bars in most of them.
        let is_found = if file.dividends.is_empty() {
            bars as f64 >= ROWS_FOUND * file.bars.len() as f64
        } else {
            dividends > 0
        };
        let others = found.bars.keys().filter(|date| !file.bars.contains(date)).count()
            + found.dividends.keys().filter(|date| !file.dividends.contains(date)).count();
        let (files, hit, other, missed) = kinds.entry(file.kind).or_default();
        *files += 1;
        *hit += usize::from(is_found);
        *other += others;
        if !is_found {
            missed.push(format!(
                "{} {:?} ({bars} of {} bars, {dividends} of {} dividends)",
                file.series.name,
                file.series.shape,
                file.bars.len(),
                file.dividends.len()
            ));
        }
    }
    let mut below = Vec::new();
    println!("| fault | files | found | other rows flagged |\n|---|---|---|---|");
    let (mut files, mut others) = (0, 0);
    for (kind, (of_kind, hit, others_of_kind, missed)) in kinds {
        files += of_kind;
        others += others_of_kind;
        println!("| {kind} | {of_kind} | {hit} | {others_of_kind} |");
        if (hit as f64) < FOUND * of_kind as f64 {
            below.push(format!("{kind}: {hit} of {of_kind}, missed {missed:?}"));
        }
    }
    assert!(below.is_empty(), "{}", below.join("\n"));
    assert!(others <= OTHERS * files, "{others} other rows flagged in {files} files");
}
