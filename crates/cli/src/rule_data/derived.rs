//! Columns that shipped rules read and no file has: computed from the data's own rows, as `check` computes them from those of an
//! object and the table's.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use chrono::{DateTime, Utc};
use dqdl::Ruleset;
use quotelake_core::Result;
use quotelake_market::{
    Closes, CorporateActions, DerivedColumns, DividendColumns, DividendContext, LookBack, MarketColumns,
    MarketContext, MarketLimits,
};

use super::pieces::Place;

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bars,
    Dividends,
}

/// What the columns are derived from that the ruleset names and the data lacks; `None` where there is nothing to derive.
pub(super) fn wanted(ruleset: &Ruleset, schema: &Schema) -> Option<Kind> {
    let read = ruleset.columns();
    let has = |name: &&str| schema.field_with_name(name).is_ok();
    let is_wanted = |names: &[&str], sources: &[&str]| {
        names.iter().any(|name| read.names(name) && !has(name)) && sources.iter().all(has)
    };
    if is_wanted(&MarketColumns::NAMES, &MarketColumns::SOURCES) {
        return Some(Kind::Bars);
    }
    is_wanted(&DividendColumns::NAMES, &DividendColumns::SOURCES).then_some(Kind::Dividends)
}

/// The batches with the derived columns behind their own, and their schema.
pub(super) fn add(
    kind: Kind,
    schema: &SchemaRef,
    batches: &[(Place, RecordBatch)],
    now: DateTime<Utc>,
) -> Result<(SchemaRef, Vec<(Place, RecordBatch)>)> {
    let (look_back, actions, limits) =
        (LookBack::default(), CorporateActions::default(), MarketLimits::default());
    let closes = Closes::default();
    let derived = match kind {
        Kind::Bars => DerivedColumns::Bars(MarketContext {
            look_back: &look_back,
            actions: &actions,
            limits: &limits,
            now,
        }),
        Kind::Dividends => {
            DerivedColumns::Dividends(DividendContext { closes: &closes, actions: &actions, limits: &limits })
        }
    };
    let fields = schema.fields().iter().map(std::sync::Arc::clone);
    let more = derived.fields().into_iter().map(std::sync::Arc::new);
    let wide: SchemaRef = Schema::new(fields.chain(more).collect::<Vec<_>>()).into();
    let sources: Vec<usize> =
        (0..schema.fields().len()).filter(|at| derived.read(schema.field(*at).name())).collect();
    let parts: Vec<RecordBatch> =
        batches.iter().map(|(_, batch)| Ok(batch.project(&sources)?)).collect::<Result<_>>()?;
    let columns = derived.columns(&concat_batches(&schema.project(&sources)?.into(), &parts)?)?;
    let mut first = 0;
    let mut all = Vec::with_capacity(batches.len());
    for (place, batch) in batches {
        let slices = columns.iter().map(|column| column.slice(first, batch.num_rows()));
        let own: Vec<ArrayRef> = batch.columns().iter().cloned().chain(slices).collect();
        all.push((place.clone(), RecordBatch::try_new(std::sync::Arc::clone(&wide), own)?));
        first += batch.num_rows();
    }
    Ok((wide, all))
}
