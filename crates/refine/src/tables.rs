//! The tables that models read.

use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Date32Type;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use quotelake_contract::{Contract, Contracts};
use quotelake_core::Result;
use quotelake_core::ports::Lake;
use quotelake_core::time::days_since_epoch;
use quotelake_table::{Published, StoredPartition};

use crate::dates::{self, Dates};

/// Partitions that are read at the same time.
const READS: usize = 2;

/// The published tables of a lake, for reading.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'a> {
    /// Where they are.
    pub lake: &'a dyn Lake,
    /// What they are.
    pub contracts: &'a Contracts,
}

impl<'a> Tables<'a> {
    /// A table's contract. `NotFound` names a table that there is none of.
    pub fn contract(&self, table: &str) -> Result<&'a Contract> {
        Ok(&self.contracts.get(table)?.contract)
    }

    /// Which partitions a table has that can hold rows of these dates, in order.
    pub async fn partitions(&self, table: &str, dates: Dates) -> Result<Vec<StoredPartition>> {
        let contract = self.contract(table)?;
        let mut partitions = Published::new(self.lake, contract).partitions().await?;
        partitions.retain(|stored| {
            dates::of_partition(contract, &stored.partition).is_none_or(|own| own.overlaps(&dates))
        });
        partitions.sort_by(|a, b| a.partition.cmp(&b.partition));
        Ok(partitions)
    }

    /// These columns of the rows of these dates, a partition at a time, in the order of the partitions. Of a table that is not parted
    /// by a date, all rows.
    ///
    /// `Config` for a column that the table has not, and the errors of [`Published::scan`].
    pub async fn scan(
        &self,
        table: &str,
        columns: &[&str],
        dates: Dates,
    ) -> Result<BoxStream<'a, Result<RecordBatch>>> {
        let rows = self.scan_by_partition(table, columns, dates).await?;
        Ok(rows.map_ok(|(_, batch)| batch).boxed())
    }

    /// These columns of partitions, each with the version that was read. The errors of [`Published::scan`].
    pub fn scan_partitions(
        &self,
        table: &str,
        columns: &[&str],
        partitions: Vec<StoredPartition>,
    ) -> Result<BoxStream<'a, Result<(StoredPartition, RecordBatch)>>> {
        Published::new(self.lake, self.contract(table)?).with_reads(READS).scan(columns, partitions)
    }

    /// The same as [`scan`](Self::scan), each batch with the partition that it is of.
    pub async fn scan_by_partition(
        &self,
        table: &str,
        columns: &[&str],
        dates: Dates,
    ) -> Result<BoxStream<'a, Result<(StoredPartition, RecordBatch)>>> {
        let contract = self.contract(table)?;
        let partitions = self.partitions(table, dates).await?;
        let date = dates::date_column(contract).map(|index| contract.columns[index].name.as_str());
        // Only where a partition reaches over the edge are rows left out, and is the date needed for it.
        let is_cut = |stored: &StoredPartition| is_cut_by(contract, stored, dates);
        let mut read = columns.to_vec();
        if let Some(date) = date.filter(|date| !columns.contains(date))
            && partitions.iter().any(is_cut)
        {
            read.push(date);
        }
        let wanted = columns.len();
        let place = date.and_then(|date| read.iter().position(|column| *column == date));
        let rows = Published::new(self.lake, contract).with_reads(READS).scan(&read, partitions)?;
        let cut = move |(stored, batch): (StoredPartition, RecordBatch)| {
            let batch = match place {
                Some(place) if is_cut_by(contract, &stored, dates) => cut(&batch, place, dates)?,
                _ => batch,
            };
            Ok((stored, batch.project(&(0..wanted).collect::<Vec<_>>())?))
        };
        Ok(rows.map(move |batch| batch.and_then(cut)).boxed())
    }
}

fn is_cut_by(contract: &Contract, stored: &StoredPartition, dates: Dates) -> bool {
    dates::of_partition(contract, &stored.partition)
        .is_some_and(|own| own.from < dates.from || own.to > dates.to)
}

/// The rows of these dates.
fn cut(batch: &RecordBatch, date: usize, dates: Dates) -> Result<RecordBatch> {
    let (from, to) = (days_since_epoch(dates.from), days_since_epoch(dates.to));
    let values = batch.column(date).as_primitive::<Date32Type>();
    let kept: BooleanArray =
        values.iter().map(|day| Some(day.is_some_and(|day| (from..=to).contains(&day)))).collect();
    if kept.true_count() == kept.len() {
        return Ok(batch.clone());
    }
    Ok(filter_record_batch(batch, &kept)?)
}
