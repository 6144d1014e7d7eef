//! What rules compare the rows of an object with: bars published before, corporate actions, sessions.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Date32Type;
use chrono::{DateTime, Days, NaiveDate, Utc};
use futures::stream::{StreamExt as _, TryStreamExt as _};
use quotelake_contract::{Contract, Contracts, Dataset, Preference};
use quotelake_core::ports::Lake;
use quotelake_core::time::date_from_days;
use quotelake_core::{ErrorKind, Result};
use quotelake_market::{
    BAR_COLUMNS, Closes, CorporateActions, DIVIDEND_COLUMNS, DividendContext, LookBack, MarketContext,
    MarketLimits, SPLIT_COLUMNS, SeriesSpans,
};
use quotelake_table::{PartitionKey, Published, StoredPartition};

/// Partitions that are read back from the first bar of a series: a year of months, or two weeks of days.
const LOOK_BACK_PARTITIONS: usize = 12;
/// Partitions of closes that are read for dividends, newest first: two years of months.
const MAX_CLOSE_PARTITIONS: usize = 24;
/// Objects that are read at the same time.
const PARALLEL_READS: usize = 8;

/// What is known besides the rows of an object.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReferenceData {
    /// Bars published before those of the object.
    look_back: LookBack,
    /// Daily closes around dividends.
    pub(crate) closes: Closes,
    /// Splits and dividends.
    pub(crate) actions: CorporateActions,
    limits: MarketLimits,
}

impl ReferenceData {
    /// Nothing yet; events of several providers are chosen by a preference.
    pub(crate) fn preferring(preference: Preference) -> Self {
        Self { actions: CorporateActions::with_preference(preference), ..Self::default() }
    }

    /// What bars are compared with. Lateness is measured against `now`.
    pub(crate) fn market(&self, now: DateTime<Utc>) -> MarketContext<'_> {
        MarketContext { look_back: &self.look_back, actions: &self.actions, limits: &self.limits, now }
    }

    /// What dividends are compared with.
    pub(crate) fn dividends(&self) -> DividendContext<'_> {
        DividendContext { closes: &self.closes, actions: &self.actions, limits: &self.limits }
    }

    /// Adds the published bars before and among those of the spans, and the published splits and dividends.
    ///
    /// Bars are read from the partition of a series' first bar and those before it until there are enough, at most
    /// [`LOOK_BACK_PARTITIONS`]; and from the partitions up to its last bar, unless those are more than that: a history
    /// that is loaded again brings its own bars before. A partition that is swapped meanwhile is read as it was or as it is.
    pub(crate) async fn add_published_bars(
        &mut self,
        lake: &dyn Lake,
        contracts: &Contracts,
        dataset: &Dataset,
        spans: &SeriesSpans,
    ) -> Result<()> {
        let Some((first, last)) = extent(spans) else { return Ok(()) };
        self.add_bars(lake, &dataset.contract, spans).await?;
        // A year before the first bar, since a dividend may lie between it and the bar before.
        let from = first.checked_sub_days(Days::new(366)).unwrap_or(first);
        self.add_actions(lake, contracts, Some((from, last))).await
    }

    /// Adds what dividends are compared with: all published splits and dividends, and the daily closes of the months before
    /// their ex-dates. Of a history too long for [`MAX_CLOSE_PARTITIONS`] only the newest months are read: the rest is judged
    /// by the closes of the object itself, or not at all.
    pub(crate) async fn add_published_dividends(
        &mut self,
        lake: &dyn Lake,
        contracts: &Contracts,
        dividends: &[RecordBatch],
    ) -> Result<()> {
        self.add_actions(lake, contracts, None).await?;
        let Ok(bars) = contracts.get("daily_bars") else { return Ok(()) };
        let contract = &bars.contract;
        let Some(date_column) = contract.index_of("trading_date") else { return Ok(()) };
        let mut wanted = BTreeSet::new();
        for ex_date in ex_dates(dividends) {
            for date in [Some(ex_date), ex_date.checked_sub_days(Days::new(15))].into_iter().flatten() {
                wanted.extend(PartitionKey::of_date(contract, date_column, date)?);
            }
        }
        let published = partitions(lake, contract).await?;
        let keys = wanted.iter().rev().filter_map(|partition| published.get(partition));
        for batch in read_all(lake, contract, &BAR_COLUMNS, keys.take(MAX_CLOSE_PARTITIONS)).await? {
            self.closes.add(&batch)?;
        }
        Ok(())
    }

    /// Adds the published splits, and the dividends between two dates. Later splits matter too: dividends may be stated in
    /// today's shares.
    async fn add_actions(
        &mut self,
        lake: &dyn Lake,
        contracts: &Contracts,
        between: Option<(NaiveDate, NaiveDate)>,
    ) -> Result<()> {
        for batch in rows_of(lake, contracts, "splits", &SPLIT_COLUMNS, None).await? {
            self.actions.add_splits(&batch)?;
        }
        for batch in rows_of(lake, contracts, "dividends", &DIVIDEND_COLUMNS, between).await? {
            self.actions.add_dividends(&batch)?;
        }
        Ok(())
    }

    async fn add_bars(&mut self, lake: &dyn Lake, contract: &Contract, spans: &SeriesSpans) -> Result<()> {
        let Some(date_column) = contract.index_of("trading_date") else { return Ok(()) };
        let partition = |date: NaiveDate| PartitionKey::of_date(contract, date_column, date);
        let published = partitions(lake, contract).await?;
        if published.is_empty() {
            return Ok(());
        }
        // Series by the partitions that they begin and end in: most of a batch's begin together.
        let mut groups: BTreeMap<(PartitionKey, PartitionKey), Vec<_>> = BTreeMap::new();
        for (key, first, last) in spans.iter() {
            let (Some(from), Some(to)) = (partition(first)?, partition(last)?) else { return Ok(()) };
            groups.entry((from, to)).or_default().push((key, first));
        }
        let enough = self.limits.look_back_bars();
        let mut read = BTreeSet::new();
        for ((from, to), series) in groups {
            let among: Vec<_> = published.range(from.clone()..=to).collect();
            if among.len() <= LOOK_BACK_PARTITIONS {
                self.read_bars(lake, contract, spans, among, &mut read).await?;
            }
            for before in published.range(..=from).rev().take(LOOK_BACK_PARTITIONS) {
                if series.iter().all(|(key, first)| self.look_back.bars_before(key, *first) >= enough) {
                    break;
                }
                self.read_bars(lake, contract, spans, vec![before], &mut read).await?;
            }
        }
        Ok(())
    }

    async fn read_bars<'p>(
        &mut self,
        lake: &dyn Lake,
        contract: &Contract,
        spans: &SeriesSpans,
        partitions: Vec<(&'p PartitionKey, &'p StoredPartition)>,
        read: &mut BTreeSet<&'p PartitionKey>,
    ) -> Result<()> {
        let wanted = partitions.into_iter().filter(|(partition, _)| read.insert(partition));
        let wanted: Vec<&StoredPartition> = wanted.map(|(_, stored)| stored).collect();
        for batch in read_all(lake, contract, &BAR_COLUMNS, wanted).await? {
            self.look_back.add_wanted(&batch, spans)?;
        }
        Ok(())
    }
}

/// The ex-dates of some dividends.
fn ex_dates(dividends: &[RecordBatch]) -> BTreeSet<NaiveDate> {
    let days = dividends
        .iter()
        .filter_map(|batch| batch.column_by_name("ex_date")?.as_primitive_opt::<Date32Type>());
    days.flat_map(|days| days.iter().flatten().filter_map(date_from_days)).collect()
}

/// First and last date over all series.
fn extent(spans: &SeriesSpans) -> Option<(NaiveDate, NaiveDate)> {
    let first = spans.iter().map(|(_, first, _)| first).min()?;
    let last = spans.iter().map(|(_, _, last)| last).max()?;
    Some((first, last))
}

/// The published partitions of a table, in order.
async fn partitions(lake: &dyn Lake, contract: &Contract) -> Result<BTreeMap<PartitionKey, StoredPartition>> {
    let stored = Published::new(lake, contract).partitions().await?;
    Ok(stored.into_iter().map(|stored| (stored.partition.clone(), stored)).collect())
}

/// The published rows of a table of events, where the contracts know it; of those partitions that the dates fall into. The second of
/// the columns is the event's date.
async fn rows_of(
    lake: &dyn Lake,
    contracts: &Contracts,
    table: &str,
    columns: &[&str],
    between: Option<(NaiveDate, NaiveDate)>,
) -> Result<Vec<RecordBatch>> {
    let Ok(dataset) = contracts.get(table) else { return Ok(Vec::new()) };
    let contract = &dataset.contract;
    let published = partitions(lake, contract).await?;
    let bounds = match (contract.index_of(columns[1]), between) {
        (Some(column), Some((first, last))) => {
            let bound = |date| PartitionKey::of_date(contract, column, date);
            bound(first)?.zip(bound(last)?)
        }
        _ => None,
    };
    let wanted = published.iter().filter(|(partition, _)| {
        bounds.as_ref().is_none_or(|(from, to)| from <= *partition && *partition <= to)
    });
    read_all(lake, contract, columns, wanted.map(|(_, stored)| stored)).await
}

/// Reads those of the columns that the table has; a partition that is gone meanwhile has no rows.
async fn read_all(
    lake: &dyn Lake,
    contract: &Contract,
    columns: &[&str],
    partitions: impl IntoIterator<Item = &StoredPartition>,
) -> Result<Vec<RecordBatch>> {
    let columns: Vec<&str> =
        columns.iter().copied().filter(|name| contract.index_of(name).is_some()).collect();
    let rows = Published::new(lake, contract)
        .with_reads(PARALLEL_READS)
        .scan(&columns, partitions.into_iter().cloned())?;
    let there = rows.filter_map(|read| async {
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            read => Some(read.map(|(_, batch)| batch)),
        }
    });
    there.try_collect().await
}
