//! Business keys as eight bytes, by which a row is looked for in other partitions.
//!
//! A hash only says where to look: rows are told apart by their keys. So eight bytes do, and two keys of one hash cost a look in
//! vain. It does not depend on how wide a column's type is, so that one that grows keeps its hashes.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, Float64Type, Int32Type, Int64Type,
    TimestampMillisecondType,
};
use sha2::{Digest, Sha256};

use super::columnar::Columnar;
use quotelake_contract::Contract;
use quotelake_core::{Error, Result};

/// The hashes of all rows' business keys, in the rows' order.
pub fn key_hashes(contract: &Contract, rows: &dyn Columnar) -> Result<Vec<u64>> {
    if rows.rows() == 0 {
        return Ok(Vec::new());
    }
    let columns = contract.key.iter().map(|index| rows.read(*index)).collect::<Result<Vec<_>>>()?;
    let columns = columns.iter().map(Values::of).collect::<Result<Vec<_>>>()?;
    let mut key = Vec::new();
    let hashes = (0..rows.rows()).map(|row| {
        key.clear();
        columns.iter().for_each(|column| column.append(row, &mut key));
        let digest: [u8; 32] = Sha256::digest(&key).into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    });
    Ok(hashes.collect())
}

/// A key column's values.
struct Values<'a> {
    column: &'a dyn Array,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Texts(&'a StringArray),
    Coded(&'a [i32], &'a StringArray),
    Numbers(ArrayRef),
    Decimals(ArrayRef, i8),
    Floats(&'a [f64]),
    Booleans,
}

impl<'a> Values<'a> {
    fn of(column: &'a ArrayRef) -> Result<Self> {
        let wide = |ty: DataType| Ok::<_, Error>(arrow::compute::cast(column, &ty)?);
        let kind = match column.data_type() {
            DataType::Utf8 => Kind::Texts(column.as_string()),
            DataType::Dictionary(..) => {
                let coded = column.as_dictionary::<Int32Type>();
                Kind::Coded(coded.keys().values(), coded.values().as_string())
            }
            DataType::Int32 | DataType::Int64 => Kind::Numbers(wide(DataType::Int64)?),
            DataType::Date32 => Kind::Numbers(std::sync::Arc::new(
                column.as_primitive::<Date32Type>().unary::<_, Int64Type>(i64::from),
            )),
            DataType::Timestamp(..) => Kind::Numbers(std::sync::Arc::new(
                column.as_primitive::<TimestampMillisecondType>().unary::<_, Int64Type>(|ms| ms),
            )),
            DataType::Decimal64(_, scale) => Kind::Decimals(
                std::sync::Arc::new(
                    column.as_primitive::<Decimal64Type>().unary::<_, Decimal128Type>(i128::from),
                ),
                *scale,
            ),
            DataType::Decimal128(_, scale) => Kind::Decimals(ArrayRef::clone(column), *scale),
            DataType::Float64 => Kind::Floats(column.as_primitive::<Float64Type>().values()),
            DataType::Boolean => Kind::Booleans,
            other => return Err(Error::bug(format!("a key column is {other}"))),
        };
        Ok(Self { column: column.as_ref(), kind })
    }

    /// Appends a row's value so that no two keys are the same bytes.
    fn append(&self, row: usize, key: &mut Vec<u8>) {
        if self.column.is_null(row) {
            key.push(0);
            return;
        }
        let text = |text: &str, key: &mut Vec<u8>| {
            key.push(1);
            key.extend_from_slice(&(text.len() as u64).to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        };
        match &self.kind {
            Kind::Texts(texts) => text(texts.value(row), key),
            Kind::Coded(codes, texts) => text(texts.value(codes[row] as usize), key),
            Kind::Numbers(numbers) => {
                key.push(2);
                key.extend_from_slice(&numbers.as_primitive::<Int64Type>().value(row).to_le_bytes());
            }
            Kind::Decimals(decimals, scale) => {
                let (mut digits, mut scale) = (decimals.as_primitive::<Decimal128Type>().value(row), *scale);
                while scale > 0 && digits % 10 == 0 {
                    (digits, scale) = (digits / 10, scale - 1);
                }
                key.push(3);
                key.extend_from_slice(&digits.to_le_bytes());
                key.push(scale as u8);
            }
            Kind::Floats(floats) => {
                key.push(4);
                key.extend_from_slice(&floats[row].to_bits().to_le_bytes());
            }
            Kind::Booleans => {
                key.push(5);
                key.push(u8::from(self.column.as_boolean().value(row)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::RowDecoder;
    use quotelake_contract::Contracts;

    fn hashes(types: [&str; 3], lines: &[&str]) -> Vec<u64> {
        let [text, number, amount] = types;
        let yaml = format!(
            r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: keyed
    customProperties: [{{property: partitionBy, value: none}}]
    properties:
      - {{name: a, logicalType: string, physicalType: string, required: true, primaryKey: true, customProperties: [{{property: cardinality, value: {text}}}]}}
      - {{name: n, logicalType: integer, physicalType: {number}, primaryKey: true}}
      - {{name: d, logicalType: number, physicalType: "{amount}", primaryKey: true}}
"#
        );
        let mut contracts = Contracts::built_in().unwrap();
        let name = contracts.add(&yaml, None).unwrap();
        let contract = &contracts.get(&name).unwrap().contract;
        let mut decoder = RowDecoder::new(Arc::clone(contract));
        lines.iter().for_each(|line| decoder.push(line).unwrap());
        key_hashes(contract, &decoder.take_batch().unwrap()).unwrap()
    }

    #[test]
    fn a_key_has_one_hash_however_its_columns_are_stored() {
        let lines = [
            r#"{"a":"x","n":7,"d":1.5}"#,
            r#"{"a":"x","n":7}"#,
            r#"{"a":"x","d":1.5}"#,
            r#"{"a":"","n":7,"d":1.50}"#,
            r#"{"a":"x","n":7,"d":1.5}"#,
        ];
        let narrow = hashes(["low", "int", "decimal(9,2)"], &lines);
        let wide = hashes(["high", "bigint", "decimal(38,18)"], &lines);
        assert_eq!(narrow, wide);
        assert_eq!(narrow[0], narrow[4]);
        let distinct: std::collections::BTreeSet<u64> = narrow.iter().copied().collect();
        assert_eq!(distinct.len(), 4, "{narrow:x?}");
    }
}
