//! The rules that are judged at the end of an object: those on columns derived from other rows, and those that compare with earlier checks.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{concat_batches, filter_record_batch, take};
use arrow::datatypes::{Schema, SchemaRef};
use dqdl::{Plan, RowMasks};
use quotelake_contract::Contract;
use quotelake_core::Result;
use quotelake_market::{DerivedColumns, MarketColumns};
use quotelake_table::ArrowSchema as _;

use crate::rules::Part;

/// The deferred rules of a ruleset, evaluated row by row.
#[derive(Debug)]
pub(crate) struct DeferredRules {
    pub(crate) plan: Plan,
    /// The place of each rule of `plan` in the whole ruleset.
    pub(crate) ordinals: Vec<usize>,
    /// The windows with the derived columns behind their own.
    pub(crate) batches: Vec<RecordBatch>,
    /// Each window's verdicts.
    pub(crate) masks: Vec<RowMasks>,
}

impl DeferredRules {
    /// Evaluates the rules on the windows of an object. Derived columns are computed from the rows that `passed` their other
    /// rules, and missing for the others; without `derived` there are none.
    pub(crate) fn judge(
        part: &Part,
        contract: &Contract,
        windows: &[RecordBatch],
        passed: &[BooleanBuffer],
        derived: Option<&DerivedColumns<'_>>,
        options: &dqdl::Options,
    ) -> Result<Self> {
        let (schema, batches) = match derived {
            Some(derived) => {
                let schema = with_derived_columns(&contract.unchecked_schema(), derived);
                (Arc::clone(&schema), extended(&schema, windows, passed, derived)?)
            }
            None => (contract.unchecked_schema(), windows.to_vec()),
        };
        let plan = Plan::compile(&part.ruleset, schema, options);
        let masks = batches.iter().map(|batch| plan.row_masks(batch)).collect();
        Ok(Self { plan, ordinals: part.ordinals.clone(), batches, masks })
    }
}

fn with_derived_columns(schema: &Schema, derived: &DerivedColumns<'_>) -> SchemaRef {
    let own = schema.fields().iter().map(Arc::clone);
    Arc::new(Schema::new(own.chain(derived.fields().into_iter().map(Arc::new)).collect::<Vec<_>>()))
}

/// The windows with derived columns: computed over all windows together, since a series may lie in several.
fn extended(
    schema: &SchemaRef,
    windows: &[RecordBatch],
    passed: &[BooleanBuffer],
    derived: &DerivedColumns<'_>,
) -> Result<Vec<RecordBatch>> {
    let rows: Vec<RecordBatch> = windows
        .iter()
        .zip(passed)
        .map(|(window, passed)| selected(window, passed, |column| derived.read(column)))
        .collect::<Result<_>>()?;
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let columns = derived.columns(&concat_batches(&first.schema(), &rows)?)?;
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

/// The columns that bars are made of, of those rows of a window that passed.
pub(crate) fn bars_of(window: &RecordBatch, passed: &BooleanBuffer) -> Result<RecordBatch> {
    selected(window, passed, |column| {
        MarketColumns::SOURCES.contains(&column) || MarketColumns::OPTIONAL_SOURCES.contains(&column)
    })
}

fn selected(
    window: &RecordBatch,
    passed: &BooleanBuffer,
    wanted: impl Fn(&str) -> bool,
) -> Result<RecordBatch> {
    let schema = window.schema();
    let fields = schema.fields().iter().enumerate();
    let columns: Vec<usize> = fields.filter(|(_, field)| wanted(field.name())).map(|(at, _)| at).collect();
    Ok(filter_record_batch(&window.project(&columns)?, &BooleanArray::new(passed.clone(), None))?)
}

/// The place of each row of a window among the rows that passed, over all windows.
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
