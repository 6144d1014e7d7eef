use arrow::array::UInt32Array;

/// Pages carry no checksum, so a change may pass as another value; one that is noticed is about the file.
#[test]
fn a_damaged_file_is_no_bug_of_ours() {
    let contract = quotelake_contract::Contracts::built_in().unwrap().get("splits").unwrap().contract.clone();
    let schema = contract.schema();
    let columns = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Date32 => Arc::new(arrow::array::Date32Array::from_iter_values(0..50)) as ArrayRef,
        wanted => {
            let texts = arrow::array::StringArray::from_iter_values((0..50).map(|n| n.to_string()));
            arrow_cast::cast(&texts, wanted).unwrap_or_else(|_| new_null_array(wanted, 50))
        }
    });
    let columns = columns.zip(schema.fields()).map(|(column, field)| {
        if field.is_nullable() || column.null_count() == 0 {
            column
        } else {
            let zeros = arrow::array::Int64Array::from(vec![1; 50]);
            arrow_cast::cast(&zeros, field.data_type()).unwrap()
        }
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    let bytes = write(&contract, &batch).unwrap();
    let mut noticed = 0;
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 0x10;
        if let Err(error) = read(&contract, damaged.into()) {
            // A name of a column that was hit is no longer one of the contract's.
            let kinds = [quotelake_core::ErrorKind::Damaged, quotelake_core::ErrorKind::InvalidInput];
            assert!(kinds.contains(&error.kind()), "byte {at}: {error}");
            noticed += 1;
        }
    }
    assert!(noticed > 20, "{noticed}");
}
use arrow::compute::take;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::*;
use crate::RowDecoder;
use quotelake_contract::Contracts;

#[test]
fn row_groups_of_columns_written_one_after_the_other() {
    let contracts = Contracts::built_in().unwrap();
    let contract = &contracts.get("daily_bars").unwrap().contract;
    let mut decoder = RowDecoder::new(Arc::clone(contract));
    for day in 1..=8 {
        // The same volume every day becomes codes, a price that is always another one does not.
        decoder
                .push(&format!(
                    r#"{{"provider":"polygon","provider_symbol":"A","symbol":"A.XNAS","asset_class":"equity","interval":"1d","trading_date":"2013-03-0{day}","bar_start":"2013-03-0{day}T00:00:00Z","exchange_tz":"America/New_York","close":{day},"volume":5,"adjustment":"raw","session":"regular","currency":"USD","quote_unit":"USD","unit_divisor":1,"is_final":true,"delay_class":"eod","provider_ts":1,"fetched_at":"2013-03-02T00:00:00Z","request_id":"r","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}}"#
                ))
                .unwrap();
    }
    let rows = decoder.take_batch().unwrap();
    for (group_rows, groups) in [(3, vec![3, 3, 2]), (4, vec![4, 4]), (8, vec![8]), (9, vec![8])] {
        let bytes = encode(contract, &rows, Compression::ZSTD(ZstdLevel::default()), group_rows).unwrap();
        let file = SerializedFileReader::new(bytes.clone()).unwrap();
        let found: Vec<i64> = file.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(found, groups);
        let whole = read(contract, bytes.clone()).unwrap();
        some_columns_are_those_of_all(contract, &bytes, &whole);
        let file = PublishedFile::open_for_columns(contract, bytes).unwrap();
        for index in 0..contract.columns.len() {
            let column = file.read(index).unwrap();
            assert_eq!(&column, whole.column(index));
            assert_eq!(&column, rows.column(index));
            let wanted = take(&column, &UInt32Array::from(vec![0, 4, 7]), None).unwrap();
            assert_eq!(&file.read_some(index, &[0, 4, 7]).unwrap(), &wanted);
        }
    }
}

/// Whichever columns a file is opened for, each is read as of the whole file, and so are the others.
fn some_columns_are_those_of_all(contract: &Contract, bytes: &Bytes, whole: &RecordBatch) {
    let all: Vec<usize> = (0..contract.columns.len()).collect();
    let backwards: Vec<usize> = all.iter().rev().copied().collect();
    for columns in [&[][..], &[7, 2, 7], &all[3..9], &all, &backwards] {
        let file = PublishedFile::open(contract, bytes.clone(), Some(columns)).unwrap();
        assert_eq!(file.rows(), whole.num_rows());
        for index in &all {
            assert_eq!(&file.read(*index).unwrap(), whole.column(*index), "{columns:?}: {index}");
        }
    }
}

/// The contract of bars with these types of prices.
fn with_prices(precision: u8, scale: u8) -> Contract {
    let contracts = Contracts::built_in().unwrap();
    let mut contract = Contract::clone(&contracts.get("daily_bars").unwrap().contract);
    for name in ["open", "high", "low", "close", "volume"] {
        let index = contract.index_of(name).unwrap();
        contract.columns[index].ty = ColumnType::Decimal { precision, scale };
    }
    contract
}

fn bars_of(contract: &Contract, closes: &[&str]) -> RecordBatch {
    let mut decoder = RowDecoder::new(Arc::new(contract.clone()));
    for (close, day) in closes.iter().zip(1..) {
        decoder
                .push(&format!(
                    r#"{{"provider":"polygon","provider_symbol":"A","symbol":"A.XNAS","asset_class":"equity","interval":"1d","trading_date":"2013-03-{day:02}","bar_start":"2013-03-{day:02}T00:00:00Z","exchange_tz":"America/New_York","open":null,"close":{close},"volume":{close},"adjustment":"raw","session":"regular","currency":"USD","quote_unit":"USD","unit_divisor":1,"is_final":true,"delay_class":"eod","provider_ts":1,"fetched_at":"2013-03-02T00:00:00Z","request_id":"r","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}}"#
                ))
                .unwrap();
    }
    RecordBatch::try_new(contract.schema(), decoder.take_batch().unwrap().columns().to_vec()).unwrap()
}

/// Files of decimals that take 32, 64 and more bits, whole and by column.
#[test]
fn narrower_decimals_are_widened_exactly() {
    let closes = ["1.5", "-0.25", "9999999.99", "1.5", "0.01", "2", "2", "2", "2", "2"];
    let now = with_prices(38, 18);
    let expected = bars_of(&now, &closes);
    for (precision, scale) in [(9, 2), (18, 8), (24, 6), (38, 18)] {
        let before = with_prices(precision, scale);
        let bytes = write(&before, &bars_of(&before, &closes)).unwrap();
        assert_eq!(has_narrower_types(&now, &bytes), Some(precision < 38));
        assert_eq!(has_narrower_types(&before, &bytes), Some(false));
        assert_eq!(read(&now, bytes.clone()).unwrap(), expected, "decimal({precision},{scale})");
        some_columns_are_those_of_all(&now, &bytes, &expected);
        let file = PublishedFile::open_for_columns(&now, bytes).unwrap();
        for index in 0..now.columns.len() {
            assert_eq!(&file.read(index).unwrap(), expected.column(index));
        }
        // Written again, it is a file of now.
        let again = write(&now, &file).unwrap();
        assert_eq!(again, write(&now, &expected).unwrap());
        assert_eq!(has_narrower_types(&now, &again), Some(false));
    }
    assert_eq!(has_narrower_types(&now, b"no Parquet"), None);
}

#[test]
fn a_type_that_shrinks_is_an_error_that_names_both() {
    let (before, now) = (with_prices(38, 18), with_prices(18, 8));
    let bytes = write(&before, &bars_of(&before, &["1.5"])).unwrap();
    let error = read(&now, bytes.clone()).unwrap_err().to_string();
    assert!(
        error.contains(
            "column \"open\" of the file is Decimal128(38, 18), the contract says Decimal64(18, 8)"
        ),
        "{error}"
    );
    assert_eq!(has_narrower_types(&now, &bytes), Some(false));
}

/// A slice of rows may have a mask that hides nothing.
#[test]
fn a_mask_without_a_missing_value_changes_no_byte() {
    let masked = |column: &ArrayRef| {
        if column.null_count() > 0 {
            return Arc::clone(column);
        }
        let missing = arrow::array::new_null_array(column.data_type(), 1);
        arrow::compute::concat(&[missing.as_ref(), column.as_ref()]).unwrap().slice(1, column.len())
    };
    let closes: Vec<String> = (1..=20).map(|close| close.to_string()).collect();
    for (precision, scale) in [(9, 2), (18, 8), (38, 18)] {
        let contract = with_prices(precision, scale);
        for rows in 1..=closes.len() {
            let texts: Vec<&str> = closes[..rows].iter().map(String::as_str).collect();
            let plain = bars_of(&contract, &texts);
            let columns: Vec<ArrayRef> = plain.columns().iter().map(masked).collect();
            assert!(columns.iter().any(|column| column.nulls().is_some() && column.null_count() == 0));
            let masked = RecordBatch::try_new(plain.schema(), columns).unwrap();
            let bytes = |rows: &RecordBatch| write(&contract, rows).unwrap();
            assert_eq!(bytes(&plain), bytes(&masked), "decimal({precision},{scale}), {rows} rows");
        }
    }
}
