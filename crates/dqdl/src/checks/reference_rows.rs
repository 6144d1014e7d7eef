//! Rules that look up every row in a reference table: ReferentialIntegrity and DatasetMatch.
//!
//! | Rule type | A row passes | Metric |
//! |---|---|---|
//! | `ReferentialIntegrity "a,b" "ref.{x,y}"` | its key is in the reference; a NULL in the key fails | rows that pass / rows |
//! | `DatasetMatch "ref" "a->x,b" ["c->z,d"]` | a row of the reference has its key and its values; a NULL in the key fails, NULL equals NULL among the values | rows that pass / rows of the longer table |
//!
//! The keys of a DatasetMatch must occur once in each table: rows cannot be told apart otherwise, and the rule fails.
//! Without a third parameter DatasetMatch compares every other column with the one of its name. Numbers compare by value
//! across types, texts as texts, dates and timestamps as instants; a number is never a text. The reference is hashed once,
//! when the ruleset is bound.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;

use super::first;
use super::offenders::{Offenders, shown_key};
use crate::ast::Parameter;
use crate::check::{
    Accumulator, Check, Context, Goal, Input, Measurement, Refusal, RowLevel, Totals, Verdict,
};
use crate::column::{Column, Rows, convert, valid_bits};
use crate::keys::Keys;
use crate::references::common_type;
use crate::rule_types::RuleType;

#[derive(Debug, Clone)]
struct Lookup {
    metric: String,
    columns: Vec<Side>,
    /// How many of the columns are the key.
    key: usize,
    known: Arc<Keys>,
    /// Rows of the reference, when the metric counts them.
    reference_rows: u64,
    /// Whether a key may occur only once.
    single: bool,
    /// A key that occurs again in the reference.
    again: Option<String>,
    alias: String,
    goal: Goal,
    offenders: Offenders,
}

/// The keys of a table, and one of them that occurs again.
#[derive(Debug, Default)]
struct Seen {
    keys: Keys,
    again: Option<String>,
}

impl Seen {
    fn add(&mut self, arrays: &[ArrayRef], rows: &Rows) -> Result<(), String> {
        let again = &mut self.again;
        let parts = self.keys.read(arrays)?;
        self.keys.insert(&parts, rows, |row, _, new| {
            if !new && again.is_none() {
                *again = Some(shown_key(arrays, row));
            }
        })
    }
}

/// A column of one table and what it is cast to.
#[derive(Debug, Clone)]
struct Side {
    column: Column,
    cast: Option<DataType>,
}

impl Side {
    fn read(&self, batch: &RecordBatch) -> Result<ArrayRef, String> {
        let array = &*self.column.of(batch)?;
        match &self.cast {
            Some(to) => convert(array, to),
            None => Ok(Arc::clone(array)),
        }
    }
}

pub(super) fn compile(
    rule_type: RuleType,
    parameters: &[Parameter],
    goal: Goal,
    context: &Context<'_>,
) -> Result<Box<dyn Check>, Refusal> {
    let Pairs { alias, columns: pairs, key } = pairs(rule_type, parameters, context)?;
    let alias = alias.as_str();
    let table = context.references.table(alias)?;
    let schema = context.references.schema(alias)?;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for (mine, theirs) in &pairs {
        let column = context.column(mine)?;
        let other = Column::find(&schema, theirs)
            .ok_or_else(|| Refusal::Fail(format!("Reference {alias} does not include column {theirs}!")))?;
        let cast = common_type(&column.data_type, &other.data_type)?;
        left.push(Side { column, cast: cast.clone() });
        right.push(Side { column: other, cast });
    }
    let mut known = Keys::default();
    let mut reference_rows = 0;
    let single = rule_type == RuleType::DatasetMatch;
    let mut seen = Seen::default();
    for batch in table {
        reference_rows += batch.num_rows() as u64;
        let arrays = right.iter().map(|side| side.read(batch)).collect::<Result<Vec<_>, _>>()?;
        let parts = known.read(&arrays)?;
        known.insert(&parts, &complete(&arrays, key, batch.num_rows()), |_, _, _| {})?;
        if single {
            seen.add(arrays.get(..key).unwrap_or_default(), &Rows::all(batch.num_rows()))?;
        }
    }
    let (scope, reference_rows) = match rule_type {
        RuleType::ReferentialIntegrity => ("Column", 0),
        _ => ("Dataset", reference_rows),
    };
    Ok(Box::new(Lookup {
        metric: format!("{scope}.{alias}.{rule_type}"),
        columns: left,
        key,
        known: Arc::new(known),
        reference_rows,
        single,
        again: seen.again,
        alias: alias.to_owned(),
        goal,
        offenders: Offenders::default(),
    }))
}

/// Columns of this data set with those of a reference table; the first `key` of them are the key.
struct Pairs {
    alias: String,
    columns: Vec<(String, String)>,
    key: usize,
}

fn pairs(rule_type: RuleType, parameters: &[Parameter], context: &Context<'_>) -> Result<Pairs, Refusal> {
    let first = first(parameters)?;
    let second = parameters.get(1).map_or("", |parameter| parameter.value.as_str());
    match rule_type {
        RuleType::ReferentialIntegrity => {
            let (alias, columns) = second
                .split_once('.')
                .ok_or_else(|| Refusal::Error(format!("\"{second}\" is not `table.column`")))?;
            let columns = columns.trim().trim_start_matches('{').trim_end_matches('}');
            let (left, right) = (names(first), names(columns));
            if left.len() != right.len() || left.is_empty() {
                return Err(Refusal::Error(format!("\"{first}\" and \"{columns}\" are not as many columns")));
            }
            let key = left.len();
            let columns = left.into_iter().zip(right).collect();
            Ok(Pairs { alias: alias.trim().to_owned(), columns, key })
        }
        _ => {
            let mut pairs = mappings(second);
            let key = pairs.len();
            match parameters.get(2) {
                Some(columns) => pairs.extend(mappings(&columns.value)),
                None => pairs.extend(others(context, &pairs)),
            }
            Ok(Pairs { alias: first.to_owned(), columns: pairs, key })
        }
    }
}

/// What is wrong with a rule on the rows of a reference, whatever the reference tables are.
pub(super) fn own_faults(
    rule_type: RuleType,
    parameters: &[Parameter],
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let Pairs { columns, .. } = pairs(rule_type, parameters, context)?;
    columns.iter().try_for_each(|(mine, _)| context.column(mine).map(|_| ()))
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// `a->x, b`: pairs of columns.
fn mappings(list: &str) -> Vec<(String, String)> {
    names(list)
        .into_iter()
        .map(|name| match name.split_once("->") {
            Some((left, right)) => (left.trim().to_owned(), right.trim().to_owned()),
            None => (name.clone(), name),
        })
        .collect()
}

/// Every column that is not part of the key, with itself.
fn others(context: &Context<'_>, key: &[(String, String)]) -> Vec<(String, String)> {
    let fields = context.schema.fields().iter().map(|field| field.name().clone());
    fields
        .filter(|name| !key.iter().any(|(left, _)| left.eq_ignore_ascii_case(name)))
        .map(|name| (name.clone(), name))
        .collect()
}

/// The rows without a NULL in the first `key` columns.
fn complete(arrays: &[ArrayRef], key: usize, len: usize) -> Rows {
    let valid = |array: &ArrayRef| valid_bits(array as &dyn Array);
    arrays.iter().take(key).fold(Rows::all(len), |rows, array| rows.and(valid(array).as_ref()))
}

impl Check for Lookup {
    fn row_level(&self) -> RowLevel {
        RowLevel::Immediate
    }

    fn is_tolerant(&self) -> bool {
        self.goal.is_tolerant()
    }

    fn failed_rows(&self, batch: &RecordBatch) -> Result<Option<BooleanBuffer>, String> {
        let arrays = self.columns.iter().map(|side| side.read(batch)).collect::<Result<Vec<_>, _>>()?;
        let found = self.known.contains(&arrays)?;
        let found = complete(&arrays, self.key, batch.num_rows()).and(Some(&found)).into_bits();
        Ok(found.map(|found| !&found))
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(Running { lookup: self.clone(), seen: Seen::default() })
    }
}

#[derive(Debug)]
struct Running {
    lookup: Lookup,
    /// The keys of this data set.
    seen: Seen,
}

impl Accumulator for Running {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        let Self { lookup, seen } = self;
        if !lookup.single && input.failing.is_none() {
            return Ok(());
        }
        let keys = lookup.columns.iter().take(lookup.key);
        let keys = keys.map(|side| side.read(input.batch)).collect::<Result<Vec<_>, _>>()?;
        if lookup.single {
            seen.add(&keys, &input.rows)?;
        }
        lookup.offenders.see(input.failing.as_ref(), |row| shown_key(&keys, row));
        Ok(())
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let Self { lookup, seen } = *self;
        let passed = (totals.considered() - totals.failed) as f64;
        let rows = totals.considered().max(lookup.reference_rows) as f64;
        let mut measurement = Measurement::of(lookup.metric, passed / rows, &lookup.goal);
        let again = |table: &str, key: &str| {
            Verdict::Fail(format!("Key {key} occurs more than once in {table}: rows cannot be told apart"))
        };
        if let Some(key) = &seen.again {
            measurement.verdict = again("the data set", key);
        } else if let Some(key) = &lookup.again {
            measurement.verdict = again(&lookup.alias, key);
        } else if let Verdict::Fail(message) = &mut measurement.verdict
            && totals.failed > 0
        {
            let values = lookup.offenders.into_values().join(", ");
            let alias = &lookup.alias;
            message.push_str(&format!(
                " {} of {} rows are not in {alias}: {values}",
                totals.failed,
                totals.considered()
            ));
        }
        measurement
    }
}
