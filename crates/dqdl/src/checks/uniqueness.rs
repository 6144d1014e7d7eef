//! Rules about how often values occur: Uniqueness, IsUnique, IsPrimaryKey, UniqueValueRatio, DistinctValuesCount and
//! Entropy.
//!
//! Memory grows with the distinct keys (and the failing rows), not with the rows, and keys that cannot come again are forgotten. Zeros are one key whatever their sign,
//! and so are NaNs. In a key of several columns NULL is a value; a key that is NULL in every column belongs to no group, so such a
//! row neither counts nor fails, except under IsPrimaryKey and as the NULL bin of DistinctValuesCount.
//!
//! | Rule type | Metric | Rows that fail |
//! |---|---|---|
//! | Uniqueness, IsUnique | keys that occur once / rows with a key | every row of a key that occurs again, the first too |
//! | IsPrimaryKey | the same, and each column's completeness; all must be 1.0 | the same, and rows with a NULL in the key |
//! | UniqueValueRatio | keys that occur once / distinct keys | as Uniqueness |
//! | DistinctValuesCount | distinct values, NULL being one more | none |
//! | Entropy | -sum(p ln p) over the values | none |

use std::borrow::Cow;

use arrow::array::ArrayRef;
use arrow::buffer::BooleanBuffer;
use arrow::row::{RowConverter, SortField};

use super::offenders::shown_key;
use crate::ast::Parameter;
use crate::check::{
    Accumulator, Check, Context, EmptyPolicy, Goal, Input, Measurement, Refusal, RowLevel, Totals, Verdict,
};
use crate::column::{Column, valid_bits};
use crate::keys::Keys;
use crate::metric_names::metric_name;
use crate::rule_types::RuleType;

/// The most failing rows that are remembered, eight bytes each.
const MAX_FAILING_ROWS: usize = 2_000_000;

#[derive(Debug, Clone)]
struct Grouping {
    rule_type: RuleType,
    columns: Vec<Column>,
    goal: Goal,
    null_is_value: bool,
}

pub(super) fn compile(
    rule_type: RuleType,
    parameters: &[Parameter],
    goal: Goal,
    context: &Context<'_>,
) -> Result<Box<dyn Check>, Refusal> {
    let columns =
        parameters.iter().map(|parameter| context.column(&parameter.value)).collect::<Result<Vec<_>, _>>()?;
    let check = Grouping { rule_type, columns, goal, null_is_value: context.null_is_value };
    if RowConverter::supports_fields(&check.fields()) {
        Ok(Box::new(check))
    } else {
        Err(Refusal::Error(format!("{rule_type} does not support the type of its columns")))
    }
}

impl Grouping {
    fn fields(&self) -> Vec<SortField> {
        self.columns.iter().map(|column| SortField::new(column.data_type.clone())).collect()
    }
}

impl Check for Grouping {
    fn row_level(&self) -> RowLevel {
        match (self.rule_type, &self.goal) {
            (RuleType::DistinctValuesCount | RuleType::Entropy, _) | (_, Goal::Record) => RowLevel::No,
            _ => RowLevel::Late,
        }
    }

    /// IsPrimaryKey and IsUnique fail with the first row that does; the others are about the share of such rows.
    fn is_tolerant(&self) -> bool {
        self.goal.is_tolerant()
    }

    fn empty_policy(&self) -> EmptyPolicy {
        match self.rule_type {
            RuleType::DistinctValuesCount => EmptyPolicy::UnlessFiltered,
            _ => EmptyPolicy::Never,
        }
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(Groups {
            check: self.clone(),
            keys: Keys::default(),
            groups: Vec::new(),
            ended: Ended::default(),
            keyed_rows: 0,
            null_rows: 0,
            complete: vec![0; self.columns.len()],
            late: Vec::new(),
            repeated: None,
        })
    }
}

#[derive(Debug)]
struct Groups {
    check: Grouping,
    keys: Keys,
    /// By the number of the key.
    groups: Vec<Group>,
    ended: Ended,
    /// Rows with a value in at least one key column.
    keyed_rows: u64,
    /// Rows with none.
    null_rows: u64,
    /// Per key column, rows with a value.
    complete: Vec<u64>,
    late: Vec<(u32, u32)>,
    /// A key that occurs again.
    repeated: Option<String>,
}

/// Keys that cannot come again.
#[derive(Debug, Default)]
struct Ended {
    distinct: u64,
    once: u64,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    count: u64,
    first: (u32, u32),
}

/// How many keys occur once.
fn once(groups: &[Group]) -> u64 {
    groups.iter().filter(|group| group.count == 1).count() as u64
}

impl Groups {
    /// Counts completeness; the rows with a key, and those with a NULL in it.
    fn nulls(
        &mut self,
        arrays: &[ArrayRef],
        input: &Input<'_>,
    ) -> (Option<BooleanBuffer>, Option<BooleanBuffer>) {
        let valid: Vec<Option<BooleanBuffer>> = arrays.iter().map(|array| valid_bits(array)).collect();
        for (count, valid) in self.complete.iter_mut().zip(&valid) {
            *count += input.rows.and(valid.as_ref()).count() as u64;
        }
        let keyed = if valid.iter().all(Option::is_some) {
            valid.iter().flatten().cloned().reduce(|left, right| &left | &right)
        } else {
            None
        };
        let complete = valid.iter().flatten().cloned().reduce(|left, right| &left & &right);
        (keyed, complete.map(|complete| !&complete))
    }
}

impl Accumulator for Groups {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        let arrays = self
            .check
            .columns
            .iter()
            .map(|column| column.of(input.batch).map(Cow::into_owned))
            .collect::<Result<Vec<_>, _>>()?;
        let track = self.check.row_level() == RowLevel::Late;
        let (keyed, with_null) = self.nulls(&arrays, input);
        let parts = self.keys.read(&arrays)?;
        let rows = input.rows.and(keyed.as_ref());
        let keyed_rows = rows.count() as u64;
        self.keyed_rows += keyed_rows;
        self.null_rows += input.rows.count() as u64 - keyed_rows;
        let (groups, late, repeated) = (&mut self.groups, &mut self.late, &mut self.repeated);
        self.keys.insert(&parts, &rows, |row, key, new| {
            let here = (input.ordinal, u32::try_from(row).unwrap_or(u32::MAX));
            if new {
                groups.push(Group { count: 1, first: here });
            } else if let Some(group) = groups.get_mut(key) {
                group.count += 1;
                if track {
                    if group.count == 2 {
                        late.push(group.first);
                        if repeated.is_none() {
                            *repeated = Some(shown_key(&arrays, row));
                        }
                    }
                    late.push(here);
                }
            }
        })?;
        if let (RuleType::IsPrimaryKey, Some(with_null)) = (self.check.rule_type, with_null) {
            input.rows.and(Some(&with_null)).for_each(|row| {
                late.push((input.ordinal, u32::try_from(row).unwrap_or(u32::MAX)));
            });
        }
        if self.late.len() > MAX_FAILING_ROWS {
            return Err(format!("more than {MAX_FAILING_ROWS} rows fail: it is not tried any further"));
        }
        Ok(())
    }

    fn keys_end(&mut self, columns: &[usize]) {
        let has = |column: &usize| self.check.columns.iter().any(|own| own.is_whole(*column));
        if self.check.rule_type == RuleType::Entropy || columns.is_empty() || !columns.iter().all(has) {
            return;
        }
        self.ended.distinct += self.groups.len() as u64;
        self.ended.once += once(&self.groups);
        self.groups.clear();
        self.keys.clear();
    }

    fn finish(mut self: Box<Self>, totals: &Totals) -> Measurement {
        self.late.sort_unstable();
        self.late.dedup();
        let late = std::mem::take(&mut self.late);
        let mut measurement = self.measure(totals);
        if let (Verdict::Fail(message), Some(key)) = (&mut measurement.verdict, &self.repeated) {
            message.push_str(&format!(" {key} occurs more than once"));
        }
        Measurement { late, ..measurement }
    }
}

impl Groups {
    fn measure(&self, totals: &Totals) -> Measurement {
        let check = &self.check;
        let names: Vec<&str> = check.columns.iter().map(|column| column.name.as_str()).collect();
        let once = (self.ended.once + once(&self.groups)) as f64;
        let distinct = (self.ended.distinct + self.groups.len() as u64) as f64;
        let keyed = self.keyed_rows as f64;
        let (metric, value) = match check.rule_type {
            RuleType::DistinctValuesCount => {
                let null = check.null_is_value && self.null_rows > 0;
                ("DistinctValuesCount", distinct + f64::from(u8::from(null)))
            }
            _ if self.keyed_rows == 0 => {
                let message = format!("Column {} has no values", names.join(","));
                return Measurement::new([], Verdict::Fail(message));
            }
            RuleType::UniqueValueRatio => ("UniqueValueRatio", once / distinct),
            RuleType::Entropy => ("Entropy", self.entropy(keyed)),
            _ => ("Uniqueness", once / keyed),
        };
        let mut measurement = Measurement::of(metric_name(&names, metric), value, &check.goal);
        if check.rule_type == RuleType::IsPrimaryKey {
            for (name, complete) in names.iter().zip(&self.complete) {
                let share = *complete as f64 / totals.considered() as f64;
                measurement.metrics.insert(metric_name(&[name], "Completeness"), share);
                if share != 1.0 && matches!(measurement.verdict, Verdict::Pass) {
                    measurement.verdict = Verdict::Fail(format!("Key column {name} has NULL values"));
                }
            }
        }
        measurement
    }

    fn entropy(&self, rows: f64) -> f64 {
        self.groups
            .iter()
            .map(|group| {
                let share = group.count as f64 / rows;
                -share * share.ln()
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::LN_2;

    use crate::Outcome::{Fail, Pass};
    use crate::testing::{assert_metric, assert_rows};

    #[test]
    fn every_copy_of_a_duplicate_fails_and_null_does_not_count() {
        assert_rows(r#"IsUnique "key""#, &[1, 2]);
        assert_rows(r#"IsUnique "count""#, &[]);
        assert_metric(r#"Uniqueness "key" > 0.5"#, "Column.key.Uniqueness", 0.6, Pass);
        assert_metric(r#"Uniqueness "symbol" = 0.5"#, "Column.symbol.Uniqueness", 0.5, Pass);
        assert_metric(r#"IsUnique "symbol""#, "Column.symbol.Uniqueness", 0.5, Fail);
    }

    #[test]
    fn in_a_key_of_several_columns_null_is_a_value() {
        let metric = "Multicolumn.key,symbol.Uniqueness";
        assert_metric(r#"IsUnique "key" "symbol""#, metric, 1.0, Pass);
        assert_metric(r#"IsUnique "symbol" "flag""#, "Multicolumn.symbol,flag.Uniqueness", 0.5, Fail);
    }

    #[test]
    fn a_primary_key_is_also_complete() {
        assert_rows(r#"IsPrimaryKey "key""#, &[1, 2]);
        assert_rows(r#"IsPrimaryKey "key" "count""#, &[3]);
        assert_rows(r#"IsPrimaryKey "key" "count" where "count is not null""#, &[]);
        assert_rows(r#"IsPrimaryKey "symbol""#, &[0, 2, 3]);
        assert_metric(r#"IsPrimaryKey "key" "count""#, "Column.count.Completeness", 0.8, Fail);
    }

    #[test]
    fn ratios_counts_and_entropy() {
        let ratio = "Column.symbol.UniqueValueRatio";
        assert_metric(r#"UniqueValueRatio "symbol" > 0.5"#, ratio, 2.0 / 3.0, Pass);
        assert_rows(r#"UniqueValueRatio "symbol" > 0.9"#, &[0, 2]);
        let count = "Column.symbol.DistinctValuesCount";
        assert_metric(r#"DistinctValuesCount "symbol" = 4"#, count, 4.0, Pass);
        let filtered = r#"DistinctValuesCount "symbol" = 3 where "symbol is not null""#;
        assert_metric(filtered, count, 3.0, Pass);
        assert_metric(r#"Entropy "symbol" < 2"#, "Column.symbol.Entropy", 1.5 * LN_2, Pass);
    }
}
