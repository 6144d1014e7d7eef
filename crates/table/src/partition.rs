//! Which partition a row belongs to.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Date32Type, TimestampMillisecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::NaiveDate;

use super::decode::format_time;
use super::row_fault::shortened;
use quotelake_contract::HIVE_NULL;
use quotelake_contract::{Contract, Derivation, PartitionField};
use quotelake_core::percent::{partition_value, partition_value_of};
use quotelake_core::{Error, ObjectKey, Result, Zone};

/// The values of a table's partition columns, outermost first; none where one file holds the whole table.
///
/// ```
/// use quotelake_table::PartitionKey;
/// let key = PartitionKey::new(vec![("year".into(), "2026".into()), ("month".into(), "11".into())]);
/// assert_eq!(key.to_string(), "year=2026/month=11");
/// assert_eq!("year=2026/month=11".parse::<PartitionKey>().unwrap(), key);
/// assert_eq!("".parse::<PartitionKey>().unwrap(), PartitionKey::new(Vec::new()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionKey(Vec<(String, String)>);

impl PartitionKey {
    /// Columns and values, in the contract's order.
    pub fn new(values: Vec<(String, String)>) -> Self {
        Self(values)
    }

    /// The values as the catalog takes them.
    pub fn values(&self) -> Vec<String> {
        self.0.iter().map(|(_, value)| value.clone()).collect()
    }

    /// The partition of the rows of a date, where the table's partitions follow from the date column at `column` alone.
    pub fn of_date(contract: &Contract, column: usize, date: NaiveDate) -> Result<Option<Self>> {
        if contract.partitions.iter().any(|field| field.derivation.from() != column) {
            return Ok(None);
        }
        let days = (date - NaiveDate::default()).num_days();
        let days =
            i32::try_from(days).map_err(|_| Error::invalid(format!("{date} is no date of a table")))?;
        let source: ArrayRef = Arc::new(Date32Array::from(vec![days]));
        let values =
            contract.partitions.iter().map(|field| Ok((field.name.clone(), label(field, "", &source, 0)?)));
        values.collect::<Result<_>>().map(|values| Some(Self(values)))
    }

    /// The key of the partition's one file, of a table in this zone.
    pub fn object_key(&self, zone: Zone, table: &str) -> ObjectKey {
        ObjectKey::table(zone, table, &self.segments(escape))
    }

    /// The key of the list of the business keys in the partition.
    pub fn key_list(&self, table: &str) -> ObjectKey {
        ObjectKey::keys(table, &self.segments(escape))
    }

    /// The key of the file as earlier versions spelled it, where it is another one: the text `NULL` was written as it is.
    pub fn former_object_key(&self, zone: Zone, table: &str) -> Option<ObjectKey> {
        let former = ObjectKey::table(zone, table, &self.segments(percent_coded));
        (former != self.object_key(zone, table)).then_some(former)
    }

    /// The partition that these columns and escaped values of a key name.
    pub fn of_segments(segments: &[(String, String)]) -> Result<Self> {
        let values = segments.iter().map(|(name, value)| Ok((name.clone(), partition_value_of(value)?)));
        values.collect::<Result<_>>().map(Self)
    }

    /// The names of the partition columns, outermost first.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    fn segments(&self, escape: impl Fn(&str) -> String) -> Vec<(String, String)> {
        self.0.iter().map(|(name, value)| (name.clone(), escape(value))).collect()
    }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let slash = if index == 0 { "" } else { "/" };
            write!(f, "{slash}{name}={}", escape(value))?;
        }
        Ok(())
    }
}

impl std::str::FromStr for PartitionKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        text.split('/')
            .map(|segment| {
                let (name, value) = segment
                    .split_once('=')
                    .ok_or_else(|| Error::invalid(format!("{text:?} is no partition: wants name=value")))?;
                Ok((name.to_owned(), partition_value_of(value)?))
            })
            .collect::<Result<_>>()
            .map(Self)
    }
}

/// Hive's escaping of partition values in paths: everything but letters, digits and `._-` as `%XX`. So is the first letter of
/// the text `NULL`, in any case, which some readers of plain paths (DuckDB 1) take for a missing value.
fn escape(value: &str) -> String {
    let path = percent_coded(value);
    match value.as_bytes() {
        [first, ..] if value.eq_ignore_ascii_case("null") => format!("%{first:02X}{}", &path[1..]),
        _ => path,
    }
}

/// The same without a word about `NULL`. An empty value, which earlier versions let in, is Hive's missing one.
fn percent_coded(value: &str) -> String {
    if value.is_empty() {
        return HIVE_NULL.into();
    }
    partition_value(value)
}

/// The most bytes of a folder's name: file systems allow 255, and all folders of a key together have 1,024.
const MOST_FOLDER_BYTES: usize = 255;
const MOST_KEY_BYTES: usize = 1024;

/// Why a text cannot be the value of a partition column; `None` where it can.
///
/// Readers cannot tell an empty text and Hive's word for a missing value from a missing one, nor what stands for it in this
/// table; and a folder's name and a key have a greatest length.
pub(super) fn unfit_text(contract: &Contract, field: &PartitionField, text: &str) -> Option<String> {
    let missing = contract.null_partition.as_deref();
    if text.is_empty() || text == HIVE_NULL || missing == Some(text) {
        return Some(format!(
            "{text:?} as a value of the partition {:?} cannot be told from a missing one",
            field.name
        ));
    }
    let fixed = ObjectKey::keys(&contract.name, &[]).to_string().len();
    let share = MOST_KEY_BYTES.saturating_sub(fixed) / contract.partitions.len().max(1);
    let most = MOST_FOLDER_BYTES.min(share.saturating_sub(1));
    let bytes = field.name.len() + 1 + escape(text).len();
    (bytes > most).then(|| {
        format!(
            "{:?} as a value of the partition {:?} makes a folder name of {bytes} bytes, {most} are the most",
            shortened(text),
            field.name
        )
    })
}

/// Splits batches by a contract's partitions.
#[derive(Debug)]
pub struct Partitioner<'c> {
    contract: &'c Contract,
}

impl<'c> Partitioner<'c> {
    /// A partitioner for batches of this contract's columns.
    pub fn new(contract: &'c Contract) -> Self {
        Self { contract }
    }

    /// The batch's rows by partition, in partition order, each part in the batch's row order. Rows that already lie
    /// together are sliced, not copied.
    pub fn split(&self, batch: &RecordBatch) -> Result<Vec<(PartitionKey, RecordBatch)>> {
        let members = self.members(batch.num_rows(), |index| Ok(Arc::clone(batch.column(index))))?;
        members.into_iter().map(|(key, rows)| Ok((key, chosen_rows(batch, rows)?))).collect()
    }

    /// The numbers of each partition's rows, ascending, in partition order. `column` gives a column of the contract.
    pub(super) fn members(
        &self,
        rows: usize,
        column: impl Fn(usize) -> Result<ArrayRef>,
    ) -> Result<Vec<(PartitionKey, Vec<u32>)>> {
        if rows == 0 {
            return Ok(Vec::new());
        }
        let rows = u32::try_from(rows).map_err(|_| Error::bug("a batch has more than 2^32 rows"))?;
        let fields = self
            .contract
            .partitions
            .iter()
            .map(|field| {
                let missing = self.contract.null_partition.as_deref().unwrap_or(HIVE_NULL);
                FieldCodes::of(field, missing, &column(field.derivation.from())?)
            })
            .collect::<Result<Vec<_>>>()?;
        let mut dense: HashMap<Vec<u32>, usize> = HashMap::new();
        let mut members: Vec<Vec<u32>> = Vec::new();
        let mut current: Option<(Vec<u32>, usize)> = None;
        for row in 0..rows {
            let code = |field: &FieldCodes| field.codes[row as usize];
            let part = match &current {
                Some((codes, part)) if fields.iter().zip(codes).all(|(f, known)| code(f) == *known) => *part,
                _ => {
                    let codes: Vec<u32> = fields.iter().map(code).collect();
                    let next = dense.len();
                    let part = *dense.entry(codes.clone()).or_insert(next);
                    if part == members.len() {
                        members.push(Vec::new());
                    }
                    current = Some((codes, part));
                    part
                }
            };
            members[part].push(row);
        }
        let mut parts: Vec<(PartitionKey, Vec<u32>)> = dense
            .into_iter()
            .map(|(codes, part)| {
                let values = self.contract.partitions.iter().zip(&fields).zip(codes);
                let key = values.map(|((field, column), code)| {
                    (field.name.clone(), column.labels[code as usize].clone())
                });
                (PartitionKey(key.collect()), std::mem::take(&mut members[part]))
            })
            .collect();
        parts.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(parts)
    }
}

/// Some of a batch's rows, ascending.
pub(super) fn chosen_rows(batch: &RecordBatch, rows: Vec<u32>) -> Result<RecordBatch> {
    match (rows.first(), rows.last()) {
        (Some(first), Some(last)) if (last - first) as usize + 1 == rows.len() => {
            Ok(batch.slice(*first as usize, rows.len()))
        }
        _ => Ok(take_record_batch(batch, &UInt32Array::from(rows))?),
    }
}

/// One partition column of a batch: a code per row and each code's text.
struct FieldCodes {
    codes: Vec<u32>,
    labels: Vec<String>,
}

impl FieldCodes {
    fn of(field: &PartitionField, missing: &str, source: &ArrayRef) -> Result<Self> {
        let mut granules: HashMap<i64, u32> = HashMap::new();
        let mut by_label: HashMap<String, u32> = HashMap::new();
        let mut this = Self { codes: Vec::with_capacity(source.len()), labels: Vec::new() };
        let granule = granule_of(field, source);
        let mut last: Option<(i64, u32)> = None;
        for row in 0..source.len() {
            let step = granule.as_ref().map(|granule| granule(row));
            if let (Some(step), Some((known, code))) = (step, last)
                && step == known
            {
                this.codes.push(code);
                continue;
            }
            let known = step.and_then(|step| granules.get(&step).copied());
            let code = match known {
                Some(code) => code,
                None => {
                    let label = label(field, missing, source, row)?;
                    let next = this.labels.len() as u32;
                    let code = *by_label.entry(label.clone()).or_insert(next);
                    if code == next {
                        this.labels.push(label);
                    }
                    if let Some(step) = step {
                        granules.insert(step, code);
                    }
                    code
                }
            };
            last = step.map(|step| (step, code));
            this.codes.push(code);
        }
        Ok(this)
    }
}

/// 1973-01-01.
const YEAR_1973_MS: i64 = 94_694_400_000;

type Granule<'a> = Box<dyn Fn(usize) -> i64 + 'a>;

/// Rows of one granule have one label: the day of a date, the hour of an instant.
fn granule_of<'a>(field: &PartitionField, source: &'a ArrayRef) -> Option<Granule<'a>> {
    if source.null_count() > 0 {
        // A granule that no day and no hour has.
        let granule = granule_of_present(field, source)?;
        return Some(Box::new(move |row| if source.is_null(row) { i64::MIN } else { granule(row) }));
    }
    granule_of_present(field, source)
}

fn granule_of_present<'a>(field: &PartitionField, source: &'a ArrayRef) -> Option<Granule<'a>> {
    if let Some(dates) = source.as_primitive_opt::<Date32Type>() {
        return Some(Box::new(|row| i64::from(dates.value(row))));
    }
    let instants = source.as_primitive_opt::<TimestampMillisecondType>()?;
    match field.derivation {
        Derivation::Copy { .. } => None,
        Derivation::Date { zone: None, .. } | Derivation::Format { zone: None, .. } => {
            Some(Box::new(|row| instants.value(row).div_euclid(3_600_000)))
        }
        // Zones differ by whole minutes since 1972, and did not always before.
        _ => Some(Box::new(|row| match instants.value(row) {
            ms if ms < YEAR_1973_MS => ms - YEAR_1973_MS,
            ms => ms.div_euclid(60_000),
        })),
    }
}

/// A row's value of a partition column; `missing` where it has none.
fn label(field: &PartitionField, missing: &str, source: &ArrayRef, row: usize) -> Result<String> {
    let text = match &field.derivation {
        Derivation::Format { format, zone, .. } => format_time(source, row, format, *zone)?,
        Derivation::Date { zone, .. } => format_time(source, row, "%Y-%m-%d", *zone)?,
        Derivation::Copy { .. } => {
            let options = FormatOptions::default();
            let is_there = source.logical_nulls().is_none_or(|nulls| nulls.is_valid(row));
            is_there
                .then(|| {
                    Ok::<_, Error>(ArrayFormatter::try_new(source.as_ref(), &options)?.value(row).to_string())
                })
                .transpose()?
        }
    };
    Ok(text.unwrap_or_else(|| missing.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RowDecoder;
    use quotelake_contract::Contracts;

    #[test]
    fn months_in_order_whatever_the_row_order() {
        let contracts = Contracts::built_in().unwrap();
        let contract = &contracts.get("splits").unwrap().contract;
        let mut decoder = RowDecoder::new(std::sync::Arc::clone(contract));
        for date in ["2022-06-29", "2005-02-28", "2022-07-18", "2005-03-01"] {
            decoder.push(&format!(r#"{{"execution_date":"{date}"}}"#)).unwrap();
        }
        let parts = Partitioner::new(contract).split(&decoder.take_batch().unwrap()).unwrap();
        let shown: Vec<_> = parts.iter().map(|(key, batch)| (key.to_string(), batch.num_rows())).collect();
        assert_eq!(shown, [("year=2005".into(), 2), ("year=2022".into(), 2)]);
        assert_eq!(
            parts[1].0.object_key(Zone::Bronze, "splits").to_string(),
            "bronze/splits/year=2022/part-0.parquet"
        );
    }

    #[test]
    fn values_are_escaped_as_hive_does() {
        let key =
            PartitionKey::new(vec![("market".into(), "a/b=c d%".into()), ("day".into(), HIVE_NULL.into())]);
        let path = key.to_string();
        assert_eq!(path, "market=a%2Fb%3Dc%20d%25/day=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(path.parse::<PartitionKey>().unwrap(), key);
        assert!("market=%G1".parse::<PartitionKey>().is_err());
    }

    #[test]
    fn the_text_null_is_no_missing_value_and_the_file_under_its_former_name_is_known() {
        for (text, path, former) in [
            ("NULL", "p=%4EULL", Some("bronze/t/p=NULL/part-0.parquet")),
            ("nuLL", "p=%6EuLL", Some("bronze/t/p=nuLL/part-0.parquet")),
            ("NULLS", "p=NULLS", None),
        ] {
            let key = PartitionKey::new(vec![("p".into(), text.into())]);
            assert_eq!(key.to_string(), path);
            assert_eq!(path.parse::<PartitionKey>().unwrap(), key);
            assert_eq!(
                key.former_object_key(Zone::Bronze, "t").map(|key| key.to_string()).as_deref(),
                former
            );
        }
    }
}
