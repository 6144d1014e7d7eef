//! Whole numbers by steps from their least: prices have two or four digits behind the point where their type has eight, times are
//! whole seconds or minutes. Such a column's range is much smaller in its own steps than in its type's.
//!
//! Staged columns take fewer bytes by it (`packing`), dictionaries find the ranks of numbers in a table (`ranks`), and sort
//! keys are shorter. The step has to be found in each column, since no contract says it, so finding it must cost little: two
//! passes over the values, and for almost every value a multiplication and a comparison in place of a division.

/// A column's least value, the greatest step that every value is a whole number of away from it, and the number of steps to
/// its greatest value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    base: i64,
    divisor: Divisor,
    greatest: u64,
}

impl Steps {
    /// The steps of some values; one step of none.
    #[inline]
    pub(super) fn of<I: Iterator<Item = i64>>(values: impl Fn() -> I) -> Self {
        let (least, greatest) =
            values().fold((i64::MAX, i64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        if least >= greatest {
            let base = if least > greatest { 0 } else { least };
            return Self { base, divisor: Divisor::new(1), greatest: 0 };
        }
        // The greatest common divisor of zero and a number is the number: the first distance becomes the divisor.
        let mut divisor = Divisor::new(0);
        values().for_each(|value| divisor.reduce(distance(least, value)));
        Self { base: least, divisor, greatest: divisor.quotient(distance(least, greatest)) }
    }

    /// The least value.
    pub(super) fn base(&self) -> i64 {
        self.base
    }

    /// What one step adds.
    pub(super) fn step(&self) -> u64 {
        self.divisor.number
    }

    /// The number of steps to the greatest value.
    pub(super) fn greatest(&self) -> u64 {
        self.greatest
    }

    /// The number of steps to one of the values.
    #[inline]
    pub(super) fn code(&self, value: i64) -> u64 {
        self.divisor.quotient(distance(self.base, value))
    }

    /// The value that many steps from the least.
    #[inline]
    pub(super) fn value(&self, code: u64) -> i64 {
        after(self.base, self.divisor.number, code)
    }
}

/// `code` steps from `base`; wraps where that is no value.
#[inline]
pub(super) fn after(base: i64, step: u64, code: u64) -> i64 {
    base.wrapping_add(step.wrapping_mul(code) as i64)
}

/// From the least value to another: no more than 64 bits without a sign, whichever the two are.
#[inline]
fn distance(base: i64, value: i64) -> u64 {
    (value as u64).wrapping_sub(base as u64)
}

/// Divides what it divides exactly, by a multiplication (Warren, Hacker's Delight, "Exact Division by Constants").
#[derive(Debug, Clone, Copy)]
pub(super) struct Divisor {
    number: u64,
    /// The inverse of the number's odd part.
    inverse: u64,
    /// The number's even part.
    shift: u32,
    /// The greatest quotient.
    most: u64,
}

impl Divisor {
    /// A divisor of 0 divides 0 only.
    pub(super) fn new(number: u64) -> Self {
        if number == 0 {
            return Self { number, inverse: 1, shift: 0, most: 0 };
        }
        let shift = number.trailing_zeros();
        let odd = number >> shift;
        // Right in its lowest five bits; each round doubles them.
        let mut inverse = (3u64.wrapping_mul(odd)) ^ 2;
        for _ in 0..4 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        }
        Self { number, inverse, shift, most: u64::MAX / number }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The inverse of the number's odd part.
    pub(super) fn inverse(&self) -> u64 {
        self.inverse
    }

    /// The quotient of a number that it divides; of any other more than `most`. The inverse maps the multiples of the odd part,
    /// and only those, to the least numbers; the rotation takes bits that the even part does not divide to the top.
    #[inline]
    fn quotient(&self, number: u64) -> u64 {
        number.wrapping_mul(self.inverse).rotate_right(self.shift)
    }

    /// Becomes the greatest common divisor of itself and a number.
    #[inline]
    pub(super) fn reduce(&mut self, number: u64) {
        // Rare: the divisor shrinks to at most half each time, and after a few values it divides almost all that follow.
        if self.quotient(number) > self.most {
            let (mut a, mut b) = (self.number, number);
            while b != 0 {
                (a, b) = (b, a % b);
            }
            *self = Self::new(a);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_step_is_the_greatest_that_fits() {
        let of = |values: &[i64]| {
            let steps = Steps::of(|| values.iter().copied());
            (steps.base(), steps.step(), steps.greatest())
        };
        assert_eq!(of(&[]), (0, 1, 0));
        assert_eq!(of(&[-7, -7]), (-7, 1, 0));
        assert_eq!(of(&[13_397_000_000, 13_688_000_000, 13_363_000_000]), (13_363_000_000, 1_000_000, 325));
        assert_eq!(of(&[5, 65, 5, 125]), (5, 60, 2));
        assert_eq!(of(&[i64::MIN, i64::MAX, 0]), (i64::MIN, 1, u64::MAX));
        assert_eq!(of(&[i64::MIN, i64::MAX]), (i64::MIN, u64::MAX, 1));
    }

    proptest! {
        #[test]
        fn codes_lead_back(
            values in proptest::collection::vec(any::<i32>(), 1..40),
            factor in prop_oneof![Just(1i64), Just(86_400_000), Just(96), Just(1 << 31)],
            base in any::<i32>(),
        ) {
            let values: Vec<i64> = values.iter().map(|value| i64::from(*value) * factor + i64::from(base)).collect();
            let steps = Steps::of(|| values.iter().copied());
            prop_assert!(steps.step().is_multiple_of(factor as u64) || steps.greatest() == 0);
            for value in &values {
                let code = steps.code(*value);
                prop_assert!(code <= steps.greatest());
                prop_assert_eq!(steps.value(code), *value);
            }
        }
    }
}
