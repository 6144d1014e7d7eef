//! Dates and instants by their counts: of days, or of a unit of time since 1970-01-01.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::temporal_conversions::{as_datetime, as_datetime_with_timezone};
use arrow_array::timezone::Tz;
use arrow_array::types::{
    ArrowTimestampType, Date32Type, Date64Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, Date32Array, Int64Array, PrimitiveArray, make_array};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use chrono::{Offset as _, TimeZone as _};

use super::{no_pair, unfit};

const DAY_MS: i64 = 86_400_000;

/// The counts that a column of dates or instants is stored as: `Int32` of days, else `Int64`.
pub(super) fn counts(array: &dyn Array) -> Result<ArrayRef, ArrowError> {
    let plain = if *array.data_type() == DataType::Date32 { DataType::Int32 } else { DataType::Int64 };
    Ok(make_array(array.to_data().into_builder().data_type(plain).build()?))
}

/// Counts as the instants of a type.
pub(super) fn counted(counts: &Int64Array, to: &DataType) -> Result<ArrayRef, ArrowError> {
    Ok(make_array(counts.to_data().into_builder().data_type(to.clone()).build()?))
}

/// The days of instants, in their zone where they have one, and of dates in milliseconds. An instant that is on no calendar is an
/// error.
pub(super) fn days(array: &dyn Array, safe: bool) -> Result<ArrayRef, ArrowError> {
    let to = DataType::Date32;
    let wrong = || no_pair(array.data_type(), &to);
    Ok(Arc::new(match array.data_type() {
        DataType::Date64 => {
            let dates = array.as_primitive_opt::<Date64Type>().ok_or_else(wrong)?;
            let day = |ms: i64| i32::try_from(ms / DAY_MS).ok();
            match safe {
                true => dates.unary_opt::<_, Date32Type>(day),
                false => dates.try_unary(|ms| day(ms).ok_or_else(|| unfit(ms, &to)))?,
            }
        }
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => calendar_days::<TimestampSecondType>(array),
            TimeUnit::Millisecond => calendar_days::<TimestampMillisecondType>(array),
            TimeUnit::Microsecond => calendar_days::<TimestampMicrosecondType>(array),
            TimeUnit::Nanosecond => calendar_days::<TimestampNanosecondType>(array),
        }?,
        _ => return Err(wrong()),
    }))
}

fn calendar_days<T: ArrowTimestampType>(array: &dyn Array) -> Result<Date32Array, ArrowError> {
    let to = DataType::Date32;
    let instants: &PrimitiveArray<T> =
        array.as_primitive_opt().ok_or_else(|| no_pair(array.data_type(), &to))?;
    let zone = instants.timezone().map(str::parse::<Tz>).transpose()?;
    instants.try_unary(|count| {
        let date = match zone {
            Some(zone) => as_datetime_with_timezone::<T>(count, zone).map(|local| local.date_naive()),
            None => as_datetime::<T>(count).map(|local| local.date()),
        };
        date.map(Date32Type::from_naive_date).ok_or_else(|| unfit(count, &to))
    })
}

/// Dates and instants as instants of a unit. One without a zone shows in the other's zone what it showed without.
pub(super) fn instants(array: &dyn Array, to: &DataType, safe: bool) -> Result<ArrayRef, ArrowError> {
    let DataType::Timestamp(unit, zone) = to else { return Err(no_pair(array.data_type(), to)) };
    let (per_second, is_zoned) = match array.data_type() {
        DataType::Timestamp(unit, zone) => (per_second(*unit), zone.is_some()),
        DataType::Date64 => (1_000, false),
        // Days go by way of seconds, which hold all of them.
        _ => (1, false),
    };
    let counts = match array.data_type() {
        DataType::Date32 => {
            array.as_primitive::<Date32Type>().unary::<_, Int64Type>(|day| i64::from(day) * 86_400)
        }
        _ => counts(array)?.as_primitive::<Int64Type>().clone(),
    };
    let wanted = self::per_second(*unit);
    let counts = match wanted / per_second {
        0 => counts.unary(|count| count / (per_second / wanted)),
        1 => counts,
        factor => changed(&counts, safe, to, |count| count.checked_mul(factor))?,
    };
    let counts = match zone {
        Some(zone) if !is_zoned => {
            let zone: Tz = zone.parse()?;
            match unit {
                TimeUnit::Second => in_zone::<TimestampSecondType>(&counts, zone, to, safe),
                TimeUnit::Millisecond => in_zone::<TimestampMillisecondType>(&counts, zone, to, safe),
                TimeUnit::Microsecond => in_zone::<TimestampMicrosecondType>(&counts, zone, to, safe),
                TimeUnit::Nanosecond => in_zone::<TimestampNanosecondType>(&counts, zone, to, safe),
            }?
        }
        _ => counts,
    };
    counted(&counts, to)
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

fn changed(
    counts: &Int64Array,
    safe: bool,
    to: &DataType,
    change: impl Fn(i64) -> Option<i64>,
) -> Result<Int64Array, ArrowError> {
    match safe {
        true => Ok(counts.unary_opt(change)),
        false => counts.try_unary(|count| change(count).ok_or_else(|| unfit(count, to))),
    }
}

/// The instants at which a zone's clocks show what the counts show in UTC.
fn in_zone<T: ArrowTimestampType>(
    counts: &Int64Array,
    zone: Tz,
    to: &DataType,
    safe: bool,
) -> Result<Int64Array, ArrowError> {
    changed(counts, safe, to, |count| {
        let local = as_datetime::<T>(count)?;
        let offset = zone.offset_from_local_datetime(&local).single()?;
        T::from_naive_datetime(local.checked_sub_offset(offset.fix())?, None)
    })
}
