//! Rules that compare the data set as a whole with a reference table: RowCountMatch, SchemaMatch, AggregateMatch.
//!
//! | Rule type | Metric |
//! |---|---|
//! | `RowCountMatch "ref"` | rows / rows of the reference |
//! | `SchemaMatch "ref"` | columns of equal name (whatever its case) and type / columns of the wider of both |
//! | `AggregateMatch "sum(a)" "sum(ref.b)"` | the first aggregate / the second |
//!
//! Either aggregate may be of the reference or of this data set, `primary`.
//! The ratio of two zeros is 1.0; of anything else to zero, or to NULL, there is none and the rule fails. All texts are
//! one type, whether in a dictionary or not, and nullability is not part of a type.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};

use super::first;
use crate::ast::Parameter;
use crate::check::{
    Accumulator, Check, Context, EmptyPolicy, Goal, Input, Measurement, Refusal, Totals, Verdict,
};
use crate::column::{Rows, is_text};
use crate::metric_names::{aggregate_metric, alias_of, plain};
use crate::rule_types::RuleType;
use crate::sql::{Aggregation, State};

#[derive(Debug, Clone)]
struct Match {
    metric: String,
    left: Side,
    right: Side,
    goal: Goal,
    /// What to say where the goal is missed, instead of both sides.
    detail: Option<String>,
}

/// One side of a ratio.
#[derive(Debug, Clone)]
enum Side {
    /// The rows of this data set.
    Rows,
    /// Known when the ruleset is bound; `None` for NULL.
    Known(Option<f64>),
    /// Of this data set.
    Aggregate(Arc<Aggregation>),
}

/// What is wrong with the aggregates of an AggregateMatch, whatever the reference tables are.
pub(super) fn own_faults(parameters: &[Parameter], context: &Context<'_>) -> Result<(), Refusal> {
    parameters.iter().try_for_each(|parameter| {
        let text = plain(&parameter.value);
        known_call(&text)?;
        if alias_of(&text).is_none_or(|alias| alias == "primary") {
            Aggregation::of_text(&text, "primary", context.schema, context.now)?;
        }
        Ok(())
    })
}

fn known_call(text: &str) -> Result<(), Refusal> {
    match Aggregation::unknown_call(text) {
        None => Ok(()),
        Some(name) => Err(Refusal::Error(format!(
            "there is no aggregate `{name}`: there are count, sum, avg, min and max"
        ))),
    }
}

/// An aggregate of a reference table where it names one, else of this data set, whose alias is `primary`.
fn side(parameter: &Parameter, context: &Context<'_>) -> Result<Side, Refusal> {
    let text = plain(&parameter.value);
    known_call(&text)?;
    let references = &context.references;
    let alias = alias_of(&text).filter(|alias| *alias != "primary");
    let Some(alias) = alias.filter(|alias| references.table(alias).is_ok()) else {
        let compiled = Aggregation::of_text(&text, "primary", context.schema, context.now);
        return match (compiled, alias) {
            (Ok(query), _) => Ok(Side::Aggregate(Arc::new(query))),
            (Err(_), Some(alias)) => Err(Refusal::Error(format!("there is no reference table {alias}"))),
            (Err(error), None) => Err(Refusal::Error(error)),
        };
    };
    let schema = references.schema(alias)?;
    let query = Aggregation::of_text(&text, alias, &schema, context.now)?;
    let mut state = query.start();
    for batch in references.table(alias)? {
        if batch.schema().fields() != schema.fields() {
            return Err(Refusal::Error(format!("the batches of {alias} differ in their schema")));
        }
        state.observe(&query, batch, &Rows::all(batch.num_rows()))?;
    }
    Ok(Side::Known(state.finish(&query)?.map(|number| number.as_f64())))
}

pub(super) fn compile(
    rule_type: RuleType,
    parameters: &[Parameter],
    goal: Goal,
    context: &Context<'_>,
) -> Result<Box<dyn Check>, Refusal> {
    let references = &context.references;
    let alias = first(parameters)?;
    let metric = format!("Dataset.{alias}.{rule_type}");
    Ok(Box::new(match (rule_type, parameters) {
        (RuleType::RowCountMatch, _) => {
            let rows = references.rows(alias)? as f64;
            Match { metric, left: Side::Rows, right: Side::Known(Some(rows)), goal, detail: None }
        }
        (RuleType::SchemaMatch, _) => {
            let schema = references.schema(alias)?;
            let (share, others) = schema_share(context.schema, &schema);
            let detail =
                (!others.is_empty()).then(|| format!("Columns that do not match: {}", others.join(", ")));
            let left = Side::Known(Some(share));
            Match { metric, left, right: Side::Known(Some(1.0)), goal, detail }
        }
        (_, [left, right]) => Match {
            metric: aggregate_metric(&left.value, &right.value),
            left: side(left, context)?,
            right: side(right, context)?,
            goal,
            detail: None,
        },
        _ => return Err(Refusal::Error(format!("{rule_type} takes two parameters"))),
    }))
}

/// The share of columns that both have, and those that one of them lacks or has with another type.
fn schema_share(left: &Schema, right: &Schema) -> (f64, Vec<String>) {
    let same = |a: &DataType, b: &DataType| a == b || (is_text(a) && is_text(b));
    let wider = left.fields().len().max(right.fields().len());
    if wider == 0 {
        return (1.0, Vec::new());
    }
    let lower = |schema: &Schema| -> HashMap<String, DataType> {
        schema.fields().iter().map(|field| (field.name().to_lowercase(), field.data_type().clone())).collect()
    };
    let (mine, theirs) = (lower(left), lower(right));
    let matches = |name: &str, data_type: &DataType| {
        theirs.get(&name.to_lowercase()).is_some_and(|known| same(known, data_type))
    };
    let (matching, others): (Vec<_>, Vec<_>) =
        left.fields().iter().partition(|field| matches(field.name(), field.data_type()));
    let missing = right.fields().iter().filter(|field| !mine.contains_key(&field.name().to_lowercase()));
    let others = others.into_iter().chain(missing).map(|field| field.name().clone()).collect();
    (matching.len() as f64 / wider as f64, others)
}

impl Check for Match {
    fn empty_policy(&self) -> EmptyPolicy {
        EmptyPolicy::Always
    }

    fn start(&self) -> Box<dyn Accumulator> {
        let state = |side: &Side| match side {
            Side::Aggregate(query) => Some(query.start()),
            Side::Rows | Side::Known(_) => None,
        };
        Box::new(Running { left: state(&self.left), right: state(&self.right), check: self.clone() })
    }
}

#[derive(Debug)]
struct Running {
    check: Match,
    left: Option<State>,
    right: Option<State>,
}

impl Side {
    fn observe(&self, state: Option<&mut State>, input: &Input<'_>) -> Result<(), String> {
        match (self, state) {
            (Self::Aggregate(query), Some(state)) => state.observe(query, input.batch, &input.rows),
            _ => Ok(()),
        }
    }

    /// The side's number, `None` for NULL; an error for what is no number.
    fn value(&self, state: Option<&State>, totals: &Totals) -> Result<Option<f64>, String> {
        Ok(match self {
            Self::Rows => Some(totals.considered() as f64),
            Self::Known(value) => *value,
            Self::Aggregate(query) => match state {
                Some(state) => state.finish(query)?.map(|number| number.as_f64()),
                None => None,
            },
        })
    }
}

impl Accumulator for Running {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        self.check.left.observe(self.left.as_mut(), input)?;
        self.check.right.observe(self.right.as_mut(), input)
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let Self { check, left, right } = *self;
        let sides = check
            .left
            .value(left.as_ref(), totals)
            .and_then(|left| Ok((left, check.right.value(right.as_ref(), totals)?)));
        let (left, right) = match sides {
            Ok(sides) => sides,
            Err(message) => return Measurement::new([], Verdict::Error(message)),
        };
        let shown = |side: Option<f64>| side.map_or("NULL".to_owned(), |value| value.to_string());
        let ratio = match (left, right) {
            (Some(left), Some(right)) if left == right => 1.0,
            (Some(left), Some(right)) if right != 0.0 => left / right,
            _ => {
                let message = format!("There is no ratio of {} to {}", shown(left), shown(right));
                return Measurement::new([], Verdict::Fail(message));
            }
        };
        let mut measurement = Measurement::of(check.metric, ratio, &check.goal);
        if let Verdict::Fail(message) = &mut measurement.verdict {
            let detail = check.detail.unwrap_or_else(|| format!("{} against {}", shown(left), shown(right)));
            message.push_str(&format!(" {detail}"));
        }
        measurement
    }
}
