//! `adjustment_events` and `adjustment_factors`: which splits and dividends have an effect on which bars, and the factors that follow.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use chrono::NaiveDate;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use quotelake_core::Result;
use quotelake_market::adjustment::{
    Actions, BAR_COLUMNS, DIVIDEND_COLUMNS, EventDates, Inputs, SPLIT_COLUMNS, Tables as Computed,
};

use super::NativeModel;
use super::excerpts::Excerpts;
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

    // 2: the symbols of a series are in the order of their newest bars.
    fn version(&self) -> u32 {
        2
    }

    async fn compute<'a>(
        &self,
        tables: Tables<'a>,
        _: Dates,
    ) -> Result<BoxStream<'a, Result<crate::computed::Computed>>> {
        let (computed, excerpts) = computed(tables, None).await?;
        if let Some(excerpts) = excerpts {
            excerpts.keep().await;
        }
        let rows = (self.table)(computed);
        Ok(stream::iter([Ok(crate::computed::Computed { rows, is_complete: true })]).boxed())
    }
}

/// What splits and dividends do to the daily bars of a lake, relative to a date where one is given. Errors name the file that cannot be
/// read.
///
/// Bars of which excerpts are kept are not read again.
pub async fn adjustment(tables: Tables<'_>, base: Option<NaiveDate>) -> Result<Computed> {
    Ok(computed(tables, base).await?.0)
}

/// The tables, and the excerpts that they follow from; none where every bar had to be read.
async fn computed(tables: Tables<'_>, base: Option<NaiveDate>) -> Result<(Computed, Option<Excerpts<'_>>)> {
    let actions = Arc::new(actions(tables).await?);
    let mut wanted = EventDates::of(&actions);
    // Shared: they are as many as the rows of their tables, and inputs are made again where bars are lacking.
    let inputs = || {
        let inputs = Inputs::new(Arc::clone(&actions), tables.contracts.preference().clone());
        match base {
            Some(base) => inputs.with_base(base),
            None => inputs,
        }
    };
    if let Some(mut excerpts) = Excerpts::load(tables).await?
        && let Some(inputs) = excerpts.inputs(&mut wanted, inputs).await?
    {
        return Ok((inputs.tables()?, Some(excerpts)));
    }
    let mut inputs = inputs();
    let mut bars = tables.scan("daily_bars", &BAR_COLUMNS, Dates::ALL).await?;
    while let Some(batch) = bars.try_next().await? {
        inputs.add_bars(&batch)?;
    }
    Ok((inputs.tables()?, None))
}

/// All splits and dividends.
async fn actions(tables: Tables<'_>) -> Result<Actions> {
    let mut actions = Actions::default();
    let mut splits = tables.scan("splits", &SPLIT_COLUMNS, Dates::ALL).await?;
    while let Some(batch) = splits.try_next().await? {
        actions.add_splits(&batch)?;
    }
    let mut dividends = tables.scan("dividends", &DIVIDEND_COLUMNS, Dates::ALL).await?;
    while let Some(batch) = dividends.try_next().await? {
        actions.add_dividends(&batch)?;
    }
    Ok(actions)
}
