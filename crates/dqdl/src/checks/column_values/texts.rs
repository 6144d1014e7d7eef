//! Conditions on texts, and on numbers that are written as texts.

use arrow::datatypes::DataType;

use super::{Comparisons, Predicate, TextKind, TextPredicate, ValueTest};
use crate::ast::{NumberOperand, Operator, Test, TextOperand, TextTest};
use crate::check::{Refusal, unescape};
use crate::column::{Column, Measure, is_text, spoken};
use crate::compare::Comparison;
use crate::number::Number;
use crate::pattern::full_match;

pub(super) fn texts(test: &TextTest, column: &Column, ignore_case: bool) -> Result<Predicate, Refusal> {
    let data_type = &column.data_type;
    let is_number = Measure::of(data_type).is_some_and(Measure::is_number) && *data_type != DataType::Boolean;
    // Values whose text is written alike everywhere.
    let as_text = match test {
        TextTest::Matches { .. } => is_number && !data_type.is_floating() || *data_type == DataType::Date32,
        TextTest::Equal { .. } | TextTest::In { .. } => is_number,
    };
    if !is_text(data_type) && *data_type != DataType::Boolean && !as_text {
        return Err(Refusal::Error(format!(
            "column {} is {} and cannot be compared with a text",
            column.name,
            spoken(data_type)
        )));
    }
    let (operands, negated) = match test {
        TextTest::Matches { negated, pattern } => {
            let regex = full_match(pattern, ignore_case)?;
            return Ok(Predicate {
                values: ValueTest::Texts(TextPredicate {
                    kind: TextKind::Matches(regex),
                    negated: *negated,
                    ignore_case: false,
                }),
                null_passes: false,
            });
        }
        TextTest::Equal { negated, value } => (std::slice::from_ref(value), *negated),
        TextTest::In { negated, values } => (values.as_slice(), *negated),
    };
    let texts = operands.iter().filter_map(|operand| match operand {
        TextOperand::Text(text) => Some(unescape(text)),
        _ => None,
    });
    let empty = operands.contains(&TextOperand::Empty);
    let white = operands.contains(&TextOperand::WhitespacesOnly);
    let null_listed = operands.contains(&TextOperand::Null);
    let null_passes = if negated {
        // A negated EMPTY or WHITESPACES_ONLY is unknown for NULL, and unknown does not pass.
        !null_listed && !empty && !white
    } else {
        null_listed
    };
    let values = if is_number {
        one_of_numbers(&texts.collect::<Vec<_>>(), negated, column)?
    } else {
        let texts = texts.map(|text| if ignore_case { text.to_lowercase() } else { text });
        let kind = TextKind::OneOf { texts: texts.collect(), empty, white };
        ValueTest::Texts(TextPredicate { kind, negated, ignore_case })
    };
    Ok(Predicate { values, null_passes })
}

/// Whether a number is one of those that the texts say. A text that is no number equals none, as long as another is one.
fn one_of_numbers(texts: &[String], negated: bool, column: &Column) -> Result<ValueTest, Refusal> {
    let wrong = || {
        format!(
            "column {} is {} and cannot be compared with a text that is no number",
            column.name, column.data_type
        )
    };
    let measure = Measure::of(&column.data_type).ok_or_else(wrong)?;
    let is_nan = |number: &Number| matches!(number, Number::Float(value) if value.is_nan());
    let numbers = texts.iter().filter_map(|text| Number::parse(text.trim()).filter(|number| !is_nan(number)));
    let parts: Vec<Comparison> = numbers
        .map(|number| Comparison::with_number(Operator::Equal, number, measure))
        .collect::<Result<_, _>>()?;
    if !parts.is_empty() {
        Ok(ValueTest::Comparisons(Comparisons { parts, all: false, negated }))
    } else if texts.is_empty() {
        Ok(ValueTest::Constant(negated))
    } else {
        Err(Refusal::Error(wrong()))
    }
}

/// A test of a column of texts for being some numbers, or not; `None` for one that orders them, which texts have no way to.
pub(super) fn numbers_as_texts(test: &Test<NumberOperand>) -> Result<Option<Predicate>, Refusal> {
    let (operands, negated) = match test {
        Test::Compare(Operator::Equal, operand) => (std::slice::from_ref(operand), false),
        Test::Compare(Operator::NotEqual, operand) => (std::slice::from_ref(operand), true),
        Test::In { negated, values } => (values.as_slice(), *negated),
        Test::Compare(..) | Test::Between { .. } => return Ok(None),
    };
    let values = operands.iter().map(NumberOperand::value).collect::<Result<Vec<_>, _>>()?;
    let null_listed = values.iter().any(Option::is_none);
    let numbers: Vec<Number> = values.into_iter().flatten().collect();
    if numbers.is_empty() {
        return Ok(None);
    }
    let values =
        ValueTest::Texts(TextPredicate { kind: TextKind::OneNumber(numbers), negated, ignore_case: false });
    Ok(Some(Predicate { values, null_passes: null_listed != negated }))
}

impl TextPredicate {
    pub(super) fn holds(&self, text: &str) -> bool {
        let found = match &self.kind {
            TextKind::Matches(regex) => regex.is_match(text),
            TextKind::OneNumber(numbers) => match Number::parse(text.trim()) {
                Some(number) => numbers.iter().any(|known| known.equals(number)),
                None => self.negated,
            },
            TextKind::OneOf { texts, empty, white } => {
                (*empty && text.is_empty())
                    || (*white && !text.is_empty() && text.trim().is_empty())
                    || if self.ignore_case {
                        texts.contains(&text.to_lowercase())
                    } else {
                        texts.contains(text)
                    }
            }
        };
        found != self.negated
    }
}
