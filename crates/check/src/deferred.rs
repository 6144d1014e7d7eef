//! The rules that are judged at the end of an object: those on market columns, and those that compare with earlier checks.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{concat_batches, filter_record_batch, take};
use arrow::datatypes::{Field, Schema, SchemaRef};
use dqdl::{Plan, RowMasks};
use quotelake_core::Result;
use quotelake_core::contract::Contract;
use quotelake_core::market::{MarketColumns, MarketContext, market_columns};

use crate::rules::Part;

/// The deferred rules of a ruleset, evaluated row by row.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(crate) plan: Plan,
    /// The place of each rule of `plan` in the whole ruleset.
    pub(crate) ordinals: Vec<usize>,
    /// The windows with the market columns behind their own.
    pub(crate) batches: Vec<RecordBatch>,
    /// Each window's verdicts.
    pub(crate) masks: Vec<RowMasks>,
}

impl Deferred {
    /// Evaluates the rules on the windows of an object. Market columns are computed from the rows that `passed` their other
    /// rules, and missing for the others; without `market` there are none.
    pub(crate) fn judge(
        part: &Part,
        contract: &Contract,
        windows: &[RecordBatch],
        passed: &[BooleanBuffer],
        market: Option<&MarketContext<'_>>,
        options: &dqdl::Options,
    ) -> Result<Self> {
        let (schema, batches) = match market {
            Some(market) => {
                let schema = with_market_columns(&contract.unchecked_schema());
                (Arc::clone(&schema), extended(&schema, windows, passed, market)?)
            }
            None => (contract.unchecked_schema(), windows.to_vec()),
        };
        let plan = Plan::compile(&part.ruleset, schema, options);
        let masks = batches.iter().map(|batch| plan.row_masks(batch)).collect();
        Ok(Self { plan, ordinals: part.ordinals.clone(), batches, masks })
    }
}

fn with_market_columns(schema: &Schema) -> SchemaRef {
    let own = schema.fields().iter().map(Arc::clone);
    Arc::new(Schema::new(own.chain(MarketColumns::fields().into_iter().map(Arc::new)).collect::<Vec<_>>()))
}

/// The windows with market columns: computed over all windows together, since a series may lie in several.
fn extended(
    schema: &SchemaRef,
    windows: &[RecordBatch],
    passed: &[BooleanBuffer],
    market: &MarketContext<'_>,
) -> Result<Vec<RecordBatch>> {
    let bars: Vec<RecordBatch> =
        windows.iter().zip(passed).map(|(window, passed)| bars_of(window, passed)).collect::<Result<_>>()?;
    let Some(first) = bars.first() else { return Ok(Vec::new()) };
    let columns = market_columns(&concat_batches(&first.schema(), &bars)?, market)?.arrays();
    let mut before = 0;
    let mut batches = Vec::with_capacity(windows.len());
    for (window, passed) in windows.iter().zip(passed) {
        let places = places(passed, &mut before);
        let spread = columns.iter().map(|column| Ok(take(column, &places, None)?));
        let all = window.columns().iter().cloned().map(Ok).chain(spread);
        let all: Vec<ArrayRef> = all.collect::<Result<_>>()?;
        batches.push(RecordBatch::try_new(Arc::clone(schema), all)?);
    }
    Ok(batches)
}

/// The bars among a window's rows: the columns that bars are made of, of the rows that passed.
pub(crate) fn bars_of(window: &RecordBatch, passed: &BooleanBuffer) -> Result<RecordBatch> {
    let schema = window.schema();
    let wanted = |field: &Field| {
        MarketColumns::SOURCES.contains(&field.name().as_str()) || field.name() == "fetched_at"
    };
    let columns: Vec<usize> =
        schema.fields().iter().enumerate().filter(|(_, field)| wanted(field)).map(|(at, _)| at).collect();
    Ok(filter_record_batch(&window.project(&columns)?, &BooleanArray::new(passed.clone(), None))?)
}

/// Where each row of a window stands among the rows that passed, over all windows.
fn places(passed: &BooleanBuffer, before: &mut u32) -> UInt32Array {
    passed
        .iter()
        .map(|passed| {
            passed.then(|| {
                *before += 1;
                *before - 1
            })
        })
        .collect()
}
