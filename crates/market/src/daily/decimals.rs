//! Products of decimals, rounded once, half to even.
//!
//! Prices, amounts and factors come as whole numbers of 10^-18, adjusted prices go as whole numbers of 10^-8. A product of two of
//! the first has up to 76 digits: what fits 128 bits, which is nearly all, is rounded there, the rest in numbers of any length.

use num_bigint::{BigInt, BigUint};
use quotelake_core::divide_half_even;

/// Decimal places of prices, amounts and factors.
pub(crate) const SCALE: i8 = 18;
/// Decimal places of adjusted prices and volumes.
pub(crate) const PRICE_SCALE: i8 = 8;

/// One, with [`SCALE`] places.
pub(crate) const ONE: i128 = 1_000_000_000_000_000_000;
/// Between [`SCALE`] and [`PRICE_SCALE`].
const SHIFT: i128 = 10_000_000_000;
const MOST: u128 = 10u128.pow(38) - 1;

/// A number of 10^-18 times a factor in 10^-18, in 10^-8. `None` past 38 digits.
#[inline]
pub(crate) fn adjusted(price: i128, factor: i128) -> Option<i128> {
    if factor == ONE {
        return divide_half_even(price, SHIFT);
    }
    let short = price / SHIFT;
    if short * SHIFT == price
        && let Some(product) = short.checked_mul(factor)
    {
        return divide_half_even(product, ONE);
    }
    let product = BigInt::from(price) * BigInt::from(factor);
    let divisor = BigUint::from(SHIFT.unsigned_abs()) * BigUint::from(ONE.unsigned_abs());
    let (sign, magnitude) = product.into_parts();
    let rounded = i128::try_from(quotient(&magnitude, &divisor)?).ok()?;
    Some(if sign == num_bigint::Sign::Minus { -rounded } else { rounded })
}

/// A number of 10^-18 times a factor in 10^-18, in 10^-18. `None` past 38 digits.
#[inline]
pub(crate) fn scaled(number: i128, factor: i128) -> Option<i128> {
    if factor == ONE {
        return Some(number);
    }
    if let (Ok(factor), magnitude) = (u64::try_from(factor), number.unsigned_abs())
        && let Some(rounded) = short_product(magnitude, factor)
    {
        return Some(if number < 0 { -rounded } else { rounded });
    }
    let (sign, magnitude) = (BigInt::from(number) * BigInt::from(factor)).into_parts();
    let rounded = i128::try_from(quotient(&magnitude, &BigUint::from(ONE.unsigned_abs()))?).ok()?;
    Some(if sign == num_bigint::Sign::Minus { -rounded } else { rounded })
}

/// A product over 10^18, half to even, by two divisions of 128 bits. `None` where the result needs more than 126.
#[inline]
fn short_product(number: u128, factor: u64) -> Option<i128> {
    const DIVISOR: u128 = ONE.unsigned_abs();
    let (high, low) = (number >> 64, number & u128::from(u64::MAX));
    let low = low * u128::from(factor);
    let upper = high.checked_mul(u128::from(factor))?.checked_add(low >> 64)?;
    let lower = (upper % DIVISOR) << 64 | (low & u128::from(u64::MAX));
    let upper = u128::from(u64::try_from(upper / DIVISOR).ok().filter(|upper| upper >> 61 == 0)?);
    let (whole, rest) = ((upper << 64) + lower / DIVISOR, lower % DIVISOR);
    let up = match (2 * rest).cmp(&DIVISOR) {
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => whole & 1,
        std::cmp::Ordering::Less => 0,
    };
    i128::try_from(whole + up).ok()
}

/// The quotient as a whole number, half to even. `None` past 38 digits, and where the divisor is zero.
pub(crate) fn quotient(dividend: &BigUint, divisor: &BigUint) -> Option<u128> {
    if *divisor == BigUint::ZERO {
        return None;
    }
    let whole = dividend / divisor;
    let rest = dividend - &whole * divisor;
    let whole = u128::try_from(whole).ok()?;
    let up = match (rest << 1u8).cmp(divisor) {
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => whole & 1,
        std::cmp::Ordering::Less => 0,
    };
    Some(whole + up).filter(|rounded| *rounded <= MOST)
}

/// How many decimal zeros a number that is not zero ends in.
pub(crate) fn zeros(mut number: u128) -> u32 {
    let mut found = 0;
    for step in [16, 8, 4, 2, 1] {
        let divisor = 10u128.pow(step);
        while number != 0 && number.is_multiple_of(divisor) {
            number /= divisor;
            found += step;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ties_go_to_even() {
        let half = ONE / 2;
        let places = |number: i128| number * SHIFT;
        assert_eq!([1, 3, -1, -3, 4].map(|n| adjusted(places(n), half)), [0, 2, 0, -2, 2].map(Some));
        // Digits behind the eighth place count, too: 1.5 and a little more of the last place.
        assert_eq!(adjusted(places(3) + 2, half), Some(2));
        assert_eq!(adjusted(places(5), half), Some(2));
        assert_eq!(adjusted(places(5) + 1, half), Some(3));
        assert_eq!(adjusted(SHIFT / 2, ONE), Some(0));
        assert_eq!([1, 3, -1, -3].map(|n| scaled(n, half)), [0, 2, 0, -2].map(Some));
        assert_eq!(scaled(i128::MAX, 2 * ONE), None);
        assert_eq!(adjusted(i128::MAX, ONE * 1_000_000_000_000_000), None);
    }

    #[test]
    fn zeros_at_the_end() {
        let cases = [(1, 0), (10, 1), (120, 1), (10u128.pow(38), 38), (25 * 10u128.pow(17), 17), (0, 0)];
        assert_eq!(cases.map(|(number, _)| zeros(number)), cases.map(|(_, zeros)| zeros));
    }

    proptest! {
        #[test]
        fn both_ways_are_one(price in -10i128.pow(30)..10i128.pow(30), factor in 1i128..10i128.pow(19)) {
            let short = price / SHIFT * SHIFT;
            let exact = |price: i128| {
                let (sign, product) = (BigInt::from(price) * factor).into_parts();
                let divisor = BigUint::from(SHIFT as u128) * ONE as u128;
                let rounded = quotient(&product, &divisor).map(|n| n as i128);
                rounded.map(|n| if sign == num_bigint::Sign::Minus { -n } else { n })
            };
            prop_assert_eq!(adjusted(price, factor), exact(price));
            prop_assert_eq!(adjusted(short, factor), exact(short));
        }

        #[test]
        fn scaling_rounds_the_whole_product(number in -10i128.pow(37)..10i128.pow(37), factor in 1i128..10i128.pow(20)) {
            let (sign, product) = (BigInt::from(number) * factor).into_parts();
            let rounded = quotient(&product, &BigUint::from(ONE as u128)).map(|n| n as i128);
            let signed = rounded.map(|n| if sign == num_bigint::Sign::Minus { -n } else { n });
            prop_assert_eq!(scaled(number, factor), signed);
        }
    }
}
