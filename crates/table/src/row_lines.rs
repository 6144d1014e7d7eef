//! Typed rows as the lines that they might have come from: how rows of one contract become rows of another, by way of `check`.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimestampMillisecondType};
use arrow::ipc::reader::FileReader;
use bytes::Bytes;

use super::decoding::decoding;
use super::packing::{Packed, TYPE};
use super::unpacking::unpack;
use quotelake_contract::Contract;
use quotelake_contract::cell::Epoch;
use quotelake_core::time::instant_from_ms;
use quotelake_core::{Error, Result};

/// Appends rows as lines of the contract's dataset, every value as the text that `check` reads exactly so. Columns that the contract
/// computes are left out; one that it does not have keeps its name, and is noted as unknown. `renamed` gives columns another name.
pub fn row_lines(
    contract: &Contract,
    rows: &RecordBatch,
    renamed: &BTreeMap<String, String>,
    lines: &mut Vec<u8>,
) -> Result<()> {
    let schema = rows.schema();
    let mut columns = Vec::new();
    for (field, values) in schema.fields().iter().zip(rows.columns()) {
        let name = renamed.get(field.name()).unwrap_or(field.name());
        let column = contract.field_index(name).map(|index| &contract.columns[index]);
        if column.is_none() && contract.index_of(name).is_some() {
            continue;
        }
        let texts = texts(values, column.and_then(|column| column.epoch))
            .map_err(|error| error.context(format!("column {name:?}")))?;
        columns.push((format!(",{}:", json(name)?), texts));
    }
    let beginning = format!("{{\"dataset\":{}", json(&contract.name)?);
    for row in 0..rows.num_rows() {
        lines.extend_from_slice(beginning.as_bytes());
        for (name, values) in &columns {
            let values = values.as_string::<i32>();
            if values.is_valid(row) {
                lines.extend_from_slice(name.as_bytes());
                serde_json::to_writer(&mut *lines, values.value(row))
                    .map_err(|e| Error::bug("a row as a line").with_source(e))?;
            }
        }
        lines.extend_from_slice(b"}\n");
    }
    Ok(())
}

fn json(text: &str) -> Result<String> {
    serde_json::to_string(text).map_err(|e| Error::bug("a name as JSON").with_source(e))
}

/// The values as text; instants as the counts that a column holds which counts them.
fn texts(values: &ArrayRef, epoch: Option<Epoch>) -> Result<ArrayRef> {
    if !matches!(values.data_type(), DataType::Timestamp(..)) {
        return Ok(cast(values, &DataType::Utf8)?);
    }
    let instants = values.as_primitive_opt::<TimestampMillisecondType>();
    let instants = instants.ok_or_else(|| Error::invalid(format!("is {}", values.data_type())))?;
    let text = |ms: i64| match epoch.and_then(|epoch| epoch.unit.count_of(ms)) {
        Some(count) => Ok(count.to_string()),
        None => Ok(instant_from_ms(ms)?.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
    };
    let texts = instants.iter().map(|ms| ms.map(text).transpose()).collect::<Result<StringArray>>()?;
    Ok(Arc::new(texts))
}

/// All rows of a staged object, in the types under which they were staged, whatever the contract says by now. `Damaged` for one that
/// cannot be read.
pub fn staged_rows(bytes: Bytes) -> Result<RecordBatch> {
    decoding(|| {
        let reader = FileReader::try_new(Cursor::new(bytes), None)?;
        let staged = reader.schema();
        let mut columns: Vec<Vec<Packed>> = vec![Vec::new(); staged.fields().len()];
        for batch in reader {
            let batch = batch?;
            for ((field, values), parts) in staged.fields().iter().zip(batch.columns()).zip(&mut columns) {
                let part: Packed = match values.data_type() {
                    DataType::Dictionary(..) => {
                        let plain = Field::new(field.name(), DataType::Utf8, field.is_nullable());
                        (Arc::new(plain), cast(values, &DataType::Utf8)?)
                    }
                    _ => (Arc::clone(field), Arc::clone(values)),
                };
                parts.push(part);
            }
        }
        let mut fields = Vec::new();
        for field in staged.fields() {
            let ty = match (field.metadata().get(TYPE), field.data_type()) {
                (Some(text), _) => text.parse::<DataType>().map_err(Error::from)?,
                (None, DataType::Dictionary(..)) => DataType::Utf8,
                (None, ty) => ty.clone(),
            };
            fields.push(Field::new(field.name(), ty, true));
        }
        let columns = fields.iter().zip(&columns).map(|(field, parts)| unpack(field, parts));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RowDecoder, staged};
    use quotelake_contract::Contracts;

    const YAML: &str = r#"
apiVersion: v3.1.0
kind: DataContract
id: t
name: readings
version: 1.0.0
status: active
schema:
  - name: readings
    physicalType: table
    customProperties: [{property: partitionBy, value: none}]
    properties:
      - {name: id, logicalType: integer, physicalType: bigint, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: small, logicalType: integer, physicalType: int}
      - {name: price, logicalType: number, physicalType: "decimal(38,18)"}
      - {name: ratio, logicalType: number, physicalType: double}
      - {name: day, logicalType: date, physicalType: date}
      - {name: at, logicalType: timestamp, physicalType: timestamp}
      - {name: counted, logicalType: timestamp, physicalType: timestamp, customProperties: [{property: encoding, value: epoch_s}]}
      - {name: good, logicalType: boolean, physicalType: boolean}
      - {name: text, logicalType: string, physicalType: string, customProperties: [{property: cardinality, value: high}]}
      - {name: kind, logicalType: string, physicalType: string}
      - {name: month, logicalType: string, physicalType: string, transformLogic: "strftime(day, '%Y-%m')"}
"#;

    /// Whatever a row holds, its line is read as the same row: of the batch and of what was staged.
    #[test]
    fn rows_there_and_back() {
        let mut contracts = Contracts::built_in().unwrap();
        contracts.add(YAML, None).unwrap();
        let contract = Arc::clone(&contracts.get("readings").unwrap().contract);
        let mut decoder = RowDecoder::new(Arc::clone(&contract));
        let lines = [
            r#"{"id":9223372036854775807,"small":-2147483648,"price":-99999999999999999999.999999999999999999,"ratio":0.1,"day":"1899-12-31","at":"1969-12-31T23:59:59.999Z","counted":1767323045,"good":true,"text":"a\"b\\\u0000é\n","kind":"NULL"}"#,
            r#"{"id":-9223372036854775808,"small":7,"price":0.000000000000000001,"ratio":-2.5e-300,"day":"2024-02-29","at":"2024-02-29T00:00:00Z","counted":0,"good":false,"text":"","kind":""}"#,
            r#"{"id":3}"#,
            r#"{"id":4,"small":7,"price":12.5,"ratio":1e300,"day":"9999-12-31","at":"2024-06-01T12:30:00.250Z","kind":"x"}"#,
        ];
        lines.iter().for_each(|line| decoder.push(line).unwrap());
        let rows = decoder.take_batch().unwrap();
        let put = staged::write(&contract, &[rows.clone(), rows.slice(0, 2)]).unwrap();
        let again = |batch: &RecordBatch| {
            let mut lines = Vec::new();
            row_lines(&contract, batch, &BTreeMap::new(), &mut lines).unwrap();
            let mut decoder = RowDecoder::new(Arc::clone(&contract));
            let text = String::from_utf8(lines).unwrap();
            text.lines().for_each(|line| decoder.push(line).unwrap_or_else(|e| panic!("{line}: {e:?}")));
            assert!(decoder.unknown_fields().is_empty(), "{:?}", decoder.unknown_fields());
            decoder.take_batch().unwrap()
        };
        assert_eq!(again(&rows), rows);
        let both = arrow::compute::concat_batches(&rows.schema(), [&rows, &rows.slice(0, 2)]).unwrap();
        assert_eq!(again(&staged_rows(put).unwrap()), both);
    }

    #[test]
    fn columns_get_other_names_and_bytes_of_nobody_are_damage() {
        let mut contracts = Contracts::built_in().unwrap();
        contracts.add(YAML, None).unwrap();
        let contract = &contracts.get("readings").unwrap().contract;
        let mut decoder = RowDecoder::new(Arc::clone(contract));
        decoder.push(r#"{"id":1,"small":5}"#).unwrap();
        let rows = decoder.take_batch().unwrap();
        let renamed = BTreeMap::from([("small".to_owned(), "tiny".to_owned())]);
        let mut lines = Vec::new();
        row_lines(contract, &rows, &renamed, &mut lines).unwrap();
        assert_eq!(
            String::from_utf8(lines).unwrap(),
            "{\"dataset\":\"readings\",\"id\":\"1\",\"tiny\":\"5\"}\n"
        );
        let error = staged_rows(Bytes::from_static(b"ARROW1 no more")).unwrap_err();
        assert_eq!(error.kind(), quotelake_core::ErrorKind::Damaged);
    }
}
