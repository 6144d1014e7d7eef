//! Decimals of many places as floats.

/// Places that a price has. With as many, digits and divisor of nearly every number are whole floats.
const FEW: u32 = 8;

/// Converts decimals of one scale. Prices use few of many places: without the others they convert to the float that is nearest to
/// their digits, where dividing the whole number would round twice. No number is divided by more than a float.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    divisor: f64,
    /// `10^surplus`, of the places beyond the few; 0 where there are none, or too many.
    power: i128,
    surplus: u32,
    /// The inverse of `5^surplus` among numbers of 64 bits.
    inverse: u64,
}

impl Places {
    pub(crate) fn of(scale: u32) -> Self {
        let divisor = 10_f64.powi(i32::try_from(scale).unwrap_or(0));
        let surplus = scale.saturating_sub(FEW);
        // Of more places, a product with a number of 64 bits may not fit.
        let power = if (1..=19).contains(&surplus) { 10_i128.pow(surplus) } else { 0 };
        let odd = 5_u64.wrapping_pow(surplus);
        // Right in its lowest five bits; each round doubles them.
        let mut inverse = 3u64.wrapping_mul(odd) ^ 2;
        for _ in 0..4 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        }
        Self { divisor, power, surplus, inverse }
    }

    #[inline]
    pub(crate) fn float(&self, value: i128) -> f64 {
        let short = ((value >> self.surplus) as u64).wrapping_mul(self.inverse) as i64;
        if i128::from(short) * self.power == value && self.power != 0 {
            return short as f64 / 1e8;
        }
        value as f64 / self.divisor
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_places_of_many() {
        let price = |digits: i128, places: u32| digits * 10_i128.pow(18 - places);
        let of = Places::of(18);
        assert_eq!(of.float(price(12_904, 2)), 129.04);
        assert_eq!(of.float(price(-67_123_017, 2)), -671_230.17);
        assert_eq!(of.float(price(1, 8)), 0.000_000_01);
        assert_eq!(of.float(price(77_812, 10)), 0.000_007_781_2);
        assert_eq!(of.float(0), 0.0);
        assert_eq!(Places::of(0).float(7), 7.0);
        assert_eq!(Places::of(6).float(1_500_000), 1.5);
        // Divisor and digits are rounded: a last bit may differ.
        assert!((Places::of(38).float(10_i128.pow(37)) - 0.1).abs() < 1e-16);
    }

    proptest! {
        /// A number of at most eight places is what its text is parsed as, whatever the scale.
        #[test]
        fn as_text_is_parsed(digits in -999_999_999_999_999_i64..=999_999_999_999_999, places in 0u32..=8, scale in 8u32..=22) {
            let value = i128::from(digits) * 10_i128.pow(scale - places);
            let text = format!("{digits}e-{places}").parse::<f64>().unwrap();
            let short = i128::from(digits) * 10_i128.pow(8 - places);
            // Beyond 2^53 a whole number is no float: two roundings, as ever.
            prop_assume!(short.unsigned_abs() < 1 << 53);
            prop_assert_eq!(Places::of(scale).float(value), text);
        }

        /// Any other is as near as dividing gives.
        #[test]
        fn any_number(value in any::<i128>(), scale in 0u32..=38) {
            let float = Places::of(scale).float(value);
            let divided = value as f64 / 10_f64.powi(scale as i32);
            prop_assert!((float - divided).abs() <= divided.abs() * 1e-15);
        }
    }
}
