//! Data of several days as a test of proposals: what the first days would have proposed, held against the days after.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Date32Type, Schema, SchemaRef};
use chrono::{Days, NaiveDate};
use dqdl::{Options, Outcome, Plan, Profile, SuggestOptions};
use quotelake_core::{Error, Result};

use crate::rule_data::RuleData;

/// Parts that the days are divided into, at most.
const PARTS: usize = 5;

/// The days that the data has.
#[derive(Debug)]
pub struct History {
    /// The column of days, by its place.
    column: Option<usize>,
    days: BTreeSet<i32>,
}

impl History {
    /// Of the first column of dates, or else of instants, that is no provenance.
    pub fn new(schema: &Schema, options: &SuggestOptions) -> Self {
        let place = |wanted: fn(&DataType) -> bool| {
            schema.fields().iter().position(|field| {
                wanted(field.data_type())
                    && !options.provenance.contains(field.name())
                    && !field.name().ends_with("fetched_at")
            })
        };
        let column = place(|ty| matches!(ty, DataType::Date32 | DataType::Date64))
            .or_else(|| place(|ty| matches!(ty, DataType::Timestamp(..))));
        Self { column, days: BTreeSet::new() }
    }

    /// Notes the days of a batch.
    pub fn note(&mut self, batch: &RecordBatch) {
        if let Some(days) = self.column.and_then(|at| days_of(batch.column(at))) {
            self.days.extend(days.iter().flatten());
        }
    }

    /// What is to be said of rules by what they are about: those that, proposed from the days before, would have failed later.
    pub fn remarks(&self, data: &RuleData, options: &SuggestOptions) -> Result<BTreeMap<String, String>> {
        let mut remarks = BTreeMap::new();
        let Some(column) = self.column else { return Ok(remarks) };
        let days: Vec<i32> = self.days.iter().copied().collect();
        let size = days.len().div_ceil(PARTS).max(1);
        let parts: Vec<(i32, i32)> =
            days.chunks(size).filter_map(|part| Some((*part.first()?, *part.last()?))).collect();
        for [before, part] in parts.windows(2).filter_map(|pair| <[(i32, i32); 2]>::try_from(pair).ok()) {
            let schema = data.schema();
            let mut profile = Profile::new(&schema, options.clone());
            let mut kept: Vec<RecordBatch> = Vec::new();
            let mut fault = None;
            data.for_each_batch(|batch| {
                let mut split = || -> Result<()> {
                    profile.observe(&within(batch, column, (i32::MIN, before.1))?);
                    let later = within(batch, column, part)?;
                    if later.num_rows() > 0 {
                        kept.push(later);
                    }
                    Ok(())
                };
                if fault.is_none() {
                    fault = split().err();
                }
            })?;
            match fault {
                Some(fault) => return Err(fault),
                None => hold(&profile, &kept, &schema, (options, part), &mut remarks)?,
            }
        }
        Ok(remarks)
    }
}

/// Holds a proposal against later rows.
fn hold(
    profile: &Profile,
    rows: &[RecordBatch],
    schema: &SchemaRef,
    (options, part): (&SuggestOptions, (i32, i32)),
    remarks: &mut BTreeMap<String, String>,
) -> Result<()> {
    if profile.rows() == 0 || rows.is_empty() {
        return Ok(());
    }
    let proposed = profile.propose();
    let text = profile.suggest();
    let ruleset = dqdl::parse(&text).map_err(|error| Error::bug(format!("the proposal: {error}")))?;
    let plan = Plan::compile(&ruleset, SchemaRef::clone(schema), &Options::new(options.now));
    let mut run = plan.start();
    for batch in rows {
        run.observe(batch, &plan.row_masks(batch), None);
    }
    let results = run.finish().results;
    for (rule, result) in proposed.iter().zip(&results) {
        // The parts are of different lengths.
        if result.outcome != Outcome::Pass && rule.about != "rows" {
            let remark = format!(
                "from the days before, `{}` would have been proposed, and failed from {} to {}",
                rule.rule,
                date(part.0),
                date(part.1)
            );
            remarks.insert(rule.about.clone(), remark);
        }
    }
    Ok(())
}

/// The rows of these days, both ends included.
fn within(batch: &RecordBatch, column: usize, (first, last): (i32, i32)) -> Result<RecordBatch> {
    let Some(days) = days_of(batch.column(column)) else { return Ok(batch.slice(0, 0)) };
    let wanted: BooleanArray =
        days.iter().map(|day| Some(day.is_some_and(|day| (first..=last).contains(&day)))).collect();
    Ok(filter_record_batch(batch, &wanted)?)
}

fn days_of(column: &ArrayRef) -> Option<Vec<Option<i32>>> {
    let days = cast(column, &DataType::Date32).ok()?;
    let days = days.as_primitive_opt::<Date32Type>()?;
    Some((0..days.len()).map(|row| days.is_valid(row).then(|| days.value(row))).collect())
}

fn date(day: i32) -> NaiveDate {
    let epoch = NaiveDate::default();
    epoch.checked_add_days(Days::new(u64::from(day.unsigned_abs()))).filter(|_| day >= 0).unwrap_or(epoch)
}
