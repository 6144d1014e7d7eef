//! The rows of one dataset in one object, held against the contract and the ruleset.
//!
//! Row rules are evaluated window by window, so that the text of a failing row is at hand; those that need other rows or
//! earlier checks wait for the end (`rules`, `deferred`), and so do those about a share of the rows, which may hold although
//! rows fail them (`shares`). Then the rows that passed are deduplicated, the data set that the
//! other rules see is what is left, and the gate decides. A row rule labelled `severity=error` (the default) sends its rows
//! to quarantine, `critical` blocks their series (`series`), `warn` and `info` only report, and flag rows where they are
//! labelled so (`flags`). So does more quarantine in a series than the contract allows. A dataset rule that fails, or any rule
//! that could not be evaluated, blocks the batch unless it is `warn` or `info`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use chrono::{DateTime, Utc};
use dqdl::{History, Report, RowMasks};
use quotelake_contract::Dataset;
use quotelake_core::Result;
use quotelake_market::{DividendColumns, MarketColumns, Neighbours, SeriesSpans};
use quotelake_table::{Misfit, RowDecoder, RowFault, dedupe, unfit_values};

use crate::data_set::{DataSet, LateRows, broken, condemns};
use crate::deferred::{Deferred, bars_of};
use crate::flags::Flags;
use crate::history::context_of;
use crate::keyless::FileRows;
use crate::quarantine::{Quarantine, Reason};
use crate::result::{BlockedSeries, Decision, Gate};
use crate::rules::{Rules, options};
use crate::series::{SeriesRows, Undecoded, too_much_quarantine};
use crate::shares::Shares;

/// A window's rows after their row rules.
pub(crate) struct Kept {
    pub(crate) batch: RecordBatch,
    pub(crate) masks: RowMasks,
    /// Rows that are in quarantine.
    pub(crate) failed: BooleanBuffer,
    /// Each row's line.
    pub(crate) lines: Vec<u64>,
    /// Informational values that the rows lack because they did not fit.
    pub(crate) misfits: Vec<Misfit>,
}

pub(crate) struct Judge {
    pub(crate) dataset: Dataset,
    now: DateTime<Utc>,
    rules: Rules,
    decoder: RowDecoder,
    /// Where the dataset has no key: numbers its lines.
    file_rows: Option<FileRows>,
    /// The rows in the decoder: line and place in the window.
    pending: Vec<(u64, Range<usize>)>,
    kept: Vec<Kept>,
    undecoded: Undecoded,
    /// Rows that nobody asked for: in quarantine, and no sign of anything for the gate.
    strays: u64,
    pub(crate) rows_in: u64,
    pub(crate) quarantine: Quarantine,
}

/// What the judge found.
pub(crate) struct Verdict {
    pub(crate) report: Report,
    pub(crate) gate: Gate,
    /// Staged rows by flag.
    pub(crate) flags: BTreeMap<String, u64>,
    /// The rows that go on, in line order.
    pub(crate) staged: Vec<RecordBatch>,
    pub(crate) duplicates: u64,
    /// Rows that turned out bad only at the end, by line: their text has to be read again.
    pub(crate) late: LateRows,
    pub(crate) unknown_fields: BTreeMap<String, u64>,
    pub(crate) rows_in: u64,
    pub(crate) quarantine: Quarantine,
    pub(crate) dataset: Dataset,
    /// What the rows have in common besides the dataset.
    pub(crate) context: String,
    /// Whether what was measured is to be kept for later checks.
    pub(crate) keeps_history: bool,
}

/// What the deferred rules are judged beside.
#[derive(Debug, Default)]
pub(crate) struct Beside<'a> {
    /// For rules on columns derived from other rows.
    pub(crate) neighbours: Option<Neighbours<'a>>,
    /// For rules that compare with earlier checks.
    pub(crate) history: Option<Arc<dyn History>>,
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
    /// `source_sha256` is the object's. `Config` when the ruleset cannot be parsed.
    pub(crate) fn new(
        dataset: Dataset,
        now: DateTime<Utc>,
        quarantine: Quarantine,
        source_sha256: &str,
    ) -> Result<Self> {
        Ok(Self {
            rules: Rules::of(&dataset, &options(&dataset.contract, now))?,
            decoder: RowDecoder::new(dataset.contract.clone()),
            file_rows: dataset.contract.file_columns.map(|_| FileRows::new(source_sha256)),
            now,
            pending: Vec::new(),
            kept: Vec::new(),
            undecoded: Undecoded::default(),
            strays: 0,
            rows_in: 0,
            dataset,
            quarantine,
        })
    }

    /// Takes a line of the window: its row waits for the window's end, or it is in quarantine.
    #[inline]
    pub(crate) fn push(&mut self, line: u64, text: &str, span: Range<usize>) -> Result<()> {
        self.rows_in += 1;
        let row = match &mut self.file_rows {
            None => text,
            Some(rows) => rows.complete(line, text),
        };
        match self.decoder.push(row) {
            Ok(()) => {
                self.pending.push((line, span));
                Ok(())
            }
            Err(faults) => {
                if faults.iter().any(|fault| fault.code == RowFault::NOT_ASKED) {
                    self.strays += 1;
                } else {
                    let series = &self.dataset.contract.series;
                    self.undecoded.add(self.decoder.texts_of_faulty(row, series));
                }
                let reasons = faults.into_iter().map(|f| Reason::fault(f.code, f.column, f.detail)).collect();
                self.quarantine.push(line, text.as_bytes(), reasons)
            }
        }
    }

    /// Takes a line that is no row of any kind.
    pub(crate) fn push_fault(&mut self, line: u64, raw: &[u8], reason: Reason) -> Result<()> {
        self.rows_in += 1;
        self.undecoded.add(None);
        self.quarantine.push(line, raw, vec![reason])
    }

    /// Evaluates the row rules on the window's rows; those that fail go to quarantine with their text.
    pub(crate) fn end_window(&mut self, window: &[u8]) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let batch = self.decoder.take_batch()?;
        let masks = self.rules.plan.row_masks(&batch);
        let unfit = unfit_values(&self.dataset.contract, &batch);
        let mut failed =
            unfit.iter().fold(BooleanBuffer::new_unset(batch.num_rows()), |all, (_, rows)| &all | rows);
        for (index, rule) in self.rules.plan.rules().iter().enumerate() {
            if let (true, Some(rows)) = (condemns(rule), masks.failed(index)) {
                failed = &failed | rows;
            }
        }
        for row in failed.set_indices() {
            let (line, span) = self.pending[row].clone();
            self.quarantine.push(line, &window[span], self.reasons(&masks, &unfit, row))?;
        }
        let lines = std::mem::take(&mut self.pending).into_iter().map(|(line, _)| line).collect();
        let misfits = self.decoder.take_misfits();
        self.kept.push(Kept { batch, masks, failed, lines, misfits });
        Ok(())
    }

    /// Everything that is wrong with a row: the rules in the ruleset's order, then what the contract requires.
    fn reasons(&self, masks: &RowMasks, unfit: &[(RowFault, BooleanBuffer)], row: usize) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = Vec::new();
        for (index, rule) in self.rules.plan.rules().iter().enumerate() {
            if condemns(rule) && masks.failed(index).is_some_and(|rows| rows.value(row)) {
                reasons.push(broken(rule));
            }
        }
        for (fault, rows) in unfit {
            if rows.value(row) {
                reasons.push(Reason::fault(fault.code, fault.column.clone(), fault.detail.clone()));
            }
        }
        reasons
    }

    /// The series of the bars that passed, where the ruleset has rules on market columns; `None` where it has none.
    pub(crate) fn series(&self) -> Result<Option<SeriesSpans>> {
        if !self.rules.market || !MarketColumns::fit(&self.dataset.contract) {
            return Ok(None);
        }
        let mut spans = SeriesSpans::default();
        for window in &self.kept {
            spans.add(&bars_of(&window.batch, &!&window.failed)?)?;
        }
        Ok(Some(spans))
    }

    /// Whether the ruleset has rules on what dividends look like beside others.
    pub(crate) fn compares_dividends(&self) -> bool {
        self.rules.market && DividendColumns::fit(&self.dataset.contract)
    }

    /// The rows that passed their rules so far.
    pub(crate) fn passed_rows(&self) -> Result<Vec<RecordBatch>> {
        let windows = self.kept.iter();
        windows
            .map(|window| Ok(filter_record_batch(&window.batch, &BooleanArray::new(!&window.failed, None))?))
            .collect()
    }

    /// Whether rules compare with earlier checks, or what is measured is to be kept for later ones.
    pub(crate) fn keeps_history(&self) -> bool {
        self.rules.keeps_history
    }

    /// What the rows have in common besides the dataset: see [`context_of`].
    pub(crate) fn context(&self) -> String {
        let windows: Vec<&RecordBatch> = self.kept.iter().map(|window| &window.batch).collect();
        context_of(&self.dataset.contract, &windows)
    }

    /// Judges the deferred rules, deduplicates, evaluates the rest of the ruleset and decides.
    pub(crate) fn finish(self, beside: &Beside<'_>) -> Result<Verdict> {
        let context = self.context();
        let Self { dataset, rules, decoder, mut kept, undecoded, strays, rows_in, quarantine, now, .. } =
            self;
        let contract = &dataset.contract;
        let batches = decoder.unify(kept.iter().map(|window| window.batch.clone()).collect())?;
        let mut late = LateRows::new();
        let mut deferred = None;
        if let Some(part) = &rules.deferred {
            let passed: Vec<BooleanBuffer> = kept.iter().map(|window| !&window.failed).collect();
            let options = dqdl::Options { history: beside.history.clone(), ..options(contract, now) };
            let judged =
                Deferred::judge(part, contract, &batches, &passed, beside.neighbours.as_ref(), &options)?;
            fail_deferred(&judged, &mut kept, &mut late);
            deferred = Some(judged);
        }
        let shares = Shares::judge(contract, &rules, deferred.as_ref(), &kept, &batches)?;
        shares.fail_rows(&mut kept, &mut late);
        let passed: Vec<BooleanBuffer> = kept.iter().map(|window| !&window.failed).collect();
        let superseded = dedupe(contract, &batches, &passed)?;
        let mut stays: Vec<BooleanBuffer> =
            passed.iter().zip(&superseded).map(|(passed, out)| passed & &!out).collect();
        let data =
            DataSet { rules: &rules, deferred: deferred.as_ref(), kept: &kept, superseded: &superseded };
        let mut report = data.evaluate(&stays);
        shares.keep_verdicts(&mut report);
        data.late_rows(&report, &mut stays, &mut late);
        let flags = Flags::of(contract, &kept, &data, &report, &stays);
        let by_series = !contract.series.is_empty();
        let mut blockers = data.blockers(&report, by_series);
        let quarantined = quarantine.rows + late.len() as u64;
        // Rows that belong to no series speak for none: too many of them are the object's fault.
        let of_object = if by_series { undecoded.of_none } else { quarantined - strays };
        blockers.extend(too_much_quarantine(contract, of_object, rows_in - strays));
        let mut blocked_series = Vec::new();
        if !blockers.is_empty() {
            hold_back(&kept, &mut stays, &mut late, |_, _| Some(blockers.as_slice()));
        } else if by_series && quarantined > 0 {
            let bad: Vec<BooleanBuffer> =
                stays.iter().zip(&superseded).map(|(stays, out)| !&(stays | out)).collect();
            let mut series = SeriesRows::of(contract, &batches, &bad, &undecoded)?;
            series.block_by_ratio(contract);
            for (reason, rows) in data.critical_rows(&report) {
                series.block_rows(rows.into_iter(), &reason);
            }
            hold_back(&kept, &mut stays, &mut late, |window, row| series.blocked(window, row));
            blocked_series = series.into_blocked();
        }
        let counts = flags.counts(&stays);
        let staged = rows_that_stay(&flags.write(contract, batches)?, &stays)?;
        let all_blocked = !blocked_series.is_empty() && staged.is_empty();
        if all_blocked {
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
            flags: counts,
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

/// Takes the rows that break a deferred rule out of those that passed.
fn fail_deferred(deferred: &Deferred, kept: &mut [Kept], late: &mut LateRows) {
    for (index, rule) in deferred.plan.rules().iter().enumerate().filter(|(_, rule)| condemns(rule)) {
        for (window, masks) in kept.iter().zip(&deferred.masks) {
            let Some(failed) = masks.failed(index) else { continue };
            for row in (failed & &!&window.failed).set_indices() {
                late.entry(window.lines[row]).or_default().push(broken(rule));
            }
        }
    }
    // Only now: a row that breaks several of them has all their reasons.
    for (window, masks) in kept.iter_mut().zip(&deferred.masks) {
        for (index, rule) in deferred.plan.rules().iter().enumerate() {
            if let (true, Some(failed)) = (condemns(rule), masks.failed(index)) {
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
    kept: &[Kept],
    stays: &mut [BooleanBuffer],
    late: &mut LateRows,
    blocked: impl Fn(usize, usize) -> Option<&'r [String]>,
) {
    for (at, (window, stays)) in kept.iter().zip(stays).enumerate() {
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
