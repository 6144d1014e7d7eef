//! Rows of a column by their order.

use std::cmp::Ordering;

use arrow_array::cast::AsArray as _;
use arrow_array::types::*;
use arrow_array::{Array, ArrowNativeTypeOp};
use arrow_schema::{ArrowError, DataType, TimeUnit};

/// Compares the values of two rows.
pub type RowComparator = Box<dyn Fn(usize, usize) -> Ordering + Send + Sync>;

/// The order of a column's rows: NULL first and equal to itself, numbers by value (NaN above all others), texts by their bytes.
/// `NotYetImplemented` for a type that no table's column has.
pub fn row_comparator(column: &dyn Array) -> Result<RowComparator, ArrowError> {
    fn values<T: ArrowPrimitiveType>(column: &dyn Array) -> RowComparator {
        let values = column.as_primitive::<T>().clone();
        by(move |row| values.is_valid(row).then(|| Total(values.value(row))))
    }
    Ok(match column.data_type() {
        DataType::Boolean => {
            let truths = column.as_boolean().clone();
            by(move |row| truths.is_valid(row).then(|| truths.value(row)))
        }
        DataType::Utf8 => {
            let texts = column.as_string::<i32>().clone();
            Box::new(move |a, b| {
                let text = |row| texts.is_valid(row).then(|| texts.value(row));
                text(a).cmp(&text(b))
            })
        }
        DataType::Dictionary(keys, values) if **keys == DataType::Int32 && **values == DataType::Utf8 => {
            let coded = column.as_dictionary::<Int32Type>().clone();
            let texts = coded.values().as_string::<i32>().clone();
            Box::new(move |a, b| {
                let text =
                    |row| coded.key(row).filter(|code| texts.is_valid(*code)).map(|code| texts.value(code));
                text(a).cmp(&text(b))
            })
        }
        DataType::Int32 => values::<Int32Type>(column),
        DataType::Int64 => values::<Int64Type>(column),
        DataType::Float64 => values::<Float64Type>(column),
        DataType::Date32 => values::<Date32Type>(column),
        DataType::Decimal32(..) => values::<Decimal32Type>(column),
        DataType::Decimal64(..) => values::<Decimal64Type>(column),
        DataType::Decimal128(..) => values::<Decimal128Type>(column),
        DataType::Timestamp(TimeUnit::Second, _) => values::<TimestampSecondType>(column),
        DataType::Timestamp(TimeUnit::Millisecond, _) => values::<TimestampMillisecondType>(column),
        DataType::Timestamp(TimeUnit::Microsecond, _) => values::<TimestampMicrosecondType>(column),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => values::<TimestampNanosecondType>(column),
        other => return Err(ArrowError::NotYetImplemented(format!("rows are not ordered by {other}"))),
    })
}

/// `None`, NULL, is below every value.
fn by<V: Ord>(value: impl Fn(usize) -> Option<V> + Send + Sync + 'static) -> RowComparator {
    Box::new(move |a, b| value(a).cmp(&value(b)))
}

/// A number by Arrow's order of its type, which is total for floats too.
struct Total<N>(N);

impl<N: ArrowNativeTypeOp> Ord for Total<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.compare(other.0)
    }
}

impl<N: ArrowNativeTypeOp> PartialOrd for Total<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<N: ArrowNativeTypeOp> Eq for Total<N> {}

impl<N: ArrowNativeTypeOp> PartialEq for Total<N> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
