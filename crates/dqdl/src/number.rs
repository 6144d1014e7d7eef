//! Numbers of conditions: exact decimals as long as the arithmetic allows, else floating point.
//!
//! `ColumnValues "close" = 0.1` on a decimal column must not go through binary floating point. Division, and results of
//! more than 38 digits, do.

use std::cmp::Ordering;

use crate::ast::{Arithmetic, ArithmeticOperator, Condition, NumberOperand, Operator, Term, Test};

/// A constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// `mantissa / 10^scale`
    Exact {
        /// Digits.
        mantissa: i128,
        /// Decimal places, at most 38.
        scale: u32,
    },
    /// The result of a division, or out of the exact range.
    Float(f64),
}

impl Number {
    /// Parses `-12.50`; anything that is not exact falls back to floating point, `None` when it is no number at all.
    pub fn parse(text: &str) -> Option<Self> {
        exact(text).or_else(|| text.trim().parse::<f64>().ok().map(Self::Float))
    }

    /// The nearest floating point number.
    pub fn as_f64(self) -> f64 {
        match self {
            // Through text, which rounds once.
            Self::Exact { mantissa, scale } => format!("{mantissa}e-{scale}").parse().unwrap_or(f64::NAN),
            Self::Float(value) => value,
        }
    }

    /// Whether both are one number: exactly, as long as both are known exactly.
    pub(crate) fn equals(self, other: Self) -> bool {
        match self.combine(ArithmeticOperator::Subtract, other) {
            Self::Exact { mantissa, .. } => mantissa == 0,
            Self::Float(_) => self.as_f64() == other.as_f64(),
        }
    }

    /// Digits, with as many decimals as the scale says; without an exponent.
    pub(crate) fn to_text(self) -> String {
        match self {
            Self::Float(value) => format!("{value}"),
            Self::Exact { mantissa, scale: 0 } => mantissa.to_string(),
            Self::Exact { mantissa, scale } => {
                let digits = usize::try_from(scale).unwrap_or(0);
                let all = format!("{:0>width$}", mantissa.unsigned_abs(), width = digits + 1);
                let (whole, fraction) = all.split_at(all.len() - digits);
                format!("{}{whole}.{fraction}", if mantissa < 0 { "-" } else { "" })
            }
        }
    }

    /// `self operator other`, exact as long as possible.
    pub(crate) fn combine(self, operator: ArithmeticOperator, other: Self) -> Self {
        let exact = match (self, other) {
            (Self::Exact { mantissa: a, scale: sa }, Self::Exact { mantissa: b, scale: sb }) => {
                combine_exact(operator, (a, sa), (b, sb))
            }
            _ => None,
        };
        exact.unwrap_or_else(|| {
            let (a, b) = (self.as_f64(), other.as_f64());
            Self::Float(match operator {
                ArithmeticOperator::Add => a + b,
                ArithmeticOperator::Subtract => a - b,
                ArithmeticOperator::Multiply => a * b,
                ArithmeticOperator::Divide => a / b,
            })
        })
    }
}

fn exact(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) || fraction.len() > 38 {
        return None;
    }
    let magnitude: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some(Number::Exact {
        mantissa: if text.starts_with('-') { -magnitude } else { magnitude },
        scale: u32::try_from(fraction.len()).ok()?,
    })
}

fn combine_exact(
    operator: ArithmeticOperator,
    (a, scale_a): (i128, u32),
    (b, scale_b): (i128, u32),
) -> Option<Number> {
    let scale = scale_a.max(scale_b);
    let align = |mantissa: i128, from: u32| mantissa.checked_mul(10_i128.checked_pow(scale - from)?);
    let (mantissa, scale) = match operator {
        ArithmeticOperator::Add => (align(a, scale_a)?.checked_add(align(b, scale_b)?)?, scale),
        ArithmeticOperator::Subtract => (align(a, scale_a)?.checked_sub(align(b, scale_b)?)?, scale),
        ArithmeticOperator::Multiply => (a.checked_mul(b)?, scale_a + scale_b),
        ArithmeticOperator::Divide => return None,
    };
    (scale <= 38).then_some(Number::Exact { mantissa, scale })
}

impl Arithmetic {
    /// The value: left to right, without precedence.
    ///
    /// # Errors
    ///
    /// A function call (`avg(last(5))`), which needs the history of earlier runs.
    pub fn value(&self) -> Result<Number, String> {
        let mut value = self.first.value()?;
        for (operator, term) in &self.rest {
            value = value.combine(*operator, term.value()?);
        }
        Ok(value)
    }
}

impl Term {
    fn value(&self) -> Result<Number, String> {
        match self {
            Self::Literal(text) => Number::parse(text).ok_or_else(|| format!("{text} is not a number")),
            Self::Call(..) => {
                Err(format!("{self} needs the history of earlier runs, which is not supported here"))
            }
            Self::Group(inner) => inner.value(),
        }
    }
}

impl NumberOperand {
    /// The value, `None` for NULL.
    ///
    /// # Errors
    ///
    /// See [`Arithmetic::value`].
    pub fn value(&self) -> Result<Option<Number>, String> {
        match self {
            Self::Null => Ok(None),
            Self::Expression(expression) => expression.value().map(Some),
        }
    }
}

/// Digits without an exponent, as many decimals as it has.
impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// Equality as Java's `Double.equals`: NaN equals NaN, and 0.0 does not equal -0.0.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

impl Operator {
    /// Whether `ordering` satisfies this operator.
    pub fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering == Ordering::Equal,
            Self::NotEqual => ordering != Ordering::Equal,
            Self::Less => ordering == Ordering::Less,
            Self::LessOrEqual => ordering != Ordering::Greater,
            Self::Greater => ordering == Ordering::Greater,
            Self::GreaterOrEqual => ordering != Ordering::Less,
        }
    }

    fn holds(self, metric: f64, operand: f64) -> bool {
        match self {
            Self::Equal => same(metric, operand),
            Self::NotEqual => !same(metric, operand),
            Self::Less => metric < operand,
            Self::LessOrEqual => metric <= operand,
            Self::Greater => metric > operand,
            Self::GreaterOrEqual => metric >= operand,
        }
    }
}

/// A condition on a metric with its operands worked out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MetricTest(Test<f64>);

impl MetricTest {
    pub(crate) fn new(test: &Test<NumberOperand>) -> Result<Self, String> {
        let value = |operand: &NumberOperand| match operand.value()? {
            Some(number) => Ok(number.as_f64()),
            None => Err("a metric cannot be compared with NULL".to_owned()),
        };
        Ok(Self(match test {
            Test::Compare(operator, operand) => Test::Compare(*operator, value(operand)?),
            Test::Between { negated, low, high } => {
                Test::Between { negated: *negated, low: value(low)?, high: value(high)? }
            }
            Test::In { negated, values } => {
                Test::In { negated: *negated, values: values.iter().map(value).collect::<Result<_, _>>()? }
            }
        }))
    }

    pub(crate) fn holds(&self, metric: f64) -> bool {
        match &self.0 {
            Test::Compare(operator, operand) => operator.holds(metric, *operand),
            Test::Between { negated: false, low, high } => metric > *low && metric < *high,
            Test::Between { negated: true, low, high } => metric <= *low || metric >= *high,
            Test::In { negated, values } => values.iter().any(|value| same(metric, *value)) != *negated,
        }
    }
}

impl Condition {
    /// Whether a metric satisfies this condition on a number. `between` excludes both ends; `=` is exact.
    ///
    /// # Errors
    ///
    /// A condition that is not on a number, or one whose operands are NULL or need history.
    pub fn holds(&self, metric: f64) -> Result<bool, String> {
        match self {
            Self::Number(test) => Ok(MetricTest::new(test)?.holds(metric)),
            _ => Err(format!("`{self}` is not a condition on a number")),
        }
    }
}
