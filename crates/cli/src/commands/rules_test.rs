//! `quotelake rules test`: a ruleset held against data.

use std::path::{Path, PathBuf};

use dqdl::{GlueContext, GlueResult, Outcome, RowLevel, Ruleset};
use quotelake_core::ports::Clock as _;
use quotelake_core::{Error, Result};
use quotelake_local::SystemClock;
use serde::Serialize;

use crate::args::{Composites, RuleDataArgs};
use crate::files::read_text;
use crate::number::{counted, thousands};
use crate::output::{Exit, Output, Table, Text, table};
use crate::rule_data::{Evaluated, Evaluation, Example, RuleData, references, refuse_to_overwrite};

/// The answer: Glue's `DataQualityResult`, and what it has no place for.
#[derive(Debug, Serialize)]
struct Tested {
    glue: GlueResult,
    /// For each rule, the first rows that fail it.
    failing_rows: Vec<Vec<FailingRow>>,
    /// Lines that are no row by the contract.
    unreadable: Vec<UnreadableLine>,
    /// What is worth a second look: of the ruleset, and of what this does otherwise than `check`.
    notes: Vec<String>,
}

const DERIVED: &str = "columns that begin with dq_ are computed from these rows alone; `check` and `load` also know the rows, splits and \
     dividends that are published";

/// How a ruleset is held against data.
#[derive(Debug, Clone, Copy, Default)]
pub struct TestOptions<'a> {
    /// Tables that reference rules compare with: `alias=PATH`.
    pub reference: &'a [String],
    /// How composites are judged, where not as the contract says.
    pub composites: Option<Composites>,
    /// Where every row is written with its outcomes.
    pub rows: Option<&'a Path>,
}

#[derive(Debug, Serialize)]
struct FailingRow {
    file: String,
    row: u64,
    /// The line of the file, where it has lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
}

#[derive(Debug, Serialize)]
struct UnreadableLine {
    file: String,
    line: u64,
    what: String,
}

/// Runs the command. A rule that fails and is not `warn` or `info`, one that cannot be evaluated, or a line that is no row
/// ends in a quality failure.
pub async fn run(file: &Path, args: &RuleDataArgs, how: TestOptions<'_>, output: Output) -> Result<Exit> {
    let TestOptions { reference, composites, rows } = how;
    let text = read_text(file)?;
    let ruleset =
        dqdl::parse_strict(&text).map_err(|error| Error::config(format!("{}: {error}", file.display())))?;
    if let Some(out) = rows {
        let tables = reference.iter().filter_map(|one| one.split_once('=')).map(|(_, path)| Path::new(path));
        let inputs: Vec<&Path> =
            args.data.iter().map(|path| path.as_path()).chain(tables).chain([file]).collect();
        refuse_to_overwrite(out, &inputs)?;
    }
    let mut data = RuleData::open(args).await?;
    let now = SystemClock.now();
    let by_row = composites.map_or(data.composites_by_row(), |method| method == Composites::Row);
    let derives = data.derives(&ruleset);
    let evaluation =
        Evaluation { references: references(reference)?, now, by_row, whole_rows: rows.is_some() };
    let evaluated = data.evaluate_with(&ruleset, evaluation)?;
    if let Some(path) = rows {
        data.write_row_outcomes(&evaluated, path)?;
    }
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    let paths: Vec<String> = args.data.iter().map(|path| path.display().to_string()).collect();
    let glue = evaluated.report.to_glue(&GlueContext {
        result_id: "dqresult-local".into(),
        ruleset_name: name,
        evaluation_context: paths.join(" "),
        started_on: now,
        completed_on: SystemClock.now(),
        job_name: "quotelake-rules-test".into(),
        job_run_id: "local".into(),
    });
    let failing_rows = evaluated.examples.iter().map(|examples| {
        let rows = examples.iter();
        rows.map(|at| FailingRow { file: at.file.clone(), row: at.row, line: at.line }).collect()
    });
    let unreadable = data.unreadable().iter().map(|(file, line, what)| UnreadableLine {
        file: file.clone(),
        line: *line,
        what: what.clone(),
    });
    let mut notes = notes(&ruleset, file, &evaluated, &data);
    if derives {
        notes.push(DERIVED.to_owned());
    }
    let tested =
        Tested { failing_rows: failing_rows.collect(), unreadable: unreadable.collect(), notes, glue };
    let worst = evaluated
        .report
        .results
        .iter()
        .filter(|result| result.outcome != Outcome::Pass && result.severity.quarantines());
    let failed = worst.count() > 0 || !tested.unreadable.is_empty();
    output.finish(&tested, || print(&evaluated, &tested, &args.data))?;
    Ok(if failed { Exit::QualityFailure } else { Exit::Done })
}

/// Warnings of the ruleset, and why a rule on keys may say something else than in `check`.
fn notes(ruleset: &Ruleset, file: &Path, evaluated: &Evaluated, data: &RuleData) -> Vec<String> {
    let lints = ruleset.lints.iter().filter(|lint| !lint.note);
    let mut notes: Vec<String> = lints
        .map(|lint| format!("{}:{}:{}: {}", file.display(), lint.line, lint.column, lint.message))
        .collect();
    let results = evaluated.report.results.iter().zip(evaluated.plan.rules());
    let mut unique =
        results.filter(|(result, rule)| rule.rows == RowLevel::Late && result.outcome == Outcome::Fail);
    if let (false, Some((result, _))) = (data.key().is_empty(), unique.next()) {
        notes.push(format!(
            "{} counts every row here; `check` and `load` first put aside copies and older versions of a row, and rows that \
             break other rules",
            result.name
        ));
    }
    notes
}

/// The table of a ruleset's results.
pub(super) fn rules_table(rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let rules = table(&["result", "severity", "rows failed", "rule", "why"], &[2], rows);
    rules.optional(&["rows failed"]).cut(&["rule"]).judged(&["result", "severity"])
}

fn print(evaluated: &Evaluated, tested: &Tested, roots: &[PathBuf]) -> Text {
    let report = &evaluated.report;
    let lines = report.results.iter().zip(&evaluated.examples).map(|(result, examples)| {
        let failed = if result.row_level { thousands(result.rows_failed) } else { String::new() };
        vec![
            result.outcome.to_string(),
            result.severity.to_string(),
            failed,
            result.evaluated_rule.clone(),
            explanation(result, examples, roots),
        ]
    });
    let mut text = Text::from(rules_table(lines));
    for line in tested.unreadable.iter().take(10) {
        text.push_str(&format!("\n{}:{}: no row: {}", line.file, line.line, line.what));
    }
    for note in &tested.notes {
        text.push_str(&format!("\nwarning: {note}"));
    }
    let more = tested.unreadable.len().saturating_sub(10);
    if more > 0 {
        text.push_str(&format!(
            "\n... and {} that are no row",
            counted(more as u64, "more line", "more lines")
        ));
    }
    text.push_str(&format!(
        "\n{}, {} of {} hold, {} at least one",
        counted(report.rows, "row", "rows"),
        report.count(Outcome::Pass),
        counted(report.results.len() as u64, "rule", "rules"),
        match report.rows_failed {
            1 => "1 row fails".to_owned(),
            more => format!("{} rows fail", thousands(more)),
        },
    ));
    text
}

/// The message of a rule that does not hold, what was measured, and where to look.
fn explanation(result: &dqdl::RuleResult, examples: &[Example], roots: &[PathBuf]) -> String {
    let metrics = result
        .metrics
        .iter()
        .map(|(name, value)| format!("{} {value}", name.rsplit('.').next().unwrap_or(name)));
    let mut parts: Vec<String> = metrics.take(2).collect();
    if result.outcome != Outcome::Pass {
        parts.splice(0..0, result.message.clone());
    }
    parts.extend(examples.iter().map(|Example { file, row, line }| {
        // Files of a folder may have one name: the way from the folder on tells them apart.
        let path = Path::new(file);
        let within = roots.iter().find_map(|root| path.strip_prefix(root).ok());
        let within = within.filter(|within| within.file_name().is_some());
        let name = within.or_else(|| path.file_name().map(Path::new)).unwrap_or(path).display();
        line.map_or_else(|| format!("{name} row {row}"), |line| format!("{name} line {line}"))
    }));
    parts.join("; ")
}
