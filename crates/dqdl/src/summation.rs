//! Sums that do not lose digits: exact for whole numbers and decimals, compensated (Neumaier) for floating point.

use crate::column::{Numbers, Rows, Values, slice};
use crate::number::Number;

/// A running sum.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summation {
    count: u64,
    /// The exact part, in units of `10^-scale`.
    exact: i128,
    scale: u32,
    sum: f64,
    compensation: f64,
    /// Whether anything is in the floating point part.
    rounded: bool,
}

impl Summation {
    /// Adds those of `rows` that have a value.
    pub(crate) fn add(&mut self, numbers: &Numbers, rows: &Rows) {
        if numbers.scale != self.scale {
            self.move_to_float();
            self.scale = numbers.scale;
        }
        let rows = rows.and(numbers.valid.as_ref());
        self.count += rows.count() as u64;
        rows.for_each_range(|range| match &numbers.values {
            Values::I64(values) => {
                let part: i128 = slice(values, range).iter().map(|value| i128::from(*value)).sum();
                self.add_exact(part);
            }
            Values::I128(values) => slice(values, range).iter().for_each(|value| self.add_exact(*value)),
            Values::F64(values) => slice(values, range).iter().for_each(|value| self.add_float(*value)),
        });
    }

    /// How many values there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The sum as floating point.
    pub(crate) fn value(&self) -> f64 {
        let exact = Number::Exact { mantissa: self.exact, scale: self.scale }.as_f64();
        // What was lost by adding an infinity is not a number.
        let rounded = if self.sum.is_finite() { self.sum + self.compensation } else { self.sum };
        if self.rounded { exact + rounded } else { exact }
    }

    /// The sum, exact when it is known exactly.
    pub(crate) fn number(&self) -> Number {
        if self.rounded {
            Number::Float(self.value())
        } else {
            Number::Exact { mantissa: self.exact, scale: self.scale }
        }
    }

    /// Adds exactly; what would overflow moves to the floating point part.
    fn add_exact(&mut self, raw: i128) {
        match self.exact.checked_add(raw) {
            Some(sum) => self.exact = sum,
            None => {
                self.move_to_float();
                self.exact = raw;
            }
        }
    }

    fn move_to_float(&mut self) {
        if self.exact != 0 {
            let exact = std::mem::take(&mut self.exact);
            self.add_float(Number::Exact { mantissa: exact, scale: self.scale }.as_f64());
        }
    }

    fn add_float(&mut self, value: f64) {
        self.rounded = true;
        let sum = self.sum + value;
        self.compensation +=
            if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.sum = sum;
    }
}
