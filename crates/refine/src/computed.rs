//! Rows as whatever computes a model hands them over.

use arrow::array::RecordBatch;

/// Rows of a model.
#[derive(Debug, Clone)]
pub struct Computed {
    /// In the columns of the model's contract, by name; types that can be cast to the contract's.
    pub rows: RecordBatch,
    /// Whether they are all rows of their partitions: no later batch has more of them. What is complete need not be kept until the end.
    pub is_complete: bool,
}
