//! A newer row whose informational value was refused wipes no value that is known, in whatever order and objects rows come.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray, DictionaryArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int32Type};
use quotelake_contract::{Contract, Contracts};
use quotelake_table::{Columnar, RowDecoder, dedupe, merge};

fn contract() -> Arc<Contract> {
    Arc::clone(&Contracts::built_in().unwrap().get("daily_bars").unwrap().contract)
}

/// Volume, whether it was refused, hour of fetching, close.
type Row = (Option<u32>, bool, u32, u32);

fn batch(rows: &[Row]) -> RecordBatch {
    let mut decoder = RowDecoder::new(contract());
    for (volume, _, hour, close) in rows {
        let volume = volume.map(|volume| format!(r#""volume":{volume},"#)).unwrap_or_default();
        decoder
            .push(&format!(
                r#"{{"provider":"p","provider_symbol":"A","symbol":"A","asset_class":"equity","interval":"1d","trading_date":"2024-09-03","bar_start":"2024-09-03T00:00:00Z","exchange_tz":"UTC","close":{close},{volume}"adjustment":"raw","session":"regular","currency":"USD","quote_unit":"USD","unit_divisor":1,"is_final":true,"delay_class":"eod","provider_ts":1,"fetched_at":"2024-09-04T{hour:02}:30:00Z","request_id":"r{hour}","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}}"#
            ))
            .unwrap();
    }
    let batch = decoder.take_batch().unwrap();
    // No line says what is remarkable about itself: `check` does.
    let flags: DictionaryArray<Int32Type> =
        rows.iter().map(|(_, refused, ..)| refused.then_some("large_move,volume_refused")).collect();
    let mut columns = batch.columns().to_vec();
    columns[contract().flags().unwrap()] = Arc::new(flags);
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// Close, volume, flags and the request of the one row that is kept.
fn kept(table: &RecordBatch) -> String {
    assert_eq!(table.num_rows(), 1);
    let shown = |name: &str| {
        let column = cast(&table[name], &DataType::Utf8).unwrap();
        let text = column.as_string::<i32>();
        if text.is_valid(0) { text.value(0).split('.').next().unwrap().to_owned() } else { "-".into() }
    };
    ["close", "volume", "flags", "request_id"].map(shown).join(" ")
}

#[test]
fn what_was_refused_wipes_nothing_that_is_known() {
    let contract = contract();
    for (rows, expected) in [
        // The same bar hours later, its volume unreadable: the known one wins.
        (vec![(Some(100), false, 1, 5), (None, true, 3, 5)], "5 100 - r1"),
        (vec![(Some(90), false, 1, 5), (Some(100), false, 2, 5), (None, true, 3, 5)], "5 100 - r2"),
        (vec![(Some(100), false, 1, 5), (None, true, 3, 5), (None, true, 4, 5)], "5 100 - r1"),
        // Said to be missing: the vendor's restatement.
        (vec![(Some(100), false, 1, 5), (None, false, 3, 5)], "5 - - r3"),
        // Another close: the newer row wins as it is.
        (vec![(Some(100), false, 1, 5), (None, true, 3, 6)], "6 - large_move,volume_refused r3"),
        // A newer one that can be read wins.
        (vec![(None, true, 1, 5), (Some(100), false, 3, 5)], "5 100 - r3"),
    ] {
        let whole = batch(&rows);
        let at_once = merge(&contract, None, &whole).unwrap().batch().unwrap();
        assert_eq!(kept(&at_once), expected, "{rows:?} at once");

        let all = BooleanBuffer::new_set(rows.len());
        let volume = contract.index_of("volume").unwrap();
        let refused = |_, row: usize| if rows[row].1 { vec![volume] } else { Vec::new() };
        let out = dedupe(&contract, std::slice::from_ref(&whole), &[all], refused).unwrap();
        let left = filter_record_batch(&whole, &BooleanArray::new(!&out[0], None)).unwrap();
        assert_eq!(kept(&left), expected, "{rows:?} in one object");

        let forwards: Vec<usize> = (0..rows.len()).collect();
        let backwards: Vec<usize> = (0..rows.len()).rev().collect();
        for order in [forwards, backwards] {
            let mut table = RecordBatch::new_empty(whole.schema());
            for row in order.iter().chain(&order) {
                let next = whole.slice(*row, 1);
                let merged = merge(&contract, Some(&table as &dyn Columnar), &next).unwrap().batch().unwrap();
                table = merged;
            }
            assert_eq!(kept(&table), expected, "{rows:?} one by one: {order:?}");
        }
    }
}
