//! NDJSON lines as people write them, read by a contract.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use quotelake_contract::Contracts;
use std::sync::Arc;

use quotelake_landing::{Doubts, SourceLines};
use quotelake_table::RowDecoder;

const YAML: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: sales
    customProperties:
      - {property: placeholderDates, value: ["1900-01-01"]}
      - {property: nullTexts, value: ["n/a", "-999"]}
      - {property: numberFormat, value: pt-BR}
      - {property: booleans, value: [sim/não, 1/0]}
    properties:
      - {name: id, logicalType: string, physicalType: string, required: true, primaryKey: true}
      - {name: sold_on, logicalType: date, physicalType: date, required: true, partitioned: true}
      - {name: paid_on, logicalType: date, physicalType: date, customProperties: [{property: dateFormat, value: "%d/%m/%Y"}]}
      - {name: amount, logicalType: number, physicalType: "decimal(18,2)"}
      - {name: is_paid, logicalType: boolean, physicalType: boolean}
"#;

fn rewritten(line: &str) -> String {
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(YAML, None).unwrap();
    let contract = Arc::clone(&contracts.get("sales").unwrap().contract);
    let lines = SourceLines::new(contract);
    assert!(!lines.is_plain());
    let mut out = Vec::new();
    lines.rewrite(line, &Doubts::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn strings_are_read_by_the_contract_and_the_rest_goes_on() {
    for (line, canonical) in [
        (
            r#"{"id":"1","sold_on":"2026-01-02","paid_on":"03/01/2026","amount":"1.234,50","is_paid":"Sim"}"#,
            r#"{"id":"1","sold_on":"2026-01-02","paid_on":"2026-01-03","amount":"1234.50","is_paid":true}"#,
        ),
        (
            r#"{ "dataset" : "sales", "id":"n/a","sold_on":"1900-01-01","paid_on":"01/01/1900","amount":-999,"is_paid":0 }"#,
            r#"{"dataset":"sales","id":null,"sold_on":null,"paid_on":null,"amount":null,"is_paid":false}"#,
        ),
        (
            r#"{"id":"a\u00e9","amount":1234.5,"is_paid":true,"note":{"x":[1]},"paid_on":null}"#,
            r#"{"id":"aé","amount":1234.5,"is_paid":true,"note":{"x":[1]},"paid_on":null}"#,
        ),
        ("{}", "{}"),
        ("[1]", "[1]"),
        (r#"{"id":"1""#, r#"{"id":"1""#),
    ] {
        assert_eq!(rewritten(line), canonical);
    }
}

#[test]
fn what_the_contract_does_not_read_is_refused_and_the_row_says_why() {
    let line = rewritten(r#"{"id":"1","sold_on":"2026-01-02","paid_on":"2026-01-03","amount":"1234.5"}"#);
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(YAML, None).unwrap();
    let mut decoder = RowDecoder::new(Arc::clone(&contracts.get("sales").unwrap().contract));
    let faults = decoder.push(&line).unwrap_err();
    let told: Vec<_> =
        faults.iter().map(|f| format!("{} {} {}", f.code, f.column.as_deref().unwrap(), f.detail)).collect();
    assert_eq!(
        told,
        [
            "type_mismatch paid_on \"2026-01-03\" is not a date in the form %d/%m/%Y",
            "type_mismatch amount \"1234.5\" is not a number in the form 1.234,56 (numberFormat pt-BR)",
        ]
    );
    assert_eq!(decoder.texts_of_faulty(&line, &[0]), Some(vec!["1"]), "the others are known");
}

#[test]
fn a_contract_without_formats_changes_no_line() {
    let contracts = Contracts::built_in().unwrap();
    for dataset in contracts.all().unwrap() {
        let lines = SourceLines::new(Arc::clone(&dataset.contract));
        assert!(lines.is_plain(), "{}", dataset.contract.name);
    }
}
