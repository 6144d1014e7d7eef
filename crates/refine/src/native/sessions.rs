//! `trading_sessions`: the days on which exchanges trade, as a table that SQL can join.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray};
use arrow::compute::cast;
use async_trait::async_trait;
use chrono::{Datelike as _, NaiveDate};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use quotelake_core::time::days_since_epoch;
use quotelake_core::{Error, Result};
use quotelake_market::calendar::Calendar;
use quotelake_table::ArrowSchema as _;

use super::NativeModel;
use crate::computed::Computed;
use crate::dates::{self, Dates};
use crate::tables::Tables;

/// The exchanges whose sessions are known. A venue's calendar may be another one's.
const VENUES: [&str; 12] =
    ["AIMX", "ARCX", "BATS", "BVMF", "IEXG", "XASE", "XLON", "XNAS", "XNCM", "XNGS", "XNMS", "XNYS"];

/// The table.
#[derive(Debug)]
pub(super) struct TradingSessions;

#[async_trait]
impl NativeModel for TradingSessions {
    fn name(&self) -> &'static str {
        "trading_sessions"
    }

    fn version(&self) -> u32 {
        1
    }

    async fn compute<'a>(&self, tables: Tables<'a>, dates: Dates) -> Result<BoxStream<'a, Result<Computed>>> {
        let Some(dates) = years(tables).await?.and_then(|years| years.intersection(&dates)) else {
            return Ok(stream::empty().boxed());
        };
        let schema = tables.contract(self.name())?.schema();
        let years = dates.from.year()..=dates.to.year();
        let batch = move |year: i32| {
            let (venues, days): (Vec<&str>, Vec<i32>) = VENUES
                .iter()
                .flat_map(|venue| sessions(venue, year, dates).into_iter().map(move |day| (*venue, day)))
                .unzip();
            let columns: [ArrayRef; 2] =
                [Arc::new(StringArray::from(venues)), Arc::new(Date32Array::from(days))];
            let columns =
                columns.iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let rows = RecordBatch::try_new(Arc::clone(&schema), columns)?;
            Ok(Computed { rows, is_complete: true })
        };
        Ok(stream::iter(years).map(batch).boxed())
    }
}

/// From the year of the first daily bar to the end of the year behind the last one's; `None` where there is no bar.
async fn years(tables: Tables<'_>) -> Result<Option<Dates>> {
    let bars = tables.contract("daily_bars")?;
    let stored = tables.partitions("daily_bars", Dates::ALL).await?;
    let months = stored.iter().filter_map(|stored| dates::of_partition(bars, &stored.partition));
    let Some(all) = months.reduce(|a, b| a.hull(&b)) else { return Ok(None) };
    let from = NaiveDate::from_ymd_opt(all.from.year(), 1, 1);
    let to = NaiveDate::from_ymd_opt(all.to.year() + 1, 12, 31);
    let (from, to) = from.zip(to).ok_or_else(|| Error::bug("a year of daily bars"))?;
    Ok(Some(Dates { from, to }))
}

/// The sessions of a venue in a year, as days since 1970; none where its calendar does not reach.
fn sessions(venue: &str, year: i32, dates: Dates) -> Vec<i32> {
    let Some(calendar) = Calendar::of_mic(venue) else { return Vec::new() };
    let whole = NaiveDate::from_ymd_opt(year, 1, 1).zip(NaiveDate::from_ymd_opt(year, 12, 31));
    let (first, last) = calendar.coverage();
    let span = whole
        .and_then(|(from, to)| Dates { from, to }.intersection(&dates))
        .and_then(|span| span.intersection(&Dates { from: first, to: last }));
    let Some(Dates { from, to }) = span else { return Vec::new() };
    from.iter_days()
        .take_while(|day| *day <= to)
        .filter(|day| calendar.is_session(*day) == Some(true))
        .map(days_since_epoch)
        .collect()
}
