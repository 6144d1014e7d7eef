//! The publish function: staged rows merged into one Parquet file per partition.
