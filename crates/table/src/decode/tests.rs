//! Lines of every shape, and what is wrong with them.

use arrow::array::{Array as _, AsArray as _, Date32Array, Decimal64Array, TimestampMillisecondArray};

use super::*;
use quotelake_contract::Contracts;
use quotelake_core::time::{date_from_days, parse_instant};

const YAML: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: ticks
    properties:
      - {name: symbol, logicalType: string, physicalType: string, required: true, primaryKey: true}
      - {name: ts, logicalType: timestamp, physicalType: timestamp, required: true, primaryKey: true, customProperties: [{property: encoding, value: epoch_ms}, {property: epochRange, value: ["1969-01-01", "2099-12-31"]}]}
      - {name: price, logicalType: number, physicalType: "decimal(18,8)"}
      - {name: at, logicalType: timestamp, physicalType: timestamp, customProperties: [{property: timezone, value: America/Sao_Paulo}]}
      - {name: live, logicalType: boolean, physicalType: boolean}
      - {name: day, logicalType: date, physicalType: date, transformLogic: date(ts)}
      - {name: year, logicalType: integer, physicalType: int, partitioned: true, transformLogic: "strftime(ts, '%Y')"}
"#;

fn decoder() -> RowDecoder {
    let mut contracts = Contracts::built_in().unwrap();
    let name = contracts.add(YAML, None).unwrap();
    RowDecoder::new(Arc::clone(&contracts.get(&name).unwrap().contract))
}

#[test]
fn a_row_and_its_derived_columns() {
    let mut decoder = decoder();
    decoder.push(r#"{"symbol":"A\u0026B","ts":1795237200123,"price":"187.230","at":"2017-10-02 10:56:33","live":true}"#).unwrap();
    decoder
        .push(r#"{"live":null,"price":1.5e1,"ts":1795237200123,"symbol":"A&B","extra":{"x":[1]}}"#)
        .unwrap();
    let batch = decoder.take_batch().unwrap();
    assert_eq!(batch.num_rows(), 2);
    let price: &Decimal64Array = batch["price"].as_primitive();
    assert_eq!((price.value(0), price.value(1)), (18_723_000_000, 1_500_000_000));
    let at: &TimestampMillisecondArray = batch["at"].as_primitive();
    assert_eq!(at.value(0), parse_instant(b"2017-10-02T13:56:33Z").unwrap());
    let day: &Date32Array = batch["day"].as_primitive();
    assert_eq!(date_from_days(day.value(0)).unwrap().to_string(), "2026-11-21");
    assert_eq!(decoder.unknown_fields().get("extra"), Some(&1));
}

#[test]
fn a_line_of_a_known_shape_is_read_as_any_other() {
    let lines = [
        r#"{"dataset":"ticks","symbol":"A","ts":1,"price":1.5,"at":"2017-10-02T10:56:33Z","live":true}"#,
        r#"{"dataset":"ticks","symbol":"A","ts":2,"price":-0.00000001,"at":"2017-10-02T10:56:33Z","live":false}"#,
        r#"{"dataset":"ticks","symbol":"AB","ts":3,"price":1234567890.12345678,"at":"2017-10-02T10:56:34Z","live":null}"#,
        r#"{"dataset":"ticks","symbol":null,"ts":4,"price":1e2,"at":"2017-10-02 10:56:33","live":"true"}"#,
        r#"{"dataset":"ticks","symbol":"A\u0041","ts":-5,"price":"7.10","at":null,"live":true}"#,
        r#"{ "dataset":"ticks","symbol":"spaced","ts":6,"price":-0,"at":null,"live":true }"#,
        r#"{"symbol":"A","ts":7}"#,
        r#"{"symbol":"AB","ts":8}"#,
        r#"{"dataset":"ticks","symbol":"A","ts":9,"price":1.50000000000,"at":"2017-10-02T10:56:33Z","live":true}"#,
    ];
    let mut one_by_one = Vec::new();
    for line in lines {
        let mut fresh = decoder();
        fresh.push(line).unwrap();
        one_by_one.push(fresh.take_batch().unwrap());
    }
    let mut practised = decoder();
    for round in 0..3 {
        lines.iter().for_each(|line| practised.push(line).unwrap());
        let batch = practised.take_batch().unwrap();
        for (row, alone) in one_by_one.iter().enumerate() {
            assert_eq!(batch.slice(row, 1), *alone, "round {round}, {}", lines[row]);
        }
    }
}

proptest::proptest! {
    /// Whatever a value looks like, a decoder that knows the line's shape does what one does that does not.
    #[test]
    fn shapes_change_nothing(
        price in r#"(-?[0-9]{0,19}(\.[0-9]{0,9})?([eE][+-]?[0-9])?|null|"[0-9.]{0,4}"|[a-z]{1,3})"#,
        symbol in r#"("[ -~]{0,6}"|"[\x00-\x1fA\\n]{0,3}"|null|7)"#,
        at in r#"("(20|19)[0-9]{2}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,4})?(Z|[+-]0[0-9]:00)?)?"|null)"#,
        end in r#"(\}|,"live":(true|false|null|"true"|tru)\}|\} ?x?)"#,
    ) {
        let line = format!(r#"{{"symbol":{symbol},"ts":1,"price":{price},"at":{at}{end}"#);
        let mut fresh = decoder();
        let mut practised = decoder();
        for known in [
            r#"{"symbol":"A","ts":1,"price":1,"at":"2017-10-02T10:56:33Z"}"#,
            r#"{"symbol":"A","ts":1,"price":1,"at":"2017-10-02T10:56:33Z","live":true}"#,
        ] {
            practised.push(known).unwrap();
        }
        practised.take_batch().unwrap();
        proptest::prop_assert_eq!(fresh.push(&line), practised.push(&line));
        proptest::prop_assert_eq!(fresh.take_batch().unwrap(), practised.take_batch().unwrap());
    }
}

#[test]
fn every_fault_of_a_line_is_named_and_nothing_stays() {
    let mut decoder = decoder();
    let faults = decoder
        .push(r#"{"symbol":7,"ts":"x","price":1e400,"at":"2018-11-04 00:30:00","live":"no"}"#)
        .unwrap_err();
    let texts: Vec<_> =
        faults.iter().map(|f| format!("{}: {}", f.column.as_deref().unwrap(), f.detail)).collect();
    assert_eq!(
        texts,
        [
            "symbol: 7 is not text",
            "ts: \"x\" is not a number",
            "price: 1e400 is out of range (decimal(18,8))",
            "at: \"2018-11-04 00:30:00\" does not exist in America/Sao_Paulo: clocks were put forward",
            "live: \"no\" is neither true nor false",
        ]
    );
    assert_eq!(decoder.push("[1]").unwrap_err()[0].code, "malformed_json");
    assert_eq!(
        decoder.push(r#"{"dataset":"bars","symbol":"A","ts":1}"#).unwrap_err()[0].code,
        "dataset_mismatch"
    );
    assert_eq!(decoder.push(r#"{"symbol":"A","symbol":"B"}"#).unwrap_err()[0].code, "duplicate_field");
    assert_eq!(decoder.take_batch().unwrap().num_rows(), 0);
}

#[test]
fn what_was_refused_is_no_value_whatever_it_looks_like() {
    let mut decoder = decoder();
    let faults = decoder
        .push(r#"{"symbol":"A","ts":1,"refused":{"price":{"value":"8.63","reason":"is no percentage"}}}"#)
        .unwrap_err();
    let fault = RowFault {
        code: "refused",
        column: Some("price".into()),
        detail: "\"8.63\" is no percentage".into(),
    };
    assert_eq!(faults, [fault]);
    // Not even where the line has the value as well.
    let both = r#"{"symbol":"A","ts":1,"price":8.63,"refused":{"price":{"value":8.63,"reason":"is late"}}}"#;
    assert_eq!(decoder.push(both).unwrap_err()[0].detail, "8.63 is late");
    assert_eq!(decoder.texts_of_faulty(both, &[0]), Some(vec!["A"]));
    // A member that is none of ours is a field as any other.
    decoder.push(r#"{"symbol":"A","ts":1,"refused":"no"}"#).unwrap();
    decoder.push(r#"{"symbol":"A","ts":2,"refused":{"cost":{"value":1,"reason":"x"}}}"#).unwrap();
    let unknown: Vec<_> = decoder.unknown_fields().keys().map(String::as_str).collect();
    assert_eq!(unknown, ["refused", "refused.cost"]);
}

#[test]
fn an_informational_value_never_costs_its_row() {
    let contracts = Contracts::built_in().unwrap();
    let contract = Arc::clone(&contracts.get("daily_bars").unwrap().contract);
    let mut decoder = RowDecoder::new(Arc::clone(&contract));
    for line in [
        r#"{"close":1.5,"adj_close":1.5,"volume":3}"#,
        r#"{"close":1.5,"adj_close":"Infinity","volume":"NaN","flags":"mine"}"#,
        r#"{"close":1.5,"adj_close":2.25,"volume":4}"#,
        r#"{"close":1.5,"volume":4,"refused":{"vwap":{"value":"1,5","reason":"cannot be read"}}}"#,
    ] {
        decoder.push(line).unwrap();
    }
    assert_eq!(decoder.push(r#"{"close":"NaN"}"#).unwrap_err()[0].code, "type_mismatch");
    let batch = decoder.take_batch().unwrap();
    let missing = |name: &str| (0..4).filter(|row| batch[name].is_null(*row)).collect::<Vec<_>>();
    assert_eq!((missing("adj_close"), missing("volume")), (vec![1, 3], vec![1]));
    assert_eq!(missing("flags"), [0, 1, 2, 3], "only a check sets flags");
    let misfits: Vec<_> = decoder
        .take_misfits()
        .into_iter()
        .map(|misfit| (misfit.row, contract.columns[misfit.column].name.clone()))
        .collect();
    let expected = [(1, "adj_close"), (1, "volume"), (3, "vwap")];
    assert_eq!(misfits, expected.map(|(row, name)| (row, name.to_owned())));
}

#[test]
fn rounding_noise_of_a_float_is_taken_off_prices() {
    let contracts = Contracts::built_in().unwrap();
    let mut decoder = RowDecoder::new(Arc::clone(&contracts.get("daily_bars").unwrap().contract));
    for literal in ["134.34", "134.33999999999997", "\"134.33999999999997\""] {
        decoder.push(&format!(r#"{{"close":{literal},"open":{literal}}}"#)).unwrap();
    }
    let batch = decoder.take_batch().unwrap();
    assert_eq!(batch["close"].slice(0, 1).to_data(), batch["close"].slice(1, 1).to_data());
    assert_eq!(batch["open"].slice(0, 1).to_data(), batch["open"].slice(2, 1).to_data());
}
