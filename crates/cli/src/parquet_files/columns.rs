//! The columns of a Parquet file as rules see them, and one set of columns for files that differ.
//!
//! Texts are texts however a file stores them, dictionary-coded where it has them so: rules look at each value once. Decimals of
//! more than 38 digits are read into 38, UUIDs and times of day as texts, Spark's INT96 as microseconds. Columns of the same name
//! are one column when one type holds all their values as they are; else the difference is an error by name.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, FixedSizeBinaryArray, StringArray, StructArray, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::schema::types::Type as ParquetType;
use quotelake_core::{Error, Result};

/// Digits of the widest decimal that rules calculate with.
const DIGITS: u8 = 38;

fn coded_text() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// How a column is read from its file: `found` by the reader's own reckoning, `stored` in the file.
pub(super) fn read_as(found: &FieldRef, stored: &ParquetType, has_dictionary: bool) -> FieldRef {
    let data_type = match (plain(found.data_type()), stored) {
        (DataType::Struct(children), ParquetType::GroupType { fields, .. }) => {
            let children = children.iter().map(|child| {
                let stored = fields.iter().find(|stored| stored.name() == child.name());
                stored.map_or_else(|| Arc::clone(child), |stored| read_as(child, stored, false))
            });
            DataType::Struct(children.collect())
        }
        (DataType::Utf8, stored) if has_dictionary && is_text(stored) => coded_text(),
        // A name of a set is a text.
        (DataType::Binary, stored) if is_enumerated(stored) => DataType::Utf8,
        // Nanoseconds would hold the years 1677 to 2262 only.
        (DataType::Timestamp(..), stored)
            if stored.is_primitive() && stored.get_physical_type() == Physical::INT96 =>
        {
            DataType::Timestamp(TimeUnit::Microsecond, None)
        }
        (other, _) => other,
    };
    Arc::new(found.as_ref().clone().with_data_type(data_type))
}

/// Whether the file itself says that a column is of texts; JSON is read as one, but not by its dictionary.
fn is_text(stored: &ParquetType) -> bool {
    let info = stored.get_basic_info();
    matches!(info.logical_type_ref(), Some(LogicalType::String))
        || info.converted_type() == ConvertedType::UTF8
}

fn is_enumerated(stored: &ParquetType) -> bool {
    let info = stored.get_basic_info();
    matches!(info.logical_type_ref(), Some(LogicalType::Enum)) || info.converted_type() == ConvertedType::ENUM
}

/// A type without the way in which its values are laid out in memory.
pub(super) fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    }
}

/// How rules see a column that is read as `read`.
pub(super) fn seen_as(read: &FieldRef, stored: &ParquetType) -> FieldRef {
    let data_type = match (read.data_type(), stored) {
        (DataType::Decimal256(_, scale), _) if *scale <= DIGITS.cast_signed() => {
            DataType::Decimal128(DIGITS, *scale)
        }
        (DataType::FixedSizeBinary(16), stored)
            if matches!(stored.get_basic_info().logical_type_ref(), Some(LogicalType::Uuid)) =>
        {
            DataType::Utf8
        }
        (DataType::Time32(_) | DataType::Time64(_) | DataType::Null, _) => DataType::Utf8,
        (DataType::Struct(children), ParquetType::GroupType { fields, .. }) => {
            let children = children.iter().map(|child| {
                let stored = fields.iter().find(|stored| stored.name() == child.name());
                stored.map_or_else(|| Arc::clone(child), |stored| seen_as(child, stored))
            });
            DataType::Struct(children.collect())
        }
        (other, _) => other.clone(),
    };
    Arc::new(Field::new(read.name(), data_type, read.is_nullable()))
}

/// The type that holds the values of both as they are; `None` where there is none, and the two do not mix.
pub(super) fn common(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{Decimal32, Decimal64, Decimal128, Float16, Float32, Float64, Struct, Timestamp, Utf8};
    if left == right {
        return Some(left.clone());
    }
    Some(match (left, right) {
        // Coded and plain texts are read alike, as the first file has them.
        (Utf8, DataType::Dictionary(..)) | (DataType::Dictionary(..), Utf8) => left.clone(),
        (
            Decimal32(p, s) | Decimal64(p, s) | Decimal128(p, s),
            Decimal32(q, t) | Decimal64(q, t) | Decimal128(q, t),
        ) => {
            let scale = *s.max(t);
            let whole = (i16::from(*p) - i16::from(*s)).max(i16::from(*q) - i16::from(*t));
            // Where not all digits fit, values must show whether theirs do.
            let precision = (whole + i16::from(scale)).min(i16::from(DIGITS));
            Decimal128(u8::try_from(precision).ok()?, scale)
        }
        (Float16 | Float32 | Float64, Float16 | Float32 | Float64) => Float64,
        (Timestamp(a, zone), Timestamp(b, other)) if zone.is_some() == other.is_some() => {
            Timestamp((*a).max(*b), zone.clone())
        }
        (Struct(a), Struct(b)) => {
            let mut fields: Vec<FieldRef> = a.to_vec();
            for field in b {
                match fields.iter_mut().find(|known| known.name() == field.name()) {
                    None => fields.push(Arc::new(field.as_ref().clone().with_nullable(true))),
                    Some(known) => {
                        let data_type = common(known.data_type(), field.data_type())?;
                        *known = Arc::new(Field::new(field.name(), data_type, true));
                    }
                }
            }
            Struct(Fields::from(fields))
        }
        (a, b) if a.is_integer() && b.is_integer() => {
            let unsigned_long = *a == DataType::UInt64 || *b == DataType::UInt64;
            let signed = a.is_signed_integer() || b.is_signed_integer();
            match (unsigned_long, signed) {
                (true, true) => Decimal128(20, 0),
                (true, false) => DataType::UInt64,
                _ => DataType::Int64,
            }
        }
        _ => return None,
    })
}

/// A column's values in the type that rules see. `InvalidInput` for a value that it does not hold.
pub(super) fn conform(column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    if column.data_type() == wanted {
        return Ok(Arc::clone(column));
    }
    match (column.data_type(), wanted) {
        (DataType::FixedSizeBinary(16), DataType::Utf8) => Ok(uuids(column)),
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let parts = column.as_struct();
            let children = fields.iter().map(|field| match parts.column_by_name(field.name()) {
                Some(child) => conform(child, field.data_type()),
                None => Ok(new_null_array(field.data_type(), parts.len())),
            });
            let children = children.collect::<Result<Vec<_>>>()?;
            let fields: Vec<FieldRef> =
                fields.iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect();
            Ok(Arc::new(StructArray::try_new(fields.into(), children, parts.nulls().cloned())?))
        }
        (found, wanted) => {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(column, wanted, &options).map_err(|e| {
                Error::invalid(format!("a value of {found} does not fit {wanted}")).with_source(e)
            })
        }
    }
}

/// As people write them: `2f1c...` with hyphens.
fn uuids(column: &ArrayRef) -> ArrayRef {
    let text = |bytes: &[u8]| {
        let mut text = String::with_capacity(36);
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&format!("{byte:02x}"));
        }
        text
    };
    let bytes: &FixedSizeBinaryArray = column.as_fixed_size_binary();
    Arc::new(bytes.iter().map(|bytes| bytes.map(text)).collect::<StringArray>())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn types_that_mix_and_types_that_do_not() {
        use DataType::{Decimal64, Decimal128, Int8, Int32, Int64, UInt16, UInt64, Utf8};
        let same = |a: &DataType, b: &DataType, wanted: Option<DataType>| {
            assert_eq!(common(a, b), wanted, "{a} {b}");
            assert_eq!(common(b, a), wanted, "{b} {a}");
        };
        same(&Int32, &Int64, Some(Int64));
        same(&Int8, &UInt16, Some(Int64));
        same(&UInt16, &UInt64, Some(UInt64));
        same(&Int8, &UInt64, Some(Decimal128(20, 0)));
        same(&Decimal64(10, 2), &Decimal128(20, 6), Some(Decimal128(20, 6)));
        same(&Decimal64(18, 0), &Decimal128(38, 38), Some(Decimal128(38, 38)));
        same(&DataType::Float32, &DataType::Float64, Some(DataType::Float64));
        let instant = |unit, zone: Option<&str>| DataType::Timestamp(unit, zone.map(Into::into));
        let coarse = instant(TimeUnit::Millisecond, Some("UTC"));
        let fine = instant(TimeUnit::Nanosecond, Some("UTC"));
        same(&coarse, &fine, Some(fine.clone()));
        same(&coarse, &instant(TimeUnit::Millisecond, None), None);
        same(&Int64, &Utf8, None);
        same(&Int64, &DataType::Float64, None);
        same(&DataType::Date32, &coarse, None);
        same(&DataType::Boolean, &Int8, None);
        assert_eq!(common(&coded_text(), &Utf8), Some(coded_text()));
        let one = |name: &str, data_type| Arc::new(Field::new(name, data_type, true));
        let both = DataType::Struct(vec![one("a", Int64), one("b", Utf8)].into());
        let (a, b) = (
            DataType::Struct(vec![one("a", Int32)].into()),
            DataType::Struct(vec![one("a", Int64), one("b", Utf8)].into()),
        );
        assert_eq!(common(&a, &b), Some(both));
        assert_eq!(common(&a, &DataType::Struct(vec![one("a", Utf8)].into())), None);
    }
}
