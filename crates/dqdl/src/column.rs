//! Columns as the checks see them: numbers with one scale, or texts with their dictionary.
//!
//! Reading is by position with a type check, so a batch that does not have the plan's schema is an error and not a
//! panic. Fixed-width data is shared with the array, never copied, for the types the lake stores.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch, StringArray, make_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{
    DataType, Date64Type, Decimal64Type, Decimal128Type, Fields, Float64Type, Int32Type, Int64Type, Schema,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};

use crate::places::Places;

/// A column of the plan's schema, or a field inside one that is a structure: `address.city`.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) index: usize,
    /// The way down through structures, for a field inside the column.
    inner: Vec<usize>,
    pub(crate) data_type: DataType,
}

impl Column {
    /// Finds a column by name, exactly or else ignoring case; a name with dots may also be the way to a field of a structure.
    pub(crate) fn find(schema: &Schema, name: &str) -> Option<Self> {
        let found = |index: usize, inner, data_type: &DataType| {
            Some(Self { name: name.to_owned(), index, inner, data_type: data_type.clone() })
        };
        if let Some(index) = position(schema.fields(), name) {
            return found(index, Vec::new(), schema.fields().get(index)?.data_type());
        }
        name.match_indices('.').find_map(|(dot, _)| {
            let index = position(schema.fields(), &name[..dot])?;
            let (inner, data_type) = field_inside(schema.fields().get(index)?.data_type(), &name[dot + 1..])?;
            found(index, inner, data_type)
        })
    }

    /// Why a name with dots is no column, where the way it names leads into a list.
    pub(crate) fn inside_list(schema: &Schema, name: &str) -> Option<String> {
        name.match_indices('.').find_map(|(dot, _)| {
            let column = Self::find(schema, &name[..dot])?;
            let is_list = column.data_type.is_nested() && !matches!(column.data_type, DataType::Struct(_));
            is_list.then(|| {
                format!(
                    "there is no column {name}: {} is a list, and rules do not look into lists",
                    column.name
                )
            })
        })
    }

    /// Whether it is the column of this number, and no field inside it.
    pub(crate) fn is_whole(&self, index: usize) -> bool {
        self.index == index && self.inner.is_empty()
    }

    /// This column of `batch`. A field of a structure that is NULL is NULL.
    pub(crate) fn of<'b>(&self, batch: &'b RecordBatch) -> Result<Cow<'b, ArrayRef>, String> {
        let wrong = || format!("the batch has no column {} of type {}", self.name, self.data_type);
        let whole = batch.columns().get(self.index).ok_or_else(wrong)?;
        let mut column = Cow::Borrowed(whole);
        for inner in &self.inner {
            let structure = column.as_struct_opt().ok_or_else(wrong)?;
            let field = structure.columns().get(*inner).ok_or_else(wrong)?;
            let field = match structure.nulls() {
                None => Arc::clone(field),
                Some(nulls) => with_nulls(field, nulls)?,
            };
            column = Cow::Owned(field);
        }
        if column.data_type() == &self.data_type { Ok(column) } else { Err(wrong()) }
    }
}

fn position(fields: &Fields, name: &str) -> Option<usize> {
    fields.iter().position(|field| field.name() == name).or_else(|| {
        let name = name.to_lowercase();
        fields.iter().position(|field| field.name().to_lowercase() == name)
    })
}

/// The way to the field that a name with dots is inside a structure, and its type.
fn field_inside<'t>(structure: &'t DataType, name: &str) -> Option<(Vec<usize>, &'t DataType)> {
    let DataType::Struct(fields) = structure else { return None };
    if let Some(at) = position(fields, name) {
        return Some((vec![at], fields.get(at)?.data_type()));
    }
    name.match_indices('.').find_map(|(dot, _)| {
        let at = position(fields, &name[..dot])?;
        let (mut way, data_type) = field_inside(fields.get(at)?.data_type(), &name[dot + 1..])?;
        way.insert(0, at);
        Some((way, data_type))
    })
}

/// An array that is also NULL where the structure around it is.
fn with_nulls(array: &ArrayRef, around: &NullBuffer) -> Result<ArrayRef, String> {
    let nulls = NullBuffer::union(array.nulls(), Some(around));
    let data = array.to_data().into_builder().nulls(nulls).build().map_err(|error| error.to_string())?;
    Ok(make_array(data))
}

/// Rows that take part in something.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    len: usize,
    bits: Option<BooleanBuffer>,
}

impl Rows {
    pub(crate) fn all(len: usize) -> Self {
        Self { len, bits: None }
    }

    /// The rows as bits; `None` when all take part.
    pub(crate) fn into_bits(self) -> Option<BooleanBuffer> {
        self.bits
    }

    /// Those that are also set in `bits`.
    pub(crate) fn and(&self, bits: Option<&BooleanBuffer>) -> Self {
        let bits = match (&self.bits, bits) {
            (Some(mine), Some(other)) => Some(mine & other),
            (mine, other) => mine.as_ref().or(other).cloned(),
        };
        Self { len: self.len, bits }
    }

    /// Those that are not set in `bits`.
    pub(crate) fn without(&self, bits: Option<&BooleanBuffer>) -> Self {
        match bits {
            Some(bits) => self.and(Some(&!bits)),
            None => self.clone(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.bits.as_ref().map_or(self.len, BooleanBuffer::count_set_bits)
    }

    /// Calls `f` with every maximal range of rows.
    pub(crate) fn for_each_range(&self, mut f: impl FnMut(Range<usize>)) {
        match &self.bits {
            None => f(0..self.len),
            Some(bits) => bits.set_slices().for_each(|(start, end)| f(start..end)),
        }
    }

    pub(crate) fn for_each(&self, mut f: impl FnMut(usize)) {
        self.for_each_range(|range| range.for_each(&mut f));
    }

    /// The first `count` rows, or fewer.
    pub(crate) fn first(&self, count: usize) -> Vec<usize> {
        match &self.bits {
            None => (0..self.len.min(count)).collect(),
            Some(bits) => bits.set_indices().take(count).collect(),
        }
    }
}

/// How a numeric or temporal type counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Whole multiples of `10^-scale`.
    Decimal { scale: u32 },
    /// Binary floating point.
    Float,
    /// Whole multiples of so many nanoseconds since 1970-01-01 UTC.
    Instant { unit_nanos: i64 },
}

/// Nanoseconds in a day.
pub(crate) const DAY_NANOS: i64 = 86_400_000_000_000;

impl Measure {
    /// `None` for types that are neither numbers nor dates.
    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => Self::Decimal { scale: 0 },
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale) => Self::Decimal { scale: u32::try_from(*scale).ok()? },
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Float,
            DataType::Date32 => Self::Instant { unit_nanos: DAY_NANOS },
            DataType::Date64 => Self::Instant { unit_nanos: 1_000_000 },
            DataType::Timestamp(unit, _) => Self::Instant {
                unit_nanos: match unit {
                    TimeUnit::Second => 1_000_000_000,
                    TimeUnit::Millisecond => 1_000_000,
                    TimeUnit::Microsecond => 1_000,
                    TimeUnit::Nanosecond => 1,
                },
            },
            _ => return None,
        })
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Decimal { .. } | Self::Float)
    }
}

/// The raw values of a numeric or temporal column.
#[derive(Debug, Clone)]
pub(crate) enum Values {
    I64(ScalarBuffer<i64>),
    I128(ScalarBuffer<i128>),
    F64(ScalarBuffer<f64>),
}

/// A numeric or temporal column. NaN counts as NULL.
#[derive(Debug, Clone)]
pub(crate) struct Numbers {
    pub(crate) values: Values,
    pub(crate) scale: u32,
    /// Rows with a value; `None` when all have one.
    pub(crate) valid: Option<BooleanBuffer>,
}

impl Numbers {
    pub(crate) fn read(array: &ArrayRef) -> Result<Self, String> {
        let Some(measure) = Measure::of(array.data_type()) else {
            return Err(format!("{} is not a numeric type", array.data_type()));
        };
        let scale = match measure {
            Measure::Decimal { scale } => scale,
            Measure::Float | Measure::Instant { .. } => 0,
        };
        let (values, valid) = match array.data_type() {
            DataType::Int64 => long::<Int64Type>(array)?,
            DataType::Decimal64(..) => long::<Decimal64Type>(array)?,
            DataType::Timestamp(TimeUnit::Second, _) => long::<TimestampSecondType>(array)?,
            DataType::Timestamp(TimeUnit::Millisecond, _) => long::<TimestampMillisecondType>(array)?,
            DataType::Timestamp(TimeUnit::Microsecond, _) => long::<TimestampMicrosecondType>(array)?,
            DataType::Timestamp(TimeUnit::Nanosecond, _) => long::<TimestampNanosecondType>(array)?,
            DataType::Date64 => long::<Date64Type>(array)?,
            DataType::Decimal128(..) => {
                let (values, valid) = raw::<Decimal128Type>(array)?;
                (Values::I128(values), valid)
            }
            DataType::Decimal32(precision, scale) => {
                let wide = convert(array, &DataType::Decimal64(*precision, *scale))?;
                long::<Decimal64Type>(&wide)?
            }
            DataType::UInt64 => {
                let wide = convert(array, &DataType::Decimal128(20, 0))?;
                let (values, valid) = raw::<Decimal128Type>(&wide)?;
                (Values::I128(values), valid)
            }
            DataType::Date32 => {
                let days = convert(array, &DataType::Int32)?;
                long::<Int64Type>(&convert(&days, &DataType::Int64)?)?
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                let (values, valid) = raw::<Float64Type>(&convert(array, &DataType::Float64)?)?;
                let valid = without_nan(&values, valid);
                (Values::F64(values), valid)
            }
            _ => long::<Int64Type>(&convert(array, &DataType::Int64)?)?,
        };
        Ok(Self { values, scale, valid })
    }

    /// `10^scale`, by which raw values are divided.
    pub(crate) fn divisor(&self) -> f64 {
        10_f64.powi(i32::try_from(self.scale).unwrap_or(0))
    }

    /// Calls `f` with each value of `rows` that is not NULL.
    pub(crate) fn for_each(&self, rows: &Rows, mut f: impl FnMut(f64)) {
        let (divisor, places) = (self.divisor(), Places::of(self.scale));
        let rows = rows.and(self.valid.as_ref());
        rows.for_each_range(|range| match &self.values {
            Values::I64(values) => slice(values, range).iter().for_each(|value| f(*value as f64 / divisor)),
            Values::I128(values) => slice(values, range).iter().for_each(|value| f(places.float(*value))),
            Values::F64(values) => slice(values, range).iter().for_each(|value| f(*value)),
        });
    }
}

/// `values[range]`, empty instead of a panic.
pub(crate) fn slice<T>(values: &[T], range: Range<usize>) -> &[T] {
    values.get(range).unwrap_or(&[])
}

type Raw<T> = (ScalarBuffer<T>, Option<BooleanBuffer>);

fn raw<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<Raw<T::Native>, String> {
    let array: &PrimitiveArray<T> =
        array.as_primitive_opt().ok_or_else(|| format!("{} is not what its type says", array.data_type()))?;
    Ok((array.values().clone(), valid_bits(array)))
}

fn long<T: ArrowPrimitiveType<Native = i64>>(
    array: &ArrayRef,
) -> Result<(Values, Option<BooleanBuffer>), String> {
    let (values, valid) = raw::<T>(array)?;
    Ok((Values::I64(values), valid))
}

fn without_nan(values: &[f64], valid: Option<BooleanBuffer>) -> Option<BooleanBuffer> {
    if !values.iter().any(|value| value.is_nan()) {
        return valid;
    }
    let numbers =
        BooleanBuffer::collect_bool(values.len(), |row| values.get(row).is_some_and(|value| !value.is_nan()));
    Some(match valid {
        Some(valid) => &valid & &numbers,
        None => numbers,
    })
}

/// Rows of `array` that are not NULL; `None` when all are. Sees through dictionaries.
pub(crate) fn valid_bits(array: &dyn Array) -> Option<BooleanBuffer> {
    array.logical_nulls().filter(|nulls| nulls.null_count() > 0).map(|nulls| nulls.inner().clone())
}

/// Casts, failing where a value does not fit.
pub(crate) fn convert(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    let options = CastOptions { safe: false };
    cast_with_options(array, to, &options).map_err(|error| error.to_string())
}

/// Whether texts are stored in such a column.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// What a column holds, as people call it.
pub(crate) fn spoken(data_type: &DataType) -> String {
    match data_type {
        text if is_text(text) => "a text".to_owned(),
        DataType::Struct(_) => "a structure".to_owned(),
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => "a list".to_owned(),
        DataType::Map(..) => "a map".to_owned(),
        DataType::Boolean => "a truth value".to_owned(),
        DataType::Date32 | DataType::Date64 => "a date".to_owned(),
        DataType::Timestamp(..) => "a timestamp".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "a time of day".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => "bytes".to_owned(),
        number if Measure::of(number).is_some() => "a number".to_owned(),
        other => other.to_string(),
    }
}

/// A text column.
#[derive(Debug, Clone)]
pub(crate) enum Texts {
    Plain(StringArray),
    /// Few distinct texts: predicates are evaluated once for each and mapped over the keys.
    Dictionary {
        values: StringArray,
        keys: PrimitiveArray<Int32Type>,
    },
}

impl Texts {
    pub(crate) fn read(array: &ArrayRef) -> Result<Self, String> {
        let wrong = || format!("{} is not a text type", array.data_type());
        if let DataType::Dictionary(..) = array.data_type() {
            let target = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            let array = convert(array, &target)?;
            let dictionary = array.as_dictionary_opt::<Int32Type>().ok_or_else(wrong)?;
            // A dictionary wider than its rows (shared between batches) is cheaper to unfold.
            if dictionary.values().len() <= dictionary.len() {
                return Ok(Self::Dictionary {
                    values: dictionary.values().as_string_opt::<i32>().ok_or_else(wrong)?.clone(),
                    keys: dictionary.keys().clone(),
                });
            }
        }
        let array = cast(array, &DataType::Utf8).map_err(|error| error.to_string())?;
        Ok(Self::Plain(array.as_string_opt::<i32>().ok_or_else(wrong)?.clone()))
    }

    /// The predicate of every row (meaningless where NULL) and the rows that are not NULL.
    pub(crate) fn test(&self, predicate: impl Fn(&str) -> bool) -> (BooleanBuffer, Rows) {
        match self {
            Self::Plain(array) => {
                let bits = BooleanBuffer::collect_bool(array.len(), |row| predicate(array.value(row)));
                (bits, Rows::all(array.len()).and(valid_bits(array).as_ref()))
            }
            Self::Dictionary { values, keys } => {
                let truth: Vec<bool> = values.iter().map(|value| value.is_some_and(&predicate)).collect();
                let bits = self.map_keys(keys, |key| truth.get(key).copied().unwrap_or(false));
                let mut rows = Rows::all(keys.len()).and(valid_bits(keys).as_ref());
                if values.null_count() > 0 {
                    let known = self.map_keys(keys, |key| key < values.len() && values.is_valid(key));
                    rows = rows.and(Some(&known));
                }
                (bits, rows)
            }
        }
    }

    fn map_keys(&self, keys: &PrimitiveArray<Int32Type>, f: impl Fn(usize) -> bool) -> BooleanBuffer {
        let raw = keys.values();
        BooleanBuffer::collect_bool(raw.len(), |row| {
            raw.get(row).and_then(|key| usize::try_from(*key).ok()).is_some_and(&f)
        })
    }

    /// A number for the text of every row, 0 for NULL: `number` is asked once per row, or per dictionary entry.
    pub(crate) fn numbered(
        &self,
        mut number: impl FnMut(&str) -> Result<u32, String>,
    ) -> Result<Vec<u32>, String> {
        let mut of = |text: Option<&str>| text.map_or(Ok(0), &mut number);
        match self {
            Self::Plain(array) => array.iter().map(of).collect(),
            Self::Dictionary { values, keys } => {
                let numbers = values.iter().map(&mut of).collect::<Result<Vec<_>, _>>()?;
                let number = |key: &i32| usize::try_from(*key).ok().and_then(|key| numbers.get(key).copied());
                Ok(keys.values().iter().map(|key| number(key).unwrap_or(0)).collect())
            }
        }
    }

    /// The length in characters of every row, 0 for NULL.
    pub(crate) fn lengths(&self) -> Vec<i64> {
        let length = |text: Option<&str>| {
            text.map_or(0, |text| i64::try_from(text.chars().count()).unwrap_or(i64::MAX))
        };
        match self {
            Self::Plain(array) => array.iter().map(length).collect(),
            Self::Dictionary { values, keys } => {
                let lengths: Vec<i64> = values.iter().map(length).collect();
                keys.iter()
                    .map(|key| {
                        key.and_then(|key| lengths.get(usize::try_from(key).ok()?).copied()).unwrap_or(0)
                    })
                    .collect()
            }
        }
    }
}
