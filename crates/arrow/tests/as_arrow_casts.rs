//! Casts, spellings and orders are those of Arrow's own crates, for every pair of types that there is here.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder, StringDictionaryBuilder};
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{IntervalDayTime, IntervalMonthDayNano, i256};
use arrow_schema::{DataType, Field, TimeUnit};
use half::f16;
use quotelake_arrow::compute::{CastOptions, cast, cast_with_options, row_comparator};
use quotelake_arrow::util::display::array_value_to_string;

fn of<T: ArrowPrimitiveType>(values: &[T::Native]) -> PrimitiveArray<T> {
    values.iter().map(|value| Some(*value)).chain([None]).collect()
}

fn decimals() -> Vec<ArrayRef> {
    let small = [0, 1, -1, 5, -5, 49, 50, 51, -49, -50, -51, 99_999, -99_999, 123_450_000, -999_999_999];
    let long = [0, 1, -1, 15, -15, 250, 10i64.pow(17), 999_999_999_999_999_999, -999_999_999_999_999_999];
    let wide = [0, 5, -5, 149, 150, -150, 10i128.pow(37), 10i128.pow(38) - 1, -(10i128.pow(38) - 1)];
    let widest = wide.map(i256::from_i128);
    let widest =
        [&widest[..], &[i256::from_i128(10).wrapping_pow(70), i256::from_i128(-7).wrapping_pow(81)]].concat();
    let mut all: Vec<ArrayRef> = Vec::new();
    // Arrow multiplies in the narrow type where a scale is negative, and has no value where there is one.
    for scale in [0, 2, 9] {
        all.push(Arc::new(of::<Decimal32Type>(&small).with_precision_and_scale(9, scale).unwrap()));
        all.push(Arc::new(of::<Decimal64Type>(&long).with_precision_and_scale(18, scale).unwrap()));
        all.push(Arc::new(of::<Decimal128Type>(&wide).with_precision_and_scale(38, scale).unwrap()));
        all.push(Arc::new(of::<Decimal256Type>(&widest).with_precision_and_scale(76, scale).unwrap()));
    }
    // Types in which not every cast has to look at each value.
    let few = of::<Decimal64Type>(&[0, 5, -99_999, 99_999, 54_321]);
    all.push(Arc::new(few.with_precision_and_scale(5, 3).unwrap()));
    let far = of::<Decimal128Type>(&[0, 5, -49, 10i128.pow(30)]);
    all.push(Arc::new(far.with_precision_and_scale(38, 38).unwrap()));
    all
}

fn whole_numbers() -> Vec<ArrayRef> {
    vec![
        Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        Arc::new(of::<Int8Type>(&[0, 1, -1, i8::MAX, i8::MIN])),
        Arc::new(of::<Int16Type>(&[0, 1, -1, i16::MAX, i16::MIN])),
        Arc::new(of::<Int32Type>(&[0, 1, -1, i32::MAX, i32::MIN])),
        Arc::new(of::<Int64Type>(&[0, 1, -1, 1 << 53, (1 << 53) + 1, i64::MAX, i64::MIN])),
        Arc::new(of::<UInt8Type>(&[0, 1, u8::MAX])),
        Arc::new(of::<UInt16Type>(&[0, 1, u16::MAX])),
        Arc::new(of::<UInt32Type>(&[0, 1, u32::MAX])),
        Arc::new(of::<UInt64Type>(&[0, 1, (1 << 53) + 1, u64::MAX])),
    ]
}

fn floats() -> Vec<ArrayRef> {
    let doubles = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.1,
        1e-5,
        1e-7,
        123_456_789.125,
        1e15,
        1e16,
        1e17,
        1e300,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let singles = doubles.map(|double| double as f32);
    let halves = doubles.map(f16::from_f64);
    vec![
        Arc::new(of::<Float16Type>(&halves)),
        Arc::new(of::<Float32Type>(&singles)),
        Arc::new(of::<Float64Type>(&doubles)),
    ]
}

fn instants() -> Vec<ArrayRef> {
    let counts = [
        0,
        1,
        -1,
        999,
        -999,
        86_399_999,
        -86_400_001,
        1_790_000_000,
        1_790_000_000_123,
        1_790_000_000_123_456,
        1_790_000_000_123_456_789,
        -62_135_596_800,
        i64::MAX,
        i64::MIN,
    ];
    let mut all: Vec<ArrayRef> = Vec::new();
    for zone in [None, Some("+00:00"), Some("-03:00"), Some("+05:30")] {
        all.push(Arc::new(of::<TimestampSecondType>(&counts).with_timezone_opt(zone)));
        all.push(Arc::new(of::<TimestampMillisecondType>(&counts).with_timezone_opt(zone)));
        all.push(Arc::new(of::<TimestampMicrosecondType>(&counts).with_timezone_opt(zone)));
        all.push(Arc::new(of::<TimestampNanosecondType>(&counts).with_timezone_opt(zone)));
    }
    all.push(Arc::new(of::<Date32Type>(&[0, 1, -1, 20_000, -719_162, i32::MAX, i32::MIN])));
    // Multiplied past its range a date in milliseconds is a panic of Arrow: none of those.
    all.push(Arc::new(of::<Date64Type>(&[0, 1, -1, 86_400_000, -86_399_999, 1_790_000_000_123])));
    all
}

fn clocks() -> Vec<ArrayRef> {
    let seconds = [0, 1, 59, 86_399, -1, 86_400];
    let milliseconds = [0, 1, 1_500, 86_399_999, -1];
    let long = [0, 1, 1_500, 86_399_999_999, 86_399_999_999_999, -1];
    let durations =
        [0, 1, -1, 90, 1_500, 86_400_000_000, 9_000_000_000_000_000, -1_234_567_890_123, i64::MAX];
    let days = [(0, 0), (1, 0), (0, 1), (0, -1), (-3, 3_723_004), (2, i32::MIN), (0, 60_000), (0, 3_600_000)];
    let days = days.map(|(days, milliseconds)| IntervalDayTime { days, milliseconds });
    let nanos = [(0, 0, 0), (1, 0, 0), (0, 2, 0), (-1, 2, -3), (0, 0, 3_723_000_000_004), (14, 0, i64::MIN)];
    let nanos = nanos.map(|(months, days, nanoseconds)| IntervalMonthDayNano { months, days, nanoseconds });
    vec![
        Arc::new(of::<Time32SecondType>(&seconds)),
        Arc::new(of::<Time32MillisecondType>(&milliseconds)),
        Arc::new(of::<Time64MicrosecondType>(&long)),
        Arc::new(of::<Time64NanosecondType>(&long)),
        Arc::new(of::<DurationSecondType>(&durations)),
        Arc::new(of::<DurationMillisecondType>(&durations)),
        Arc::new(of::<DurationMicrosecondType>(&durations)),
        Arc::new(of::<DurationNanosecondType>(&durations)),
        Arc::new(of::<IntervalYearMonthType>(&[0, 1, -1, 12, 25, -25])),
        Arc::new(of::<IntervalDayTimeType>(&days)),
        Arc::new(of::<IntervalMonthDayNanoType>(&nanos)),
    ]
}

fn texts() -> Vec<ArrayRef> {
    let texts = ["", "AAPL", "São Paulo", "1.50", "AAPL", "2026-11-29"];
    let texts = || texts.iter().map(|text| Some(*text)).chain([None]);
    let mut coded = StringDictionaryBuilder::<Int16Type>::new();
    coded.extend(texts());
    let mut held = StringDictionaryBuilder::<Int32Type>::new();
    held.extend(texts());
    let values: ArrayRef = Arc::new(StringArray::from(vec![Some("BRL"), None, Some("USD")]));
    let keys = Int32Array::from(vec![Some(2), Some(1), None, Some(0), Some(2)]);
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![7, -7]));
    let ends = Int32Array::from(vec![2, 5, 6]);
    vec![
        Arc::new(StringArray::from_iter(texts())),
        Arc::new(LargeStringArray::from_iter(texts())),
        Arc::new(StringViewArray::from_iter(texts())),
        Arc::new(coded.finish()),
        Arc::new(held.finish()),
        Arc::new(DictionaryArray::new(keys, Arc::clone(&values))),
        Arc::new(DictionaryArray::new(Int8Array::from(vec![Some(1), None, Some(0)]), numbers)),
        Arc::new(DictionaryArray::new(Int8Array::new_null(2), Arc::new(StringArray::new_null(0)))),
        Arc::new(RunArray::try_new(&ends, &values).unwrap()),
        Arc::new(NullArray::new(3)),
    ]
}

fn sources() -> Vec<ArrayRef> {
    [whole_numbers(), floats(), decimals(), instants(), clocks(), texts()].concat()
}

fn coded_text() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn targets() -> Vec<DataType> {
    let mut all = vec![
        DataType::Utf8,
        coded_text(),
        DataType::Int32,
        DataType::Int64,
        DataType::UInt64,
        DataType::Float64,
        DataType::Date32,
        DataType::Decimal64(18, 4),
        DataType::Decimal64(4, 0),
        DataType::Decimal128(38, 0),
        DataType::Decimal128(38, 10),
        DataType::Decimal128(20, 0),
        DataType::Decimal128(3, 1),
        DataType::Decimal128(38, 38),
    ];
    for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
        all.extend(
            [None, Some("+00:00"), Some("-03:00")]
                .map(|zone| DataType::Timestamp(unit, zone.map(Into::into))),
        );
    }
    all
}

/// Pairs that Arrow casts and nothing in the lake asks for.
fn is_left_out(from: &DataType, to: &DataType) -> bool {
    use DataType::{Dictionary, Duration, Float64, Int32, Int64, RunEndEncoded, Time32, Time64, Utf8};
    match (from, to) {
        (Dictionary(_, values), to) => is_left_out(values, to),
        (RunEndEncoded(_, values), to) => is_left_out(values.data_type(), to),
        (from, to) if from.is_string() => !matches!(to, Utf8 | DataType::Date32) && *to != coded_text(),
        (from, to) if from.is_floating() => *to != Float64 && *to != Utf8 && *to != coded_text(),
        (DataType::Decimal256(..), Int32 | Int64 | DataType::UInt64 | DataType::Timestamp(..)) => true,
        (Int32 | Int64, DataType::Date32) => true,
        (Time32(_) | Time64(_) | Duration(_), to) => *to != Utf8 && *to != coded_text(),
        _ => false,
    }
}

#[test]
fn what_is_cast_is_what_arrow_casts() {
    let (mut same, mut refused) = (0, 0);
    for source in sources() {
        for to in targets() {
            // Arrow takes an unsigned number past 64 signed bits for a negative one.
            if *source.data_type() == DataType::UInt64 && matches!(to, DataType::Decimal64(..)) {
                continue;
            }
            for safe in [true, false] {
                // Each row alone too: one that does not fit is an error of the whole column.
                let rows = (0..source.len()).map(|row| source.slice(row, 1));
                for part in rows.chain([Arc::clone(&source)]) {
                    let case = format!("{part:?} of {} to {to}, safe {safe}", part.data_type());
                    let options = arrow_cast::CastOptions { safe, ..Default::default() };
                    let theirs = arrow_cast::cast_with_options(&part, &to, &options);
                    match (cast_with_options(&part, &to, &CastOptions { safe }), theirs) {
                        (Ok(ours), Ok(theirs)) => {
                            assert_eq!(format!("{ours:?}"), format!("{theirs:?}"), "{case}");
                            assert_eq!(ours.data_type(), &to, "{case}");
                            same += 1;
                        }
                        (Err(_), Err(_)) => refused += 1,
                        (Err(error), Ok(_)) => assert!(is_left_out(part.data_type(), &to), "{case}: {error}"),
                        (Ok(_), Err(error)) => panic!("{case}: {error}"),
                    }
                }
            }
        }
    }
    assert!(same > 10_000 && refused > 5_000, "{same} {refused}");
}

#[test]
fn a_value_that_does_not_fit_is_missing_unless_it_is_an_error() {
    let numbers = Int64Array::from(vec![1, i64::MAX]);
    assert_eq!(*cast(&numbers, &DataType::Int32).unwrap(), Int32Array::from(vec![Some(1), None]));
    cast_with_options(&numbers, &DataType::Int32, &CastOptions { safe: false }).unwrap_err();
    let unsigned = UInt64Array::from(vec![7, u64::MAX]);
    let decimals = cast(&unsigned, &DataType::Decimal64(18, 2)).unwrap();
    let wanted = Decimal64Array::from(vec![Some(700), None]).with_precision_and_scale(18, 2).unwrap();
    assert_eq!(*decimals, wanted);
}

/// Lists, structures, maps and bytes.
fn nested() -> Vec<ArrayRef> {
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1), None, Some(-3)]);
    lists.append_null();
    lists.append_value([]);
    let lists = Arc::new(lists.finish());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    maps.keys().append_value("a");
    maps.values().append_value(1);
    maps.keys().append_value("b");
    maps.values().append_null();
    maps.append(true).unwrap();
    maps.append(false).unwrap();
    maps.append(true).unwrap();
    let symbols: ArrayRef = Arc::new(StringArray::from(vec![Some("AAPL"), None, Some("a, {b}")]));
    let structures = StructArray::from(vec![
        (Arc::new(Field::new("symbol", DataType::Utf8, true)), symbols),
        (Arc::new(Field::new("lots", lists.data_type().clone(), true)), Arc::clone(&lists) as ArrayRef),
    ]);
    let pairs = vec![Some(vec![Some(1), Some(2)]), None, Some(vec![None, Some(4)])];
    vec![
        lists,
        Arc::new(maps.finish()),
        Arc::new(structures),
        Arc::new(FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(pairs, 2)),
        Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), None, Some(b"")])),
        Arc::new(LargeBinaryArray::from(vec![Some(&b"\x0a"[..]), None])),
        Arc::new(BinaryViewArray::from(vec![Some(&b"\x0b"[..]), None])),
        Arc::new(FixedSizeBinaryArray::try_from_iter([b"ab", b"cd"].into_iter()).unwrap()),
    ]
}

#[test]
fn a_value_is_spelled_as_arrow_spells_it() {
    let options = arrow_cast::display::FormatOptions::default();
    let mut spelled = 0;
    for column in [sources(), nested()].concat() {
        let theirs = arrow_cast::display::ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
        for row in 0..column.len() {
            match (array_value_to_string(&column, row), theirs.value(row).try_to_string()) {
                (Ok(ours), Ok(theirs)) => {
                    assert_eq!(ours, theirs, "{}", column.data_type());
                    spelled += 1;
                }
                (Err(_), Err(_)) => {}
                (ours, theirs) => panic!("{}: {ours:?}, {theirs:?}", column.data_type()),
            }
        }
    }
    assert!(spelled > 300, "{spelled}");
}

#[test]
fn rows_are_in_arrows_order() {
    let mut compared = 0;
    for column in sources() {
        let Ok(ours) = row_comparator(&column) else { continue };
        let theirs = arrow_ord::ord::make_comparator(&column, &column, Default::default()).unwrap();
        for (a, b) in (0..column.len()).flat_map(|a| (0..column.len()).map(move |b| (a, b))) {
            assert_eq!(ours(a, b), theirs(a, b), "{}: {a} {b}", column.data_type());
            compared += usize::from(ours(a, b) != Ordering::Equal);
        }
    }
    assert!(compared > 1_000, "{compared}");
    row_comparator(&ListArray::new_null(Arc::new(Field::new("item", DataType::Int32, true)), 1))
        .err()
        .unwrap();
}

#[test]
fn texts_are_the_dates_that_arrow_reads() {
    let texts = [
        "2026-11-20",
        "2024-2-29",
        "2024-02-9",
        "2024-2-9",
        "20241231",
        "2023-02-29",
        "soon",
        "",
        "2026-11",
        "2026-11-20T23:59:59Z",
        "2026-11-20 23:59:59",
        "2026-11-20T23:30:00-05:00",
        "2026-11-20T23:30:00.250",
        "+10999-12-31",
        "-0012-05-06",
        "26-11-20",
        "2026-13-01",
        "2026/11/20",
        "2026-11-20 x",
        "2026-011-20",
        "1899-12-31",
        "9999-12-31",
        "2026-1120",
        "２０２６-11-20",
    ];
    for array in [
        Arc::new(StringArray::from_iter(texts.iter().copied().map(Some).chain([None]))) as ArrayRef,
        Arc::new(LargeStringArray::from_iter(texts.iter().copied().map(Some))),
        Arc::new(StringViewArray::from_iter(texts.iter().copied().map(Some))),
    ] {
        let ours = cast(&array, &DataType::Date32).unwrap();
        assert_eq!(&ours, &arrow_cast::cast(&array, &DataType::Date32).unwrap());
        assert!(cast_with_options(&array, &DataType::Date32, &CastOptions { safe: false }).is_err());
    }
}
