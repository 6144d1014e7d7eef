//! What computing a model would take, without computing it.

use quotelake_core::Result;
use quotelake_table::Published;
use serde::Serialize;

use crate::engine::{self, Engine};
use crate::model::Model;
use crate::plan::{Reach, spans};
use crate::snapshot::Snapshot;
use crate::tables::Tables;

/// What computing a model would take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The spans of dates, each computed in one pass: `2009-03-01..2009-04-30`, or `all`.
    pub dates: Vec<String>,
    /// Partitions that would be computed, as far as they are known before.
    pub partitions: usize,
    /// Rows of its inputs that would be read; those that a look-back reaches count for each span.
    pub rows: u64,
    /// What would compute it.
    pub engine: String,
}

/// Looks at what a reach comes to. Reads the footers of the inputs' files and no row.
pub async fn preview(
    model: &Model,
    reach: &Reach,
    tables: Tables<'_>,
    engine: &dyn Engine,
) -> Result<Preview> {
    let mut preview = Preview { engine: engine::version_of(model, engine), ..Preview::default() };
    let snapshot = Snapshot::take(model, tables).await?;
    let tables = tables.listed(snapshot.listed());
    let most = engine::most_input_bytes(model, engine);
    for span in spans(model, reach, tables, most).await? {
        preview.dates.push(span.dates.to_string());
        preview.partitions += snapshot
            .digests(model, span.existing.iter(), "")?
            .iter()
            .filter(|digest| {
                digest.is_expected && digest.dates.is_some_and(|dates| dates.overlaps(&span.dates))
            })
            .count();
        for input in &model.follows {
            let contract = tables.contract(&input.table)?;
            let read = span.dates.with_days_before(input.lookback_days);
            let partitions = tables.partitions(&input.table, read).await?;
            preview.rows += Published::new(tables.lake, contract).count_of(partitions).await?.rows;
        }
    }
    Ok(preview)
}
