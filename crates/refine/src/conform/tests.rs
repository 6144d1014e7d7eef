//! Each pair of types: what fits, what is a fault of its row, what is one of the model.

use arrow::array::{BooleanArray, Decimal128Array, Int16Array, NullArray, StringViewArray, UInt64Array};
use arrow::datatypes::Int32Type;
use quotelake_contract::Contracts;

use super::*;

fn contract(ty: &str) -> Contract {
    let yaml = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: t\n    customProperties:\n      - {{property: partitionBy, value: none}}\n    properties:\n      - {{name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}}\n      - {{name: v, {ty}}}\n"
    );
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(&yaml, None).unwrap();
    Contract::clone(&contracts.get("t").unwrap().contract)
}

fn conformed(ty: &str, values: ArrayRef) -> Result<Conformed> {
    let ids: ArrayRef = Arc::new(Int32Array::from_iter_values(0..values.len() as i32));
    let rows = RecordBatch::try_from_iter_with_nullable([("v", values, true), ("id", ids, false)]).unwrap();
    conform(&contract(ty), &rows)
}

/// The values as text, `-` for a missing one, and the rows at fault.
fn shown(ty: &str, values: ArrayRef) -> (Vec<String>, Vec<usize>) {
    let conformed = conformed(ty, values).unwrap();
    let column = conformed.rows.column(1);
    assert_eq!(conformed.rows.schema().field(1).data_type(), column.data_type());
    let text = |row| match column.is_null(row) {
        true => "-".to_owned(),
        false => array_value_to_string(column, row).unwrap(),
    };
    let texts = (0..column.len()).map(text).collect();
    for (_, fault) in &conformed.faults {
        assert_eq!((fault.code, fault.column.as_deref()), ("type_mismatch", Some("v")));
    }
    (texts, conformed.faults.into_iter().map(|(row, _)| row).collect())
}

const DECIMAL: &str = "logicalType: number, physicalType: \"decimal(6,2)\"";
const WIDE: &str = "logicalType: number, physicalType: \"decimal(38,2)\"";
const TEXT: &str = "logicalType: string, physicalType: string";

fn decimal(values: Vec<Option<i128>>, precision: u8, scale: i8) -> ArrayRef {
    let values: Decimal128Array = values.into_iter().collect();
    Arc::new(values.with_precision_and_scale(precision, scale).unwrap())
}

#[test]
fn decimals_are_rounded_half_to_even_and_too_large_ones_are_faults() {
    let values = vec![Some(1_125), Some(-1_135), Some(9_999_994), None, Some(9_999_995), Some(99_999_990)];
    let (texts, faults) = shown(DECIMAL, decimal(values, 20, 3));
    assert_eq!(texts, ["1.12", "-1.14", "9999.99", "-", "-", "-"]);
    assert_eq!(faults, [4, 5], "a missing value is no fault of its type");
    let whole: ArrayRef = Arc::new(UInt64Array::from(vec![7, u64::MAX]));
    assert_eq!(shown(WIDE, Arc::clone(&whole)).0, ["7.00", "18446744073709551615.00"]);
    assert_eq!(shown(DECIMAL, whole), (vec!["7.00".into(), "-".into()], vec![1]));
}

#[test]
fn a_float_is_a_decimal_only_where_nothing_is_lost() {
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(2.5), Some(0.1), None, Some(f64::NAN)]));
    assert_eq!(shown(DECIMAL, Arc::clone(&floats)).0, ["2.50", "-", "-", "-"]);
    let conformed = conformed(DECIMAL, floats).unwrap();
    let details: Vec<&str> = conformed.faults.iter().map(|(_, fault)| fault.detail.as_str()).collect();
    assert_eq!(
        details,
        ["0.1 is a float and exactly no decimal(6,2)", "NaN is a float and exactly no decimal(6,2)"]
    );
}

#[test]
fn whole_numbers_have_the_range_of_their_column() {
    let int = "logicalType: integer, physicalType: int";
    let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), Some(1 << 31), None]));
    assert_eq!(shown(int, values), (vec!["5".into(), "-".into(), "-".into()], vec![1]));
    let bigint = "logicalType: integer, physicalType: bigint";
    assert_eq!(shown(bigint, Arc::new(Int16Array::from(vec![-5]))).0, ["-5"]);
    assert_eq!(shown(bigint, decimal(vec![Some(25), Some(35)], 10, 1)).0, ["2", "4"]);
}

#[test]
fn doubles_are_finite_and_the_nearest() {
    let double = "logicalType: number, physicalType: double";
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.5, f64::INFINITY, f64::NAN]));
    assert_eq!(shown(double, floats), (vec!["1.5".into(), "-".into(), "-".into()], vec![1, 2]));
    let tenths = decimal(vec![Some(1), Some(12_345_678_901_234_567_890)], 38, 1);
    assert_eq!(shown(double, tenths).0, ["0.1", "1.2345678901234568e18"]);
}

// Zones are known by name where the SQL engine is: what shows the instants here needs that.
#[cfg(feature = "sql")]
#[test]
fn dates_and_instants() {
    let date = "logicalType: date, physicalType: date";
    let midnight = 86_400_000_000_i64;
    let instants: ArrayRef =
        Arc::new(arrow::array::TimestampMicrosecondArray::from(vec![midnight, midnight + 1_000]));
    assert_eq!(shown(date, Arc::clone(&instants)), (vec!["1970-01-02".into(), "-".into()], vec![1]));
    let timestamp = "logicalType: timestamp, physicalType: timestamp";
    assert_eq!(shown(timestamp, instants).0, ["1970-01-02T00:00:00Z", "1970-01-02T00:00:00.001Z"]);
    let seconds: ArrayRef = Arc::new(arrow::array::TimestampSecondArray::from(vec![i64::MAX, 1]));
    assert_eq!(shown(timestamp, seconds).1, [0]);
    assert_eq!(shown(timestamp, Arc::new(Date32Array::from(vec![1]))).0, ["1970-01-02T00:00:00Z"]);
}

#[test]
fn texts_are_coded_as_the_contract_wants() {
    let values: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), None, Some("b")]));
    assert_eq!(shown(TEXT, values).0, ["a", "-", "b"]);
    let coded: arrow::array::DictionaryArray<Int32Type> =
        vec![Some("x"), None, Some("x")].into_iter().collect();
    assert_eq!(shown(TEXT, Arc::new(coded)).0, ["x", "-", "x"]);
    assert_eq!(shown(DECIMAL, Arc::new(NullArray::new(2))).0, ["-", "-"]);
}

#[test]
fn what_can_never_fit_is_the_models_error() {
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    for (ty, values) in [
        (DECIMAL, Arc::clone(&flags)),
        (TEXT, flags),
        ("logicalType: boolean, physicalType: boolean", Arc::new(Int32Array::from(vec![1])) as ArrayRef),
        (DECIMAL, Arc::new(StringArray::from(vec!["1.5"]))),
    ] {
        let error = conformed(ty, values).unwrap_err().to_string();
        assert!(error.contains("the model t computes column \"v\" as"), "{error}");
    }
    let ids: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let rows =
        |names: &[&str]| RecordBatch::try_from_iter(names.iter().map(|n| (*n, Arc::clone(&ids)))).unwrap();
    let contract = contract("logicalType: integer, physicalType: int");
    let error = |names: &[&str]| conform(&contract, &rows(names)).unwrap_err().to_string();
    assert!(error(&["id"]).contains("computes no column \"v\""));
    assert!(error(&["id", "v", "w"]).contains("column \"w\" that its contract does not have"));
}
