//! The rows of one window after their row rules.

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use dqdl::RowMasks;
use quotelake_table::Misfit;

/// A window's rows after their row rules.
pub(crate) struct WindowRows {
    pub(crate) batch: RecordBatch,
    pub(crate) masks: RowMasks,
    /// Rows that are in quarantine.
    pub(crate) failed: BooleanBuffer,
    /// Each row's line.
    pub(crate) lines: Vec<u64>,
    /// Informational values that the rows lack because they did not fit.
    pub(crate) misfits: Vec<Misfit>,
}

impl WindowRows {
    /// The columns of a row whose values were refused.
    pub(crate) fn refused(&self, row: usize) -> Vec<usize> {
        let first = self.misfits.partition_point(|misfit| misfit.row < row);
        let of_row = self.misfits[first..].iter().take_while(|misfit| misfit.row == row);
        of_row.map(|misfit| misfit.column).collect()
    }
}
