//! Reports of the parts of one ruleset as the report of the whole.
//!
//! Rules that need more than their batch (columns computed from other rows, the metrics of earlier runs) can be evaluated in
//! a plan of their own, later than the others. Both plans see the same batches in the same order.

use std::collections::BTreeMap;

use arrow::buffer::BooleanBuffer;

use crate::history::{MetricKey, Statistic};
use crate::masks::RowMasks;
use crate::plan::Plan;
use crate::report::{LateFailure, Report};

/// The report of a part of a ruleset.
#[derive(Debug)]
pub struct ReportPart<'a> {
    /// Its report.
    pub report: Report,
    /// The place of each of its rules in the whole ruleset, from 0, ascending.
    pub ordinals: &'a [usize],
}

impl Report {
    /// One report for the whole ruleset. Rules get their place and number back, analyzers follow each other part by part.
    ///
    /// `failed` has, for each batch, the rows that fail a rule of any part before the end, as [`Plan::failed_rows`] gives them.
    pub fn joined(parts: Vec<ReportPart<'_>>, failed: &[BooleanBuffer]) -> Self {
        let mut results = BTreeMap::new();
        let mut statistics: BTreeMap<MetricKey, Statistic> = BTreeMap::new();
        let mut whole = Self {
            results: Vec::new(),
            analyzers: Vec::new(),
            late_failures: Vec::new(),
            rows: 0,
            rows_failed: 0,
            observations: Vec::new(),
            statistics: Vec::new(),
        };
        for ReportPart { report, ordinals } in parts {
            whole.rows = whole.rows.max(report.rows);
            for (mut result, ordinal) in report.results.into_iter().zip(ordinals) {
                result.name = format!("Rule_{}", ordinal + 1);
                results.insert(*ordinal, result);
            }
            for mut analyzer in report.analyzers {
                analyzer.name = format!("Analyzer_{}", whole.analyzers.len() + 1);
                whole.analyzers.push(analyzer);
            }
            whole.late_failures.extend(
                report
                    .late_failures
                    .into_iter()
                    .filter_map(|late| Some(LateFailure { rule: *ordinals.get(late.rule)?, ..late })),
            );
            whole.observations.extend(report.observations);
            for statistic in report.statistics {
                let known = statistics.entry(statistic.key.clone()).or_insert_with(|| statistic.clone());
                known.anomalous |= statistic.anomalous;
            }
        }
        whole.results = results.into_values().collect();
        whole.statistics = statistics.into_values().collect();
        whole.late_failures.sort_unstable();
        whole.late_failures.dedup();
        whole.count_failed(failed);
        whole
    }

    /// Counts the rows that fail at least one rule: those of `failed`, for each batch, and those that fail at the end.
    pub fn count_failed(&mut self, failed: &[BooleanBuffer]) {
        let at_once: u64 = failed.iter().map(|rows| rows.count_set_bits() as u64).sum();
        self.rows_failed = at_once + late_only(&self.late_failures, failed);
    }
}

/// Rows that fail at the end and no rule before.
fn late_only(late: &[LateFailure], failed: &[BooleanBuffer]) -> u64 {
    let mut rows: Vec<(usize, usize)> = late.iter().map(|late| (late.batch, late.row)).collect();
    rows.sort_unstable();
    rows.dedup();
    let known = |(batch, row): &(usize, usize)| {
        failed.get(*batch).is_some_and(|rows| *row < rows.len() && rows.value(*row))
    };
    rows.iter().filter(|row| !known(row)).count() as u64
}

impl Plan {
    /// The rows of a batch that fail at least one rule, of any severity, that judges rows at once. `judged` says of a rule, counted
    /// from 0, whether it was evaluated: an ERROR is no verdict on the rows before it.
    pub fn failed_rows(&self, masks: &RowMasks, judged: impl Fn(usize) -> bool) -> BooleanBuffer {
        (0..self.rules().len())
            .filter(|rule| judged(*rule))
            .filter_map(|rule| masks.failed(rule))
            .fold(BooleanBuffer::new_unset(masks.len()), |all, failed| &all | failed)
    }
}
