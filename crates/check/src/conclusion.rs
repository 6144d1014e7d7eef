//! The end of an object: what is known of the rows of one dataset only when all of them were seen, and the gate's decision.
//!
//! Deferred rules and rules about shares take their rows out, copies are dropped, the rules about the data set as a whole see
//! what is left; then the gate blocks the object, some series, or nothing.

use std::collections::BTreeMap;

use arrow::array::{BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use dqdl::Report;
use quotelake_contract::{Contract, Dataset};
use quotelake_core::Result;
use quotelake_table::dedupe;

use crate::data_set::{DataSet, DeferredFailures, always_quarantines, broken};
use crate::dataset_checker::{DatasetChecker, DeferredInputs};
use crate::deferred::DeferredRules;
use crate::flags::Flags;
use crate::quarantine::{Quarantine, Reason};
use crate::result::{BlockedSeries, Decision, Gate};
use crate::rules::options;
use crate::series::{SeriesRows, Undecoded, too_much_quarantine};
use crate::shares::Shares;
use crate::window_rows::WindowRows;

/// What the checker found.
pub(crate) struct Verdict {
    pub(crate) report: Report,
    pub(crate) gate: Gate,
    /// Staged rows by flag.
    pub(crate) flags: BTreeMap<String, u64>,
    /// The rows that go on, in line order.
    pub(crate) staged: Vec<RecordBatch>,
    pub(crate) duplicates: u64,
    /// Rows that turned out bad only at the end, by line: their text has to be read again.
    pub(crate) late: DeferredFailures,
    pub(crate) unknown_fields: BTreeMap<String, u64>,
    pub(crate) rows_in: u64,
    pub(crate) quarantine: Quarantine,
    pub(crate) dataset: Dataset,
    /// What the rows have in common besides the dataset.
    pub(crate) context: String,
    /// Whether what was measured is to be kept for later checks.
    pub(crate) keeps_history: bool,
}

impl DatasetChecker {
    /// Evaluates the deferred rules, deduplicates, evaluates the rest of the ruleset and decides.
    pub(crate) fn finish(self, inputs: &DeferredInputs<'_>) -> Result<Verdict> {
        let context = self.context();
        let Self {
            dataset, rules, decoder, mut windows, undecoded, not_asked, rows_in, quarantine, now, ..
        } = self;
        let contract = &dataset.contract;
        let batches = decoder.unify(windows.iter().map(|window| window.batch.clone()).collect())?;
        let mut late = DeferredFailures::new();
        let mut deferred = None;
        if let Some(part) = &rules.deferred {
            let options = dqdl::Options { history: inputs.history.clone(), ..options(contract, now) };
            let passed = passed(&windows);
            let derived = inputs.derived.as_ref();
            let judged = DeferredRules::judge(part, contract, &batches, &passed, derived, &options)?;
            fail_deferred(&judged, &mut windows, &mut late);
            deferred = Some(judged);
        }
        let shares = Shares::judge(contract, &rules, deferred.as_ref(), &windows, &batches)?;
        shares.fail_rows(&mut windows, &mut late);
        let passed = passed(&windows);
        let superseded = dedupe(contract, &batches, &passed, |window, row| windows[window].refused(row))?;
        let mut stays: Vec<BooleanBuffer> =
            passed.iter().zip(&superseded).map(|(passed, out)| passed & &!out).collect();
        let data = DataSet {
            rules: &rules,
            deferred: deferred.as_ref(),
            windows: &windows,
            superseded: &superseded,
        };
        let mut report = data.evaluate(&stays);
        shares.keep_verdicts(&mut report);
        data.late_rows(&report, &mut stays, &mut late);
        let flags = Flags::of(contract, &windows, &data, &report, &stays);
        let counts =
            QuarantineCounts { rows_in, quarantined: quarantine.rows, not_asked, undecoded: &undecoded };
        let (mut blockers, blocked_series) =
            counts.block(contract, &data, &report, &batches, &mut stays, &mut late)?;
        let flagged = flags.counts(&stays);
        let staged = rows_that_stay(&flags.write(contract, batches)?, &stays)?;
        if !blocked_series.is_empty() && staged.is_empty() {
            blockers.extend(blocked_series.iter().map(|blocked: &BlockedSeries| {
                format!("{}: {}", blocked.series, blocked.reasons.join("; "))
            }));
        }
        let decision = match (blockers.is_empty(), quarantine.rows == 0 && late.is_empty()) {
            (false, _) => Decision::Block,
            (true, true) => Decision::Publish,
            (true, false) => Decision::PublishWithQuarantine,
        };
        Ok(Verdict {
            gate: Gate { decision, reasons: blockers, blocked_series },
            flags: flagged,
            duplicates: superseded.iter().map(|rows| rows.count_set_bits() as u64).sum(),
            unknown_fields: decoder.unknown_fields().clone(),
            keeps_history: rules.keeps_history,
            context,
            report,
            staged,
            late,
            rows_in,
            quarantine,
            dataset,
        })
    }
}

/// What went to quarantine before the end.
struct QuarantineCounts<'a> {
    rows_in: u64,
    quarantined: u64,
    /// Of these, rows that nobody asked for.
    not_asked: u64,
    undecoded: &'a Undecoded,
}

impl QuarantineCounts<'_> {
    /// Holds back the good rows of the object, or of its series, where too much is wrong. Returns why the object is blocked, and
    /// the series that are.
    fn block(
        &self,
        contract: &Contract,
        data: &DataSet<'_>,
        report: &Report,
        batches: &[RecordBatch],
        stays: &mut [BooleanBuffer],
        late: &mut DeferredFailures,
    ) -> Result<(Vec<String>, Vec<BlockedSeries>)> {
        let by_series = !contract.series.is_empty();
        let mut blockers = data.blockers(report, by_series);
        let quarantined = self.quarantined + late.len() as u64;
        // Rows that belong to no series speak for none: too many of them are the object's fault.
        let of_object = if by_series { self.undecoded.of_none } else { quarantined - self.not_asked };
        blockers.extend(too_much_quarantine(contract, of_object, self.rows_in - self.not_asked));
        if !blockers.is_empty() {
            hold_back(data.windows, stays, late, |_, _| Some(blockers.as_slice()));
            return Ok((blockers, Vec::new()));
        }
        if !by_series || quarantined == 0 {
            return Ok((blockers, Vec::new()));
        }
        let bad: Vec<BooleanBuffer> =
            stays.iter().zip(data.superseded).map(|(stays, out)| !&(stays | out)).collect();
        let mut series = SeriesRows::of(contract, batches, &bad, self.undecoded)?;
        series.block_by_ratio(contract);
        for (reason, rows) in data.critical_rows(report) {
            series.block_rows(rows.into_iter(), &reason);
        }
        hold_back(data.windows, stays, late, |window, row| series.blocked(window, row));
        Ok((blockers, series.into_blocked()))
    }
}

fn passed(windows: &[WindowRows]) -> Vec<BooleanBuffer> {
    windows.iter().map(|window| !&window.failed).collect()
}

/// Takes the rows that break a deferred rule out of those that passed.
fn fail_deferred(deferred: &DeferredRules, windows: &mut [WindowRows], late: &mut DeferredFailures) {
    for (index, rule) in deferred.plan.rules().iter().enumerate().filter(|(_, rule)| always_quarantines(rule))
    {
        for (window, masks) in windows.iter().zip(&deferred.masks) {
            let Some(failed) = masks.failed(index) else { continue };
            for row in (failed & &!&window.failed).set_indices() {
                late.entry(window.lines[row]).or_default().push(broken(rule));
            }
        }
    }
    // Only now: a row that breaks several of them has all their reasons.
    for (window, masks) in windows.iter_mut().zip(&deferred.masks) {
        for (index, rule) in deferred.plan.rules().iter().enumerate() {
            if let (true, Some(failed)) = (always_quarantines(rule), masks.failed(index)) {
                window.failed = &window.failed | failed;
            }
        }
    }
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

/// Nothing good is lost: good rows that are blocked wait in quarantine, with the reasons, until somebody looks at them.
fn hold_back<'r>(
    windows: &[WindowRows],
    stays: &mut [BooleanBuffer],
    late: &mut DeferredFailures,
    blocked: impl Fn(usize, usize) -> Option<&'r [String]>,
) {
    for (at, (window, stays)) in windows.iter().zip(stays).enumerate() {
        let mut held = Vec::new();
        for row in stays.set_indices() {
            let Some(reasons) = blocked(at, row) else { continue };
            held.push(row);
            let fault = Reason::fault("batch_blocked", None, reasons.join("; "));
            late.entry(window.lines[row]).or_default().push(Reason { severity: "critical".into(), ..fault });
        }
        if !held.is_empty() {
            let mut left = BooleanBufferBuilder::new(stays.len());
            left.append_buffer(stays);
            held.into_iter().for_each(|row| left.set_bit(row, false));
            *stays = left.finish();
        }
    }
}
