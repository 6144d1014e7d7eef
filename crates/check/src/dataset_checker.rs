//! The rows of one dataset in one object, held against the contract and the ruleset, window by window.
//!
//! Row rules are evaluated window by window, so that the text of a failing row is at hand; those that need other rows or
//! earlier checks wait for the end (`rules`, `deferred`), and so do those about a share of the rows, which may hold although
//! rows fail them (`shares`). Then the rows that passed are deduplicated, the data set that the
//! other rules see is what is left, and the gate decides (`conclusion`). A row rule labelled `severity=error` (the default) sends
//! its rows to quarantine, `critical` blocks their series (`series`), `warn` and `info` only report, and flag rows where they are
//! labelled so (`flags`). So does more quarantine in a series than the contract allows. A dataset rule that fails, or any rule
//! that could not be evaluated, blocks the batch unless it is `warn` or `info`.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use chrono::{DateTime, Utc};
use dqdl::{History, RowMasks};
use quotelake_contract::Dataset;
use quotelake_core::Result;
use quotelake_market::{DerivedColumns, DividendColumns, MarketColumns, SeriesSpans};
use quotelake_table::{RowDecoder, RowFault, unfit_values};

use crate::data_set::{always_quarantines, broken};
use crate::deferred::bars_of;
use crate::history::context_of;
use crate::keyless::FileRows;
use crate::quarantine::{Quarantine, Reason};
use crate::rules::{Rules, options};
use crate::series::Undecoded;
use crate::window_rows::WindowRows;

pub(crate) struct DatasetChecker {
    pub(crate) dataset: Dataset,
    pub(crate) now: DateTime<Utc>,
    pub(crate) rules: Rules,
    pub(crate) decoder: RowDecoder,
    /// Where the dataset has no key: numbers its lines.
    file_rows: Option<FileRows>,
    /// The rows in the decoder: line and place in the window.
    pending: Vec<(u64, Range<usize>)>,
    pub(crate) windows: Vec<WindowRows>,
    pub(crate) undecoded: Undecoded,
    /// Rows that nobody asked for: in quarantine, and counted to no ratio.
    pub(crate) not_asked: u64,
    pub(crate) rows_in: u64,
    pub(crate) quarantine: Quarantine,
}

/// What the deferred rules are evaluated with.
#[derive(Debug, Default)]
pub(crate) struct DeferredInputs<'a> {
    /// For rules on columns derived from other rows.
    pub(crate) derived: Option<DerivedColumns<'a>>,
    /// For rules that compare with earlier checks.
    pub(crate) history: Option<Arc<dyn History>>,
}

impl std::fmt::Debug for DatasetChecker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatasetChecker")
            .field("dataset", &self.dataset.contract.name)
            .field("rows_in", &self.rows_in)
            .finish()
    }
}

impl DatasetChecker {
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
            windows: Vec::new(),
            undecoded: Undecoded::default(),
            not_asked: 0,
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
                    self.not_asked += 1;
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
            if let (true, Some(rows)) = (always_quarantines(rule), masks.failed(index)) {
                failed = &failed | rows;
            }
        }
        for row in failed.set_indices() {
            let (line, span) = self.pending[row].clone();
            self.quarantine.push(line, &window[span], self.reasons(&masks, &unfit, row))?;
        }
        // Copied out, and the list is used again: collected from the list itself, the lines would keep all of its memory.
        let lines = self.pending.iter().map(|(line, _)| *line).collect();
        self.pending.clear();
        let misfits = self.decoder.take_misfits();
        self.windows.push(WindowRows { batch, masks, failed, lines, misfits });
        Ok(())
    }

    /// Everything that is wrong with a row: the rules in the ruleset's order, then what the contract requires.
    fn reasons(&self, masks: &RowMasks, unfit: &[(RowFault, BooleanBuffer)], row: usize) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = Vec::new();
        for (index, rule) in self.rules.plan.rules().iter().enumerate() {
            if always_quarantines(rule) && masks.failed(index).is_some_and(|rows| rows.value(row)) {
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
        for window in &self.windows {
            spans.add(&bars_of(&window.batch, &!&window.failed)?)?;
        }
        Ok(Some(spans))
    }

    /// Whether the ruleset has rules that compare dividends with others.
    pub(crate) fn compares_dividends(&self) -> bool {
        self.rules.market && DividendColumns::fit(&self.dataset.contract)
    }

    /// The rows that passed their rules so far.
    pub(crate) fn passed_rows(&self) -> Result<Vec<RecordBatch>> {
        self.windows
            .iter()
            .map(|window| Ok(filter_record_batch(&window.batch, &BooleanArray::new(!&window.failed, None))?))
            .collect()
    }

    /// Whether rules compare with earlier checks, or what is measured is to be kept for later ones.
    pub(crate) fn keeps_history(&self) -> bool {
        self.rules.keeps_history
    }

    /// What the rows have in common besides the dataset: see [`context_of`].
    pub(crate) fn context(&self) -> String {
        let windows: Vec<&RecordBatch> = self.windows.iter().map(|window| &window.batch).collect();
        context_of(&self.dataset.contract, &windows)
    }
}
