//! `adjustment_events` and `adjustment_factors`: which splits and dividends have an effect on which bars, and the factors that follow.

use arrow::array::RecordBatch;
use async_trait::async_trait;
use chrono::NaiveDate;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use quotelake_core::Result;
use quotelake_market::adjustment::{
    Actions, BAR_COLUMNS, DIVIDEND_COLUMNS, Inputs, SPLIT_COLUMNS, Tables as Computed,
};

use super::NativeModel;
use crate::computed;
use crate::dates::Dates;
use crate::tables::Tables;

/// One of the two tables.
#[derive(Debug)]
pub(super) struct Adjustment {
    name: &'static str,
    table: fn(Computed) -> RecordBatch,
}

/// What each split and dividend does.
pub(super) static EVENTS: Adjustment =
    Adjustment { name: "adjustment_events", table: |computed| computed.events };
/// The factors that follow.
pub(super) static FACTORS: Adjustment =
    Adjustment { name: "adjustment_factors", table: |computed| computed.factors };

#[async_trait]
impl NativeModel for Adjustment {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        1
    }

    async fn compute<'a>(
        &self,
        tables: Tables<'a>,
        _: Dates,
    ) -> Result<BoxStream<'a, Result<computed::Computed>>> {
        let rows = (self.table)(adjustment(tables, None).await?);
        Ok(stream::iter([Ok(computed::Computed { rows, is_complete: true })]).boxed())
    }
}

/// What splits and dividends do to the daily bars of a lake, relative to a date where one is given. Errors name the file that cannot be
/// read.
pub async fn adjustment(tables: Tables<'_>, base: Option<NaiveDate>) -> Result<Computed> {
    let mut actions = Actions::default();
    let mut splits = tables.scan("splits", &SPLIT_COLUMNS, Dates::ALL).await?;
    while let Some(batch) = splits.try_next().await? {
        actions.add_splits(&batch)?;
    }
    let mut dividends = tables.scan("dividends", &DIVIDEND_COLUMNS, Dates::ALL).await?;
    while let Some(batch) = dividends.try_next().await? {
        actions.add_dividends(&batch)?;
    }
    let mut inputs = Inputs::new(actions, tables.contracts.preference().clone());
    if let Some(base) = base {
        inputs = inputs.with_base(base);
    }
    let mut bars = tables.scan("daily_bars", &BAR_COLUMNS, Dates::ALL).await?;
    while let Some(batch) = bars.try_next().await? {
        inputs.add_bars(&batch)?;
    }
    inputs.tables()
}
