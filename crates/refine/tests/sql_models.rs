//! Models in SQL: the shipped ones and the samples on the rows of their tests, and what the engine reads of a lake.
#![cfg(feature = "sql")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt as _;
use quotelake_contract::{Contracts, ModelEngine};
use quotelake_core::ports::{Lake, Precondition};
use quotelake_local::MemoryLake;
use quotelake_platform::models;
use quotelake_refine::dates::Dates;
use quotelake_refine::engine::{self, Engine as _};
use quotelake_refine::model_test::ModelTest;
use quotelake_refine::models::Models;
use quotelake_refine::sql::{self, DataFusion};
use quotelake_refine::tables::Tables;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The shipped datasets, and the samples with their models.
async fn contracts() -> Contracts {
    let mut contracts = Contracts::built_in().unwrap();
    for name in ["orders", "reviews", "shipments"] {
        let yaml = std::fs::read_to_string(root().join(format!("samples/contracts/{name}.yaml"))).unwrap();
        contracts.add(&yaml, Some(("none", "Rules = [ RowCount >= 0 ]"))).unwrap();
    }
    let lake = MemoryLake::new();
    for file in std::fs::read_dir(root().join("samples/models")).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let key = format!("{}{}", models::PREFIX, path.file_name().unwrap().to_str().unwrap());
            lake.put(&key, std::fs::read(&path).unwrap().into(), Precondition::None).await.unwrap();
        }
    }
    assert_eq!(models::load(&lake, &mut contracts).await.unwrap().len(), 0);
    contracts
}

fn names(contracts: &Contracts) -> Vec<String> {
    let all = contracts.all().unwrap();
    let sql = all.iter().filter(|dataset| {
        dataset.contract.refine.as_ref().is_some_and(|refine| refine.engine == ModelEngine::Sql)
    });
    sql.map(|dataset| dataset.contract.name.clone()).collect()
}

#[tokio::test]
async fn every_model_is_portable_planned_and_computes_what_its_test_expects() {
    let contracts = contracts().await;
    let all = Models::new(&contracts).unwrap();
    assert!(all.faults().is_empty(), "{:?}", all.faults());
    let names = names(&contracts);
    assert!(names.len() >= 10, "{names:?}");
    let mut failed = Vec::new();
    for name in names {
        let model = all.get(&name).unwrap();
        let found = sql::lint(model.dataset.sql.as_deref().unwrap(), &model.dataset.contract, &contracts);
        failed.extend(found.iter().map(|finding| format!("{name}:{finding}")));
        let lake = MemoryLake::new();
        if let Err(error) = sql::check_plan(model, Tables::new(&lake, &contracts)).await {
            failed.push(format!("{name} is not planned: {error}"));
            continue;
        }
        let places = ["crates/contract/models/tests", "samples/models/tests"];
        let text = places
            .iter()
            .find_map(|place| std::fs::read_to_string(root().join(place).join(format!("{name}.yaml"))).ok());
        let test = ModelTest::parse(&text.unwrap_or_else(|| panic!("{name} has no test"))).unwrap();
        match test.run(model, &contracts, DataFusion::large(), &MemoryLake::new()).await {
            Ok(outcome) if outcome.is_passed() => assert!(outcome.rows > 0, "{name}"),
            Ok(outcome) => failed.push(format!("{name}: {outcome:#?}")),
            Err(error) => failed.push(format!("{name}: {error:?}")),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

const PAIRS: &str = "apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: pairs
    properties:
      - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}
      - {name: day, logicalType: date, physicalType: date, required: true}
      - {name: price, logicalType: number, physicalType: \"decimal(18,8)\", required: true}
      - {name: word, logicalType: string, physicalType: string}
      - {name: month, logicalType: string, physicalType: string, required: true, partitioned: true, partitionKeyPosition: 1, transformLogic: \"strftime(day, '%Y-%m')\"}
";

fn sums(refine: &str) -> String {
    format!(
        "apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: sums
    customProperties:
      - {{property: refine, value: {refine}}}
      - {{property: partitionBy, value: none}}
    properties:
      - {{name: month, logicalType: string, physicalType: string, required: true, primaryKey: true}}
      - {{name: pairs, logicalType: integer, physicalType: bigint, required: true}}
      - {{name: total, logicalType: number, physicalType: \"decimal(38,8)\"}}
      - {{name: words, logicalType: integer, physicalType: bigint}}
"
    )
}

const GIVEN: &str = "given:
  pairs:
    - {id: 1, day: 2024-01-02, price: \"9999999999.99999999\", word: a}
    - {id: 2, day: 2024-01-03, price: \"9999999999.99999999\"}
    - {id: 3, day: 2024-02-01, price: 0.5, word: a}
    - {id: 4, day: 2024-02-29, price: 0.25, word: b}
";

/// Contracts with the table `pairs` and a model over it.
async fn with_model(refine: &str, select: &str) -> Contracts {
    let lake = MemoryLake::new();
    let put = async |key: &str, text: &str| {
        lake.put(key, text.to_owned().into(), Precondition::None).await.unwrap();
    };
    put("models/sums.yaml", &sums(refine)).await;
    put("models/sums.sql", select).await;
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(PAIRS, None).unwrap();
    let broken = models::load(&lake, &mut contracts).await.unwrap();
    assert!(broken.is_empty(), "{broken:?}");
    contracts
}

async fn outcome(contracts: &Contracts, expect: &str) -> quotelake_core::Result<Vec<Vec<Option<String>>>> {
    let all = Models::new(contracts)?;
    let test = ModelTest::parse(&format!("{GIVEN}expect:\n{expect}")).unwrap();
    let outcome = test.run(all.get("sums")?, contracts, DataFusion::large(), &MemoryLake::new()).await?;
    let mut all = outcome.missing;
    all.extend(outcome.unexpected);
    Ok(all)
}

const SELECT: &str = "select month, count(*) as pairs, sum(price) as total, count(distinct word) as words from pairs group by month";

#[tokio::test]
async fn large_decimals_are_added_exactly_and_partitions_are_columns() {
    let contracts = with_model("{materialization: full}", SELECT).await;
    let expect = "  - {month: 2024-01, pairs: 2, total: \"19999999999.99999998\", words: 1}\n  - {month: 2024-02, pairs: 2, total: 0.75, words: 2}\n";
    assert_eq!(outcome(&contracts, expect).await.unwrap(), Vec::<Vec<Option<String>>>::new());
    let other = outcome(&contracts, &expect.replace("0.75", "0.76")).await.unwrap();
    let row = |total: &str| -> Vec<Option<String>> {
        vec!["2024-02", "2", total, "2"].into_iter().map(|cell| Some(cell.to_owned())).collect()
    };
    assert_eq!(other, [row("0.76000000"), row("0.75000000")]);
}

#[tokio::test]
async fn rows_are_counted_without_a_column_and_a_table_is_read_twice() {
    let select = "select 'all' as month, count(*) as pairs, max(b.total) as total, count(*) as words from pairs a cross join (select sum(price) as total from pairs) b";
    let contracts = with_model("{materialization: full}", select).await;
    let expect = "  - {month: all, pairs: 4, total: \"20000000000.74999998\", words: 4}\n";
    assert_eq!(outcome(&contracts, expect).await.unwrap(), Vec::<Vec<Option<String>>>::new());
}

#[tokio::test]
async fn what_fails_is_said_with_its_kind() {
    use quotelake_core::ErrorKind;
    let divided = SELECT.replace("sum(price)", "cast(sum(price) / (count(*) - 2) as decimal(18,8))");
    for (select, kind, what) in [
        (divided.as_str(), ErrorKind::InvalidInput, "Divide by zero"),
        (&SELECT.replace("sum(price)", "sum(prize)"), ErrorKind::Config, "prize"),
        (&SELECT.replace("count(*) as pairs, ", ""), ErrorKind::Config, "computes no column \"pairs\""),
    ] {
        let contracts = with_model("{materialization: full}", select).await;
        let error = outcome(&contracts, "  - {month: a}\n").await.unwrap_err();
        let text = error.to_string();
        assert!(error.kind() == kind && text.contains(what), "{select}: {text}");
    }
}

#[tokio::test]
async fn a_model_has_the_memory_of_its_function_and_no_more() {
    let contracts = with_model("{materialization: full}", SELECT).await;
    let all = Models::new(&contracts).unwrap();
    let test = ModelTest::parse(&format!("{GIVEN}expect:\n  - {{month: a}}\n")).unwrap();
    for (process_bytes, has_enough) in [(64 << 20, true), (64, false)] {
        let engine = DataFusion::within(process_bytes);
        let ended = test.run(all.get("sums").unwrap(), &contracts, &engine, &MemoryLake::new()).await;
        match (has_enough, ended) {
            (true, Ok(_)) => {}
            (false, Err(error)) => {
                assert_eq!(error.kind(), quotelake_core::ErrorKind::Unsupported, "{error}");
                assert!(error.to_string().contains("more memory than there is"), "{error}");
            }
            (_, ended) => panic!("with {process_bytes} bytes: {ended:?}"),
        }
    }
}

#[tokio::test]
async fn a_damaged_input_is_an_error_of_that_file() {
    let contracts = with_model("{materialization: full}", SELECT).await;
    let lake = MemoryLake::new();
    lake.put("bronze/pairs/month=2024-01/part-0.parquet", "no parquet".into(), Precondition::None)
        .await
        .unwrap();
    let all = Models::new(&contracts).unwrap();
    let tables = Tables::new(&lake, &contracts);
    let rows =
        engine::compute(all.get("sums").unwrap(), DataFusion::large(), tables, Dates::ALL).await.unwrap();
    let error = rows.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(error.to_string().contains("month=2024-01"), "{error:?}");
    assert_eq!(error.kind(), quotelake_core::ErrorKind::Damaged, "{error:?}");
}

#[tokio::test]
async fn the_engine_has_a_version_that_is_part_of_a_fingerprint() {
    let contracts = with_model("{materialization: full}", SELECT).await;
    let all = Models::new(&contracts).unwrap();
    let model = all.get("sums").unwrap();
    assert!(DataFusion::large().version().starts_with("datafusion "), "{}", DataFusion::large().version());
    assert_eq!(model.inputs.iter().map(|input| input.table.as_str()).collect::<Vec<_>>(), ["pairs"]);
    let lake: Arc<dyn Lake> = Arc::new(MemoryLake::new());
    let tables = Tables::new(lake.as_ref(), &contracts);
    sql::check_plan(model, tables).await.unwrap();
}
