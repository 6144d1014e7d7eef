//! Steps ([`super::steps`]) of numbers of up to 38 digits. What a column of them holds is as small as what one of 18 digits
//! does: prices in cents have sixteen zeros where their type has eighteen places. All but the least value and the step fits 64
//! bits, and no row is divided: a division of 128 bits is a call, many times as long as the multiplications that take its place.

use super::steps::Divisor;

/// A column's least value, the greatest step that every value is a whole number of away from it, and the number of steps to
/// its greatest value, which fits 64 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct WideSteps {
    base: i128,
    divisor: WideDivisor,
    greatest: u64,
}

impl WideSteps {
    /// The steps of some values; one step of none. `None` where they are too many for 64 bits.
    #[inline]
    pub(super) fn of<I: Iterator<Item = i128>>(values: impl Fn() -> I) -> Option<Self> {
        let (least, greatest) = bounds(values());
        if least >= greatest {
            let base = if least > greatest { 0 } else { least };
            return Some(Self { base, divisor: WideDivisor::new(1), greatest: 0 });
        }
        let range = distance(least, greatest);
        let divisor = match u64::try_from(range) {
            // The low words say all: a distance below 2^64 is the difference of the low words, whatever the high ones are.
            Ok(_) => {
                let mut divisor = Divisor::new(0);
                values().for_each(|value| divisor.reduce((value as u64).wrapping_sub(least as u64)));
                WideDivisor::new(divisor.number().into())
            }
            Err(_) => {
                // The range is a distance itself, and never zero, which this divisor cannot be.
                let mut divisor = WideDivisor::new(range);
                for value in values() {
                    if !divisor.reduce(distance(least, value), range) {
                        return None;
                    }
                }
                divisor
            }
        };
        Some(Self { base: least, divisor, greatest: divisor.quotient(range) })
    }

    /// The least value.
    pub(super) fn base(&self) -> i128 {
        self.base
    }

    /// What one step adds.
    pub(super) fn step(&self) -> u128 {
        self.divisor.number()
    }

    /// The number of steps to the greatest value.
    pub(super) fn greatest(&self) -> u64 {
        self.greatest
    }

    /// The number of steps to one of the values.
    #[inline]
    pub(super) fn code(&self, value: i128) -> u64 {
        self.divisor.quotient(distance(self.base, value))
    }

    /// The value that many steps from the least.
    #[inline]
    pub(super) fn value(&self, code: u64) -> i128 {
        let steps = self.divisor.number().wrapping_mul(code.into());
        self.base.wrapping_add(steps as i128)
    }
}

/// Least and greatest; the least is greater where there is none.
#[inline]
fn bounds(values: impl Iterator<Item = i128>) -> (i128, i128) {
    values.fold((i128::MAX, i128::MIN), |(low, high), value| (low.min(value), high.max(value)))
}

#[inline]
fn distance(base: i128, value: i128) -> u128 {
    (value as u128).wrapping_sub(base as u128)
}

/// Divides what it divides exactly into a quotient of 64 bits: only the low word of the odd part's multiple is needed for that.
#[derive(Debug, Clone, Copy)]
struct WideDivisor {
    odd: u128,
    shift: u32,
    /// The inverse of the odd part's low word.
    inverse: u64,
}

impl WideDivisor {
    /// Of a number above zero.
    fn new(number: u128) -> Self {
        let shift = number.trailing_zeros();
        let odd = number >> shift;
        Self { odd, shift, inverse: Divisor::new(odd as u64).inverse() }
    }

    fn number(&self) -> u128 {
        self.odd << self.shift
    }

    /// The quotient of a number that it divides, where that fits; of any other some number. A quotient of 64 bits follows from
    /// the low words of number and divisor alone.
    #[inline]
    fn quotient(&self, number: u128) -> u64 {
        ((number >> self.shift) as u64).wrapping_mul(self.inverse)
    }

    /// Whether it divides a number of which the quotient fits.
    ///
    /// Multiplied back, for here no bound tells a wrong quotient as the one of [`Divisor`] does. The two comparisons are one
    /// for each end of the shift: bits that the even part does not divide, and bits that the product loses at the top.
    #[inline]
    fn divides(&self, number: u128) -> bool {
        let quotient = u128::from(self.quotient(number));
        let product = match u64::try_from(self.odd) {
            Ok(odd) => quotient * u128::from(odd),
            Err(_) => self.odd.saturating_mul(quotient),
        };
        product << self.shift == number && product == number >> self.shift
    }

    /// Becomes the greatest common divisor of itself and a number of at most `range`. False where a quotient of that many does
    /// not fit any more.
    #[inline]
    fn reduce(&mut self, number: u128, range: u128) -> bool {
        self.divides(number) || self.shrink(number, range)
    }

    /// By Euclid's divisions, which few values of a column need.
    #[cold]
    fn shrink(&mut self, number: u128, range: u128) -> bool {
        let (mut a, mut b) = (self.number(), number);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        *self = Self::new(a);
        range / a <= u64::MAX.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_step_is_the_greatest_that_fits() {
        let of = |values: &[i128]| {
            let steps = WideSteps::of(|| values.iter().copied())?;
            Some((steps.base(), steps.step(), steps.greatest()))
        };
        let whole = 10i128.pow(18);
        assert_eq!(of(&[]), Some((0, 1, 0)));
        assert_eq!(of(&[-7, -7]), Some((-7, 1, 0)));
        let cents = |cents: i128| cents * 10i128.pow(16);
        assert_eq!(
            of(&[cents(13_397), cents(13_688), cents(13_363)]),
            Some((cents(13_363), 10u128.pow(16), 325))
        );
        // Round lots: a step of more than 64 bits.
        assert_eq!(of(&[0, 4_933_500 * whole, 100 * whole]), Some((0, 100 * 10u128.pow(18), 49_335)));
        assert_eq!(of(&[0, 3 * 10i128.pow(37)]), Some((0, 3 * 10u128.pow(37), 1)));
        assert_eq!(of(&[1, 0, 10i128.pow(30)]), None);
        assert_eq!(of(&[0, 1 << 100, 1 << 90]), Some((0, 1 << 90, 1024)));
        assert_eq!(of(&[i128::MIN, i128::MAX]), Some((i128::MIN, u128::MAX, 1)));
    }

    proptest! {
        #[test]
        fn codes_lead_back(
            values in proptest::collection::vec(any::<i32>(), 1..40),
            factor in prop_oneof![
                Just(1i128), Just(96), Just(1 << 70), Just(10i128.pow(12)), Just(10i128.pow(20)), Just(3 * (1 << 66) + 1)
            ],
            base in any::<i64>(),
        ) {
            let values: Vec<i128> = values.iter().map(|value| i128::from(*value) * factor + i128::from(base)).collect();
            let steps = WideSteps::of(|| values.iter().copied()).unwrap();
            prop_assert!(steps.step().is_multiple_of(factor as u128) || steps.greatest() == 0);
            for value in &values {
                let code = steps.code(*value);
                prop_assert!(code <= steps.greatest());
                prop_assert_eq!(steps.value(code), *value);
            }
        }

        /// Whatever the values: their steps lead back to them, or there are none since they are too many.
        #[test]
        fn any_numbers(values in proptest::collection::vec(any::<(i128, u8)>(), 1..6)) {
            let values: Vec<i128> = values.iter().map(|(value, shift)| value >> (shift % 128)).collect();
            match WideSteps::of(|| values.iter().copied()) {
                Some(steps) => {
                    prop_assert!(values.iter().all(|value| steps.value(steps.code(*value)) == *value));
                }
                None => {
                    let (least, greatest) = bounds(values.iter().copied());
                    let gcd = values.iter().fold(0, |gcd, value| {
                        let (mut a, mut b) = (gcd, distance(least, *value));
                        while b != 0 {
                            (a, b) = (b, a % b);
                        }
                        a
                    });
                    prop_assert!(distance(least, greatest) / gcd > u64::MAX.into());
                }
            }
        }
    }
}
