//! How a table lies in the lake: the custom properties `key`, `partitionBy`, `nullPartition` and `determinedBy`.

use super::column::{Column, ColumnType, Derivation};
use super::custom::Custom;
use super::model::{Contract, PartitionField};
use quotelake_core::{Error, Result};

/// The text that Hive, Athena, Trino and DuckDB read as a missing partition value.
pub const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The column of a keyless row's file.
pub(super) const FILE_SHA256: &str = "file_sha256";
/// The column of a keyless row's place in its file.
pub(super) const FILE_ROW: &str = "file_row";

/// The columns that tell the rows of a dataset without a key apart, as a contract would declare them.
pub(super) const FILE_COLUMNS: &str = r#"
- {name: file_sha256, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1, description: "SHA-256 of the file that the row came in, lowercase hex."}
- {name: file_row, logicalType: integer, physicalType: bigint, required: true, primaryKey: true, primaryKeyPosition: 2, description: "The row's number in that file, from 1."}
"#;

/// Whether the dataset has no key of its own: `key: none`.
pub(super) fn is_keyless(custom: &Custom) -> Result<bool> {
    match custom.text("key")?.as_deref() {
        None => Ok(false),
        Some("none") => Ok(true),
        Some(other) => Err(Error::config(format!(
            "key is `none`, found {other:?}; columns of a key are marked `primaryKey: true`"
        ))),
    }
}

/// The table's partitions and the value for rows that lack one, from the partitions that the properties declare.
pub(super) fn partitions(
    custom: &Custom,
    declared: Vec<PartitionField>,
    columns: &[Column],
) -> Result<(Vec<PartitionField>, Option<String>)> {
    let partitions = match custom.text("partitionBy")?.as_deref() {
        None if declared.is_empty() => {
            return Err(Error::config(
                "no property is `partitioned`: one file would hold the whole table; if that is meant, say `partitionBy: none`",
            ));
        }
        None => declared,
        Some("none") => match declared.first() {
            None => declared,
            Some(field) => {
                return Err(Error::config(format!(
                    "`partitionBy: none` and the partition {:?} contradict each other",
                    field.name
                )));
            }
        },
        Some("year") => vec![by_date("year", "%Y", &declared, columns)?],
        Some("month") => vec![by_date("month", "%Y-%m", &declared, columns)?],
        Some("day") => vec![by_date("day", "%Y-%m-%d", &declared, columns)?],
        Some(other) => {
            return Err(Error::config(format!(
                "partitionBy is `none`, `year`, `month` or `day`, found {other:?}"
            )));
        }
    };
    let null_partition = null_partition(custom, &partitions, columns)?;
    Ok((partitions, null_partition))
}

/// `determinedBy` of a column names columns of the key.
pub(super) fn check_determined(contract: &Contract) -> Result<()> {
    for (index, column) in contract.columns.iter().enumerate() {
        if !column.determined_by.is_empty() && !contract.follows_from_key(index) {
            return Err(Error::config(format!(
                "column {:?}: determinedBy names columns of the key, found {}",
                column.name,
                column.determined_by.join(", ")
            )));
        }
    }
    Ok(())
}

/// The partition by the one date or instant that is marked `partitioned`.
fn by_date(
    name: &str,
    format: &str,
    declared: &[PartitionField],
    columns: &[Column],
) -> Result<PartitionField> {
    let [PartitionField { derivation: Derivation::Copy { from }, .. }] = declared else {
        return Err(Error::config(format!(
            "`partitionBy: {name}` needs one date or timestamp column that is `partitioned: true`, and no other partition"
        )));
    };
    let column = &columns[*from];
    if !matches!(column.ty, ColumnType::Date | ColumnType::Timestamp) {
        return Err(Error::config(format!(
            "`partitionBy: {name}` needs a date or a timestamp, and column {:?} is a {}",
            column.name, column.ty
        )));
    }
    if columns.iter().any(|column| column.name == name) {
        return Err(Error::config(format!(
            "`partitionBy: {name}` makes a partition column of that name, and there is such a column already"
        )));
    }
    let zone = match (column.ty, column.zone) {
        (ColumnType::Timestamp, Some(zone)) => format!(" ({zone})"),
        (ColumnType::Timestamp, None) => " (UTC)".to_owned(),
        _ => String::new(),
    };
    Ok(PartitionField {
        name: name.to_owned(),
        ty: ColumnType::String,
        derivation: Derivation::Format { from: *from, format: format.to_owned(), zone: column.zone },
        description: format!("The {name} of {}{zone}.", column.name),
    })
}

/// `nullPartition`: what is in the place of a partition value that is missing.
fn null_partition(
    custom: &Custom,
    partitions: &[PartitionField],
    columns: &[Column],
) -> Result<Option<String>> {
    let nullable = partitions.iter().find(|field| columns[field.derivation.from()].nullable);
    let Some(text) = custom.text("nullPartition")? else {
        return match nullable {
            None => Ok(None),
            Some(field) => Err(Error::config(format!(
                "partition {:?} comes from column {:?}, which must then be `required`, or the contract says where rows without it lie: `nullPartition: __null__`",
                field.name,
                columns[field.derivation.from()].name
            ))),
        };
    };
    let sound = text.starts_with('_')
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !sound {
        return Err(Error::config(format!(
            "nullPartition is a short text of letters, digits, `_` and `-` that begins with `_`, as `__null__`, found {text:?}"
        )));
    }
    if nullable.is_none() {
        return Err(Error::config(
            "nullPartition means nothing: every column that a partition comes from is `required`",
        ));
    }
    let lacking =
        |field: &&PartitionField| columns[field.derivation.from()].nullable && field.ty != ColumnType::String;
    for field in partitions.iter().filter(lacking) {
        // A partition that no file holds as a column is read from its folder, by its type.
        if !matches!(field.derivation, Derivation::Copy { .. }) {
            return Err(Error::config(format!(
                "partition {:?} is a {}: with nullPartition a computed partition must be a string",
                field.name, field.ty
            )));
        }
        if text != HIVE_NULL {
            return Err(Error::config(format!(
                "partition {:?} is a {}, which {text:?} is not: use `nullPartition: {HIVE_NULL}`, which readers take for a missing value",
                field.name, field.ty
            )));
        }
    }
    Ok(Some(text))
}
