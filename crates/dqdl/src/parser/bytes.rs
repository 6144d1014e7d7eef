//! Sizes without a unit.

use crate::ast::{Arithmetic, Condition, NumberOperand, Size, Term, Test};
use crate::rule_types::{Returns, RuleType};

/// The largest amount of a size: far from overflow in any unit.
const MAX_AMOUNT: i64 = 1_000_000_000_000;

/// Whole numbers without a unit are bytes where a rule type is about sizes.
pub(super) fn in_bytes(rule_type: RuleType, condition: Condition) -> Condition {
    let Condition::Number(test) = &condition else { return condition };
    if rule_type.returns() != [Returns::Size] {
        return condition;
    }
    let size = |operand: &NumberOperand| match operand {
        NumberOperand::Expression(Arithmetic { first: Term::Literal(text), rest }) if rest.is_empty() => {
            let amount = text.parse().ok().filter(|amount: &i64| amount.abs() <= MAX_AMOUNT)?;
            Some(Size { amount, unit: String::new() })
        }
        _ => None,
    };
    let sizes = match test {
        Test::Compare(operator, operand) => size(operand).map(|size| Test::Compare(*operator, size)),
        Test::Between { negated, low, high } => {
            size(low).zip(size(high)).map(|(low, high)| Test::Between { negated: *negated, low, high })
        }
        Test::In { negated, values } => {
            let values: Option<Vec<Size>> = values.iter().map(size).collect();
            values.map(|values| Test::In { negated: *negated, values })
        }
    };
    sizes.map_or(condition, Condition::Size)
}
