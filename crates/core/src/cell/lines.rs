//! NDJSON lines as people write them, made canonical.

use std::sync::Arc;

use super::readings::{Doubts, Readings};
use super::write::{Refusals, write_cell};
use crate::Result;
use crate::contract::{ColumnType, Contract};
use crate::table::{Raw, scan_object, unescape};

/// Makes NDJSON lines canonical by a contract. Only strings are read by it, and numbers where the column holds none: a bare
/// number is a number in every format.
#[derive(Debug)]
pub struct SourceLines {
    contract: Arc<Contract>,
    is_plain: bool,
}

impl SourceLines {
    /// For the lines of a dataset.
    pub fn new(contract: Arc<Contract>) -> Self {
        let is_plain =
            contract.columns.iter().all(|column| column.cell.is_plain_in_json() || !column.is_read());
        Self { contract, is_plain }
    }

    /// Whether lines are canonical as they are: then there is nothing to do.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Shows a line's texts to `readings`. A line that is no object shows none.
    pub fn observe(&self, line: &str, readings: &mut Readings) {
        // What is wrong with the line is found when it is read.
        let _ = scan_object(line, |name, raw| {
            if let Some(index) = self.column(name)
                && let Some(Ok(text)) = self.text(index, raw)
            {
                readings.observe(index, &text);
            }
            Ok(())
        });
    }

    /// Appends the canonical line, without a line end. A line that is no object goes on as it is.
    pub fn rewrite(&self, line: &str, doubts: &Doubts, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let mut refusals = Refusals::default();
        let mut written = Ok(());
        let scanned = scan_object(line, |name, raw| {
            out.push(if out.len() == start { b'{' } else { b',' });
            out.extend_from_slice(format!("\"{name}\":").as_bytes());
            let read = self.column(name).and_then(|index| Some((index, self.text(index, raw)?)));
            match read {
                None => raw.write(out),
                Some((index, text)) => {
                    written = write_cell(&self.contract, index, &text?, doubts, out, &mut refusals);
                    if written.is_err() {
                        return Err("cannot be written".to_owned());
                    }
                }
            }
            Ok(())
        });
        written?;
        if scanned.is_err() {
            out.truncate(start);
            out.extend_from_slice(line.as_bytes());
            return Ok(());
        }
        if out.len() == start {
            out.push(b'{');
        }
        refusals.write(out);
        out.push(b'}');
        Ok(())
    }

    fn column(&self, name: &str) -> Option<usize> {
        let index = self.contract.field_index(name)?;
        let column = &self.contract.columns[index];
        (column.is_read() && !column.cell.is_plain_in_json()).then_some(index)
    }

    /// The text that is read by the contract: `None` for a value that is none.
    fn text(&self, index: usize, raw: Raw<'_>) -> Option<Result<String, String>> {
        use ColumnType::{Bigint, Decimal, Double, Int};
        let column = &self.contract.columns[index];
        match raw {
            Raw::Text(text) => Some(Ok(text.to_owned())),
            Raw::Escaped(quoted) => Some(unescape(quoted)),
            Raw::Number(_) if matches!(column.ty, ColumnType::String) => None,
            // Of a number only its absence may be spelled: -999.
            Raw::Number(text)
                if matches!(column.ty, Int | Bigint | Double | Decimal { .. }) || column.epoch.is_some() =>
            {
                column.cell.formats().null_texts.iter().any(|null| null == text).then(|| Ok(text.to_owned()))
            }
            Raw::Number(text) => Some(Ok(text.to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Contracts;
    use crate::table::RowDecoder;

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
        let told: Vec<_> = faults
            .iter()
            .map(|f| format!("{} {} {}", f.code, f.column.as_deref().unwrap(), f.detail))
            .collect();
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
}
