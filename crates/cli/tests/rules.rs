//! `quotelake rules test`, `rules suggest` and `check` on Parquet: the program run on files.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

fn quotelake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quotelake")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A file of bars: ids that count on from `first`, and a close for each.
fn parquet(folder: &Path, name: &str, first: i64, closes: &[Option<f64>]) -> PathBuf {
    let ids: Int64Array = (first..).take(closes.len()).map(Some).collect();
    let symbols: StringArray = (0..closes.len()).map(|at| Some(["AAPL", "IBM"][at % 2])).collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as _, false),
        ("symbol", Arc::new(symbols) as _, true),
        ("close", Arc::new(closes.iter().copied().collect::<Float64Array>()) as _, true),
    ])
    .unwrap();
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    // Row groups of seven rows: a file is read by several workers.
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(7)).build();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), Some(properties))
            .unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn rules(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("rules.dqdl");
    std::fs::write(&path, text).unwrap();
    path
}

/// Two files of twenty rows; the second has a missing close in row 3, a negative one in row 18, and an id of the first.
fn faulty(folder: &Path) -> PathBuf {
    let good: Vec<Option<f64>> = (1..=20).map(|close| Some(f64::from(close))).collect();
    let mut bad = good.clone();
    bad[2] = None;
    bad[17] = Some(-1.0);
    parquet(folder, "lake/month=1/part-0.parquet", 0, &good);
    parquet(folder, "lake/month=2/part-0.parquet", 19, &bad);
    folder.join("lake")
}

const RULES: &str = "Rules = [\n    RowCount = 40,\n    IsUnique \"id\",\n    ColumnValues \"close\" > 0,\n    \
    Mean \"close\" > 100 labels=[\"severity\"=\"warn\"],\n    ReferentialIntegrity \"symbol\" \"names.symbol\" = 1.0\n]\n";

#[test]
fn failing_rules_and_their_rows_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, rules) = (faulty(folder.path()), rules(folder.path(), RULES));
    parquet(folder.path(), "names.parquet", 0, &[Some(1.0)]);
    let names = format!("names={}", folder.path().join("names.parquet").display());
    let rows = folder.path().join("rows.parquet");
    let arguments = [
        "--json",
        "rules",
        "test",
        rules.to_str().unwrap(),
        "--data",
        lake.to_str().unwrap(),
        "--reference",
        &names,
        "--rows",
        rows.to_str().unwrap(),
    ];
    let output = quotelake(&arguments);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let tested: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let outcomes: Vec<&str> = tested["glue"]["RuleResults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["Result"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["PASS", "FAIL", "FAIL", "FAIL", "FAIL"]);
    let examples = |rule: usize| -> Vec<(String, u64)> {
        let rows = tested["failing_rows"][rule].as_array().unwrap().iter();
        rows.map(|row| {
            let file = row["file"].as_str().unwrap();
            let month = file.split('/').rev().nth(1).unwrap().to_owned();
            (month, row["row"].as_u64().unwrap())
        })
        .collect()
    };
    assert_eq!(examples(1), [("month=1".into(), 20), ("month=2".into(), 1)]);
    assert_eq!(examples(2), [("month=2".into(), 3), ("month=2".into(), 18)]);
    assert_eq!(examples(4).len(), 3, "at most three rows are named");

    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&rows).unwrap()).unwrap();
    let labelled: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let failed: usize = labelled
        .iter()
        .map(|batch| {
            let outcomes = batch.column_by_name("DataQualityEvaluationResult").unwrap();
            outcomes.as_string::<i32>().iter().filter(|outcome| *outcome == Some("Failed")).count()
        })
        .sum();
    assert_eq!(labelled.iter().map(RecordBatch::num_rows).sum::<usize>(), 40);
    // Twenty rows of IBM, which the reference lacks, and two of AAPL: the second id 19, and the missing close.
    assert_eq!(failed, 22);
    let with_failed_rules: usize = labelled
        .iter()
        .map(|batch| {
            let lists = batch.column_by_name("DataQualityRulesFail").unwrap().as_list::<i32>();
            (0..lists.len()).filter(|row| !lists.value(*row).is_empty()).count()
        })
        .sum();
    assert_eq!(with_failed_rules, failed);
}

#[test]
fn check_takes_parquet_by_rules_alone() {
    let folder = tempfile::tempdir().unwrap();
    let lake = faulty(folder.path());
    let holds = rules(folder.path(), "Rules = [ RowCount = 40, IsComplete \"symbol\", ColumnCount = 4 ]\n");
    let output = quotelake(&["check", "--rules", holds.to_str().unwrap(), lake.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("40 rows, 3 of 3 rules hold, 0 rows fail"),
        "{}",
        text(&output.stdout)
    );
    let output = quotelake(&["check", lake.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(64), "neither a dataset nor rules");
}

#[test]
fn what_is_wrong_with_files_is_said_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let rules = rules(folder.path(), "Rules = [ RowCount > 0 ]\n");
    let run = |data: &Path| {
        let output = quotelake(&["rules", "test", rules.to_str().unwrap(), "--data", data.to_str().unwrap()]);
        (output.status.code(), text(&output.stderr))
    };
    let (code, error) = run(&folder.path().join("nothing"));
    assert_eq!(code, Some(1));
    assert!(error.contains("nothing"), "{error}");
    let broken = folder.path().join("broken.parquet");
    std::fs::write(&broken, b"PAR1 and no more").unwrap();
    let (code, error) = run(&broken);
    assert_eq!(code, Some(1));
    assert!(error.contains("broken.parquet") && error.contains("not a readable Parquet file"), "{error}");
    let lake = faulty(folder.path());
    let other = RecordBatch::try_from_iter([("id", Arc::new(StringArray::from(vec!["x"])) as _)]).unwrap();
    let file = std::fs::File::create(lake.join("month=1/zzz.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, other.schema(), None).unwrap();
    writer.write(&other).unwrap();
    writer.close().unwrap();
    let (code, error) = run(&lake);
    assert_eq!(code, Some(1));
    assert!(
        error.contains("zzz.parquet") && error.contains("column \"id\" is Utf8, and Int64 in"),
        "{error}"
    );
}

#[test]
fn a_proposal_holds_for_its_data_and_finds_the_faults_of_other_data() {
    let folder = tempfile::tempdir().unwrap();
    let good: Vec<Option<f64>> = (1..=40).map(|close| Some(f64::from(close))).collect();
    let data = parquet(folder.path(), "good.parquet", 0, &good);
    let proposal = folder.path().join("proposal.dqdl");
    let out = proposal.to_str().unwrap();
    let output = quotelake(&["rules", "suggest", "--data", data.to_str().unwrap(), "--out", out]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = quotelake(&["rules", "test", out, "--data", data.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let lake = faulty(folder.path());
    // What it finds is a warning: a proposal withholds nothing.
    let output = quotelake(&["rules", "test", out, "--data", lake.to_str().unwrap()]);
    let said = text(&output.stdout);
    assert!(said.contains("FAIL") && said.contains("warn"), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn rows_by_a_contract_too() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rules = rules(folder.path(), "Rules = [ RowCount > 0, IsComplete \"order_id\" ]\n");
    let contract = root.join("samples/contracts/orders.yaml");
    let csv = root.join("samples/csv/orders.csv");
    let output = quotelake(&[
        "rules",
        "test",
        rules.to_str().unwrap(),
        "--dataset",
        "orders",
        "--contract",
        contract.to_str().unwrap(),
        "--data",
        csv.to_str().unwrap(),
    ]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}{}", text(&output.stderr));
    assert!(said.contains("no row:"), "unreadable rows are named: {said}");
}

#[test]
fn rows_are_written_whole_and_never_over_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let lake = faulty(folder.path());
    let ruleset = rules(folder.path(), "Rules = [ ColumnValues \"close\" > 0 ]\n");
    let run = |rows: &Path| {
        let files = [ruleset.as_path(), lake.as_path(), rows].map(|path| path.to_str().unwrap());
        quotelake(&["rules", "test", files[0], "--data", files[1], "--rows", files[2]])
    };
    let part = lake.join("month=1/part-0.parquet");
    for input in [part.as_path(), ruleset.as_path()] {
        let before = std::fs::read(input).unwrap();
        let output = run(input);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        assert!(text(&output.stderr).contains("would be overwritten"), "{}", text(&output.stderr));
        assert_eq!(std::fs::read(input).unwrap(), before);
    }

    let rows = folder.path().join("rows.parquet");
    assert_eq!(run(&rows).status.code(), Some(2));
    let good = std::fs::read(&rows).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&rows).unwrap()).unwrap();
    let names: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names[..3], ["id", "symbol", "close"], "columns of no rule are kept");

    // A run that fails leaves what was there, and nothing beside it.
    std::fs::write(lake.join("month=2/zzz.parquet"), b"PAR1 and no more").unwrap();
    assert_eq!(run(&rows).status.code(), Some(1));
    assert_eq!(std::fs::read(&rows).unwrap(), good);
    let mut beside: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    beside.sort();
    assert_eq!(beside, ["lake", "rows.parquet", "rules.dqdl"]);
}

#[test]
fn a_column_with_a_quote_in_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let column: Int64Array = [Some(1), None].into_iter().collect();
    let batch = RecordBatch::try_from_iter_with_nullable([("we\"ird", Arc::new(column) as _, true)]).unwrap();
    let path = folder.path().join("data.parquet");
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let ruleset = rules(folder.path(), "Rules = [ Completeness \"we\\\"ird\" = 0.5 ]\n");
    let files = [ruleset.as_path(), path.as_path()].map(|path| path.to_str().unwrap());
    let output = quotelake(&["rules", "test", files[0], "--data", files[1]]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
}
