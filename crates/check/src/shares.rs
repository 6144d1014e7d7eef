//! Rules about a share of the rows: a threshold, a completeness. They may hold although rows fail them, so only at the end is it
//! known whether those rows are bad.
//!
//! They are judged on all rows but copies, before the rows that fail them are taken out: what they say then is reported, whatever is
//! left afterwards.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use dqdl::{Outcome, PlannedRule, Report, RowLevel, RuleResult};
use quotelake_contract::Contract;
use quotelake_core::Result;
use quotelake_table::dedupe;

use crate::data_set::{DataSet, DeferredFailures, broken, quarantines};
use crate::deferred::DeferredRules;
use crate::quarantine::Reason;
use crate::rules::Rules;
use crate::window_rows::WindowRows;

/// What the rules about a share say. Empty where no row fails one.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    verdicts: BTreeMap<usize, RuleResult>,
    /// Of those that fail: the reason, and the rows of each window.
    failing: Vec<(Reason, Vec<BooleanBuffer>)>,
}

/// Whether the rule says of each row at once whether it fails, and only at the end whether that matters.
fn waits(rule: &PlannedRule) -> bool {
    rule.tolerant && rule.rows == RowLevel::Immediate && quarantines(rule)
}

impl Shares {
    /// Judges the rules, where rows that passed all others fail one.
    pub(crate) fn judge(
        contract: &Contract,
        rules: &Rules,
        deferred: Option<&DeferredRules>,
        windows: &[WindowRows],
        batches: &[RecordBatch],
    ) -> Result<Self> {
        let planned = rules.plan.rules().iter().chain(deferred.iter().flat_map(|part| part.plan.rules()));
        if !planned.into_iter().any(waits) {
            return Ok(Self::default());
        }
        let passed: Vec<BooleanBuffer> = windows.iter().map(|window| !&window.failed).collect();
        let none: Vec<BooleanBuffer> =
            passed.iter().map(|passed| BooleanBuffer::new_unset(passed.len())).collect();
        let data = DataSet { rules, deferred, windows, superseded: &none };
        let mut found: Vec<(usize, &PlannedRule, Vec<BooleanBuffer>)> = Vec::new();
        for (ordinal, rule, masks) in data.masked_in_place().filter(|(_, rule, _)| waits(rule)) {
            let rows = masks.into_iter().zip(&passed).map(|(failed, passed)| match failed {
                Some(failed) => failed & passed,
                None => BooleanBuffer::new_unset(passed.len()),
            });
            let rows: Vec<BooleanBuffer> = rows.collect();
            if rows.iter().any(|rows| rows.count_set_bits() > 0) {
                found.push((ordinal, rule, rows));
            }
        }
        if found.is_empty() {
            return Ok(Self::default());
        }
        let superseded = dedupe(contract, batches, &passed, |window, row| windows[window].refused(row))?;
        let report = DataSet { superseded: &superseded, ..data }.of_everything();
        let mut this = Self::default();
        for (ordinal, rule, rows) in found {
            let Some(result) = report.results.get(ordinal) else { continue };
            if result.outcome == Outcome::Fail {
                this.failing.push((broken(rule), rows));
            }
            this.verdicts.insert(ordinal, result.clone());
        }
        Ok(this)
    }

    /// Takes the rows that fail out of those that passed.
    pub(crate) fn fail_rows(&self, windows: &mut [WindowRows], late: &mut DeferredFailures) {
        for (reason, rows) in &self.failing {
            for (window, rows) in windows.iter_mut().zip(rows) {
                for row in rows.set_indices() {
                    late.entry(window.lines[row]).or_default().push(reason.clone());
                }
                window.failed = &window.failed | rows;
            }
        }
    }

    /// Reports what was said of the rules before their rows were taken out.
    pub(crate) fn keep_verdicts(&self, report: &mut Report) {
        for (ordinal, verdict) in &self.verdicts {
            if let Some(result) = report.results.get_mut(*ordinal)
                && result.outcome != verdict.outcome
            {
                result.clone_from(verdict);
            }
        }
    }
}
