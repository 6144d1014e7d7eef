//! CustomSql: a number, or the rows that pass.
//!
//! | Form | Metric | Rows that fail |
//! |---|---|---|
//! | `CustomSql "select <aggregates> from primary [where ...]" <condition>` | the number; NULL fails the rule | none |
//! | `CustomSql "select ... from primary [where ...]" [with threshold ...]` | rows returned / rows of `primary`, 1.0 unless there is a threshold | those not returned |
//!
//! SQL beyond that goes to the engine of [`Options::sql`](crate::Options::sql), if there is one: see `engine`. Which
//! rows it returned is not known then, so the row form judges their number only.
//!
//! A row whose predicate is NULL is not returned. On an empty data set the row form fails and the number form has its
//! number. A threshold is a ratio: elsewhere a count was shown, which cannot be told apart.

mod engine;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;

use super::first;
use super::offenders::{Offenders, Telling};
use crate::ast;
use crate::check::{
    Accumulator, Check, Context, EmptyPolicy, Goal, Input, Measurement, Refusal, RowLevel, Totals, Verdict,
};
use crate::sql::{Aggregation, Predicate, Query, State, standard};
use crate::sql_engine::SqlEngine;
use engine::{EngineForm, EngineQuery};

const METRIC: &str = "Dataset.*.CustomSQL";

#[derive(Debug, Clone)]
struct NumberForm {
    query: Arc<Aggregation>,
    goal: Goal,
}

#[derive(Debug, Clone)]
struct RowForm {
    predicate: Option<Arc<Predicate>>,
    goal: Goal,
}

pub(super) fn compile(check: &ast::Check, context: &Context<'_>) -> Result<Box<dyn Check>, Refusal> {
    let query = match (query(&check.parameters, context), &context.sql) {
        (Err(_), Some(engine)) => return beyond(check, context, Arc::clone(engine)),
        (query, _) => query?,
    };
    match (query, &check.condition) {
        (Query::Number(query), Some(_)) => {
            if check.threshold.is_some() {
                return Err(Refusal::Error("a CustomSql that is a number takes no threshold".to_owned()));
            }
            Ok(Box::new(NumberForm { query: Arc::new(query), goal: Goal::of(check.condition.as_ref())? }))
        }
        (Query::Number(_), None) => {
            Err(Refusal::Error("a CustomSql that is a number needs a condition".to_owned()))
        }
        (Query::Rows { .. }, Some(condition)) => {
            Err(Refusal::Error(format!("a CustomSql that returns rows takes a threshold, not `{condition}`")))
        }
        (Query::Rows { predicate }, None) => Ok(Box::new(RowForm {
            predicate: predicate.map(Arc::new),
            goal: Goal::of_threshold(check.threshold.as_ref())?,
        })),
    }
}

/// The query in the engine's hands: a number where there is a condition, else rows.
fn beyond(
    check: &ast::Check,
    context: &Context<'_>,
    engine: Arc<dyn SqlEngine>,
) -> Result<Box<dyn Check>, Refusal> {
    let form = match &check.condition {
        Some(_) if check.threshold.is_some() => {
            return Err(Refusal::Error("a CustomSql that is a number takes no threshold".to_owned()));
        }
        Some(condition) => EngineForm::Number(Goal::of(Some(condition))?),
        None => EngineForm::Rows(Goal::of_threshold(check.threshold.as_ref())?),
    };
    Ok(Box::new(EngineQuery {
        sql: standard(&first(&check.parameters)?.replace("\\\"", "\"")).into_owned(),
        engine,
        schema: Arc::new(context.schema.clone()),
        references: context.references.clone(),
        form,
    }))
}

/// The number, recorded.
pub(super) fn analyzer(
    parameters: &[ast::Parameter],
    context: &Context<'_>,
) -> Result<Box<dyn Check>, Refusal> {
    match query(parameters, context)? {
        Query::Number(query) => Ok(Box::new(NumberForm { query: Arc::new(query), goal: Goal::Record })),
        Query::Rows { .. } => Err(Refusal::Error("as an analyzer, CustomSql must be a number".to_owned())),
    }
}

fn query(parameters: &[ast::Parameter], context: &Context<'_>) -> Result<Query, Refusal> {
    let text = first(parameters)?.replace("\\\"", "\"");
    Ok(Query::compile(&text, context.schema, context.now)?)
}

impl Check for NumberForm {
    fn empty_policy(&self) -> EmptyPolicy {
        EmptyPolicy::Always
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(NumberRun { form: self.clone(), state: self.query.start() })
    }
}

#[derive(Debug)]
struct NumberRun {
    form: NumberForm,
    state: State,
}

impl Accumulator for NumberRun {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        self.state.observe(&self.form.query, input.batch, &input.rows)
    }

    fn finish(self: Box<Self>, _totals: &Totals) -> Measurement {
        match self.state.finish(&self.form.query) {
            Err(error) => Measurement::refused(error),
            Ok(Some(number)) => Measurement::of(METRIC.to_owned(), number.as_f64(), &self.form.goal),
            Ok(None) => Measurement::new([], Verdict::Fail("The query returned NULL".to_owned())),
        }
    }
}

impl Check for RowForm {
    fn row_level(&self) -> RowLevel {
        RowLevel::Immediate
    }

    fn is_tolerant(&self) -> bool {
        self.goal.is_tolerant()
    }

    fn is_fallible(&self) -> bool {
        self.predicate.is_some()
    }

    fn failed_rows(&self, batch: &RecordBatch) -> Result<Option<BooleanBuffer>, String> {
        Ok(Some(match &self.predicate {
            Some(predicate) => !&predicate.evaluate(batch)?,
            None => BooleanBuffer::new_unset(batch.num_rows()),
        }))
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(self.clone())
    }
}

impl Accumulator for RowForm {
    fn observe(&mut self, _input: &Input<'_>) -> Result<(), String> {
        Ok(())
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let verdict = Offenders::default().judge(&self.goal, totals, Telling::Both);
        Measurement::new([(format!("{METRIC}.Compliance"), totals.compliance())], verdict)
    }
}

#[cfg(test)]
mod tests {
    use crate::Outcome::{Error, Fail, Pass};
    use crate::testing::{assert_metric, assert_outcome, assert_rows, batch};

    #[track_caller]
    fn number(sql: &str, value: f64) {
        let rule = format!("CustomSql \"select {sql}\" between -1000 and 1000");
        assert_metric(&rule, super::METRIC, value, Pass);
    }

    #[test]
    fn aggregates_over_the_rows_that_match() {
        number("count(*) from primary", 5.0);
        number("count(*) from primary where count > 1", 3.0);
        number("count(count) from primary", 4.0);
        number("count(distinct key) from primary", 4.0);
        number("count(distinct symbol) from PRIMARY", 3.0);
        number("count(distinct flag) from primary", 2.0);
        number("sum(price) from primary", 0.200_000_01);
        number("avg(count) from primary", 2.5);
        // As Python's Decimal divides: 0.20000001 by four, 0.7 by two.
        number("avg(price) from primary", 0.050_000_002_5);
        number("avg(price + 0.2) from primary where price >= 0.1 and price < 0.21", 0.35);
        number("min(price) from primary", -0.4);
        number("max(ratio) from primary", 1.5);
        number("max(length(note)) from primary", 4.0);
        number("count(*) filter (where key = 2) from primary", 2.0);
        number("max(count) - min(count) from primary", 3.0);
        number("100.0 * count(count) / count(*) from primary", 80.0);
        number("coalesce(sum(count), 0) from primary where key > 9;", 0.0);
        number("abs(min(p.price)) as x from primary as p where p.key > 1", 0.4);
        number("sum(value) - sum(price) * 10 from primary", -1.699_993_1);
        number("cast(sum(key) as double) / 5 from primary", 2.4);
        number("sum(case when count > 1 then 1 else 0 end) from primary", 3.0);
        number("round(avg(count), 0) from primary", 3.0);
        number("round(sum(price), 4) from primary", 0.2);
        number("case when count(*) > 4 then max(key) else -1 end from primary", 4.0);
        number("if(count(nullif(key, key)) = 0, 0, 1) from primary", 0.0);
        number("nvl(sum(count), 0) from primary where key > 9", 0.0);
        number("cast(sum(price) as decimal(18, 2)) from primary", 0.2);
        number("floor(max(ratio)) + 1 from primary", 2.0);
        number("greatest(min(key), max(count), 2.5) from primary", 4.0);
        number("length(concat(count(*), 'ab')) from primary", 3.0);
    }

    /// Deequ's metrics are sums from 0.0, which a comparison tells from -0.0.
    #[test]
    fn nothing_below_zero_is_zero() {
        for rule in [
            r#"CustomSql "select sum(key - key) / -5 from primary" = 0"#,
            r#"CustomSql "select sum(key - key) / -5 from primary" in [0]"#,
            r#"CustomSql "select min(ratio) from primary" = 0"#,
            r#"CustomSql "select -sum(ratio - ratio) from primary" >= 0"#,
            r#"Entropy "flag" = 0 where "flag""#,
            r#"Entropy "flag" in [0] where "flag""#,
            r#"Entropy "flag" between -1 and 1 where "flag""#,
        ] {
            assert_outcome(rule, &batch(), Pass, "");
        }
        assert_metric(r#"Entropy "flag" = 0 where "flag""#, "Column.flag.Entropy", 0.0, Pass);
    }

    #[test]
    fn a_null_number_fails() {
        let rule = r#"CustomSql "select sum(count) from primary where key > 9" >= 0"#;
        assert_outcome(rule, &batch(), Fail, "returned NULL");
        let rule = r#"CustomSql "select count(*) / count(nope) from primary" >= 0"#;
        assert_outcome(rule, &batch(), Error, "no column nope");
        let rule = r#"CustomSql "select 1 / (count(*) - 5) from primary" >= 0"#;
        assert_outcome(rule, &batch(), Fail, "returned NULL");
        let empty = batch().slice(0, 0);
        assert_outcome(r#"CustomSql "select count(*) from primary" = 0"#, &empty, Pass, "");
    }

    #[test]
    fn rows_that_are_returned_pass() {
        assert_rows(r#"CustomSql "select key from primary where count > 1""#, &[0, 3]);
        assert_rows(r#"CustomSql "select * from primary""#, &[]);
        assert_rows(r#"CustomSql "select p.key, count from primary p where p.key is not null""#, &[]);
        let metric = "Dataset.*.CustomSQL.Compliance";
        let rule = r#"CustomSql "select key from primary where count > 1" with threshold > 0.5"#;
        assert_metric(rule, metric, 0.6, Pass);
        let empty = batch().slice(0, 0);
        assert_outcome(r#"CustomSql "select * from primary""#, &empty, Fail, "no rows");
    }

    #[test]
    fn a_long_query_needs_no_deep_stack() {
        let plus = format!("select count(*){} from primary", " + 1".repeat(900));
        assert_outcome(&format!("CustomSql \"{plus}\" > 0"), &batch(), Error, "levels");
        for sql in [
            format!("select a{} from primary", " + 1".repeat(900)),
            format!("select a{} from primary", " and a".repeat(900)),
            format!("select case when a{} then 1 end from primary", " and a".repeat(900)),
            format!("select key from primary sort by a{}", " || a".repeat(900)),
            format!("select key from primary where {}key = 3{}", "(".repeat(900), ")".repeat(900)),
        ] {
            assert_outcome(&format!("CustomSql \"{sql}\""), &batch(), Error, "");
        }
        let long = format!("select key from primary where key > 2{}", " or key < 2".repeat(400));
        assert_rows(&format!("CustomSql \"{long}\""), &[1, 2]);
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (sql, name) in [
            ("select count(*) from primary group by key", "GROUP BY"),
            ("select count(*) from primary having count(*) > 1", "HAVING"),
            ("select count(*) from primary join other on a = b", "JOIN"),
            ("select count(*) from primary, other", "one table"),
            ("select count(*) from other", "the table other"),
            ("select count(*) from (select 1)", "only the table `primary`"),
            ("select count(*) from primary order by 1", "ORDER BY"),
            ("select count(*) from primary limit 1", "LIMIT"),
            ("select count(*) from primary union select 1", "UNION"),
            ("with x as (select 1) select count(*) from x", "WITH"),
            ("select distinct count(*) from primary", "DISTINCT"),
            ("select count(*) over () from primary", "window"),
            ("select row_number() over () from primary", "row_number"),
            ("select sum(max(count)) from primary", "inside another"),
            ("select count(*) + key from primary", "is none"),
            ("select count(*), sum(key) from primary", "one column"),
            ("select count(*) from primary where key in (select 1)", "is not supported"),
            ("select max(note) from primary", "over a text"),
            ("select concat(count(*), 'x') from primary", "a text, not a number"),
            ("select 1 + concat(count(*), 'x') from primary", "a text, not a number"),
            ("select coalesce(null, abs(concat(count(*), 'x'))) from primary", "not a number"),
            ("select round(key + count(*)) from primary", "is none"),
            ("select case when max(key) > 1 then key end from primary", "is none"),
            ("select round(max(sum(key))) from primary", "inside another"),
            ("select sum(distinct key) from primary", "is not supported"),
            ("select count(*)", "one table"),
            ("select count(*) from primary tablesample (5 percent)", "not supported"),
            ("drop table primary", "SELECT"),
            ("select count(*) from primary cluster by key", "nothing more"),
            ("select key from primary", "takes a threshold"),
        ] {
            assert_outcome(&format!("CustomSql \"{sql}\" > 0"), &batch(), Error, name);
        }
        let rule = r#"CustomSql "select count(*) from primary""#;
        assert_outcome(rule, &batch(), Error, "needs a condition");
        let rule = r#"CustomSql "select count(*) from primary" > 0 with threshold > 0.5"#;
        assert_outcome(rule, &batch(), Error, "takes no threshold");
    }
}
