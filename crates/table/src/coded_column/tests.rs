use std::sync::Arc;

use arrow::array::{Decimal64Array, Decimal128Array, DictionaryArray, Int32Array, RecordBatch};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use proptest::prelude::*;

use super::*;

/// A file of one coded column, and what parquet's own reader makes of it.
fn there_and_back(column: &ArrayRef) -> Option<(Bytes, ArrayRef)> {
    let field = Field::new("c", column.data_type().clone(), column.null_count() > 0);
    let schema = Arc::new(Schema::new(vec![field]));
    let parquet_schema = ArrowSchemaConverter::new().convert(&schema).unwrap();
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut file =
        SerializedFileWriter::new(&mut bytes, parquet_schema.root_schema_ptr(), properties).unwrap();
    let mut group = file.next_row_group().unwrap();
    let (chunk, close) = Encoder::new().unwrap().encode(column, &parquet_schema.column(0)).unwrap()?;
    group.append_column(&chunk, close).unwrap();
    group.close().unwrap();
    file.close().unwrap();
    let bytes = Bytes::from(bytes);
    let options = parquet::arrow::arrow_reader::ArrowReaderOptions::new().with_schema(schema);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes.clone(), options).unwrap();
    let reader = reader.with_batch_size(column.len()).build().unwrap();
    let batches: Vec<RecordBatch> = reader.collect::<std::result::Result<_, _>>().unwrap();
    Some((bytes, Arc::clone(batches[0].column(0))))
}

fn decimals(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    let values = values.into_iter().collect::<Decimal64Array>();
    Arc::new(values.with_precision_and_scale(18, 8).unwrap())
}

fn wide_decimals(precision: u8, scale: i8, values: impl IntoIterator<Item = Option<i128>>) -> ArrayRef {
    let values = values.into_iter().collect::<Decimal128Array>();
    Arc::new(values.with_precision_and_scale(precision, scale).unwrap())
}

proptest! {
    /// Coded or plain, in as many bytes as the precision asks for, with and without missing values.
    #[test]
    fn wide_decimals_are_read_as_they_were(
        runs in proptest::collection::vec((proptest::option::of(-3i128..40), 1usize..40), 1..60),
        digits in 19u8..=38,
        step in 0u32..37,
        odd in any::<bool>(),
        repeats in any::<bool>(),
    ) {
        let limit = 10i128.pow(digits.into()) - 1;
        let factor = 10i128.pow(step.min(u32::from(digits) - 2)) - i128::from(odd);
        let count = |times: usize| if repeats { times } else { 1 };
        let values: Vec<Option<i128>> = runs
            .iter()
            .enumerate()
            .flat_map(|(row, (value, times))| {
                let value = value.map(|v| (v * factor + if repeats { 0 } else { row as i128 }).clamp(-limit, limit));
                std::iter::repeat_n(value, count(*times))
            })
            .collect();
        let column = wide_decimals(digits, 10, values.clone());
        let (bytes, read) = there_and_back(&column).unwrap();
        prop_assert_eq!(&read, &column);
        let file = SerializedFileReader::new(bytes).unwrap();
        let chunk = file.metadata().row_group(0).column(0);
        let width = chunk.column_descr().type_length() as usize;
        let bound = |value: Option<&i128>| value.map(|value| value.to_be_bytes()[16 - width..].to_vec());
        let statistics = chunk.statistics().unwrap();
        let found = (statistics.min_bytes_opt().map(<[u8]>::to_vec), statistics.max_bytes_opt().map(<[u8]>::to_vec));
        prop_assert_eq!(found, (bound(values.iter().flatten().min()), bound(values.iter().flatten().max())));
        prop_assert_eq!(statistics.null_count_opt(), Some(values.iter().filter(|v| v.is_none()).count() as u64));
    }
}

/// Prices that hardly repeat, and pages with bounds of their own, negative ones among them.
#[test]
fn pages_of_wide_decimals_have_bounds() {
    let cents = 10i128.pow(16);
    for distinct in [900, i128::MAX] {
        let value = |row: i128| (row < 40_000).then(|| ((row * 7919) % distinct - 450) * cents);
        let column = wide_decimals(38, 18, (0..45_000).map(value));
        let (bytes, read) = there_and_back(&column).unwrap();
        assert_eq!(&read, &column);
        let options = ReadOptionsBuilder::new().with_page_index().build();
        let file = SerializedFileReader::new_with_options(bytes, options).unwrap();
        let index = &file.metadata().column_index().unwrap()[0][0];
        let ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) = index else { panic!("{index:?}") };
        let found: Vec<_> = (0..3).map(|page| index.min_value(page).zip(index.max_value(page))).collect();
        let bounds = |rows: std::ops::Range<i128>| {
            let values: Vec<i128> = rows.filter_map(value).collect();
            Some((values.iter().min()?.to_be_bytes(), values.iter().max()?.to_be_bytes()))
        };
        for (page, found) in found.iter().enumerate() {
            let start = page as i128 * PAGE_ROWS as i128;
            let expected = bounds(start..(start + PAGE_ROWS as i128).min(45_000));
            assert_eq!(
                *found,
                expected.as_ref().map(|(low, high)| (low.as_slice(), high.as_slice())),
                "page {page}"
            );
        }
    }
}

proptest! {
    #[test]
    fn numbers_are_read_as_they_were(
        runs in proptest::collection::vec((proptest::option::of(-3i64..40), 1usize..40), 1..60),
        factor in prop_oneof![Just(1i64), Just(1_000_000), Just(-7_000_000_000_000_000)],
    ) {
        let values = runs.iter().flat_map(|(value, times)| std::iter::repeat_n(value.map(|v| v * factor), *times));
        let column = decimals(values);
        if let Some((_, read)) = there_and_back(&column) {
            prop_assert_eq!(&read, &column);
        }
    }

    #[test]
    fn texts_are_read_as_they_were(
        rows in proptest::collection::vec((proptest::option::of(0usize..7), 1usize..30), 1..40),
    ) {
        // One appears twice, and one hardly ever occurs.
        let values = ["b", "", "a", "b", "long enough to have a length of its own", "\u{e4}", "c"];
        let keys: Int32Array = rows
            .iter()
            .flat_map(|(key, times)| std::iter::repeat_n(key.map(|key| key as i32), *times))
            .collect();
        let column: ArrayRef =
            Arc::new(DictionaryArray::try_new(keys, Arc::new(StringArray::from(values.to_vec()))).unwrap());
        if let Some((_, read)) = there_and_back(&column) {
            prop_assert_eq!(&read, &column);
        }
    }
}

#[test]
fn numbers_far_apart_are_coded_as_well() {
    // Distances without a common divisor, and a range that no table holds.
    let value = |row: i64| Some((row % 400) * 1_000_003 * 7919 + row % 3);
    let column = decimals((0..5_000).map(value));
    let (_, read) = there_and_back(&column).unwrap();
    assert_eq!(&read, &column);
}

#[test]
fn pages_dictionary_and_bounds() {
    // Three pages; the last one has no value at all.
    let value = |row: i64| (row < 40_000).then(|| (row * 7919) % 3001 - 1500);
    let column = decimals((0..45_000).map(value));
    let (bytes, read) = there_and_back(&column).unwrap();
    assert_eq!(&read, &column);
    let file = SerializedFileReader::new(bytes.clone()).unwrap();
    let chunk = file.metadata().row_group(0).column(0);
    let statistics = chunk.statistics().unwrap();
    assert_eq!(statistics.min_bytes_opt(), Some((-1500i64).to_le_bytes().as_slice()));
    assert_eq!(statistics.max_bytes_opt(), Some(1500i64.to_le_bytes().as_slice()));
    assert_eq!(statistics.null_count_opt(), Some(5000));
    // 12 bits a row and the dictionary.
    assert!(bytes.len() < 40_000 * 12 / 8 + 3001 * 8, "{} bytes", bytes.len());
}

#[test]
fn what_hardly_repeats_is_left_alone() {
    assert!(there_and_back(&decimals((0..100).map(Some))).is_none());
    assert!(there_and_back(&decimals((0..100).map(|n| Some(n / 2)))).is_some());
    assert!(there_and_back(&decimals([None, None])).is_none());
}
