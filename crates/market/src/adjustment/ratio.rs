//! Quotients of whole numbers of any length: nothing is rounded before [`Ratio::rounded`].

use num_bigint::BigUint;

use crate::daily::decimals::{ONE, SCALE, quotient, zeros};

/// A number above zero as a quotient of two whole numbers.
#[derive(Debug, Clone)]
pub(super) struct Ratio {
    over: BigUint,
    under: BigUint,
}

impl Ratio {
    pub(super) fn one() -> Self {
        Self { over: BigUint::from(1u8), under: BigUint::from(1u8) }
    }

    /// Of a decimal in 10^-18. `None` where it is not above zero.
    pub(super) fn of_decimal(number: i128) -> Option<Self> {
        let number = u128::try_from(number).ok().filter(|number| *number > 0)?;
        let places = SCALE.unsigned_abs().into();
        let cut = zeros(number).min(places);
        let over = BigUint::from(number / 10u128.pow(cut));
        Some(Self { over, under: BigUint::from(10u128.pow(places - cut)) })
    }

    pub(super) fn is_one(&self) -> bool {
        self.over == self.under
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        Self { over: &self.over * &other.over, under: &self.under * &other.under }
    }

    pub(super) fn divided_by(&self, other: &Self) -> Self {
        Self { over: &self.over * &other.under, under: &self.under * &other.over }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let over = &self.over * &other.under + &other.over * &self.under;
        Self { over, under: &self.under * &other.under }
    }

    /// `None` where nothing is left.
    pub(super) fn minus(&self, other: &Self) -> Option<Self> {
        let (own, others) = (&self.over * &other.under, &other.over * &self.under);
        (own > others).then(|| Self { over: own - others, under: &self.under * &other.under })
    }

    /// Whether the two are apart by at most one part in `parts` of the first.
    pub(super) fn is_near(&self, other: &Self, parts: u32) -> bool {
        let apart = self.minus(other).or_else(|| other.minus(self));
        apart.is_none_or(|apart| {
            let scaled = Self { over: apart.over * parts, under: apart.under };
            scaled.minus(self).is_none()
        })
    }

    /// In lowest terms, where the terms are of a usual length: products of many stay short.
    pub(super) fn reduced(self) -> Self {
        let (Ok(over), Ok(under)) = (u128::try_from(&self.over), u128::try_from(&self.under)) else {
            return self;
        };
        let divisor = greatest_common_divisor(over, under);
        Self { over: BigUint::from(over / divisor), under: BigUint::from(under / divisor) }
    }

    /// In 10^-18, half to even. `None` past 38 digits, and where nothing is left of it.
    pub(super) fn rounded(&self) -> Option<i128> {
        if self.is_one() {
            return Some(ONE);
        }
        let rounded = quotient(&(&self.over * ONE.unsigned_abs()), &self.under)?;
        i128::try_from(rounded).ok().filter(|rounded| *rounded > 0)
    }
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        if let (Ok(mut short), Ok(mut other)) = (u64::try_from(a), u64::try_from(b)) {
            while other != 0 {
                (short, other) = (other, short % other);
            }
            return short.into();
        }
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Ratio {
        let number = quotelake_core::parse_scaled(text.as_bytes(), 38, SCALE).unwrap();
        Ratio::of_decimal(number).unwrap()
    }

    #[test]
    fn arithmetic_is_exact() {
        let third = decimal("1").divided_by(&decimal("3"));
        assert_eq!(third.rounded(), Some(333_333_333_333_333_333));
        assert!(third.times(&decimal("3")).is_one());
        assert!(third.plus(&third).plus(&third).is_one());
        let two_thirds = decimal("1").minus(&third).unwrap();
        assert_eq!(two_thirds.rounded(), Some(666_666_666_666_666_667));
        assert!(third.minus(&third).is_none() && third.minus(&two_thirds).is_none());
        assert!(Ratio::of_decimal(0).is_none() && Ratio::of_decimal(-ONE).is_none());
        assert!(decimal("12.5").divided_by(&decimal("2.5")).reduced().divided_by(&decimal("5")).is_one());
    }

    #[test]
    fn rounding_is_half_to_even_and_never_to_nothing() {
        let tiny = decimal("0.000000000000000001");
        let half = decimal("0.5");
        assert_eq!(tiny.times(&decimal("2.5")).rounded(), Some(2));
        assert_eq!(tiny.times(&decimal("3.5")).rounded(), Some(4));
        assert_eq!(tiny.times(&half).rounded(), None);
        let huge = decimal("99999999999999999999");
        assert_eq!(huge.rounded(), Some(99_999_999_999_999_999_999 * ONE));
        assert_eq!(huge.plus(&decimal("1")).rounded(), None);
    }

    #[test]
    fn nearness_is_a_share() {
        assert!(decimal("100").is_near(&decimal("100.01"), 10_000));
        assert!(!decimal("100").is_near(&decimal("100.02"), 10_000));
        assert!(decimal("100").is_near(&decimal("100"), 10_000));
        assert!(!decimal("100").is_near(&decimal("99.98"), 10_000));
    }
}
