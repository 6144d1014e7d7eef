//! Integers and decimals of a narrower type than the contract's: a table keeps what it held when its contract's types grow.

use arrow::array::ArrayRef;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;

use quotelake_core::Result;

/// By what a decimal's mantissa is multiplied to be one of a wider type: `None` where one of the types is no decimal, or the
/// other has fewer digits before or behind the point.
pub(super) fn factor(from: &DataType, to: &DataType) -> Option<i128> {
    let ((precision, scale), (wide_precision, wide_scale)) = (decimal(from)?, decimal(to)?);
    let more_places = wide_scale.checked_sub(scale)?;
    (wide_precision - wide_scale >= precision - scale).then_some(())?;
    10i128.checked_pow(u32::try_from(more_places).ok()?)
}

/// Whether every number of one type is one of another, which is not the same.
pub(super) fn is_narrower(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::Int32, DataType::Int64) => true,
        _ => decimal(from) != decimal(to) && factor(from, to).is_some(),
    }
}

/// Digits and places.
fn decimal(ty: &DataType) -> Option<(i16, i16)> {
    match ty {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => Some((i16::from(*precision), i16::from(*scale))),
        _ => None,
    }
}

/// A column of a narrower type as one of a wider. `InvalidInput` for a value that is not what its type says.
pub(super) fn widened(column: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if column.data_type() == to {
        return Ok(ArrayRef::clone(column));
    }
    Ok(cast_with_options(column, to, &CastOptions { safe: false })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wider() {
        let (d64, d128) = (DataType::Decimal64, DataType::Decimal128);
        assert_eq!(factor(&d64(18, 8), &d128(38, 18)), Some(10i128.pow(10)));
        assert_eq!(factor(&d128(24, 6), &d128(38, 18)), Some(10i128.pow(12)));
        assert_eq!(factor(&d64(18, 8), &d128(18, 8)), Some(1));
        assert_eq!(factor(&d64(18, 8), &d128(28, 8)), Some(1));
        // Fewer places, or fewer digits before the point.
        assert_eq!(factor(&d64(18, 8), &d128(38, 7)), None);
        assert_eq!(factor(&d64(18, 8), &d128(19, 10)), None);
        assert_eq!(factor(&d128(38, 18), &d64(18, 8)), None);
        assert_eq!(factor(&DataType::Int64, &d64(18, 8)), None);
        assert_eq!(factor(&d64(18, 0), &DataType::Int64), None);
        assert!(
            is_narrower(&DataType::Int32, &DataType::Int64)
                && !is_narrower(&DataType::Int64, &DataType::Int32)
        );
        assert!(is_narrower(&d64(10, 2), &d64(12, 4)) && !is_narrower(&d64(10, 2), &d64(10, 2)));
        assert!(!is_narrower(&d64(10, 2), &d128(10, 2)), "the same digits in wider words");
    }
}
