//! Lines to typed columns, by contract.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{Date32Type, SchemaRef, TimestampMillisecondType};
use chrono::TimeZone as _;
use chrono_tz::Tz;

use super::columns::{Aside, ColumnBuilder, Slot, Texts, with_values};
use super::refused::Refused;
use super::scan::{Raw, scan_object, unescape};
use super::shape::Shapes;
use crate::cell::read_iso_instant;
use crate::contract::{Column, ColumnType, Contract, Derivation, Role};
use crate::decimal::{DecimalError, parse_scaled, without_float_noise};
use crate::time::{date_from_days, days_since_epoch, instant_from_ms, parse_date, parse_instant, utc_days};
use crate::{Error, Result};

/// One thing that is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// A short name to group by: `malformed_json`, `dataset_mismatch`, `type_mismatch`, `refused`, `duplicate_field`, `key_null`,
    /// `required_null`, `value_not_listed`.
    pub code: &'static str,
    /// The column, where one is at fault.
    pub column: Option<String>,
    /// What is wrong, with the value.
    pub detail: String,
}

impl RowFault {
    fn malformed(detail: String) -> Self {
        Self { code: "malformed_json", column: None, detail }
    }
}

/// An informational column of a row whose value did not fit, or was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The row's place in its batch.
    pub row: usize,
    /// The column, by its place in the contract.
    pub column: usize,
}

/// Turns lines into a batch of a contract's columns. A line either becomes a whole row or leaves nothing behind.
///
/// A line's member `refused` names values that whoever wrote the line did not take for values, each with what stood there
/// and why: `"refused":{"close":{"value":"1234.56","reason":"is no number in pt-BR"}}`. Such a column has no value, whatever
/// stood there: of an informational one that is a [`Misfit`], of any other a fault. A contract may have a column of that
/// name; its lines then have no such member.
pub struct RowDecoder {
    contract: Arc<Contract>,
    schema: SchemaRef,
    builders: Vec<ColumnBuilder>,
    /// The columns that are read; the others are derived from them.
    read: Vec<usize>,
    slots: Vec<Slot>,
    aside: Aside,
    shapes: Shapes,
    rows: usize,
    misfits: Vec<Misfit>,
    unknown_fields: BTreeMap<String, u64>,
}

impl std::fmt::Debug for RowDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowDecoder").field("dataset", &self.contract.name).field("rows", &self.rows).finish()
    }
}

impl RowDecoder {
    /// A decoder without rows.
    pub fn new(contract: Arc<Contract>) -> Self {
        Self {
            schema: contract.unchecked_schema(),
            builders: contract.columns.iter().map(ColumnBuilder::new).collect(),
            read: (0..contract.columns.len()).filter(|index| contract.columns[*index].is_read()).collect(),
            slots: vec![Slot::Unset; contract.columns.len()],
            aside: Aside::default(),
            shapes: Shapes::default(),
            rows: 0,
            misfits: Vec::new(),
            unknown_fields: BTreeMap::new(),
            contract,
        }
    }

    /// Rows since the last [`RowDecoder::take_batch`].
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Fields that the contract does not name and how many lines had them. They are left in the landing object.
    pub fn unknown_fields(&self) -> &BTreeMap<String, u64> {
        &self.unknown_fields
    }

    /// Adds the row that `line` holds, or says everything that is wrong with it. Missing values are no fault here: they
    /// are judged with the rules, see [`super::unfit_values`].
    pub fn push(&mut self, line: &str) -> Result<(), Vec<RowFault>> {
        if !self.shapes.read(line, &mut self.builders, self.rows) {
            self.read_any(line)?;
            let texts = Texts { line, aside: &self.aside };
            for index in &self.read {
                self.builders[*index].push(self.slots[*index], texts);
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Reads a line of any shape into the slots, and learns its shape.
    fn read_any(&mut self, line: &str) -> Result<(), Vec<RowFault>> {
        let mut faults = Vec::new();
        let mut fields = Vec::new();
        let mut misfits = Vec::new();
        let mut refused = Refused::default();
        let Self { contract, slots, aside, unknown_fields, .. } = self;
        slots.fill(Slot::Unset);
        aside.clear();
        let scanned = scan_object(line, |name, raw| {
            let column = find_column(contract, name);
            fields.push((name, column));
            let Some(index) = column else {
                if refused.read(name, raw) {
                    return Ok(());
                }
                if name != "dataset" {
                    *unknown_fields.entry(name.to_owned()).or_default() += 1;
                } else if raw != Raw::Text(&contract.name) {
                    faults.push(RowFault {
                        code: "dataset_mismatch",
                        column: None,
                        detail: format!(
                            "the row names dataset {}, it lies among {:?}",
                            shown(raw),
                            contract.name
                        ),
                    });
                }
                return Ok(());
            };
            let column = &contract.columns[index];
            if slots[index] != Slot::Unset {
                faults.push(RowFault {
                    code: "duplicate_field",
                    column: Some(column.name.clone()),
                    detail: "stands twice in the line".into(),
                });
                return Ok(());
            }
            match convert(column, raw, line, aside) {
                Ok(slot) => slots[index] = slot,
                Err(detail) => {
                    slots[index] = Slot::Null;
                    if column.informational {
                        misfits.push(index);
                    } else {
                        faults.push(RowFault {
                            code: "type_mismatch",
                            column: Some(column.name.clone()),
                            detail,
                        });
                    }
                }
            }
            Ok(())
        });
        if let Err(detail) = scanned {
            return Err(vec![RowFault::malformed(detail)]);
        }
        for refusal in refused.0 {
            let Some(index) = find_column(contract, &refusal.column) else {
                *unknown_fields.entry(format!("refused.{}", refusal.column)).or_default() += 1;
                continue;
            };
            // What was refused is no value, even where the line has one beside.
            slots[index] = Slot::Null;
            if !contract.columns[index].informational {
                faults.push(refusal.into_fault());
            } else if !misfits.contains(&index) {
                misfits.push(index);
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        if misfits.is_empty() {
            // A line that is wrong teaches nothing.
            self.shapes.learn(contract, &fields);
        }
        misfits.sort_unstable();
        let row = self.rows;
        self.misfits.extend(misfits.into_iter().map(|column| Misfit { row, column }));
        Ok(())
    }

    /// The values of some text columns in the line that was refused last, where all of them could be read.
    pub fn texts_of_faulty<'l>(&'l self, line: &'l str, columns: &[usize]) -> Option<Vec<&'l str>> {
        let texts = Texts { line, aside: &self.aside };
        columns.iter().map(|index| texts.of(*self.slots.get(*index)?)).collect()
    }

    /// The misfits of the rows since the last call, by row. To be asked for beside each batch.
    pub fn take_misfits(&mut self) -> Vec<Misfit> {
        std::mem::take(&mut self.misfits)
    }

    /// Batches of this decoder with one dictionary for each column, the newest: a file of several batches holds one.
    pub fn unify(&self, batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        if batches.len() < 2 {
            return Ok(batches);
        }
        let dictionaries: Vec<_> =
            self.builders.iter().map(ColumnBuilder::dictionary_values).collect::<Result<_>>()?;
        batches
            .into_iter()
            .map(|batch| {
                let columns = dictionaries.iter().zip(batch.columns()).map(|(values, column)| match values {
                    Some(values) => with_values(column, values),
                    None => Ok(Arc::clone(column)),
                });
                Ok(RecordBatch::try_new(batch.schema(), columns.collect::<Result<_>>()?)?)
            })
            .collect()
    }

    /// The rows so far as a batch of [`Contract::unchecked_schema`], derived columns filled in. The decoder is empty
    /// afterwards, and its next batch shares this one's dictionaries.
    pub fn take_batch(&mut self) -> Result<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        let mut columns: Vec<ArrayRef> =
            self.builders.iter_mut().map(ColumnBuilder::finish).collect::<Result<_>>()?;
        for index in &self.read {
            // The next window will hold about as many.
            self.builders[*index].reserve(rows + rows / 16);
        }
        for (index, column) in self.contract.columns.iter().enumerate() {
            if let Some(derivation) = &column.derivation {
                columns[index] = derive(derivation, &columns, column)?;
            } else if column.role == Role::Flags {
                columns[index] = new_null_array(&column.ty.arrow(column.dictionary), rows);
            }
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// The column of a field that is to be read.
fn find_column(contract: &Contract, name: &str) -> Option<usize> {
    contract.field_index(name)
}

#[inline]
fn convert(column: &Column, raw: Raw<'_>, line: &str, aside: &mut Aside) -> Result<Slot, String> {
    if raw == Raw::Null {
        return Ok(Slot::Null);
    }
    match column.ty {
        ColumnType::String => match raw {
            Raw::Text(text) => Ok(span(line, text, aside)),
            Raw::Escaped(quoted) => Ok(kept(unescape(quoted)?, aside)),
            other => Err(format!("{} is not text", shown(other))),
        },
        ColumnType::Int => counted(raw, 10, column).and_then(|n| {
            i32::try_from(n)
                .map(|n| Slot::Int(i64::from(n)))
                .map_err(|_| format!("{} is out of range for int", shown(raw)))
        }),
        ColumnType::Bigint => counted(raw, 19, column).and_then(|n| {
            i64::try_from(n).map(Slot::Int).map_err(|_| format!("{} is out of range for bigint", shown(raw)))
        }),
        ColumnType::Decimal { precision, scale } => {
            let value = scaled(raw, precision, scale as i8, column)?;
            if precision <= 18 {
                return Ok(Slot::Int(value as i64));
            }
            aside.wide.push(value);
            // A line has fewer fields than that.
            Ok(Slot::Wide(aside.wide.len() as u32 - 1))
        }
        ColumnType::Double => {
            let text = literal(raw)?;
            match text.parse::<f64>() {
                Ok(value)
                    if value.is_finite()
                        && text.bytes().all(|b| !b.is_ascii_alphabetic() || b == b'e' || b == b'E') =>
                {
                    Ok(Slot::Float(value))
                }
                _ => Err(format!("{} is not a finite number", shown(raw))),
            }
        }
        ColumnType::Date => match raw {
            Raw::Text(text) => parse_date(text.as_bytes())
                .map(|days| Slot::Int(i64::from(days)))
                .ok_or_else(|| format!("{} is not a date (YYYY-MM-DD)", shown(raw))),
            other => Err(format!("{} is not a date (YYYY-MM-DD)", shown(other))),
        },
        ColumnType::Timestamp => instant(column, raw).map(Slot::Int),
        ColumnType::Boolean => match raw {
            Raw::Bool(value) => Ok(Slot::Bool(value)),
            Raw::Text(text) if text.eq_ignore_ascii_case("true") => Ok(Slot::Bool(true)),
            Raw::Text(text) if text.eq_ignore_ascii_case("false") => Ok(Slot::Bool(false)),
            other => Err(format!("{} is neither true nor false", shown(other))),
        },
    }
}

#[inline]
fn span(line: &str, text: &str, aside: &mut Aside) -> Slot {
    let start = text.as_ptr() as usize - line.as_ptr() as usize;
    match (u32::try_from(start), u32::try_from(start + text.len())) {
        (Ok(start), Ok(end)) => Slot::Span(start, end),
        _ => kept(text.to_owned(), aside),
    }
}

/// Keeps a text that is not the line's own.
fn kept(text: String, aside: &mut Aside) -> Slot {
    aside.unescaped.push(text);
    // A line has fewer fields than that.
    Slot::Unescaped(aside.unescaped.len() as u32 - 1)
}

/// A number's literal: bare, or as text that holds nothing else.
fn literal<'a>(raw: Raw<'a>) -> Result<&'a str, String> {
    match raw {
        Raw::Number(text) | Raw::Text(text) => Ok(text),
        other => Err(format!("{} is not a number", shown(other))),
    }
}

#[inline]
fn scaled(raw: Raw<'_>, precision: u8, scale: i8, column: &Column) -> Result<i128, String> {
    let literal = literal(raw)?;
    let shorter = if column.drops_float_noise { without_float_noise(literal) } else { None };
    let literal = shorter.as_deref().unwrap_or(literal);
    parse_scaled(literal.as_bytes(), precision, scale).map_err(|error| match error {
        DecimalError::NotANumber => format!("{} {error}", shown(raw)),
        _ => format!("{} {error} ({})", shown(raw), column.ty),
    })
}

/// A whole number. As text it has no exponent: a program that writes one has rounded the number away.
fn counted(raw: Raw<'_>, precision: u8, column: &Column) -> Result<i128, String> {
    if let Raw::Text(text) = raw
        && text.contains(['e', 'E'])
        && parse_scaled(text.as_bytes(), 38, 0).is_ok()
    {
        return Err(format!("{} has an exponent: its last digits may be lost ({})", shown(raw), column.ty));
    }
    scaled(raw, precision, 0, column)
}

fn instant(column: &Column, raw: Raw<'_>) -> Result<i64, String> {
    if let Some(epoch) = column.epoch {
        let count = counted(raw, 19, column)?;
        let count = i64::try_from(count).map_err(|_| format!("{} is out of range", shown(raw)))?;
        return epoch.ms(count).ok_or_else(|| format!("{} {}", shown(raw), epoch.fault(count)));
    }
    let Raw::Text(text) = raw else { return Err(format!("{} is not an instant", shown(raw))) };
    match parse_instant(text.as_bytes()) {
        Some(ms) => Ok(ms),
        None => read_iso_instant(text, column.zone).map_err(|fault| format!("{} {fault}", shown(raw))),
    }
}

/// A value for an error's text: short, and as it stood.
pub(super) fn shown(raw: Raw<'_>) -> String {
    let text = match raw {
        Raw::Null => Cow::Borrowed("null"),
        Raw::Bool(value) => Cow::Owned(value.to_string()),
        Raw::Number(text) | Raw::Escaped(text) | Raw::Nested(text) => Cow::Borrowed(text),
        Raw::Text(text) => Cow::Owned(format!("\"{text}\"")),
    };
    shortened(&text).into_owned()
}

/// A text for an error: its beginning, where it is long.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((cut, _)) => Cow::Owned(format!("{}...", &text[..cut])),
        None => Cow::Borrowed(text),
    }
}

/// A derived column's values.
pub(super) fn derive(derivation: &Derivation, columns: &[ArrayRef], column: &Column) -> Result<ArrayRef> {
    let source = &columns[derivation.from()];
    Ok(match derivation {
        Derivation::Copy { .. } => Arc::clone(source),
        Derivation::Date { zone, .. } => {
            let instants =
                source.as_primitive_opt::<TimestampMillisecondType>().ok_or_else(|| not_a_time(column))?;
            Arc::new(match zone {
                None => instants.unary::<_, Date32Type>(utc_days),
                Some(zone) => instants.unary::<_, Date32Type>(|ms| local_days(ms, *zone)),
            }) as ArrayRef
        }
        Derivation::Format { format, zone, .. } => {
            let texts = (0..source.len())
                .map(|row| format_time(source, row, format, *zone))
                .collect::<Result<Vec<_>>>()?;
            Arc::new(StringArray::from(texts))
        }
    })
}

/// The date that a zone's calendars show at an instant, as a day count; UTC's outside the calendar.
fn local_days(ms: i64, zone: Tz) -> i32 {
    match instant_from_ms(ms) {
        Ok(instant) => days_since_epoch(zone.from_utc_datetime(&instant.naive_utc()).date_naive()),
        Err(_) => utc_days(ms),
    }
}

/// A date, or an instant in a zone (UTC where there is none), as text; `None` where it is missing.
pub(super) fn format_time(
    source: &ArrayRef,
    row: usize,
    format: &str,
    zone: Option<Tz>,
) -> Result<Option<String>> {
    if source.is_null(row) {
        return Ok(None);
    }
    if let Some(dates) = source.as_any().downcast_ref::<Date32Array>() {
        let date = date_from_days(dates.value(row))
            .ok_or_else(|| Error::invalid("a date is outside the calendar"))?;
        return Ok(Some(date.format(format).to_string()));
    }
    let instants = source
        .as_primitive_opt::<TimestampMillisecondType>()
        .ok_or_else(|| Error::bug("only a date or an instant can be formatted"))?;
    let instant = instant_from_ms(instants.value(row))?;
    let local = match zone {
        Some(zone) => zone.from_utc_datetime(&instant.naive_utc()).naive_local(),
        None => instant.naive_utc(),
    };
    Ok(Some(local.format(format).to_string()))
}

fn not_a_time(column: &Column) -> Error {
    Error::bug(format!("column {:?} is derived from a column that is no instant", column.name))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal64Array, TimestampMillisecondArray};

    use super::*;
    use crate::Contracts;

    const YAML: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: ticks
    properties:
      - {name: symbol, logicalType: string, physicalType: string, required: true, primaryKey: true}
      - {name: ts, logicalType: timestamp, physicalType: timestamp, required: true, primaryKey: true, customProperties: [{property: encoding, value: epoch_ms}]}
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
        let both =
            r#"{"symbol":"A","ts":1,"price":8.63,"refused":{"price":{"value":8.63,"reason":"is late"}}}"#;
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
}
