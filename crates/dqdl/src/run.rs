//! One evaluation of one data set: batches in, report out.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;

use crate::ast::Connective;
use crate::check::{Accumulator, EmptyPolicy, Input, Measurement, Refusal, RowLevel, Totals, Verdict};
use crate::column::Rows;
use crate::compiled::{Compiled, Node, PlannedRule};
use crate::history::{MetricKey, Statistic};
use crate::masks::{Mask, RowMasks};
use crate::report::{AnalyzerResult, LateFailure, Observation, Outcome, Report, RuleResult};

/// Accumulates the metrics of a data set. Made by [`Plan::start`](crate::Plan::start).
#[derive(Debug)]
pub struct Run {
    plan: Arc<Compiled>,
    leaves: Vec<LeafRun>,
    rules: Vec<Totals>,
    rows: u64,
    rows_failed: u64,
    /// Failed rows of every batch, as far as they are needed at the end.
    failed: Vec<FailedRows>,
    batches: usize,
}

/// The failed rows of a batch that are not counted yet, or looked up when rules judge rows at the end.
///
/// A rule whose SQL cannot be worked out on a later batch is ERROR, and then none of its rows failed it.
#[derive(Debug, Default)]
struct FailedRows {
    /// Whether they are in `rows_failed`.
    counted: bool,
    /// By rules that stay what they are.
    settled: Option<BooleanBuffer>,
    /// By rules that may become ERROR, with their number.
    fallible: Vec<(usize, BooleanBuffer)>,
}

impl FailedRows {
    /// Those of rules that are not ERROR.
    fn of(self, results: &[RuleResult]) -> Self {
        let judged = |rule: usize| results.get(rule).is_some_and(|result| result.outcome != Outcome::Error);
        let fallible = self.fallible.into_iter().filter(|(rule, _)| judged(*rule)).map(|(_, bits)| bits);
        let settled = fallible.fold(self.settled, |known, bits| Some(joined(known, &bits)));
        Self { counted: self.counted, settled, fallible: Vec::new() }
    }

    fn contains(&self, row: usize) -> bool {
        self.settled.as_ref().is_some_and(|bits| row < bits.len() && bits.value(row))
    }
}

fn joined(known: Option<BooleanBuffer>, bits: &BooleanBuffer) -> BooleanBuffer {
    known.map_or_else(|| bits.clone(), |known| &known | bits)
}

#[derive(Debug)]
struct LeafRun {
    accumulator: Option<Box<dyn Accumulator>>,
    totals: Totals,
    error: Option<String>,
}

impl Totals {
    fn add(&mut self, rows: &Rows, mask: &Mask) {
        let counted = rows.without(mask.skipped.as_ref());
        self.rows += rows.count() as u64;
        self.skipped += (rows.count() - counted.count()) as u64;
        if let Some(failed) = &mask.failed {
            self.failed += rows.and(Some(failed)).count() as u64;
        }
    }
}

impl Run {
    pub(crate) fn new(plan: Arc<Compiled>) -> Self {
        Self {
            leaves: plan
                .leaves
                .iter()
                .map(|leaf| LeafRun {
                    accumulator: leaf.check.as_ref().ok().map(|check| check.start()),
                    totals: Totals::default(),
                    error: None,
                })
                .collect(),
            rules: vec![Totals::default(); plan.rules.len()],
            rows: 0,
            rows_failed: 0,
            failed: Vec::new(),
            batches: 0,
            plan,
        }
    }

    /// Adds a batch. `masks` are those of the same plan and batch; `selection` has a bit set for every row that belongs
    /// to the data set (all of them when `None`).
    ///
    /// What cannot be evaluated makes the rules concerned ERROR in the report.
    pub fn observe(&mut self, batch: &RecordBatch, masks: &RowMasks, selection: Option<&BooleanBuffer>) {
        let ordinal = self.batches;
        self.batches += 1;
        let len = batch.num_rows();
        if masks.len != len
            || masks.leaves.len() != self.leaves.len()
            || selection.is_some_and(|selection| selection.len() != len)
        {
            self.failed.push(FailedRows::default());
            for leaf in &mut self.leaves {
                leaf.error.get_or_insert_with(|| "masks or selection of another batch".to_owned());
            }
            return;
        }
        let rows = Rows::all(len).and(selection);
        self.rows += rows.count() as u64;
        for (leaf, mask) in self.leaves.iter_mut().zip(&masks.leaves) {
            leaf.observe(batch, ordinal, &rows, mask);
        }
        let mut failed = FailedRows::default();
        for (at, (totals, mask)) in self.rules.iter_mut().zip(&masks.rules).enumerate() {
            let before = totals.failed;
            totals.add(&rows, mask);
            if let Some(bits) = &mask.failed
                && totals.failed > before
            {
                if self.plan.rules.get(at).is_some_and(|rule| rule.fallible) {
                    failed.fallible.extend(rows.and(Some(bits)).into_bits().map(|bits| (at, bits)));
                } else {
                    failed.settled = Some(joined(failed.settled, bits));
                }
            }
        }
        failed.settled = failed.settled.and_then(|bits| rows.and(Some(&bits)).into_bits());
        if failed.fallible.is_empty() {
            failed.counted = true;
            self.rows_failed += failed.settled.as_ref().map_or(0, BooleanBuffer::count_set_bits) as u64;
            let late = self.plan.rules.iter().any(|rule| rule.rows == RowLevel::Late);
            failed.settled = failed.settled.filter(|_| late);
        }
        self.failed.push(failed);
    }

    /// No row to come has the values of these columns, by number, that a row so far has: what rules about uniqueness kept of such keys
    /// is forgotten, and the report is the same.
    pub fn keys_end(&mut self, columns: &[usize]) {
        let accumulators = self.leaves.iter_mut().filter_map(|leaf| leaf.accumulator.as_mut());
        accumulators.for_each(|accumulator| accumulator.keys_end(columns));
    }

    /// Works out every rule and analyzer.
    pub fn finish(self) -> Report {
        let measured: Vec<Measured> = self
            .leaves
            .into_iter()
            .zip(&self.plan.leaves)
            .map(|(leaf, planned)| match &planned.check {
                Ok(check) => leaf.finish(check.empty_policy(), planned.filter.is_some()),
                Err(refusal) => Measured::refused(refusal),
            })
            .collect();
        let mut report = Report {
            results: Vec::with_capacity(self.plan.rules.len()),
            analyzers: Vec::new(),
            late_failures: Vec::new(),
            rows: self.rows,
            rows_failed: self.rows_failed,
            observations: measured.iter().flat_map(|leaf| leaf.observations.clone()).collect(),
            statistics: statistics(&self.plan, &measured),
        };
        for (index, (rule, totals)) in self.plan.rules.iter().zip(self.rules).enumerate() {
            let result = conclude(rule, &measured, totals, self.rows);
            if let (Node::Leaf(leaf), RowLevel::Late) = (&rule.node, rule.rows) {
                let late = measured.get(*leaf).map_or(&[][..], |leaf| &leaf.late);
                report.late_failures.extend(late.iter().map(|(batch, row)| LateFailure {
                    rule: index,
                    batch: *batch as usize,
                    row: *row as usize,
                }));
            }
            report.results.push(result);
        }
        let failed: Vec<FailedRows> = self.failed.into_iter().map(|rows| rows.of(&report.results)).collect();
        let uncounted = failed.iter().filter(|rows| !rows.counted).filter_map(|rows| rows.settled.as_ref());
        report.rows_failed += uncounted.map(BooleanBuffer::count_set_bits).sum::<usize>() as u64;
        let also: HashSet<(usize, usize)> = report
            .late_failures
            .iter()
            .map(|late| (late.batch, late.row))
            .filter(|(batch, row)| !failed.get(*batch).is_some_and(|known| known.contains(*row)))
            .collect();
        report.rows_failed += also.len() as u64;
        report.analyzers = self
            .plan
            .analyzers
            .iter()
            .enumerate()
            .map(|(at, analyzer)| {
                let leaf = measured.get(analyzer.leaf);
                AnalyzerResult {
                    name: format!("Analyzer_{}", at + 1),
                    analyzer: analyzer.description.clone(),
                    message: leaf.and_then(|leaf| leaf.message.clone()),
                    metrics: leaf.map(|leaf| leaf.metrics.clone()).unwrap_or_default(),
                }
            })
            .collect();
        report
    }
}

impl LeafRun {
    fn observe(&mut self, batch: &RecordBatch, ordinal: usize, rows: &Rows, mask: &Mask) {
        if let Some(error) = &mask.error {
            self.error.get_or_insert_with(|| error.clone());
        }
        let (Some(accumulator), None) = (&mut self.accumulator, &self.error) else {
            return;
        };
        let before = self.totals.failed;
        self.totals.add(rows, mask);
        let input = Input {
            batch,
            ordinal: u32::try_from(ordinal).unwrap_or(u32::MAX),
            rows: rows.without(mask.skipped.as_ref()),
            failing: (self.totals.failed > before).then(|| rows.and(mask.failed.as_ref())),
        };
        if let Err(error) = accumulator.observe(&input) {
            self.error = Some(error);
        }
    }

    fn finish(self, policy: EmptyPolicy, filtered: bool) -> Measured {
        if let Some(error) = self.error {
            return Measured::refused(&Refusal::Error(error));
        }
        let Some(accumulator) = self.accumulator else {
            return Measured::refused(&Refusal::Error("the rule was not started".to_owned()));
        };
        let totals = self.totals;
        let considered = totals.rows - totals.skipped;
        if policy != EmptyPolicy::Always && totals.rows > 0 && considered == 0 && filtered {
            return Measured {
                outcome: Outcome::Pass,
                message: Some("No rows matched the filter".to_owned()),
                totals,
                ..Measured::default()
            };
        }
        if policy == EmptyPolicy::Never && considered == 0 {
            return Measured {
                outcome: Outcome::Fail,
                message: Some("The data set has no rows".to_owned()),
                totals,
                ..Measured::default()
            };
        }
        let Measurement { metrics, verdict, late, observations } = accumulator.finish(&totals);
        let (outcome, message) = match verdict {
            Verdict::Pass => (Outcome::Pass, None),
            Verdict::PassWith(message) => (Outcome::Pass, Some(message)),
            Verdict::Fail(message) => (Outcome::Fail, Some(message)),
            Verdict::Error(error) => return Measured::refused(&Refusal::Error(error)),
        };
        Measured { outcome, message, metrics, totals, late, observations }
    }
}

/// A finished leaf.
#[derive(Debug, Default)]
struct Measured {
    outcome: Outcome,
    message: Option<String>,
    metrics: BTreeMap<String, f64>,
    totals: Totals,
    late: Vec<(u32, u32)>,
    observations: Vec<Observation>,
}

/// Every metric once. Rules that share one measured the same.
fn statistics(plan: &Compiled, measured: &[Measured]) -> Vec<Statistic> {
    let mut found: BTreeMap<MetricKey, (f64, bool)> = BTreeMap::new();
    for (leaf, planned) in measured.iter().zip(&plan.leaves) {
        for (metric, value) in leaf.metrics.iter().filter(|(_, value)| value.is_finite()) {
            let anomalous = leaf.observations.iter().any(|seen| seen.metric == *metric && seen.anomalous);
            let key = MetricKey { metric: metric.clone(), scope: planned.scope.clone() };
            let known = found.entry(key).or_insert((*value, false));
            known.1 |= anomalous;
        }
    }
    found.into_iter().map(|(key, (value, anomalous))| Statistic { key, value, anomalous }).collect()
}

impl Measured {
    fn refused(refusal: &Refusal) -> Self {
        let (outcome, message) = match refusal {
            Refusal::Fail(message) => (Outcome::Fail, message),
            Refusal::Error(message) => (Outcome::Error, message),
        };
        Self { outcome, message: Some(message.clone()), ..Self::default() }
    }
}

fn conclude(rule: &PlannedRule, measured: &[Measured], totals: Totals, rows: u64) -> RuleResult {
    let mut metrics = BTreeMap::new();
    let mut messages = Vec::new();
    let outcome = judge(&rule.node, measured, &mut metrics, &mut messages);
    // Where one member suffices, why another fails is no message of the rule.
    if outcome == Outcome::Pass {
        messages.retain(|(of, _)| *of == Outcome::Pass);
    }
    let mut messages: Vec<String> = messages.into_iter().map(|(_, message)| message).collect();
    let outcome = match outcome {
        // Without rows there is nothing to go by.
        Outcome::Pass | Outcome::Fail if rule.by_row && totals.considered() > 0 => {
            // The members' messages are about their shares.
            messages.clear();
            if totals.failed == 0 {
                Outcome::Pass
            } else {
                messages.push(format!("{} of {} rows fail", totals.failed, totals.considered()));
                Outcome::Fail
            }
        }
        outcome => outcome,
    };
    let judged = outcome != Outcome::Error;
    let (failed, skipped) = match (&rule.node, rule.rows) {
        (_, RowLevel::Immediate) if judged => (totals.failed, totals.skipped),
        (Node::Leaf(leaf), RowLevel::Late) if judged => {
            measured.get(*leaf).map_or((0, rows), |leaf| (leaf.late.len() as u64, leaf.totals.skipped))
        }
        _ => (0, rows),
    };
    RuleResult {
        name: rule.name.clone(),
        rule: rule.description.clone(),
        outcome,
        message: (!messages.is_empty()).then(|| messages.join("; ")),
        metrics,
        row_level: judged && rule.rows != RowLevel::No,
        rows_passed: rows.saturating_sub(failed + skipped),
        rows_failed: failed,
        rows_skipped: skipped,
        labels: rule.labels.clone(),
        severity: rule.severity,
        evaluated_rule: rule.evaluated.clone(),
    }
}

/// A composite with a member that could not be evaluated is an ERROR, also under OR: what was not checked never passes.
fn judge(
    node: &Node,
    measured: &[Measured],
    metrics: &mut BTreeMap<String, f64>,
    messages: &mut Vec<(Outcome, String)>,
) -> Outcome {
    match node {
        Node::Leaf(leaf) => {
            let Some(leaf) = measured.get(*leaf) else {
                return Outcome::Error;
            };
            metrics.extend(leaf.metrics.iter().map(|(name, value)| (name.clone(), *value)));
            messages.extend(leaf.message.clone().map(|message| (leaf.outcome, message)));
            leaf.outcome
        }
        Node::Composite(connective, members) => {
            let outcomes: Vec<Outcome> =
                members.iter().map(|member| judge(member, measured, metrics, messages)).collect();
            let order = match connective {
                Connective::And => [Outcome::Error, Outcome::Fail, Outcome::Pass],
                Connective::Or => [Outcome::Error, Outcome::Pass, Outcome::Fail],
            };
            order.into_iter().find(|outcome| outcomes.contains(outcome)).unwrap_or(Outcome::Error)
        }
    }
}
