//! `daily_stats`: returns, averages, volatility, highs and lows of daily bars, on adjusted prices.

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use quotelake_core::Result;
use quotelake_market::adjustment::{Factors, Method};
use quotelake_market::daily_stats::{BAR_COLUMNS, Computation, LOOK_BACK_DAYS};

use super::NativeModel;
use crate::dates::Dates;
use crate::engine::Computed;
use crate::tables::Tables;

/// The table of statistics.
#[derive(Debug)]
pub(super) struct DailyStats;

#[async_trait]
impl NativeModel for DailyStats {
    fn name(&self) -> &'static str {
        "daily_stats"
    }

    fn version(&self) -> u32 {
        1
    }

    /// A month at a time, as the bars are stored: more than the look-back is never held.
    async fn compute<'a>(&self, tables: Tables<'a>, dates: Dates) -> Result<BoxStream<'a, Result<Computed>>> {
        let mut factors = Factors::new(Method::PreviousClose);
        let columns =
            tables.contract("adjustment_factors")?.columns.iter().map(|column| column.name.as_str());
        let columns: Vec<&str> = columns.collect();
        let mut rows = tables.scan("adjustment_factors", &columns, Dates::ALL).await?;
        while let Some(batch) = rows.try_next().await? {
            factors.add(&batch)?;
        }
        let read = dates.with_days_before(LOOK_BACK_DAYS.unsigned_abs());
        let bars = tables.scan("daily_bars", &BAR_COLUMNS, read).await?;
        let computation = Computation::new(factors, dates.from);
        let months = stream::try_unfold((bars, computation), |(mut bars, mut computation)| async move {
            let Some(batch) = bars.try_next().await? else { return Ok(None) };
            let rows = computation.push(&batch)?;
            Ok(Some((Computed { rows, is_complete: true }, (bars, computation))))
        });
        Ok(months.boxed())
    }
}
