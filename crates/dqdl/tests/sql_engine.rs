//! CustomSql beyond one table: what the engine is asked, and what is made of its answers.

use std::sync::{Arc, Mutex};

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use chrono::DateTime;
use dqdl::{Options, Outcome, Plan, References, Report, SqlEngine, SqlTable, parse};

fn bars() -> RecordBatch {
    RecordBatch::try_from_iter([
        ("symbol", Arc::new(StringArray::from(vec!["A", "A", "B"])) as _),
        ("close", Arc::new(Float64Array::from(vec![1.0, 2.0, 10.0])) as _),
    ])
    .unwrap()
}

fn report(rule: &str, engine: Option<Arc<dyn SqlEngine>>) -> Report {
    let mut references = References::default();
    let names =
        RecordBatch::try_from_iter([("symbol", Arc::new(StringArray::from(vec!["A"])) as _)]).unwrap();
    references.insert("names", vec![names]);
    let options = Options { sql: engine, references, ..Options::new(DateTime::UNIX_EPOCH) };
    let batch = bars();
    let plan = Plan::compile(&parse(&format!("Rules = [ {rule} ]")).unwrap(), batch.schema(), &options);
    let mut run = plan.start();
    // In two batches, of which one row is not part of the data set.
    for at in [0, 2] {
        let part = batch.slice(at, if at == 0 { 2 } else { 1 });
        run.observe(&part, &plan.row_masks(&part), None);
    }
    run.finish()
}

/// A query, and each table with its rows.
type Asked = (String, Vec<(String, usize)>);

/// Remembers what it is asked and gives one answer.
#[derive(Debug)]
struct Fixed {
    answer: Result<Vec<RecordBatch>, String>,
    asked: Mutex<Vec<Asked>>,
}

impl SqlEngine for Fixed {
    fn query(&self, sql: &str, tables: Vec<SqlTable>) -> Result<Vec<RecordBatch>, String> {
        let rows = |table: &SqlTable| table.batches.iter().map(RecordBatch::num_rows).sum();
        let tables = tables.iter().map(|table| (table.name.clone(), rows(table))).collect();
        self.asked.lock().unwrap().push((sql.to_owned(), tables));
        self.answer.clone()
    }
}

fn fixed(answer: Result<Vec<RecordBatch>, String>) -> Arc<Fixed> {
    Arc::new(Fixed { answer, asked: Mutex::default() })
}

fn number(value: Option<i64>) -> Result<Vec<RecordBatch>, String> {
    let column = Arc::new(Int64Array::from(vec![value])) as _;
    Ok(vec![RecordBatch::try_from_iter_with_nullable([("n", column, true)]).unwrap()])
}

#[test]
fn what_the_own_evaluator_does_not_take_goes_to_the_engine_with_every_table() {
    let engine = fixed(number(Some(2)));
    let sql = "select count(*) from (select symbol from primary group by symbol) t";
    let found = report(&format!("CustomSql \"{sql}\" = 2"), Some(engine.clone()));
    assert_eq!(found.results[0].outcome, Outcome::Pass, "{:?}", found.results[0]);
    assert_eq!(found.results[0].metrics["Dataset.*.CustomSQL"], 2.0);
    let tables = vec![("primary".to_owned(), 3), ("names".to_owned(), 1)];
    assert_eq!(*engine.asked.lock().unwrap(), [(sql.to_owned(), tables)]);
    // What it takes itself never gets there.
    let found =
        report("CustomSql \"select count(*) from primary where close > 1\" = 2", Some(engine.clone()));
    assert_eq!(found.results[0].outcome, Outcome::Pass);
    assert_eq!(engine.asked.lock().unwrap().len(), 1);
}

#[test]
fn rows_are_counted_against_those_of_the_data_set() {
    let sql = "select p.symbol from primary p join names n on p.symbol = n.symbol";
    let found = report(&format!("CustomSql \"{sql}\""), Some(fixed(Ok(vec![bars().slice(0, 2)]))));
    assert_eq!((found.results[0].outcome, found.results[0].row_level), (Outcome::Fail, false));
    let rule = format!("CustomSql \"{sql}\" with threshold > 0.6");
    let found = report(&rule, Some(fixed(Ok(vec![bars().slice(0, 2)]))));
    assert_eq!(found.results[0].outcome, Outcome::Pass, "{:?}", found.results[0]);
}

#[test]
fn an_answer_that_is_no_number_or_none_at_all_never_passes() {
    let rule = "CustomSql \"select count(*) from a join b on a.x = b.x\" >= 0";
    let text = RecordBatch::try_from_iter([("t", Arc::new(StringArray::from(vec!["2"])) as _)]).unwrap();
    for (answer, outcome, message) in [
        (Err("no table a".to_owned()), Outcome::Error, "no table a"),
        (Ok(vec![bars()]), Outcome::Error, "3 rows of 2 columns, not one number"),
        (Ok(vec![]), Outcome::Error, "0 rows"),
        (Ok(vec![text]), Outcome::Error, "a Utf8, not a number"),
        (number(None), Outcome::Fail, "returned NULL"),
    ] {
        let found = report(rule, Some(fixed(answer)));
        assert_eq!(found.results[0].outcome, outcome);
        let said = found.results[0].message.as_deref().unwrap_or_default();
        assert!(said.contains(message), "{said}");
    }
    let found = report(rule, None);
    assert_eq!(found.results[0].outcome, Outcome::Error, "without an engine nothing passes either");
}

#[cfg(feature = "datafusion")]
#[test]
fn datafusion_answers_joins_groups_and_windows() {
    let engine = || -> Option<Arc<dyn SqlEngine>> { Some(Arc::new(dqdl::DataFusionEngine)) };
    for rule in [
        "CustomSql \"select count(*) from (select symbol from primary group by symbol having count(*) > 1) t\" = 1",
        "CustomSql \"select count(*) from primary p join names n on p.symbol = n.symbol\" = 2",
        "CustomSql \"select max(n) from (select row_number() over (partition by symbol order by close) n from primary) t\" = 2",
        "CustomSql \"select symbol from primary where symbol in (select symbol from names)\" with threshold > 0.6",
    ] {
        let found = report(rule, engine());
        assert_eq!(found.results[0].outcome, Outcome::Pass, "{rule}: {:?}", found.results[0].message);
    }
    let found =
        report("CustomSql \"select count(*) from nowhere n join primary p on n.a = p.symbol\" > 0", engine());
    assert_eq!(found.results[0].outcome, Outcome::Error);
    assert!(found.results[0].message.as_deref().unwrap_or_default().contains("nowhere"));
}

/// Prices as a contract types them, decimals of 64 bits: DataFusion itself would wrap around. Sums, averages, products and quotients
/// are those of Python's `decimal`, quotients and averages cut off where DataFusion's types end.
#[cfg(feature = "datafusion")]
#[test]
fn large_prices_are_calculated_exactly() {
    use arrow::array::{AsArray as _, Decimal64Array};
    use arrow::compute::cast;
    use arrow::datatypes::DataType;

    let decimals = |raw: Vec<i64>| -> arrow::array::ArrayRef {
        Arc::new(Decimal64Array::from(raw).with_precision_and_scale(18, 8).unwrap())
    };
    let table = |name: &str, columns: Vec<(&str, arrow::array::ArrayRef)>| {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        SqlTable { name: name.to_owned(), schema: batch.schema(), batches: vec![batch] }
    };
    let tables = || {
        vec![
            table("primary", vec![("close", decimals(vec![999_999_999_900_000_000; 20]))]),
            table(
                "trades",
                vec![
                    (
                        "price",
                        decimals(vec![
                            999_999_999_987_654_321,
                            999_999_999_812_345_679,
                            -1,
                            777_777_777_700_000_007,
                        ]),
                    ),
                    (
                        "volume",
                        decimals(vec![
                            987_654_321_012_345_678,
                            300_000_001,
                            999_999_999_999_999_999,
                            700_000_000,
                        ]),
                    ),
                ],
            ),
        ]
    };
    let ask = |sql: &str| -> Vec<String> {
        let batches = dqdl::DataFusionEngine.query(sql, tables()).unwrap();
        let texts = batches.iter().map(|batch| cast(batch.column(0), &DataType::Utf8).unwrap());
        texts
            .flat_map(|texts| {
                texts.as_string::<i32>().iter().map(|text| text.unwrap().to_owned()).collect::<Vec<_>>()
            })
            .collect()
    };
    assert_eq!(ask("select sum(close) from primary"), ["199999999980.00000000"]);
    assert_eq!(ask("select avg(close) from primary"), ["9999999999.000000000000"]);
    assert_eq!(ask("select max(close * 2) from primary"), ["19999999998.00000000"]);
    assert_eq!(ask("select close * 0.1 from primary limit 1"), ["999999999.900000000"]);
    assert_eq!(ask("select sum(price) from trades"), ["27777777775.00000006"]);
    assert_eq!(ask("select avg(price) from trades"), ["6944444443.750000015000"]);
    assert_eq!(ask("select sum(price * volume) from trades"), ["98765432184459685912.3522333634720318"]);
    assert_eq!(
        ask("select price / volume from trades"),
        ["1.012499999962", "3333333321.596707858010", "0.000000000000", "1111111111.000000010000"]
    );
    // What does not fit 38 digits is refused, never wrapped.
    let huge = "select price * volume * price * volume from trades";
    assert!(dqdl::DataFusionEngine.query(huge, tables()).is_err());
}
