//! Proposed rulesets: they hold for the data that they come from, no linter objects, and they find what breaks in it.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMillisecondArray,
};
use chrono::{DateTime, Utc};
use dqdl::{Options, Outcome, Plan, Profile, SuggestOptions, Target, lint};
use proptest::prelude::*;

fn now() -> DateTime<Utc> {
    "2026-11-20T21:00:00Z".parse().unwrap()
}

fn suggest(batch: &RecordBatch, key: &[&str]) -> String {
    let key = key.iter().map(|name| (*name).to_owned()).collect();
    let mut profile =
        Profile::new(&batch.schema(), SuggestOptions { key, provenance: vec!["run".to_owned()], now: now() });
    // In two halves: a profile is of all batches.
    let half = batch.num_rows() / 2;
    profile.observe(&batch.slice(0, half));
    profile.observe(&batch.slice(half, batch.num_rows() - half));
    assert_eq!(profile.rows(), batch.num_rows() as u64);
    profile.suggest()
}

/// The rules that do not pass.
fn broken(ruleset: &str, batch: &RecordBatch) -> Vec<String> {
    let ruleset = dqdl::parse(ruleset).unwrap_or_else(|error| panic!("{error}\n{ruleset}"));
    let plan = Plan::compile(&ruleset, batch.schema(), &Options::new(now()));
    let mut run = plan.start();
    run.observe(batch, &plan.row_masks(batch), None);
    let results = run.finish().results.into_iter();
    results.filter(|result| result.outcome != Outcome::Pass).map(|result| result.rule).collect()
}

fn bars(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    let number = |at: usize, by: f64| Some(10.0 + (at % 13) as f64 + by);
    let prices =
        |by: f64| -> ArrayRef { Arc::new((0..rows).map(|at| number(at, by)).collect::<Float64Array>()) };
    let texts = |text: fn(usize) -> String| -> ArrayRef {
        Arc::new((0..rows).map(|at| Some(text(at))).collect::<StringArray>())
    };
    vec![
        ("id", Arc::new((0..rows as i64).map(Some).collect::<Int64Array>()) as ArrayRef),
        ("symbol", texts(|at| ["AAPL", "MSFT", "IBM"][at % 3].to_owned())),
        ("currency", texts(|at| format!("{}SD", (b'A' + (at % 26) as u8) as char))),
        ("note", texts(|at| "x".repeat(3 + at % 4) + &format!("{at:06}"))),
        ("open", prices(0.0)),
        ("high", prices(1.0)),
        ("low", prices(-1.0)),
        ("close", prices(0.5)),
        ("volume", Arc::new((0..rows as i64).map(|at| (at % 5 > 0).then_some(at)).collect::<Int64Array>())),
        (
            "at",
            Arc::new(
                (0..rows as i64)
                    .map(|at| Some(1_763_000_000_000 + at))
                    .collect::<TimestampMillisecondArray>(),
            ),
        ),
    ]
}

fn batch(columns: Vec<(&'static str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

#[test]
fn a_proposal_says_what_was_seen() {
    insta::assert_snapshot!(suggest(&batch(bars(60)), &["id", "symbol"]));
}

#[test]
fn every_kind_of_defect_breaks_the_rule_that_is_for_it() {
    let good = batch(bars(60));
    let ruleset = suggest(&good, &["id"]);
    assert_eq!(broken(&ruleset, &good), [""; 0]);
    type Change = (&'static str, ArrayRef, &'static str);
    let with_last = |column: &str, value: f64| -> ArrayRef {
        let old = good.column_by_name(column).unwrap();
        let old: &Float64Array = old.as_any().downcast_ref().unwrap();
        let last = old.len() - 1;
        Arc::new(
            old.iter()
                .enumerate()
                .map(|(at, was)| if at == last { Some(value) } else { was })
                .collect::<Float64Array>(),
        )
    };
    let with_text = |column: &str, value: Option<&str>| -> ArrayRef {
        let old = good.column_by_name(column).unwrap();
        let old: &StringArray = old.as_any().downcast_ref().unwrap();
        let last = old.len() - 1;
        Arc::new(
            old.iter()
                .enumerate()
                .map(|(at, was)| if at == last { value } else { was })
                .collect::<StringArray>(),
        )
    };
    let changes: Vec<Change> = vec![
        ("close", with_last("close", -1.0), "ColumnValues \"close\" between"),
        ("close", with_last("close", 1850.0), "ColumnValues \"close\" between"),
        ("high", with_last("high", 5.0), "where \"high < low\""),
        ("open", with_last("open", 9.0), "where \"open < low or open > high\""),
        ("symbol", with_text("symbol", Some("TSLA")), "ColumnValues \"symbol\" in"),
        ("symbol", with_text("symbol", None), "IsComplete \"symbol\""),
        ("currency", with_text("currency", Some("usd")), "ColumnValues \"currency\" matches"),
        ("note", with_text("note", Some(&"a note that is far too long".repeat(3))), "ColumnLength \"note\""),
        ("id", Arc::new(std::iter::repeat_n(Some(7), 60).collect::<Int64Array>()), "IsPrimaryKey \"id\""),
        (
            "at",
            Arc::new(std::iter::repeat_n(Some(1_999_000_000_000), 60).collect::<TimestampMillisecondArray>()),
            "ColumnValues \"at\" <=",
        ),
        (
            "volume",
            Arc::new(std::iter::repeat_n(None, 60).collect::<Int64Array>()),
            "Completeness \"volume\"",
        ),
    ];
    for (name, column, rule) in changes {
        let columns = bars(60)
            .into_iter()
            .map(|(known, old)| (known, if known == name { column.clone() } else { old }));
        let found = broken(&ruleset, &batch(columns.collect()));
        assert!(found.iter().any(|broken| broken.contains(rule)), "{name}: {rule} in {found:?}\n{ruleset}");
    }
    let few = broken(&ruleset, &good.slice(0, 5));
    assert!(few.iter().any(|rule| rule.starts_with("RowCount")), "{few:?}");
}

#[test]
fn no_linter_objects_to_a_proposal() {
    let ruleset = suggest(&batch(bars(60)), &["id"]);
    for target in [Target::GlueEtl, Target::GlueCatalog, Target::Deequ] {
        // The label that makes a failing rule a warning is one that the Data Catalog lacks.
        let of_catalog =
            |message: &str| target == Target::GlueCatalog && message.starts_with("`DefaultLabels`");
        let objections =
            lint(&ruleset, target).into_iter().filter(|lint| !lint.note && !of_catalog(&lint.message));
        assert_eq!(objections.collect::<Vec<_>>(), [], "{target:?}");
    }
}

#[test]
fn a_proposal_is_careful() {
    let rows = 40;
    let texts = |of: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new((0..rows).map(|at| Some(of(at))).collect::<StringArray>())
    };
    let data = batch(vec![
        (
            "wind",
            Arc::new((0..rows).map(|at| Some([0.7, 9.4][at % 2])).collect::<Float64Array>()) as ArrayRef,
        ),
        // Different in each row, by accident.
        ("price", Arc::new((0..rows as i64).map(|at| Some(1_000 + at * 37)).collect::<Int64Array>())),
        (
            "city",
            texts(&|at| ["S\u{e3}o Paulo", "K\u{f8}benhavn", "5\" pipe", "back\\slash"][at % 4].to_owned()),
        ),
        ("run", texts(&|_| "run-7".to_owned())),
        ("batch_id", texts(&|_| "b-7".to_owned())),
        ("year", texts(&|_| "2025".to_owned())),
        (
            "5\" wide",
            Arc::new((0..rows as i64).map(|at| (at % 4 > 0).then_some(at % 7)).collect::<Int64Array>()),
        ),
        ("order_id", Arc::new((0..rows as i64).map(|at| Some(at * 3)).collect::<Int64Array>())),
        ("2025-01-01", Arc::new((0..rows as i64).map(Some).collect::<Int64Array>())),
    ]);
    let ruleset = suggest(&data, &[]);
    assert_eq!(broken(&ruleset, &data), [""; 0], "{ruleset}");
    for rule in [
        "ColumnValues \"wind\" between 0.07 and 94",
        "IsUnique \"order_id\"",
        "ColumnValues \"price\" between 100 and 24500",
        "ColumnValues \"city\" in [\"5\\\" pipe\", \"K\u{f8}benhavn\", \"S\u{e3}o Paulo\", \"back\\\\slash\"]",
        "IsComplete \"run\"",
        "IsComplete \"batch_id\"",
        "DefaultLabels = [\"severity\"=\"warn\"]",
        "ColumnValues \"5\\\" wide\" >= 0 where \"`5\\\" wide` is not null\"",
    ] {
        assert!(ruleset.contains(rule), "{rule}\n{ruleset}");
    }
    for absent in
        ["IsUnique \"price\"", "run-7", "b-7", "2025-01-01", "\"year\" in", "ColumnValues \"order_id\""]
    {
        assert!(!ruleset.contains(absent), "{absent}\n{ruleset}");
    }
}

#[test]
fn nothing_is_made_up_without_rows() {
    let empty = batch(bars(60)).slice(0, 0);
    let ruleset = suggest(&empty, &[]);
    assert_eq!(broken(&ruleset, &empty), [""; 0]);
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Z]{0,4}",
        2 => "[0-9]{2}:[0-9]{2}",
        1 => Just("2024-01-01".to_owned()),
        1 => "\\PC{0,6}",
        1 => Just("NULL".to_owned()),
        1 => Just(" \\\"'$#".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the data is, it passes what is proposed from it.
    #[test]
    fn data_passes_its_proposal(
        texts in proptest::collection::vec(proptest::option::weighted(0.9, any_text()), 1..60),
        scale in -300i32..300,
        seed in any::<u64>(),
    ) {
        let rows = texts.len();
        let mut dice = seed;
        let mut roll = || {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            dice >> 33
        };
        let mut sparse = |value: f64| (roll() % 7 > 0).then_some(value);
        let doubles: Vec<Option<f64>> =
            (0..rows).map(|at| sparse((at as f64 - 5.0) * 10f64.powi(scale))).collect();
        let decimals: Vec<Option<i128>> = (0..rows).map(|at| Some(at as i128 * 1_234_567 - 999)).collect();
        let odd: Vec<Option<f64>> = (0..rows).map(|at| Some([1.0, f64::NAN, f64::INFINITY][at % 3])).collect();
        let batch = batch(vec![
            ("text", Arc::new(texts.into_iter().collect::<StringArray>()) as ArrayRef),
            ("double", Arc::new(doubles.into_iter().collect::<Float64Array>())),
            ("decimal", Arc::new(decimals.into_iter().collect::<Decimal128Array>().with_precision_and_scale(38, 4).unwrap())),
            ("odd", Arc::new(odd.into_iter().collect::<Float64Array>())),
            ("select", Arc::new((0..rows).map(|at| (at % 2 == 0).then_some(at as i64)).collect::<Int64Array>())),
            ("a b", Arc::new((0..rows).map(|at| (at % 2 == 0).then_some(at as i64)).collect::<Int64Array>())),
            ("day", Arc::new((0..rows as i32).map(|at| Some(20_000 + at)).collect::<Date32Array>())),
            ("flag", Arc::new((0..rows).map(|at| Some(at % 3 == 0)).collect::<BooleanArray>())),
        ]);
        let ruleset = suggest(&batch, &["decimal", "missing"]);
        prop_assert_eq!(broken(&ruleset, &batch), [""; 0], "{}", ruleset);
    }
}
