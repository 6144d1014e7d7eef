//! The rows of one dataset in one object, held against the contract and the ruleset.
//!
//! Row rules are evaluated window by window, so that the text of a failing row is at hand. At the end the rows that passed
//! are deduplicated, the data set that the other rules see is what is left, and the gate decides. A row rule labelled
//! `severity=error` (the default) sends its rows to quarantine, `critical` blocks the batch, `warn` and `info` only report.
//! A dataset rule that fails, or any rule that could not be evaluated, blocks unless it is `warn` or `info`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use chrono::{DateTime, Utc};
use dqdl::{Outcome, Plan, PlannedRule, Report, RowLevel, RowMasks, Severity};
use quotelake_core::contract::Dataset;
use quotelake_core::table::{RowDecoder, RowFault, dedupe, missing_values};
use quotelake_core::{Error, Result};

use crate::quarantine::{Quarantine, Reason};
use crate::result::{Decision, Gate};

/// A window's rows after their row rules.
struct Kept {
    batch: RecordBatch,
    masks: RowMasks,
    /// Rows that are in quarantine.
    failed: BooleanBuffer,
    /// Each row's line.
    lines: Vec<u64>,
}

pub(crate) struct Judge {
    pub(crate) dataset: Dataset,
    plan: Plan,
    decoder: RowDecoder,
    /// The rows in the decoder: line and place in the window.
    pending: Vec<(u64, Range<usize>)>,
    kept: Vec<Kept>,
    pub(crate) rows_in: u64,
    pub(crate) quarantine: Quarantine,
}

/// What the judge found.
pub(crate) struct Verdict {
    pub(crate) report: Report,
    pub(crate) gate: Gate,
    /// The rows that go on, in line order.
    pub(crate) staged: Vec<RecordBatch>,
    pub(crate) duplicates: u64,
    /// Rows that turned out bad only at the end, by line: their text has to be read again.
    pub(crate) late: LateRows,
    pub(crate) unknown_fields: BTreeMap<String, u64>,
    pub(crate) rows_in: u64,
    pub(crate) quarantine: Quarantine,
    pub(crate) dataset: Dataset,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge")
            .field("dataset", &self.dataset.contract.name)
            .field("rows_in", &self.rows_in)
            .finish()
    }
}

impl Judge {
    /// `Config` when the ruleset cannot be parsed.
    pub(crate) fn new(dataset: Dataset, now: DateTime<Utc>, quarantine: Quarantine) -> Result<Self> {
        let ruleset = dqdl::parse(&dataset.rules)
            .map_err(|error| Error::config(format!("ruleset {}: {error}", dataset.rules_name)))?;
        let plan = Plan::compile(&ruleset, dataset.contract.unchecked_schema(), &dqdl::Options::new(now));
        Ok(Self {
            decoder: RowDecoder::new(dataset.contract.clone()),
            pending: Vec::new(),
            kept: Vec::new(),
            rows_in: 0,
            plan,
            dataset,
            quarantine,
        })
    }

    /// Takes a line of the window: its row waits for the window's end, or it is in quarantine.
    #[inline]
    pub(crate) fn push(&mut self, line: u64, text: &str, span: Range<usize>) -> Result<()> {
        self.rows_in += 1;
        match self.decoder.push(text) {
            Ok(()) => {
                self.pending.push((line, span));
                Ok(())
            }
            Err(faults) => {
                let reasons = faults.into_iter().map(|f| Reason::fault(f.code, f.column, f.detail)).collect();
                self.quarantine.push(line, text.as_bytes(), reasons)
            }
        }
    }

    /// Takes a line that is no row of any kind.
    pub(crate) fn push_fault(&mut self, line: u64, raw: &[u8], reason: Reason) -> Result<()> {
        self.rows_in += 1;
        self.quarantine.push(line, raw, vec![reason])
    }

    /// Evaluates the row rules on the window's rows; those that fail go to quarantine with their text.
    pub(crate) fn end_window(&mut self, window: &[u8]) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let batch = self.decoder.take_batch()?;
        let masks = self.plan.row_masks(&batch);
        let missing = missing_values(&self.dataset.contract, &batch);
        let mut failed =
            missing.iter().fold(BooleanBuffer::new_unset(batch.num_rows()), |all, (_, rows)| &all | rows);
        for (index, rule) in self.plan.rules().iter().enumerate() {
            if let (true, Some(rows)) = (quarantines(rule), masks.failed(index)) {
                failed = &failed | rows;
            }
        }
        for row in failed.set_indices() {
            let (line, span) = self.pending[row].clone();
            self.quarantine.push(line, &window[span], self.reasons(&masks, &missing, row))?;
        }
        let lines = std::mem::take(&mut self.pending).into_iter().map(|(line, _)| line).collect();
        self.kept.push(Kept { batch, masks, failed, lines });
        Ok(())
    }

    /// Everything that is wrong with a row: the rules in the ruleset's order, then what the contract requires.
    fn reasons(&self, masks: &RowMasks, missing: &[(RowFault, BooleanBuffer)], row: usize) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = Vec::new();
        for (index, rule) in self.plan.rules().iter().enumerate() {
            if quarantines(rule) && masks.failed(index).is_some_and(|rows| rows.value(row)) {
                reasons.push(broken(rule));
            }
        }
        for (fault, rows) in missing {
            if rows.value(row) {
                reasons.push(Reason::fault(fault.code, fault.column.clone(), fault.detail.clone()));
            }
        }
        reasons
    }

    /// Deduplicates, evaluates the rest of the ruleset and decides.
    pub(crate) fn finish(self) -> Result<Verdict> {
        let Self { dataset, plan, decoder, kept, rows_in, quarantine, .. } = self;
        let batches = decoder.unify(kept.iter().map(|window| window.batch.clone()).collect())?;
        let passed: Vec<BooleanBuffer> = kept.iter().map(|window| !&window.failed).collect();
        let superseded = dedupe(&dataset.contract, &batches, &passed)?;
        let mut stays: Vec<BooleanBuffer> =
            passed.iter().zip(&superseded).map(|(passed, out)| passed & &!out).collect();
        let report = evaluate_data_set(&plan, &kept, &superseded, &stays);
        let mut late = late_rows(&plan, &report, &kept, &mut stays);
        let blockers = blockers(&plan, &report, &kept);
        let staged = if blockers.is_empty() {
            rows_that_stay(&batches, &stays)?
        } else {
            hold_back(&blockers, &kept, &stays, &mut late);
            Vec::new()
        };
        let decision = match (blockers.is_empty(), quarantine.rows == 0 && late.is_empty()) {
            (false, _) => Decision::Block,
            (true, true) => Decision::Publish,
            (true, false) => Decision::PublishWithQuarantine,
        };
        Ok(Verdict {
            gate: Gate { decision, reasons: blockers },
            duplicates: superseded.iter().map(|rows| rows.count_set_bits() as u64).sum(),
            unknown_fields: decoder.unknown_fields().clone(),
            report,
            staged,
            late,
            rows_in,
            quarantine,
            dataset,
        })
    }
}

/// The rows of a batch that turned out bad only at the end, by line.
type LateRows = BTreeMap<u64, Vec<Reason>>;

/// Evaluates the ruleset on everything but superseded copies. Uniqueness is judged among the rows that stay: a row that is in
/// quarantine anyway does not make its good sibling a duplicate.
fn evaluate_data_set(
    plan: &Plan,
    kept: &[Kept],
    superseded: &[BooleanBuffer],
    stays: &[BooleanBuffer],
) -> Report {
    let everything: Vec<BooleanBuffer> = superseded.iter().map(|out| !out).collect();
    let mut report = evaluate(plan, kept, &everything);
    if !report.late_failures.is_empty() && kept.iter().any(|window| window.failed.count_set_bits() > 0) {
        let standing = evaluate(plan, kept, stays);
        for (index, result) in standing.results.into_iter().enumerate() {
            if plan.rule(index).is_some_and(|rule| rule.rows == RowLevel::Late) {
                report.results[index] = result;
            }
        }
        report.late_failures = standing.late_failures;
    }
    report
}

/// Takes the rows out of `stays` that rules found bad at the end.
fn late_rows(plan: &Plan, report: &Report, kept: &[Kept], stays: &mut [BooleanBuffer]) -> LateRows {
    let mut late = LateRows::new();
    let mut bad: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); kept.len()];
    for failure in &report.late_failures {
        let (Some(rule), Some(window)) = (plan.rule(failure.rule), kept.get(failure.batch)) else { continue };
        if quarantines(rule) && stays[failure.batch].value(failure.row) {
            late.entry(window.lines[failure.row]).or_default().push(broken(rule));
            bad[failure.batch].insert(failure.row);
        }
    }
    for (stays, bad) in stays.iter_mut().zip(bad) {
        if !bad.is_empty() {
            *stays = stays.iter().enumerate().map(|(row, stays)| stays && !bad.contains(&row)).collect();
        }
    }
    late
}

fn rows_that_stay(batches: &[RecordBatch], stays: &[BooleanBuffer]) -> Result<Vec<RecordBatch>> {
    let mut staged = Vec::new();
    for (batch, stays) in batches.iter().zip(stays) {
        match stays.count_set_bits() {
            0 => {}
            all if all == stays.len() => staged.push(batch.clone()),
            _ => staged.push(filter_record_batch(batch, &BooleanArray::new(stays.clone(), None))?),
        }
    }
    Ok(staged)
}

/// Nothing good is lost: the good rows of a blocked batch wait in quarantine until somebody looks at it.
fn hold_back(blockers: &[String], kept: &[Kept], stays: &[BooleanBuffer], late: &mut LateRows) {
    for (window, stays) in kept.iter().zip(stays) {
        for row in stays.set_indices() {
            let fault = Reason::fault("batch_blocked", None, blockers.join("; "));
            late.entry(window.lines[row]).or_default().push(Reason { severity: "critical".into(), ..fault });
        }
    }
}

/// Evaluates the ruleset on the selected rows; row rules are not evaluated again.
fn evaluate(plan: &Plan, kept: &[Kept], selected: &[BooleanBuffer]) -> Report {
    let mut run = plan.start();
    for (window, selected) in kept.iter().zip(selected) {
        let selection = (selected.count_set_bits() < selected.len()).then_some(selected);
        run.observe(&window.batch, &window.masks, selection);
    }
    run.finish()
}

/// Whether rows that break the rule are not published.
fn quarantines(rule: &PlannedRule) -> bool {
    matches!(rule.severity, Severity::Error | Severity::Critical)
}

fn broken(rule: &PlannedRule) -> Reason {
    Reason {
        reason: rule.labels.get("reason").cloned().unwrap_or_else(|| rule.description.clone()),
        severity: if rule.severity == Severity::Critical { "critical" } else { "error" }.to_owned(),
        column: None,
        rule: Some(rule.description.clone()),
        detail: None,
    }
}

/// Why the batch must not be published at all.
fn blockers(plan: &Plan, report: &Report, kept: &[Kept]) -> Vec<String> {
    let mut blockers = Vec::new();
    for (index, (rule, result)) in plan.rules().iter().zip(&report.results).enumerate() {
        if !quarantines(rule) {
            continue;
        }
        let text = |what: &str| {
            let message = result.message.as_deref().unwrap_or_default();
            format!("{}: {} {what} {message}", rule.name, rule.description).trim_end().to_owned()
        };
        if result.outcome == Outcome::Error {
            blockers.push(text("could not be evaluated:"));
        } else if rule.rows == RowLevel::No && result.outcome == Outcome::Fail {
            blockers.push(text("failed:"));
        } else if rule.severity == Severity::Critical {
            let by_mask = kept
                .iter()
                .any(|window| window.masks.failed(index).is_some_and(|rows| rows.count_set_bits() > 0));
            if by_mask || report.late_failures.iter().any(|failure| failure.rule == index) {
                blockers.push(text("has failing rows:"));
            }
        }
    }
    blockers
}
