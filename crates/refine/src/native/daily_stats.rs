//! `daily_stats`: returns, averages, volatility, highs and lows of daily bars, on adjusted prices.

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use quotelake_core::Result;
use quotelake_market::adjustment::Method;
use quotelake_market::daily_stats::{BAR_COLUMNS, Computation, EVENT_COLUMNS, LOOK_BACK_DAYS, Steps};

use super::NativeModel;
use crate::computed::Computed;
use crate::dates::Dates;
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
        let read = dates.with_days_before(LOOK_BACK_DAYS.unsigned_abs());
        let mut steps = Steps::new(Method::PreviousClose);
        let mut events = tables.scan("adjustment_events", &EVENT_COLUMNS, read).await?;
        while let Some(batch) = events.try_next().await? {
            steps.add(&batch)?;
        }
        let bars = tables.scan("daily_bars", &BAR_COLUMNS, read).await?;
        let computation = Computation::new(steps, dates.from);
        let months = stream::try_unfold((bars, computation), |(mut bars, mut computation)| async move {
            let Some(batch) = bars.try_next().await? else { return Ok(None) };
            let rows = computation.push(&batch)?;
            Ok(Some((Computed { rows, is_complete: true }, (bars, computation))))
        });
        Ok(months.boxed())
    }
}
