//! Values as people read them, spelled as `arrow-cast` does.

use std::fmt::Write;

use arrow_array::cast::AsArray as _;
use arrow_array::temporal_conversions::{
    as_datetime, as_duration, date32_to_datetime, date64_to_datetime, time32ms_to_time, time32s_to_time,
    time64ns_to_time, time64us_to_time,
};
use arrow_array::timezone::Tz;
use arrow_array::types::*;
use arrow_array::{Array, OffsetSizeTrait};
use arrow_schema::{ArrowError, DataType, IntervalUnit, TimeUnit};
use chrono::{SecondsFormat, TimeZone as _, Utc};

/// Writes the value of a row that is not NULL.
pub(crate) type Spelling<'a> = Box<dyn Fn(usize, &mut dyn Write) -> Result<(), Unspelled> + 'a>;

/// Why a value has no text.
pub(crate) struct Unspelled(ArrowError);

impl From<ArrowError> for Unspelled {
    fn from(error: ArrowError) -> Self {
        Self(error)
    }
}

impl From<std::fmt::Error> for Unspelled {
    fn from(error: std::fmt::Error) -> Self {
        Self(ArrowError::from_external_error(Box::new(error)))
    }
}

impl From<Unspelled> for ArrowError {
    fn from(Unspelled(error): Unspelled) -> Self {
        error
    }
}

/// The value of a row as text; nothing for NULL. `CastError` for a type that has no spelling, and for a date, an instant or a time of
/// day that is on no calendar or clock.
pub fn array_value_to_string(array: &dyn Array, row: usize) -> Result<String, ArrowError> {
    let mut text = String::new();
    spelling_or_nothing(array)?(row, &mut text)?;
    Ok(text)
}

/// As `spelling`, and nothing for NULL.
fn spelling_or_nothing<'a>(array: &'a dyn Array) -> Result<Spelling<'a>, ArrowError> {
    let spelled = spelling(array)?;
    Ok(Box::new(move |row, text| if array.is_null(row) { Ok(()) } else { spelled(row, text) }))
}

/// How the values of a column are spelled.
pub(crate) fn spelling<'a>(array: &'a dyn Array) -> Result<Spelling<'a>, ArrowError> {
    match array.data_type() {
        DataType::Null => Ok(Box::new(|_, _| Ok(()))),
        DataType::Boolean => {
            let truths = array.as_boolean();
            Ok(Box::new(move |row, text| Ok(write!(text, "{}", truths.value(row))?)))
        }
        DataType::Utf8 => Ok(plain(array.as_string::<i32>(), |texts, row| texts.value(row))),
        DataType::LargeUtf8 => Ok(plain(array.as_string::<i64>(), |texts, row| texts.value(row))),
        DataType::Utf8View => Ok(plain(array.as_string_view(), |texts, row| texts.value(row))),
        DataType::Binary => Ok(bytes(array.as_binary::<i32>(), |bytes, row| bytes.value(row))),
        DataType::LargeBinary => Ok(bytes(array.as_binary::<i64>(), |bytes, row| bytes.value(row))),
        DataType::BinaryView => Ok(bytes(array.as_binary_view(), |bytes, row| bytes.value(row))),
        DataType::FixedSizeBinary(_) => {
            Ok(bytes(array.as_fixed_size_binary(), |bytes, row| bytes.value(row)))
        }
        ty if ty.is_numeric() => numbers(array),
        DataType::Interval(unit) => Ok(intervals(array, *unit)),
        ty if ty.is_primitive() => temporal(array),
        _ => nested(array),
    }
}

fn plain<'a, A>(array: &'a A, value: fn(&'a A, usize) -> &'a str) -> Spelling<'a> {
    Box::new(move |row, text| Ok(text.write_str(value(array, row))?))
}

fn bytes<'a, A>(array: &'a A, value: fn(&'a A, usize) -> &'a [u8]) -> Spelling<'a> {
    Box::new(move |row, text| {
        for byte in value(array, row) {
            write!(text, "{byte:02x}")?;
        }
        Ok(())
    })
}

fn numbers<'a>(array: &'a dyn Array) -> Result<Spelling<'a>, ArrowError> {
    fn whole<'a, T: ArrowPrimitiveType<Native: std::fmt::Display>>(array: &'a dyn Array) -> Spelling<'a> {
        let numbers = array.as_primitive::<T>();
        Box::new(move |row, text| Ok(write!(text, "{}", numbers.value(row))?))
    }
    fn floats<'a, T: ArrowPrimitiveType<Native: ryu::Float>>(array: &'a dyn Array) -> Spelling<'a> {
        let numbers = array.as_primitive::<T>();
        Box::new(move |row, text| Ok(text.write_str(ryu::Buffer::new().format(numbers.value(row)))?))
    }
    fn decimals<'a, T: DecimalType>(array: &'a dyn Array, digits: u8, places: i8) -> Spelling<'a> {
        let numbers = array.as_primitive::<T>();
        Box::new(move |row, text| {
            Ok(text.write_str(&T::format_decimal(numbers.value(row), digits, places))?)
        })
    }
    Ok(match array.data_type() {
        DataType::Int8 => whole::<Int8Type>(array),
        DataType::Int16 => whole::<Int16Type>(array),
        DataType::Int32 => whole::<Int32Type>(array),
        DataType::Int64 => whole::<Int64Type>(array),
        DataType::UInt8 => whole::<UInt8Type>(array),
        DataType::UInt16 => whole::<UInt16Type>(array),
        DataType::UInt32 => whole::<UInt32Type>(array),
        DataType::UInt64 => whole::<UInt64Type>(array),
        DataType::Float16 => whole::<Float16Type>(array),
        DataType::Float32 => floats::<Float32Type>(array),
        DataType::Float64 => floats::<Float64Type>(array),
        DataType::Decimal32(digits, places) => decimals::<Decimal32Type>(array, *digits, *places),
        DataType::Decimal64(digits, places) => decimals::<Decimal64Type>(array, *digits, *places),
        DataType::Decimal128(digits, places) => decimals::<Decimal128Type>(array, *digits, *places),
        DataType::Decimal256(digits, places) => decimals::<Decimal256Type>(array, *digits, *places),
        other => return Err(no_spelling(other)),
    })
}

fn no_spelling(ty: &DataType) -> ArrowError {
    ArrowError::CastError(format!("{ty} has no spelling"))
}

fn temporal<'a>(array: &'a dyn Array) -> Result<Spelling<'a>, ArrowError> {
    fn moments<'a, T: ArrowPrimitiveType, M: std::fmt::Debug + 'a>(
        array: &'a dyn Array,
        moment: fn(T::Native) -> Option<M>,
    ) -> Spelling<'a> {
        let values = array.as_primitive::<T>();
        Box::new(move |row, text| match moment(values.value(row)) {
            Some(moment) => Ok(write!(text, "{moment:?}")?),
            None => Err(off(values.data_type(), values.value(row)).into()),
        })
    }
    Ok(match array.data_type() {
        DataType::Date32 => {
            moments::<Date32Type, _>(array, |day| date32_to_datetime(day).map(|moment| moment.date()))
        }
        DataType::Date64 => moments::<Date64Type, _>(array, date64_to_datetime),
        DataType::Time32(TimeUnit::Second) => moments::<Time32SecondType, _>(array, time32s_to_time),
        DataType::Time32(TimeUnit::Millisecond) => {
            moments::<Time32MillisecondType, _>(array, time32ms_to_time)
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            moments::<Time64MicrosecondType, _>(array, time64us_to_time)
        }
        DataType::Time64(TimeUnit::Nanosecond) => moments::<Time64NanosecondType, _>(array, time64ns_to_time),
        DataType::Timestamp(TimeUnit::Second, _) => instants::<TimestampSecondType>(array)?,
        DataType::Timestamp(TimeUnit::Millisecond, _) => instants::<TimestampMillisecondType>(array)?,
        DataType::Timestamp(TimeUnit::Microsecond, _) => instants::<TimestampMicrosecondType>(array)?,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => instants::<TimestampNanosecondType>(array)?,
        DataType::Duration(TimeUnit::Second) => durations::<DurationSecondType>(array),
        DataType::Duration(TimeUnit::Millisecond) => durations::<DurationMillisecondType>(array),
        DataType::Duration(TimeUnit::Microsecond) => durations::<DurationMicrosecondType>(array),
        DataType::Duration(TimeUnit::Nanosecond) => durations::<DurationNanosecondType>(array),
        other => return Err(no_spelling(other)),
    })
}

fn off(ty: &DataType, value: impl std::fmt::Debug) -> ArrowError {
    ArrowError::CastError(format!("{value:?} is no moment of {ty}"))
}

/// Without a zone as a calendar and a clock show them; with one by RFC 3339.
fn instants<'a, T: ArrowTimestampType>(array: &'a dyn Array) -> Result<Spelling<'a>, ArrowError> {
    let values = array.as_primitive::<T>();
    let zone = values.timezone().map(str::parse::<Tz>).transpose()?;
    Ok(Box::new(move |row, text| {
        let value = values.value(row);
        let moment = as_datetime::<T>(value).ok_or_else(|| off(values.data_type(), value))?;
        Ok(match zone {
            None => write!(text, "{moment:?}"),
            Some(zone) => {
                let local = Utc.from_utc_datetime(&moment).with_timezone(&zone);
                text.write_str(&local.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
        }?)
    }))
}

/// By ISO 8601, e.g. `PT90S`.
fn durations<'a, T: ArrowPrimitiveType<Native = i64>>(array: &'a dyn Array) -> Spelling<'a> {
    let values = array.as_primitive::<T>();
    Box::new(move |row, text| {
        Ok(match as_duration::<T>(values.value(row)) {
            Some(duration) => write!(text, "{duration}"),
            None => text.write_str("<invalid>"),
        }?)
    })
}

/// `1 years 2 mons`, `3 days 4 hours 5 mins 6.000 secs`.
fn intervals(array: &dyn Array, unit: IntervalUnit) -> Spelling<'_> {
    match unit {
        IntervalUnit::YearMonth => {
            let values = array.as_primitive::<IntervalYearMonthType>();
            Box::new(move |row, text| {
                let months = values.value(row);
                Ok(write!(text, "{} years {} mons", months.div_euclid(12), months.rem_euclid(12))?)
            })
        }
        IntervalUnit::DayTime => {
            let values = array.as_primitive::<IntervalDayTimeType>();
            Box::new(move |row, text| {
                let value = values.value(row);
                let clock = Clock { count: i64::from(value.milliseconds), per_second: 1_000, digits: 3 };
                interval(text, &[(value.days, "days")], clock)
            })
        }
        IntervalUnit::MonthDayNano => {
            let values = array.as_primitive::<IntervalMonthDayNanoType>();
            Box::new(move |row, text| {
                let value = values.value(row);
                let clock = Clock { count: value.nanoseconds, per_second: 1_000_000_000, digits: 9 };
                interval(text, &[(value.months, "mons"), (value.days, "days")], clock)
            })
        }
    }
}

/// The part of an interval that a clock shows, in parts of a second.
struct Clock {
    count: i64,
    per_second: i64,
    digits: usize,
}

/// The parts that are not zero; `0 secs` where there is none.
fn interval(text: &mut dyn Write, dates: &[(i32, &str)], clock: Clock) -> Result<(), Unspelled> {
    let Clock { count, per_second, digits } = clock;
    let (seconds, rest) = (count / per_second, count % per_second);
    let mut parts: Vec<String> = dates
        .iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    let whole = [(seconds / 3600, "hours"), (seconds / 60 % 60, "mins")];
    parts
        .extend(whole.iter().filter(|(count, _)| *count != 0).map(|(count, unit)| format!("{count} {unit}")));
    let seconds = seconds % 60;
    if seconds != 0 || rest != 0 {
        let sign = if seconds < 0 || rest < 0 { "-" } else { "" };
        parts.push(format!("{sign}{}.{:0digits$} secs", seconds.abs(), rest.abs()));
    }
    if parts.is_empty() {
        parts.push("0 secs".to_owned());
    }
    Ok(text.write_str(&parts.join(" "))?)
}

/// `[1, 2]`, `{a: 1, b: 2}`; values of dictionaries and runs as they are.
fn nested<'a>(array: &'a dyn Array) -> Result<Spelling<'a>, ArrowError> {
    match array.data_type() {
        DataType::Dictionary(..) => {
            let coded = array.as_any_dictionary();
            if coded.values().is_empty() {
                return Ok(Box::new(|_, _| Ok(())));
            }
            let (values, keys) = (spelling_or_nothing(coded.values())?, coded.normalized_keys());
            Ok(Box::new(move |row, text| values(keys[row], text)))
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => runs::<Int16Type>(array),
            DataType::Int32 => runs::<Int32Type>(array),
            _ => runs::<Int64Type>(array),
        },
        DataType::List(_) => lists::<i32>(array),
        DataType::LargeList(_) => lists::<i64>(array),
        DataType::FixedSizeList(..) => {
            let (all, length) =
                (array.as_fixed_size_list(), array.as_fixed_size_list().value_length() as usize);
            let values = spelling_or_nothing(all.values())?;
            Ok(Box::new(move |row, text| list(text, row * length..(row + 1) * length, &values)))
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let fields = fields.iter().zip(columns);
            let fields: Vec<_> = fields
                .map(|(field, column)| Ok((field.name(), spelling_or_nothing(column)?)))
                .collect::<Result<_, ArrowError>>()?;
            Ok(Box::new(move |row, text| {
                text.write_char('{')?;
                for (at, (name, values)) in fields.iter().enumerate() {
                    write!(text, "{}{name}: ", if at == 0 { "" } else { ", " })?;
                    values(row, text)?;
                }
                Ok(text.write_char('}')?)
            }))
        }
        DataType::Map(..) => {
            let maps = array.as_map();
            let (keys, values) = (spelling_or_nothing(maps.keys())?, spelling_or_nothing(maps.values())?);
            Ok(Box::new(move |row, text| {
                let (start, end) =
                    (maps.value_offsets()[row] as usize, maps.value_offsets()[row + 1] as usize);
                text.write_char('{')?;
                for at in start..end {
                    text.write_str(if at == start { "" } else { ", " })?;
                    keys(at, text)?;
                    text.write_str(": ")?;
                    values(at, text)?;
                }
                Ok(text.write_char('}')?)
            }))
        }
        other => Err(no_spelling(other)),
    }
}

fn runs<'a, R: RunEndIndexType>(array: &'a dyn Array) -> Result<Spelling<'a>, ArrowError> {
    let runs = array.as_run_opt::<R>().ok_or_else(|| no_spelling(array.data_type()))?;
    let values = spelling_or_nothing(runs.values())?;
    Ok(Box::new(move |row, text| values(runs.get_physical_index(row), text)))
}

fn lists<'a, O: OffsetSizeTrait>(array: &'a dyn Array) -> Result<Spelling<'a>, ArrowError> {
    let lists = array.as_list::<O>();
    let values = spelling_or_nothing(lists.values())?;
    Ok(Box::new(move |row, text| {
        let offsets = lists.value_offsets();
        list(text, offsets[row].as_usize()..offsets[row + 1].as_usize(), &values)
    }))
}

fn list(text: &mut dyn Write, rows: std::ops::Range<usize>, values: &Spelling<'_>) -> Result<(), Unspelled> {
    text.write_char('[')?;
    for row in rows.clone() {
        text.write_str(if row == rows.start { "" } else { ", " })?;
        values(row, text)?;
    }
    Ok(text.write_char(']')?)
}
