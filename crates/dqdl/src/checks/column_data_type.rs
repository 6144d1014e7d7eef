//! ColumnDataType: whether each value can be cast to a type.
//!
//! A row fails under `=` and `in` when its value is NULL or cannot be cast to (any of) the types, under `!=` and `not in`
//! when it can; NULL passes those. The metric is rows that pass / rows for which `where` is TRUE; it must be 1.0, or
//! satisfy the threshold.
//!
//! What can be cast is what Spark's cast takes without ANSI mode: a text with a fraction is a whole number (the fraction
//! is cut off), a decimal is rounded to its scale and must then fit its digits, white space around a value is ignored.
//! `with format` gives the Java pattern of a Date. Numbers are never dates here.

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use chrono::NaiveDate;

use super::offenders::{Offenders, Telling};
use super::{first, tag};
use crate::ast::{self, Condition, TextOperand, TextTest};
use crate::check::{
    Accumulator, Check, Context, Goal, Input, Measurement, Refusal, RowLevel, Totals, unescape,
};
use crate::column::{Column, Measure, Numbers, Rows, Texts, Values, is_text, spoken, valid_bits};
use crate::date_pattern::DatePattern;
use crate::metric_names::metric_name;
use crate::number::Number;
use crate::sql::parse_instant;
use crate::whole_part::whole_part;

#[derive(Debug, Clone)]
struct ColumnDataType {
    column: Column,
    targets: Vec<Target>,
    negated: bool,
    goal: Goal,
    offenders: Offenders,
}

#[derive(Debug, Clone)]
enum Target {
    Boolean,
    /// With the pattern, if there is one.
    Date(Option<DatePattern>),
    Timestamp,
    /// So many bits.
    Whole(u32),
    Float,
    Decimal {
        precision: u32,
        scale: u32,
    },
}

pub(super) fn compile(check: &ast::Check, context: &Context<'_>) -> Result<Box<dyn Check>, Refusal> {
    let column = context.column(first(&check.parameters)?)?;
    let (operands, negated) = match &check.condition {
        Some(Condition::Text(TextTest::Equal { negated, value })) => (std::slice::from_ref(value), *negated),
        Some(Condition::Text(TextTest::In { negated, values })) => (values.as_slice(), *negated),
        _ => {
            let message = "ColumnDataType is compared with the names of types by `=`, `!=` or `in`";
            return Err(Refusal::Error(message.to_owned()));
        }
    };
    let pattern = match tag(&check.tags, "format") {
        "" => None,
        text => Some(DatePattern::parse(text)?),
    };
    let targets = operands
        .iter()
        .map(|operand| match operand {
            TextOperand::Text(name) => Target::parse(&unescape(name), pattern.as_ref()),
            _ => Err("NULL, EMPTY and WHITESPACES_ONLY are not types".to_owned()),
        })
        .collect::<Result<Vec<_>, _>>()?;
    if pattern.is_some() && !targets.iter().any(|target| matches!(target, Target::Date(_))) {
        return Err(Refusal::Error("`with format` is for the type Date".to_owned()));
    }
    if !is_text(&column.data_type) && Measure::of(&column.data_type).is_none() {
        return Err(Refusal::Error(format!(
            "ColumnDataType does not support {}, the type of {}",
            spoken(&column.data_type),
            column.name
        )));
    }
    let goal = Goal::of_threshold(check.threshold.as_ref())?;
    Ok(Box::new(ColumnDataType { column, targets, negated, goal, offenders: Offenders::default() }))
}

/// Why every row fails, where the column's type alone says so: a number is no date, an instant no number.
pub(super) fn never(check: &ast::Check, context: &Context<'_>) -> Option<String> {
    let column = context.column(first(&check.parameters).ok()?).ok()?;
    let operands = match &check.condition {
        Some(Condition::Text(TextTest::Equal { negated: false, value })) => std::slice::from_ref(value),
        Some(Condition::Text(TextTest::In { negated: false, values })) => values.as_slice(),
        _ => return None,
    };
    if is_text(&column.data_type) {
        return None;
    }
    let targets = operands.iter().map(|operand| match operand {
        TextOperand::Text(name) => Target::parse(&unescape(name), None).ok(),
        _ => None,
    });
    let targets = targets.collect::<Option<Vec<_>>>()?;
    let instants = matches!(Measure::of(&column.data_type)?, Measure::Instant { .. });
    let kind = if instants { "dates or timestamps" } else { "numbers or truth values" };
    let never = targets.iter().all(|target| target.takes_instant() != instants);
    never.then(|| format!("column {} has {kind}, which are never of that type: every row fails", column.name))
}

/// Whether a type has that name.
pub(super) fn known(name: &str) -> Result<(), String> {
    Target::parse(name, None).map(|_| ())
}

impl Target {
    fn parse(name: &str, pattern: Option<&DatePattern>) -> Result<Self, String> {
        let lower = name.trim().to_ascii_lowercase();
        Ok(match lower.as_str() {
            "boolean" => Self::Boolean,
            "date" => Self::Date(pattern.cloned()),
            "timestamp" => Self::Timestamp,
            "integer" | "int" => Self::Whole(32),
            "long" => Self::Whole(64),
            "double" | "float" => Self::Float,
            _ => {
                let unknown = || {
                    format!(
                        "\"{name}\" is not one of Boolean, Date, Timestamp, Integer, Long, Double, Float and \
                         DECIMAL(p,s)"
                    )
                };
                let digits = lower
                    .strip_prefix("decimal")
                    .and_then(|rest| rest.trim().strip_prefix('(')?.strip_suffix(')'))
                    .ok_or_else(unknown)?;
                let (precision, scale) = digits.split_once(',').unwrap_or((digits, "0"));
                let parse = |text: &str| text.trim().parse::<u32>().map_err(|_| unknown());
                let (precision, scale) = (parse(precision)?, parse(scale)?);
                if precision == 0 || precision > 38 || scale > precision {
                    return Err(unknown());
                }
                Self::Decimal { precision, scale }
            }
        })
    }

    fn takes_text(&self, text: &str) -> bool {
        let text = text.trim();
        match self {
            Self::Boolean => ["t", "true", "y", "yes", "1", "f", "false", "n", "no", "0"]
                .iter()
                .any(|word| word.eq_ignore_ascii_case(text)),
            Self::Date(Some(pattern)) => pattern.matches(text),
            Self::Date(None) => is_date(text),
            Self::Timestamp => parse_instant(text).is_some() || (is_date(text) && !text.contains([' ', 'T'])),
            Self::Whole(bits) => whole_part(text).is_some_and(|value| fits(value, *bits)),
            Self::Float => text.parse::<f64>().is_ok(),
            Self::Decimal { precision, scale } => {
                Number::parse(text).is_some_and(|number| fits_decimal(number, *precision, *scale))
            }
        }
    }

    fn takes_number(&self, number: Number) -> bool {
        match self {
            Self::Boolean | Self::Float => true,
            Self::Date(_) | Self::Timestamp => false,
            Self::Whole(bits) => match number {
                Number::Exact { mantissa, scale } => {
                    10_i128.checked_pow(scale).is_none_or(|unit| fits(mantissa / unit, *bits))
                }
                Number::Float(value) => value.abs() < 1e38 && fits(value as i128, *bits),
            },
            Self::Decimal { precision, scale } => fits_decimal(number, *precision, *scale),
        }
    }

    fn takes_instant(&self) -> bool {
        matches!(self, Self::Date(_) | Self::Timestamp)
    }
}

fn fits(value: i128, bits: u32) -> bool {
    let limit = 1_i128 << (bits - 1);
    (-limit..limit).contains(&value)
}

/// Whether a number, rounded half up to `scale` decimals, has at most `precision` digits.
fn fits_decimal(number: Number, precision: u32, scale: u32) -> bool {
    let Some(limit) = 10_i128.checked_pow(precision) else {
        return false;
    };
    match number {
        Number::Exact { mantissa, scale: own } if own <= scale => 10_i128
            .checked_pow(scale - own)
            .and_then(|factor| mantissa.checked_mul(factor))
            .is_some_and(|raw| raw.unsigned_abs() < limit.unsigned_abs()),
        Number::Exact { mantissa, scale: own } => {
            let unit = 10_i128.checked_pow(own - scale).unwrap_or(i128::MAX);
            let magnitude = mantissa.unsigned_abs();
            let unit = unit.unsigned_abs();
            let up = u128::from(magnitude % unit >= unit.div_ceil(2));
            magnitude / unit + up < limit.unsigned_abs()
        }
        Number::Float(value) => {
            let scaled = value * 10_f64.powi(i32::try_from(scale).unwrap_or(0));
            scaled.is_finite() && scaled.round().abs() < limit as f64
        }
    }
}

/// `yyyy`, `yyyy-m` or `yyyy-m-d`, the latter with anything after a blank or `T`.
fn is_date(text: &str) -> bool {
    let (day, rest) = match text.split_once([' ', 'T']) {
        Some((day, rest)) => (day, Some(rest)),
        None => (text, None),
    };
    let mut parts = day.split('-');
    let mut part = |lengths: std::ops::RangeInclusive<usize>| match parts.next() {
        None => Some(None),
        Some(text) => {
            let ok = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            if ok { Some(text.parse::<u32>().ok()) } else { None }
        }
    };
    let (Some(Some(year)), Some(month), Some(date)) = (part(4..=6), part(1..=2), part(1..=2)) else {
        return false;
    };
    let year = i32::try_from(year).unwrap_or(0);
    parts.next().is_none()
        && (rest.is_none() || date.is_some())
        && NaiveDate::from_ymd_opt(year, month.unwrap_or(1), date.unwrap_or(1)).is_some()
}

impl ColumnDataType {
    /// The rows that can be cast to any of the types, and those with a value.
    fn castable(&self, batch: &RecordBatch) -> Result<(BooleanBuffer, Rows), String> {
        let array = &*self.column.of(batch)?;
        let any = |number: Number| self.targets.iter().any(|target| target.takes_number(number));
        if is_text(array.data_type()) {
            let texts = Texts::read(array)?;
            return Ok(texts.test(|text| self.targets.iter().any(|target| target.takes_text(text))));
        }
        let len = array.len();
        let rows = Rows::all(len).and(valid_bits(array).as_ref());
        let all = |set: bool| if set { BooleanBuffer::new_set(len) } else { BooleanBuffer::new_unset(len) };
        let numbers = match Measure::of(array.data_type()) {
            Some(Measure::Instant { .. }) => {
                return Ok((all(self.targets.iter().any(Target::takes_instant)), rows));
            }
            _ if *array.data_type() == DataType::Boolean => {
                let castable = !self.targets.iter().all(Target::takes_instant);
                return Ok((all(castable), rows));
            }
            _ => Numbers::read(array)?,
        };
        let scale = numbers.scale;
        let bits = match &numbers.values {
            Values::I64(values) => BooleanBuffer::collect_bool(len, |row| {
                any(Number::Exact { mantissa: i128::from(values[row]), scale })
            }),
            Values::I128(values) => {
                BooleanBuffer::collect_bool(len, |row| any(Number::Exact { mantissa: values[row], scale }))
            }
            Values::F64(values) => BooleanBuffer::collect_bool(len, |row| any(Number::Float(values[row]))),
        };
        Ok((bits, rows.and(numbers.valid.as_ref())))
    }
}

impl Check for ColumnDataType {
    fn row_level(&self) -> RowLevel {
        RowLevel::Immediate
    }

    fn is_tolerant(&self) -> bool {
        self.goal.is_tolerant()
    }

    fn failed_rows(&self, batch: &RecordBatch) -> Result<Option<BooleanBuffer>, String> {
        let (castable, rows) = self.castable(batch)?;
        let castable = rows.and(Some(&castable)).into_bits().unwrap_or(castable);
        // Under negation NULL passes: it cannot be cast.
        Ok(Some(if self.negated { castable } else { !&castable }))
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(self.clone())
    }
}

impl Accumulator for ColumnDataType {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        if input.failing.is_some() {
            self.offenders.see_values(input.failing.as_ref(), &*self.column.of(input.batch)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let name = metric_name(&[&self.column.name], "ColumnDataType.Compliance");
        let verdict = self.offenders.judge(&self.goal, totals, Telling::Both);
        Measurement::new([(name, totals.compliance())], verdict)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{RecordBatch, StringArray};

    use crate::Outcome::{Error, Pass};
    use crate::testing::{assert_metric, assert_outcome, assert_rows, batch, try_rule};

    #[track_caller]
    fn castable(condition: &str, texts: &[(&str, bool)]) {
        let array = StringArray::from_iter_values(texts.iter().map(|(text, _)| text));
        let batch = RecordBatch::try_from_iter([("t", Arc::new(array) as _)]).unwrap();
        let (result, failed) = try_rule(&format!("ColumnDataType \"t\" {condition}"), &batch);
        assert!(result.row_level, "{condition}: {:?}", result.message);
        for (row, (text, expected)) in texts.iter().enumerate() {
            assert_eq!(!failed.contains(&row), *expected, "{condition}: {text:?}");
        }
    }

    #[test]
    fn texts() {
        castable(
            r#"= "Integer""#,
            &[("1", true), (" -7 ", true), ("+3", true), ("1.9", true), ("2147483647", true)],
        );
        castable(
            r#"= "Integer""#,
            &[("2147483648", false), ("", false), ("1e3", false), ("abc", false), (".5", false)],
        );
        castable(r#"= "Long""#, &[("2147483648", true), ("9223372036854775808", false)]);
        castable(r#"= "Double""#, &[("1e3", true), ("-.5", true), ("NaN", true), ("1,5", false)]);
        castable(r#"= "Boolean""#, &[("true", true), ("N", true), ("1", true), ("2", false), ("", false)]);
        castable(
            r#"= "Date""#,
            &[("2024-02-29", true), ("2024-2-9", true), ("2024", true), ("2024-01-01T10:00:00Z", true)],
        );
        castable(r#"= "Date""#, &[("2023-02-29", false), ("01/02/2024", false), ("24-01-01", false)]);
        castable(
            r#"= "Timestamp""#,
            &[("2024-01-01 10:00:00.5", true), ("2024-01-01", true), ("2024-01-01 25:00:00", false)],
        );
        castable(
            r#"= "DECIMAL(4,2)""#,
            &[("12.34", true), ("99.994", true), ("99.995", false), ("100", false), ("x", false)],
        );
        castable(r#"in ["Boolean", "Date"]"#, &[("no", true), ("2024-01-01", true), ("17", false)]);
        castable(r#"!= "Integer""#, &[("1", false), ("a", true)]);
    }

    #[test]
    fn formats() {
        let format = r#"= "Date" with format = "dd/MM/yyyy""#;
        castable(
            format,
            &[("29/02/2024", true), ("29/02/2023", false), ("1/02/2024", false), ("2024-01-01", false)],
        );
        castable(r#"= "Date" with format = "d MMM yy""#, &[("1 Mar 24", true), ("31 feb 24", false)]);
        castable(
            r#"= "Date" with format = "yyyy-MM-dd'T'HH:mm:ss""#,
            &[("2024-01-01T23:59:59", true), ("2024-01-01T24:00:00", false), ("2024-01-01", false)],
        );
    }

    #[test]
    fn columns_that_have_a_type() {
        assert_rows(r#"ColumnDataType "count" = "Integer""#, &[3]);
        assert_rows(r#"ColumnDataType "count" != "Date""#, &[]);
        assert_rows(r#"ColumnDataType "at" = "Timestamp""#, &[3]);
        assert_rows(r#"ColumnDataType "day" in ["Integer", "Date"]"#, &[3]);
        assert_rows(r#"ColumnDataType "day" = "Integer""#, &[0, 1, 2, 3, 4]);
        assert_rows(r#"ColumnDataType "flag" = "Boolean""#, &[3]);
        assert_rows(r#"ColumnDataType "price" = "DECIMAL(2,2)""#, &[3]);
        assert_rows(r#"ColumnDataType "ratio" = "Double""#, &[1, 3]);
        let rule = r#"ColumnDataType "note" = "Integer" with threshold < 0.5"#;
        assert_metric(rule, "Column.note.ColumnDataType.Compliance", 0.0, Pass);
    }

    #[test]
    fn what_is_no_type_is_an_error() {
        for (condition, message) in [
            (r#"= "String""#, "is not one of"),
            (r#"= "DECIMAL(40,2)""#, "is not one of"),
            (r#"= "Integer" with format = "yyyy""#, "for the type Date"),
            (r#"= "Date" with format = "yyyy Q""#, "is not supported"),
            (r#"matches "Int.*""#, "names of types"),
            (r#"in ["Date", NULL]"#, "not types"),
        ] {
            assert_outcome(&format!("ColumnDataType \"note\" {condition}"), &batch(), Error, message);
        }
    }
}
