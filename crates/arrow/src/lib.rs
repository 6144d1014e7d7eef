//! The parts of Arrow that the lake uses, by the paths that the crate `arrow` gives them.
//!
//! `arrow` itself brings its arithmetic and text kernels to every build, of which nothing here is called, and kernels of casts and
//! comparisons for every pair of types: four of its largest crates. `cast`, `display` and `compare` are what is needed of the latter
//! two. The crates of this workspace name this one as `arrow`: code reads as the documentation of Arrow does.

mod cast;
mod compare;
mod display;

/// Arrays, their builders and how they are read.
pub mod array {
    pub use arrow_array::builder::*;
    pub use arrow_array::cast::*;
    pub use arrow_array::iterator::*;
    pub use arrow_array::*;
    pub use arrow_data::transform::MutableArrayData;
    pub use arrow_data::{ArrayData, ArrayDataBuilder};
}

/// Memory below the arrays.
pub mod buffer {
    pub use arrow_buffer::buffer::*;
}

/// Kernels over whole arrays.
pub mod compute {
    pub use crate::cast::{CastOptions, cast, cast_with_options};
    pub use crate::compare::{RowComparator, row_comparator};
    pub use arrow_select::concat::*;
    pub use arrow_select::filter::*;
    pub use arrow_select::interleave::*;
    pub use arrow_select::take::*;
}

/// Types of columns, and of their values in Rust.
pub mod datatypes {
    pub use arrow_array::types::*;
    pub use arrow_array::{ArrowNativeTypeOp, ArrowNumericType, ArrowPrimitiveType};
    pub use arrow_buffer::{ArrowNativeType, i256};
    pub use arrow_data::decimal::*;
    pub use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
}

/// What Arrow answers when it cannot.
pub mod error {
    pub use arrow_schema::ArrowError;
}

pub use arrow_ipc as ipc;

/// Batches: some columns of the same length.
pub mod record_batch {
    pub use arrow_array::{RecordBatch, RecordBatchOptions, RecordBatchReader};
}

pub use arrow_row as row;

/// Values as text.
pub mod util {
    /// Of one row.
    pub mod display {
        pub use crate::display::array_value_to_string;
    }
}
