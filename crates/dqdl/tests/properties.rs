//! Invariants: no text breaks the parser, printing is a fixed point, and every row has exactly one verdict per rule.

#![allow(clippy::expect_used, reason = "helpers of tests may panic")]

use std::sync::Arc;

use arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use arrow::buffer::BooleanBuffer;
use chrono::DateTime;
use dqdl::{Options, Plan, Report, parse};
use proptest::prelude::*;

const RULES: &str = r#"Rules = [
    RowCount > 3,
    IsComplete "a",
    ColumnValues "a" between 1 and 4,
    ColumnValues "a" not in [2, 3] where "b <> 'x'",
    ColumnValues "b" in ["x", EMPTY] with threshold > 0.2,
    ColumnLength "b" > 0,
    IsUnique "a" where "a > 1",
    IsPrimaryKey "a" "b",
    Mean "a" > 1,
    (IsComplete "a") or (ColumnValues "b" = "x" where "a = 1"),
    CustomSql "select 1" = 1,
    CustomSql "select count(distinct b) + sum(a) - min(a) from primary where a > 1" > 3,
    CustomSql "select a from primary where a > 1 or b is null",
    ColumnDataType "b" = "Integer" with threshold < 0.5,
    ColumnCorrelation "a" "a" > 0,
    DataFreshness "b" < 1 days,
    UniqueValueRatio "b" > 0.3,
    DistinctValuesCount "b" > 2
]
Analyzers = [ AllStatistics AllColumns ]"#;

/// Rules that some rows make an ERROR, also after others have failed them: 38 digits do not hold twice that number.
const ERRORS: &str = r#"
    ColumnValues "a" > 10 where "a * 99999999999999999999999999999999999999 > 0",
    CustomSql "select a from primary where a * 99999999999999999999999999999999999999 > 5",
    (IsComplete "b") and (ColumnValues "a" > 10 where "a * 99999999999999999999999999999999999999 > 0"),"#;

fn evaluate(batches: &[(RecordBatch, Option<BooleanBuffer>)]) -> Option<Report> {
    evaluate_rules(RULES, batches)
}

fn evaluate_rules(rules: &str, batches: &[(RecordBatch, Option<BooleanBuffer>)]) -> Option<Report> {
    let ruleset = parse(rules).expect("the rules parse");
    let schema = batches.first()?.0.schema();
    let plan = Plan::compile(&ruleset, schema, &Options::new(DateTime::UNIX_EPOCH));
    let mut run = plan.start();
    for (batch, selection) in batches {
        run.observe(batch, &plan.row_masks(batch), selection.as_ref());
    }
    Some(run.finish())
}

fn batch(rows: &[(Option<i64>, Option<String>)]) -> RecordBatch {
    let a: Int64Array = rows.iter().map(|row| row.0).collect();
    let b: StringArray = rows.iter().map(|row| row.1.as_deref()).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("a", Arc::new(a) as Arc<dyn Array>, true),
        ("b", Arc::new(b) as Arc<dyn Array>, true),
    ])
    .expect("the columns have one length")
}

fn rows() -> impl Strategy<Value = Vec<(Option<i64>, Option<String>)>> {
    let b = proptest::option::of(prop_oneof![
        Just(String::new()),
        Just("x".to_owned()),
        Just(" ".to_owned()),
        Just("yy".to_owned()),
    ]);
    proptest::collection::vec((proptest::option::of(0_i64..6), b), 0..40)
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_soup_of_tokens_breaks_the_parser(
        tokens in proptest::collection::vec(
            proptest::sample::select(vec![
                "RowCount", "ColumnValues", "IsComplete", "\"a\"", "\"2024-01-01\"", "\"09:30\"", "and",
                "or", "not", "in", "between", "matches", "where", "with", "threshold", "labels", "(", ")",
                "[", "]", ",", "=", "!", "<", ">", "-", "+", "*", "1", "2.5", "now", "days", "NULL", "$v",
                "é", "\\", "\n", "#", "KB", "Analyzers", "Rules",
            ]),
            0..60,
        )
    ) {
        let text = format!("v = \"x\" Rules = [ {} ]", tokens.join(" "));
        if let Ok(ruleset) = parse(&text) {
            for rule in &ruleset.rules {
                let printed = rule.to_string();
                let again = parse(&format!("Rules = [ {printed} ]")).expect(&printed);
                prop_assert_eq!(again.rules[0].to_string(), printed);
            }
        }
    }

    #[test]
    fn no_soup_of_sql_breaks_a_query(
        tokens in proptest::collection::vec(
            proptest::sample::select(vec![
                "select", "count(*)", "count(", "sum(", "min(", ")", "(", "a", "b", "*", "+", "-", "/", ",",
                "from", "primary", "where", "and", "or", "not", "is", "null", "1", "0.5", "'x'", "=", "<",
                "in", "between", "like", "'%'", "case", "when", "then", "end", "over", "filter", "distinct",
                "group by", "cast(", "as int)", "coalesce(", "abs(", ";", "p",
            ]),
            0..30,
        ),
        head in proptest::sample::select(vec!["", "select count(*) from primary where ", "select a from primary where ", "select "]),
        pattern in "[yMdHhmsSa' /.:-]{0,12}",
    ) {
        let batch = batch(&[(Some(1), Some("x".to_owned())), (None, None), (Some(-1), Some(String::new()))]);
        let sql = format!("{head}{}", tokens.join(" "));
        let text = format!(
            "Rules = [ CustomSql \"{sql}\" > 0, CustomSql \"{sql}\", RowCount > 0 where \"{sql} \", \
             AggregateMatch \"{sql} \" \"r.{sql}\" > 0, ColumnDataType \"b\" = \"Date\" with format = \"{pattern}\" ]"
        );
        if let Ok(ruleset) = parse(&text) {
            let plan = Plan::compile(&ruleset, batch.schema(), &Options::new(DateTime::UNIX_EPOCH));
            let mut run = plan.start();
            run.observe(&batch, &plan.row_masks(&batch), None);
            prop_assert_eq!(run.finish().results.len(), 5);
        }
    }

    #[test]
    fn every_row_has_one_verdict_and_batches_do_not_matter(
        rows in rows(),
        cut in 0_usize..40,
    ) {
        let whole = batch(&rows);
        let cut = cut.min(rows.len());
        let parts = [
            (whole.slice(0, cut), None),
            (whole.slice(cut, rows.len() - cut), None),
        ];
        let rules = RULES.replacen("Rules = [", &format!("Rules = [{ERRORS}"), 1);
        let together = evaluate_rules(&rules, &[(whole, None)]).expect("one batch");
        let apart = evaluate_rules(&rules, &parts).expect("two batches");
        for result in &together.results {
            let sum = result.rows_passed + result.rows_failed + result.rows_skipped;
            prop_assert_eq!(sum, rows.len() as u64);
        }
        prop_assert_eq!(&together.results, &apart.results);
        prop_assert_eq!(together.rows_failed, apart.rows_failed);
        prop_assert_eq!(together.statistics(), apart.statistics());
        let positions = |report: &Report, offsets: [usize; 2]| -> Vec<(usize, usize)> {
            report.late_failures.iter().map(|late| (late.rule, offsets[late.batch] + late.row)).collect()
        };
        prop_assert_eq!(positions(&together, [0, 0]), positions(&apart, [0, cut]));
    }

    #[test]
    fn rows_that_are_not_selected_are_not_there(
        rows in rows(),
        keep in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let kept: Vec<_> = rows.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(row, _)| row.clone()).collect();
        let selection = BooleanBuffer::from(&keep[..rows.len()]);
        let selected = evaluate(&[(batch(&rows), Some(selection))]).expect("a batch");
        let filtered = evaluate(&[(batch(&kept), None)]).expect("a batch");
        prop_assert_eq!(selected.results, filtered.results);
        prop_assert_eq!(selected.rows_failed, filtered.rows_failed);
    }

    /// Rows that come by the values of a column, whose keys are forgotten after each, are judged as if they were not.
    #[test]
    fn keys_that_cannot_come_again_need_not_be_kept(rows in rows(), cuts in proptest::collection::vec(any::<bool>(), 40)) {
        const BY_KEY: &str = r#"Rules = [
            IsUnique "a", IsPrimaryKey "a", IsPrimaryKey "a" "b", IsUnique "b" "a" where "a > 1", Uniqueness "a" "b" > 0.5,
            UniqueValueRatio "a" > 0.3, DistinctValuesCount "a" > 2, Entropy "a" > 1, IsUnique "b", DistinctValuesCount "b" > 2
        ]"#;
        let ruleset = parse(BY_KEY).expect("the rules parse");
        let mut rows = rows;
        rows.sort_by_key(|row| row.0);
        // A part is all rows of some values, in one batch or two.
        let mut parts: Vec<Vec<_>> = Vec::new();
        for (row, cut) in rows.chunk_by(|one, other| one.0 == other.0).zip(cuts) {
            match parts.last_mut().filter(|_| !cut) {
                Some(part) => part.extend_from_slice(row),
                None => parts.push(row.to_vec()),
            }
        }
        let plan = Plan::compile(&ruleset, batch(&[]).schema(), &Options::new(DateTime::UNIX_EPOCH));
        let (mut kept, mut forgotten) = (plan.start(), plan.start());
        for part in parts {
            for half in part.chunks(part.len().div_ceil(2)) {
                let half = batch(half);
                let masks = plan.row_masks(&half);
                kept.observe(&half, &masks, None);
                forgotten.observe(&half, &masks, None);
            }
            forgotten.keys_end(&[0]);
        }
        let reports = [kept.finish(), forgotten.finish()].map(|report| format!("{report:?}"));
        prop_assert_eq!(&reports[0], &reports[1]);
    }
}
