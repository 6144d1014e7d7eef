//! Partitions as they are stored: a plan decodes them where it computes.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use quotelake_core::Result;
use quotelake_table::{StoredPartition, StoredRows};

use crate::dates::Dates;
use crate::tables::{Cut, Tables};

/// A partition that is not decoded yet.
#[derive(Debug)]
pub(super) struct Stored {
    rows: StoredRows,
    cut: Arc<Cut>,
}

impl Stored {
    /// Its rows of the dates. The errors of `Published::scan`.
    pub(super) fn decode(self) -> Result<(StoredPartition, RecordBatch)> {
        self.cut.rows(self.rows.decode()?)
    }
}

/// What [`Tables::scan`] reads, as it is stored.
pub(super) async fn scan<'a>(
    tables: Tables<'a>,
    table: &str,
    columns: &[&str],
    dates: Dates,
) -> Result<BoxStream<'a, Result<Stored>>> {
    let (read, partitions, cut) = tables.scan_of(table, columns, dates).await?;
    let rows = tables.published(table)?.scan_stored(&read, partitions)?;
    Ok(rows.map_ok(move |rows| Stored { rows, cut: Arc::clone(&cut) }).boxed())
}
