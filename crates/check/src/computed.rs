//! Rows that a model computed, held against the contract and the ruleset of its table, batch by batch while they are computed.
//!
//! The same as of a landing object: a rule of single rows sends them to quarantine, with every reason; rules about all rows decide
//! whether any of them is published. What is different follows from rows that are not kept here, since there may be millions:
//!
//! - a rule that judges rows only at the end (uniqueness), or that is about a share of the rows, takes no row out: where it fails,
//!   nothing is published;
//! - a critical rule, or more quarantine than the contract allows, blocks all that was computed together, not one series;
//! - good rows of what is blocked are in no quarantine: they are computed again;
//! - of no rows at all only rules about their number are asked: rows that their inputs do not give any more are to vanish.

mod row_text;

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use chrono::{DateTime, Utc};
use dqdl::{
    GlueContext, History, MemoryHistory, Outcome, Plan, Report, RowLevel, RowMasks, RuleKind, RuleType, Run,
    Severity,
};
use quotelake_contract::Dataset;
use quotelake_core::ports::Lake;
use quotelake_core::{Error, ObjectKey, Result, check_id, sha256_hex};
use quotelake_table::{ArrowSchema as _, RowFault, unfit_values};

use crate::data_set::{always_quarantines, broken, quarantines};
use crate::history;
use crate::quality_rows::Measured;
use crate::quarantine::{Quarantine, Reason};
use crate::record::{Recorder, put, record_document};
use crate::result::{
    Decision, Gate, InputVersion, Lineage, QuarantineSummary, ResultDocument, RowCounts, SCHEMA,
};
use crate::rules::options;
use crate::series::too_much_quarantine;
use row_text::RowTexts;

/// What was computed, and from what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputedSource {
    /// What was computed, in the place of a landing object's key: `models/daily_stats/2009-03-01..2009-03-31`.
    pub name: String,
    /// What tells one version of the model from another.
    pub fingerprint: String,
    /// The partitions that were read, with their versions, in order.
    pub inputs: Vec<InputVersion>,
}

impl ComputedSource {
    /// SHA-256 of all that it says. Of the same model and inputs it is the same.
    pub fn sha256(&self) -> String {
        let mut text = format!("{}\n{}\n", self.name, self.fingerprint);
        for InputVersion { table, partition, version } in &self.inputs {
            text.push_str(&format!("{table}/{partition} {version}\n"));
        }
        sha256_hex(text.as_bytes())
    }

    /// Names every output of a check of it.
    pub fn check_id(&self) -> String {
        check_id(&self.name, &self.sha256())
    }
}

/// The check of rows while they are computed.
pub struct ComputedCheck {
    dataset: Dataset,
    source: ComputedSource,
    check_id: String,
    now: DateTime<Utc>,
    plan: Plan,
    keeps_history: bool,
    /// What histories are kept apart by: a whole table is not compared with one month of it.
    context: String,
    /// Of every row that has the contract's types.
    all: Run,
    /// Of those that stay, where a rule judges rows only at the end: a row that is in quarantine makes no good one a duplicate.
    good: Option<Run>,
    /// Whether a row failed a rule, for each.
    failed: Vec<bool>,
    rows_in: u64,
    quarantine: Quarantine,
}

impl std::fmt::Debug for ComputedCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComputedCheck")
            .field("source", &self.source.name)
            .field("rows_in", &self.rows_in)
            .finish_non_exhaustive()
    }
}

/// How a check of computed rows ended; nothing is written yet.
#[derive(Debug)]
pub struct ComputedVerdict {
    document: ResultDocument,
    quarantine: Option<(String, bytes::Bytes)>,
    measured: Measured,
    now: DateTime<Utc>,
}

impl ComputedCheck {
    /// Begins. `is_whole` says whether a whole table is computed. `Config` when the ruleset cannot be parsed.
    pub async fn begin(
        lake: &dyn Lake,
        dataset: &Dataset,
        source: ComputedSource,
        is_whole: bool,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let ruleset = dqdl::parse_strict(&dataset.rules)
            .map_err(|error| Error::config(format!("ruleset {}: {error}", dataset.rules_name)))?;
        let keeps_history =
            !ruleset.analyzers.is_empty() || ruleset.rules.iter().any(dqdl::Rule::needs_history);
        let (name, check_id) = (&dataset.contract.name, source.check_id());
        let context = if is_whole { "whole" } else { "part" };
        let history: Arc<dyn History> = if keeps_history {
            history::load(lake, name, context, &check_id).await?
        } else {
            Arc::new(MemoryHistory::default())
        };
        let options = dqdl::Options { history: Some(history), ..options(&dataset.contract, now) };
        let plan = Plan::compile(&ruleset, dataset.contract.unchecked_schema(), &options);
        let has_late = plan.rules().iter().any(|rule| rule.rows == RowLevel::Late);
        Ok(Self {
            all: plan.start(),
            good: has_late.then(|| plan.start()),
            failed: vec![false; plan.rules().len()],
            keeps_history,
            context: context.to_owned(),
            rows_in: 0,
            quarantine: Quarantine::new(name, &source.name, &check_id),
            dataset: dataset.clone(),
            plan,
            source,
            check_id,
            now,
        })
    }

    /// Judges a batch, and gives the rows of it that stay, in the contract's types. The others are in quarantine, as they were
    /// `computed`.
    ///
    /// `rows` are the same ones in the contract's types, nullable; `faults` says what has no value there because it did not fit, by
    /// the row's number, ascending.
    pub fn push(
        &mut self,
        computed: &RecordBatch,
        rows: &RecordBatch,
        faults: Vec<(usize, RowFault)>,
    ) -> Result<RecordBatch> {
        let masks = self.plan.row_masks(rows);
        let unfit = unfit_values(&self.dataset.contract, rows);
        let typed = without(rows.num_rows(), faults.iter().map(|(row, _)| *row));
        let mut failed = unfit.iter().fold(!&typed, |all, (_, rows)| &all | rows);
        for (index, rule) in self.plan.rules().iter().enumerate() {
            let Some(rows) = masks.failed(index) else { continue };
            let rows = rows & &typed;
            self.failed[index] |= rows.count_set_bits() > 0;
            if always_quarantines(rule) {
                failed = &failed | &rows;
            }
        }
        if failed.count_set_bits() > 0 {
            let texts = RowTexts::of(computed)?;
            let mut faults = faults.into_iter().peekable();
            for row in failed.set_indices() {
                let mut reasons = Vec::new();
                while let Some((_, fault)) = faults.next_if(|(at, _)| *at == row) {
                    reasons.push(Reason::fault(fault.code, fault.column, fault.detail));
                }
                if reasons.is_empty() {
                    reasons = self.reasons(&masks, &unfit, row);
                }
                let line = self.rows_in + row as u64 + 1;
                self.quarantine.push(line, texts.of_row(row)?.as_bytes(), reasons)?;
            }
        }
        self.rows_in += rows.num_rows() as u64;
        let stays = !&failed;
        self.all.observe(rows, &masks, Some(&typed));
        if let Some(good) = &mut self.good {
            good.observe(rows, &masks, Some(&stays));
        }
        let kept = filter_record_batch(rows, &BooleanArray::new(stays, None))?;
        Ok(RecordBatch::try_new(self.dataset.contract.schema(), kept.columns().to_vec())?)
    }

    /// Says that no more rows come of the partitions that had some: where a partition follows from the key, none has a key of theirs,
    /// and no rule needs to keep those.
    pub fn partitions_end(&mut self) {
        let contract = &self.dataset.contract;
        if !contract.rows_move() {
            self.all.keys_end(&contract.key);
            self.good.iter_mut().for_each(|good| good.keys_end(&contract.key));
        }
    }

    /// Everything that is wrong with a row: the rules in the ruleset's order, then what the contract requires.
    fn reasons(&self, masks: &RowMasks, unfit: &[(RowFault, BooleanBuffer)], row: usize) -> Vec<Reason> {
        let rules = self.plan.rules().iter().enumerate();
        let broken = rules
            .filter(|(index, rule)| {
                always_quarantines(rule) && masks.failed(*index).is_some_and(|rows| rows.value(row))
            })
            .map(|(_, rule)| broken(rule));
        let unfit = unfit.iter().filter(|(_, rows)| rows.value(row)).map(|(fault, _)| fault.clone());
        broken.chain(unfit.map(|fault| Reason::fault(fault.code, fault.column, fault.detail))).collect()
    }

    /// Decides. `blockers` are reasons to publish nothing that were found elsewhere: two rows of one key.
    pub fn finish(self, blockers: Vec<String>) -> Result<ComputedVerdict> {
        let mut report = self.all.finish();
        if let Some(good) = self.good {
            let good = good.finish();
            for (at, result) in good.results.into_iter().enumerate() {
                if self.plan.rule(at).is_some_and(|rule| rule.rows == RowLevel::Late) {
                    report.results[at] = result;
                }
            }
        }
        let mut reasons = reasons_to_block(&self.plan, &report, &self.failed, self.rows_in > 0);
        reasons.extend(too_much_quarantine(&self.dataset.contract, self.quarantine.rows, self.rows_in));
        reasons.extend(blockers);
        let decision = match (reasons.is_empty(), self.quarantine.rows) {
            (false, _) => Decision::Block,
            (true, 0) => Decision::Publish,
            (true, _) => Decision::PublishWithQuarantine,
        };
        let good = self.rows_in - self.quarantine.rows;
        let is_blocked = decision == Decision::Block;
        let rows = RowCounts {
            rows_in: self.rows_in,
            staged: if is_blocked { 0 } else { good },
            quarantined: self.quarantine.rows,
            duplicates: 0,
            held_back: if is_blocked { good } else { 0 },
        };
        let (name, mut quarantine) = (&self.dataset.contract.name, self.quarantine);
        let by_reason = std::mem::take(&mut quarantine.by_reason);
        let quarantine = match quarantine.rows {
            0 => None,
            _ => Some((ObjectKey::quarantine(name, &self.check_id).to_string(), quarantine.finish()?)),
        };
        let glue = report.to_glue(&GlueContext {
            result_id: format!("dqresult-{}", self.check_id),
            ruleset_name: self.dataset.rules_name.clone(),
            evaluation_context: format!("{name}/{}", self.source.name),
            started_on: self.now,
            completed_on: self.now,
            job_name: "quotelake-refine".into(),
            job_run_id: self.check_id.clone(),
        });
        let document = ResultDocument {
            schema: SCHEMA.into(),
            glue,
            gate: Gate { decision, reasons, blocked_series: Vec::new() },
            rows,
            flags: std::collections::BTreeMap::new(),
            quarantine: QuarantineSummary { key: quarantine.as_ref().map(|(key, _)| key.clone()), by_reason },
            lineage: Lineage {
                dataset: name.clone(),
                contract_version: self.dataset.contract.version.clone(),
                ruleset: self.dataset.rules_name.clone(),
                ruleset_sha256: self.dataset.rules_sha256.clone(),
                source_sha256: self.source.sha256(),
                source: self.source.name,
                check_id: self.check_id,
                staged: None,
                context: self.context,
                run_ids: std::collections::BTreeSet::new(),
                unknown_fields: std::collections::BTreeMap::new(),
                inputs: self.source.inputs,
            },
        };
        let statistics = report.statistics().to_vec();
        let measured = Measured { statistics, results: report.results, keeps_history: self.keeps_history };
        Ok(ComputedVerdict { document, quarantine, measured, now: self.now })
    }
}

impl ComputedVerdict {
    /// Writes what the check came to: quarantine, result document, its rows of tables, history, event. Done again, the same keys are
    /// written.
    pub async fn record(self, recorder: Recorder<'_>) -> Result<ResultDocument> {
        let Self { mut document, quarantine, measured, now } = self;
        if let Some((key, bytes)) = quarantine {
            put(recorder.lake, key, bytes).await?;
        }
        record_document(recorder, &mut document, measured, now).await?;
        Ok(document)
    }
}

/// Every row but these.
fn without(rows: usize, left_out: impl Iterator<Item = usize>) -> BooleanBuffer {
    let mut kept = vec![true; rows];
    left_out.for_each(|row| kept[row] = false);
    BooleanBuffer::from(kept)
}

/// The rules that let nothing be published, in the ruleset's order, as text. Of no rows only their number is judged: what its inputs do
/// not give any more is to vanish.
fn reasons_to_block(plan: &Plan, report: &Report, failed: &[bool], has_rows: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    for (at, rule) in plan.rules().iter().enumerate().filter(|(_, rule)| quarantines(rule)) {
        let Some(result) = report.results.get(at) else { continue };
        let decides = match rule.kind {
            RuleKind::Check(RuleType::RowCount) => true,
            _ => has_rows && (rule.rows != RowLevel::Immediate || rule.tolerant),
        };
        let what = if result.outcome == Outcome::Error {
            "could not be evaluated:"
        } else if decides && result.outcome == Outcome::Fail {
            "failed:"
        } else if rule.severity == Severity::Critical && failed[at] && !rule.tolerant {
            "has failing rows:"
        } else {
            continue;
        };
        let message = result.message.as_deref().unwrap_or_default();
        let text = format!("{}: {} {what} {message}", result.name, rule.description);
        reasons.push(text.trim_end().to_owned());
    }
    reasons
}
