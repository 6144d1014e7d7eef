//! The parity table: what this engine does is measured here, what others do is what is published about them.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray, new_empty_array,
};
use chrono::DateTime;
use dqdl::{
    FileFact, FileSource, HashAlgorithm, MemoryHistory, Options, Outcome, Plan, References, Report, RowLevel,
    RowOutcome, RuleType, parse,
};

/// One small file, written now.
#[derive(Debug)]
struct OneFile(DateTime<chrono::Utc>);

impl FileSource for OneFile {
    fn files(&self, _: Option<&str>) -> Result<Vec<FileFact>, String> {
        Ok(vec![FileFact { path: "a".to_owned(), bytes: 10, modified: Some(self.0) }])
    }

    fn hash(&self, _: &FileFact, _: HashAlgorithm) -> Result<String, String> {
        Ok("b".to_owned())
    }
}

/// A rule of every type, and what is published: whether Glue judges rows, and whether Deequ knows it.
const RULES: [(&str, &str, &str); 33] = [
    ("RowCount > 0", "no", "yes"),
    ("ColumnCount > 0", "no", "yes"),
    (r#"ColumnExists "n""#, "no", "yes"),
    (r#"ColumnNamesMatchPattern "[a-z]+""#, "no", "yes"),
    (r#"Completeness "n" > 0"#, "yes", "yes"),
    (r#"IsComplete "n""#, "yes", "yes"),
    (r#"Uniqueness "n" > 0"#, "yes", "yes"),
    (r#"IsUnique "n""#, "yes", "yes"),
    (r#"IsPrimaryKey "n""#, "yes", "yes; completeness of a key of several columns is not checked"),
    (r#"UniqueValueRatio "n" > 0"#, "yes", "yes"),
    (r#"DistinctValuesCount "n" > 0"#, "no", "yes"),
    (r#"ColumnValues "n" > 0"#, "yes", "yes; no threshold on numbers and texts, no ignoreCase"),
    (r#"ColumnLength "t" > 0"#, "yes", "yes"),
    (r#"ColumnDataType "t" = "Integer""#, "no", "yes; no lists of types"),
    (r#"DataFreshness "d" < 1 days"#, "yes", "yes; rows are not judged"),
    (r#"Mean "n" > 0"#, "no", "yes"),
    (r#"Sum "n" > 0"#, "no", "yes"),
    (r#"StandardDeviation "n" >= 0"#, "no", "yes"),
    (r#"Variance "n" >= 0"#, "no", "yes"),
    (r#"Entropy "n" >= 0"#, "no", "yes"),
    (r#"ColumnCorrelation "n" "m" > 0"#, "no", "yes"),
    (r#"CustomSql "select n from primary where n > 0""#, "yes", "yes"),
    (r#"DetectAnomalies "RowCount""#, "no", "no"),
    ("AllStatistics AllColumns", "-", "no"),
    (r#"ReferentialIntegrity "t" "r.t" > 0"#, "yes", "yes"),
    (r#"DatasetMatch "r" "n" > 0"#, "yes", "yes"),
    (r#"SchemaMatch "r" > 0"#, "no", "yes"),
    (r#"RowCountMatch "r" > 0"#, "no", "yes"),
    (r#"AggregateMatch "sum(n)" "sum(r.n)" > 0"#, "no", "yes"),
    (r#"FileMatch "s3://a" in ["b"]"#, "no", "no"),
    ("FileUniqueness > 0.5", "no", "no"),
    ("FileFreshness > (now() - 1 days)", "no", "no"),
    ("FileSize < 5 KB", "no", "no"),
];

/// Operators on a column that holds a value that satisfies, one that does not, and NULL: the rule, and whether NULL passes
/// in the documentation of Glue and in Deequ.
const OPERATORS: [(&str, &str, &str); 31] = [
    (r#"ColumnValues "n" = 1"#, "F", "F"),
    (r#"ColumnValues "n" != 2"#, "P", "P"),
    (r#"ColumnValues "n" > 0 "#, "F", "F"),
    (r#"ColumnValues "n" < 2"#, "F", "F"),
    (r#"ColumnValues "n" >= 1"#, "F", "F"),
    (r#"ColumnValues "n" <= 1"#, "F", "F"),
    (r#"ColumnValues "n" between 0 and 2"#, "F", "F"),
    (r#"ColumnValues "n" not between 1 and 3"#, "F", "F"),
    (r#"ColumnValues "n" in [1]"#, "F", "F"),
    (r#"ColumnValues "n" not in [2]"#, "P", "P"),
    (r#"ColumnValues "n" in [1, NULL]"#, "P", "P"),
    (r#"ColumnValues "n" not in [2, NULL]"#, "F", "F"),
    (r#"ColumnValues "n" = NULL"#, "P", "P"),
    (r#"ColumnValues "n" != NULL"#, "F", "F"),
    (r#"ColumnValues "t" = "x""#, "F", "F"),
    (r#"ColumnValues "t" != "yy""#, "P", "P"),
    (r#"ColumnValues "t" in ["x"]"#, "F", "F"),
    (r#"ColumnValues "t" not in ["yy"]"#, "P", "P"),
    (r#"ColumnValues "t" not in ["yy", NULL]"#, "F", "F"),
    (r#"ColumnValues "t" matches "x|z""#, "F", "F; alternatives are anchored apart"),
    (r#"ColumnValues "t" not matches "yy""#, "F", "F"),
    (r#"ColumnValues "t" = EMPTY"#, "F", "F"),
    (r#"ColumnValues "t" != EMPTY"#, "-", "F"),
    (r#"ColumnValues "t" != WHITESPACES_ONLY"#, "-", "F"),
    (r#"ColumnValues "d" > "1970-01-01""#, "F", "F; compares days"),
    (r#"ColumnValues "d" != "1970-01-01""#, "P", "P; compares days"),
    (r#"ColumnLength "t" = 1"#, "length 0", "length 0"),
    (r#"ColumnLength "t" < 2"#, "length 0", "length 0"),
    (r#"ColumnLength "t" in [1]"#, "length 0", "special cases"),
    (r#"ColumnDataType "t" = "Integer""#, "-", "F"),
    (r#"DataFreshness "d" < 1 days"#, "F", "F"),
];

/// Satisfies, does not, NULL.
fn batch() -> Option<RecordBatch> {
    let day = 86_400_000;
    let columns: [(&str, ArrayRef); 4] = [
        ("n", Arc::new(Int64Array::from(vec![Some(1), Some(2), None]))),
        ("m", Arc::new(Int64Array::from(vec![Some(1), Some(2), Some(3)]))),
        ("t", Arc::new(StringArray::from(vec![Some("x"), Some("yy"), None]))),
        (
            "d",
            Arc::new(
                TimestampMillisecondArray::from(vec![Some(10 * day), Some(0), None]).with_timezone("UTC"),
            ),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).ok()
}

struct Tried {
    report: Report,
    rows: RowLevel,
    /// `P`, `F` or `-` per row.
    outcomes: String,
}

fn attempt(rule: &str, batch: &RecordBatch) -> Option<Tried> {
    let now = DateTime::from_timestamp(10 * 86_400, 0)?;
    let mut references = References::default();
    references.insert("r", vec![self::batch()?]);
    let files: Option<Arc<dyn FileSource>> = Some(Arc::new(OneFile(now)));
    let options =
        Options { references, files, ..Options::new(now) }.with_history(Arc::new(MemoryHistory::default()));
    let ruleset = parse(&format!("Rules = [ {rule} ]")).ok()?;
    let plan = Plan::compile(&ruleset, batch.schema(), &options);
    let masks = plan.row_masks(batch);
    let mut run = plan.start();
    run.observe(batch, &masks, None);
    let report = run.finish();
    let rows = plan.row_outcomes(&masks, 0, &report);
    let letter = |row| match rows.of(0, row) {
        RowOutcome::Passed => 'P',
        RowOutcome::Failed => 'F',
        RowOutcome::Skipped => '-',
    };
    let outcomes = (0..rows.len()).map(letter).collect();
    Some(Tried { rows: plan.rule(0)?.rows, report, outcomes })
}

fn outcome(tried: Option<&Tried>) -> Outcome {
    tried.and_then(|tried| tried.report.results.first()).map_or(Outcome::Error, |result| result.outcome)
}

fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|")
}

/// The whole document.
pub fn document() -> Option<String> {
    let batch = batch()?;
    let empty_columns = batch.columns().iter().map(|column| new_empty_array(column.data_type())).collect();
    let empty = RecordBatch::try_new(batch.schema(), empty_columns).ok()?;
    let mut out = String::from(HEAD);
    for (rule_type, (rule, glue, deequ)) in RuleType::all().zip(RULES) {
        let tried = attempt(rule, &batch);
        let nothing = attempt(rule, &empty);
        let filtered = match (rule_type.allows_filter(), rule_type.is_rule()) {
            (true, true) => outcome(attempt(&format!("{rule} where \"m > 9\""), &batch).as_ref()).as_str(),
            _ => "-",
        };
        let (runs, rows) = match &tried {
            None => ("analyzer", "-"),
            Some(tried) => (
                if outcome(Some(tried)) == Outcome::Error { "ERROR" } else { "yes" },
                match tried.rows {
                    RowLevel::Immediate => "yes",
                    RowLevel::Late => "at the end",
                    RowLevel::No => "no",
                },
            ),
        };
        let yes = |flag: bool| if flag { "yes" } else { "no" };
        let nothing = match &nothing {
            None => "-",
            found => outcome(found.as_ref()).as_str(),
        };
        writeln!(
            out,
            "| {rule_type} | `{}` | {runs} | {rows} | {} | {} | {nothing} | {filtered} | {glue} | {deequ} |",
            cell(rule),
            yes(rule_type.allows_threshold()),
            yes(rule_type.allows_filter()),
        )
        .ok()?;
    }
    out.push_str(NULLS);
    for (rule, glue, deequ) in OPERATORS {
        let tried = attempt(rule, &batch)?;
        let mut letters = tried.outcomes.chars();
        let mut next = || letters.next().unwrap_or('?');
        writeln!(out, "| `{}` | {} | {} | {} | {glue} | {deequ} |", cell(rule), next(), next(), next())
            .ok()?;
    }
    out.push_str(TAIL);
    Some(out)
}

const HEAD: &str = "\
# Parity

Generated by `cargo run -p dqdl --example parity > crates/dqdl/docs/parity.md`, and checked by the tests. The columns
\"here\" are measured by running the rule; those of Glue are what its documentation says, those of Deequ what its source
does (2.0.21). Neither was run.

## Rule types

\"Empty\" is the outcome on a data set without rows, \"filtered\" the outcome when `where` matches none: Deequ fails the
first (but passes DataFreshness and ColumnDataType) and passes the second.

| Rule type | Tried | Runs here | Rows here | Threshold | Where | Empty here | Filtered here | Rows in Glue | Deequ |
|---|---|---|---|---|---|---|---|---|---|
";

const NULLS: &str = "
## Operators and NULL

The column holds a value that was chosen to satisfy or fail the condition, another one, and NULL. P: the row passes, F: it
fails. The last two columns say what happens to NULL elsewhere. In all tables `-` means not documented, or not applicable.

| Rule | 1, x | 2, yy | NULL here | NULL in Glue | NULL in Deequ |
|---|---|---|---|---|---|
";

const TAIL: &str = "
## Where this engine differs on purpose

| Subject | Here | Deequ |
|---|---|---|
| `matches` | the whole value, whatever the alternatives | `^a\\|b$`, and a match of the empty text is none |
| dates | instants, when the column is a timestamp | days: `now() - 3 hours` loses its hours |
| `IsPrimaryKey` of several columns | every column must be complete | completeness is computed and dropped |
| DataFreshness, ColumnDataType without rows | FAIL | PASS |
| DataFreshness | operands are rounded to 36 seconds like ages | only ages are |
| patterns | Java's classes and escapes, in an engine of linear time: looking around, back references, possessive and atomic groups are ERROR, by name | Java's |
| `ColumnNamesMatchPattern` | the whole name must match | a match anywhere in the name |
| a text that is no number against a column of numbers | ERROR; beside one that is a number it equals nothing | FAIL |
| NaN and infinity | NaN counts as NULL, infinities are numbers | NaN is a value above all others |
| `ColumnLength` with `!=`, `not in [0, ...]` | every row's length, NULL being 0 | only the shortest and longest; NULL alone is looked at |
| `AggregateMatch` of something to zero | no ratio, FAIL | the ratio is 0.0 |
| `DatasetMatch` | rows that match / rows of the longer table | / rows of the primary |
| a member of `or` that cannot be evaluated | the composite is ERROR | that member fails |
| `DuplicateRowCount`, `ZerosCount`, `Range`, `InterquartileRange`, `Skewness`, `Kurtosis` | not of the published language: refused by name, with what to write instead | known |
| `abs(last(3))`, `RowCount > last(3)`, `index(last(3), 5)`, a name that is no function | ERROR on the first run as on any, and with a contract in `rules lint` | not documented |
| SQL: a number that its whole type does not hold, `cast(3000000000 as int)` | NULL | wraps around; an error under ANSI |
| SQL: `'it''s'` | a quote | two texts, one after the other, before Spark 4 |
| `WHITESPACES_ONLY` | a text of any white space, tabs too | of blanks |
| a rule that passes | says nothing, and its failing rows are withheld nowhere | the same rows are marked Failed, and what is done with them is yours |
| messages | name the values that fail, and in how many rows | name the smallest, the largest or the share |
";
