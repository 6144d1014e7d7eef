//! Rules that compare the data set as a whole with a reference table: RowCountMatch, SchemaMatch, AggregateMatch.
//!
//! | Rule type | Metric |
//! |---|---|
//! | `RowCountMatch "ref"` | rows / rows of the reference |
//! | `SchemaMatch "ref"` | columns of equal name (whatever its case) and type / columns of the wider of both |
//! | `AggregateMatch "sum(a)" "sum(ref.b)"` | the first aggregate / the second |
//!
//! The ratio of two zeros is 1.0; of anything else to zero, or to NULL, there is none and the rule fails. All texts are
//! one type, whether in a dictionary or not, and nullability is not part of a type.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Schema};
use regex::Regex;

use super::{
    Accumulator, Check, Context, EmptyPolicy, Goal, Input, Measurement, Refusal, Totals, Verdict, first,
};
use crate::ast::Parameter;
use crate::column::{Rows, is_text};
use crate::rule_types::RuleType;
use crate::sql::{Aggregation, State};

#[derive(Debug, Clone)]
struct Match {
    metric: String,
    left: Left,
    right: Option<f64>,
    goal: Goal,
}

/// The side of the primary data set.
#[derive(Debug, Clone)]
enum Left {
    Rows,
    Known(f64),
    Aggregate(Arc<Aggregation>),
}

/// The alias in `sum(alias.column)`.
pub(super) fn alias_of(expression: &str) -> Option<&str> {
    static QUALIFIED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"([A-Za-z_][A-Za-z0-9_]*)\s*\.\s*[A-Za-z_"`]"#).ok());
    Some(QUALIFIED.as_ref()?.captures(expression)?.get(1)?.as_str())
}

pub(super) fn compile(
    rule_type: RuleType,
    parameters: &[Parameter],
    goal: Goal,
    context: &Context<'_>,
) -> Result<Box<dyn Check>, Refusal> {
    let references = &context.references;
    let alias = first(parameters)?;
    let of = |alias: &str, left, right| Match {
        metric: format!("Dataset.{alias}.{rule_type}"),
        left,
        right,
        goal: goal.clone(),
    };
    Ok(Box::new(match (rule_type, parameters) {
        (RuleType::RowCountMatch, _) => of(alias, Left::Rows, Some(references.rows(alias)? as f64)),
        (RuleType::SchemaMatch, _) => {
            let schema = references.schema(alias)?;
            let share = schema_share(context.schema, &schema);
            of(alias, Left::Known(share), Some(1.0))
        }
        (_, [left, right]) => {
            let text = right.value.replace("\\\"", "\"");
            let alias = alias_of(&text)
                .ok_or_else(|| Refusal::Error(format!("`{text}` names no column of a reference table")))?;
            let schema = references.schema(alias)?;
            let query = Aggregation::of_text(&text, alias, &schema, context.now)?;
            let mut state = query.start();
            for batch in references.table(alias)? {
                if batch.schema().fields() != schema.fields() {
                    return Err(Refusal::Error(format!("the batches of {alias} differ in their schema")));
                }
                state.observe(&query, batch, &Rows::all(batch.num_rows()))?;
            }
            let right = state.finish(&query).map(|number| number.as_f64());
            let left = left.value.replace("\\\"", "\"");
            let left = Aggregation::of_text(&left, "primary", context.schema, context.now)?;
            of(alias, Left::Aggregate(Arc::new(left)), right)
        }
        _ => return Err(Refusal::Error(format!("{rule_type} takes two parameters"))),
    }))
}

fn schema_share(left: &Schema, right: &Schema) -> f64 {
    let same = |a: &DataType, b: &DataType| a == b || (is_text(a) && is_text(b));
    let wider = left.fields().len().max(right.fields().len());
    if wider == 0 {
        return 1.0;
    }
    let types: std::collections::HashMap<String, &DataType> =
        right.fields().iter().map(|field| (field.name().to_lowercase(), field.data_type())).collect();
    let matching = left.fields().iter().filter(|field| {
        types.get(&field.name().to_lowercase()).is_some_and(|known| same(known, field.data_type()))
    });
    matching.count() as f64 / wider as f64
}

impl Check for Match {
    fn empty_policy(&self) -> EmptyPolicy {
        EmptyPolicy::Always
    }

    fn start(&self) -> Box<dyn Accumulator> {
        let state = match &self.left {
            Left::Aggregate(query) => Some(query.start()),
            Left::Rows | Left::Known(_) => None,
        };
        Box::new(Running { check: self.clone(), state })
    }
}

#[derive(Debug)]
struct Running {
    check: Match,
    state: Option<State>,
}

impl Accumulator for Running {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        match (&self.check.left, &mut self.state) {
            (Left::Aggregate(query), Some(state)) => state.observe(query, input.batch, &input.rows),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let left = match (&self.check.left, &self.state) {
            (Left::Rows, _) => Some(totals.considered() as f64),
            (Left::Known(value), _) => Some(*value),
            (Left::Aggregate(query), state) => {
                state.as_ref().and_then(|state| state.finish(query)).map(|number| number.as_f64())
            }
        };
        let ratio = match (left, self.check.right) {
            (Some(left), Some(right)) if left == right => 1.0,
            (Some(left), Some(right)) if right != 0.0 => left / right,
            (left, right) => {
                let shown = |side: Option<f64>| side.map_or("NULL".to_owned(), |value| value.to_string());
                let message = format!("There is no ratio of {} to {}", shown(left), shown(right));
                return Measurement::new([], Verdict::Fail(message));
            }
        };
        Measurement::of(self.check.metric.clone(), ratio, &self.check.goal)
    }
}
