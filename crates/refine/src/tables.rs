//! The tables that models read.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Date32Type;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use quotelake_contract::{Contract, Contracts};
use quotelake_core::Result;
use quotelake_core::ports::Lake;
use quotelake_core::time::days_since_epoch;
use quotelake_table::{Published, StoredPartition};

use crate::dates::{self, Dates};

/// Partitions that are read at the same time.
const READS: usize = 2;

/// The partitions that tables had, by table.
pub(crate) type Listing = BTreeMap<String, Vec<StoredPartition>>;

/// The published tables of a lake, for reading.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'a> {
    /// Where they are.
    pub lake: &'a dyn Lake,
    /// What they are.
    pub contracts: &'a Contracts,
    /// The inputs of a model as they were when somebody looked; any other table is looked at.
    listed: Option<&'a Listing>,
}

impl<'a> Tables<'a> {
    /// The tables of a lake.
    pub fn new(lake: &'a dyn Lake, contracts: &'a Contracts) -> Self {
        Self { lake, contracts, listed: None }
    }

    /// The same, with the partitions that the inputs of a model had then. What is read of each is what is there by now.
    pub(crate) fn listed(self, listed: &'a Listing) -> Self {
        Self { listed: Some(listed), ..self }
    }

    /// A table's contract. `NotFound` names a table that there is none of.
    pub fn contract(&self, table: &str) -> Result<&'a Contract> {
        Ok(&self.contracts.get(table)?.contract)
    }

    /// Which partitions a table has that can hold rows of these dates, in order.
    pub async fn partitions(&self, table: &str, dates: Dates) -> Result<Vec<StoredPartition>> {
        let contract = self.contract(table)?;
        let mut partitions = match self.listed.and_then(|listed| listed.get(table)) {
            Some(partitions) => partitions.clone(),
            None => Published::new(self.lake, contract).partitions().await?,
        };
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
        let (read, partitions, cut) = self.scan_of(table, columns, dates).await?;
        let rows = self.scan_partitions(table, &read, partitions)?;
        Ok(rows.map(move |part| part.and_then(|part| Ok(cut.rows(part)?.1))).boxed())
    }

    /// These columns of partitions, each with the version that was read. The errors of [`Published::scan`].
    pub fn scan_partitions(
        &self,
        table: &str,
        columns: &[&str],
        partitions: Vec<StoredPartition>,
    ) -> Result<BoxStream<'a, Result<(StoredPartition, RecordBatch)>>> {
        self.published(table)?.scan(columns, partitions)
    }

    /// A table to read from.
    pub(crate) fn published(&self, table: &str) -> Result<Published<'a>> {
        Ok(Published::new(self.lake, self.contract(table)?).with_reads(READS))
    }

    /// What a scan reads: columns, partitions, and what of them is outside of these dates.
    pub(crate) async fn scan_of<'c>(
        &self,
        table: &str,
        columns: &[&'c str],
        dates: Dates,
    ) -> Result<(Vec<&'c str>, Vec<StoredPartition>, Arc<Cut>)>
    where
        'a: 'c,
    {
        let contract: &'a Arc<Contract> = &self.contracts.get(table)?.contract;
        let partitions = self.partitions(table, dates).await?;
        let date = dates::date_column(contract).map(|index| contract.columns[index].name.as_str());
        let mut cut = Cut { contract: Arc::clone(contract), dates, date: None, wanted: columns.len() };
        // Only where a partition reaches over the edge are rows left out, and is the date needed for it.
        let mut read = columns.to_vec();
        if let Some(date) = date.filter(|date| !columns.contains(date))
            && partitions.iter().any(|stored| cut.cuts(stored))
        {
            read.push(date);
        }
        cut.date = date.and_then(|date| read.iter().position(|column| *column == date));
        Ok((read, partitions, Arc::new(cut)))
    }
}

/// What a scan leaves out.
#[derive(Debug)]
pub(crate) struct Cut {
    contract: Arc<Contract>,
    dates: Dates,
    /// Where the date is among the columns that are read.
    date: Option<usize>,
    /// How many of them are asked for.
    wanted: usize,
}

impl Cut {
    /// Whether a partition has rows outside of the dates.
    fn cuts(&self, stored: &StoredPartition) -> bool {
        dates::of_partition(&self.contract, &stored.partition)
            .is_some_and(|own| own.from < self.dates.from || own.to > self.dates.to)
    }

    /// What it leaves of a partition that was read.
    pub(crate) fn rows(
        &self,
        part: (StoredPartition, RecordBatch),
    ) -> Result<(StoredPartition, RecordBatch)> {
        let (stored, batch) = part;
        let batch = match self.date {
            Some(date) if self.cuts(&stored) => cut(&batch, date, self.dates)?,
            _ => batch,
        };
        Ok((stored, batch.project(&(0..self.wanted).collect::<Vec<_>>())?))
    }
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
