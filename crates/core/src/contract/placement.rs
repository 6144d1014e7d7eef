//! How a table lies in the lake: the custom properties `key`, `partitionBy`, `nullPartition` and `determinedBy`.

use super::model::{Column, ColumnType, Contract, Derivation, PartitionField};
use super::odcs::Custom;
use crate::{Error, Result};

/// The text that Hive, Athena, Trino and DuckDB read as a missing partition value.
pub(crate) const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

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

/// `nullPartition`: what stands in the place of a partition value that is missing.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::Contracts;
    use crate::contract::glue_columns;
    use crate::table::{Partitioner, RowDecoder, unfit_values};

    fn contracts(custom: &str, properties: &str) -> crate::Result<Contracts> {
        let mut contracts = Contracts::built_in().unwrap();
        let custom = if custom.is_empty() { "" } else { &format!("    customProperties:\n{custom}") };
        contracts.add(
            &format!(
                "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: sales\n{custom}    properties:\n{properties}"
            ),
            None,
        )?;
        Ok(contracts)
    }

    fn custom(properties: &[(&str, &str)]) -> String {
        let line = |(name, value): &(&str, &str)| format!("      - {{property: {name}, value: {value}}}\n");
        properties.iter().map(line).collect()
    }

    const ID: &str =
        "      - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}\n";
    const NOTE: &str = "      - {name: note, logicalType: string, physicalType: string}\n";

    fn date(required: bool, partitioned: bool) -> String {
        format!(
            "      - {{name: sold_on, logicalType: date, physicalType: date, required: {required}, partitioned: {partitioned}}}\n"
        )
    }

    /// The partitions of a sale on 2 November 2026, and of one without a date.
    fn folders(custom_properties: &[(&str, &str)], properties: &str) -> Vec<String> {
        let contracts = contracts(&custom(custom_properties), properties).unwrap();
        let contract = &contracts.get("sales").unwrap().contract;
        let mut decoder = RowDecoder::new(Arc::clone(contract));
        decoder.push(r#"{"id":1,"sold_on":"2026-11-02"}"#).unwrap();
        decoder.push(r#"{"id":2}"#).unwrap();
        let parts = Partitioner::new(contract).split(&decoder.take_batch().unwrap()).unwrap();
        parts.iter().map(|(key, _)| key.object_key("sales").folder()).collect()
    }

    #[test]
    fn a_table_is_cut_by_year_month_day_or_not_at_all() {
        let both = format!("{ID}{}", date(false, true));
        for (by, folder) in [("year", "year=2026"), ("month", "month=2026-11"), ("day", "day=2026-11-02")] {
            let (without, _) = folder.split_once('=').unwrap();
            let mut expected =
                [format!("bronze/sales/{folder}/"), format!("bronze/sales/{without}=__null__/")];
            expected.sort();
            assert_eq!(folders(&[("partitionBy", by), ("nullPartition", "__null__")], &both), expected);
        }
        assert_eq!(
            folders(&[("partitionBy", "none")], &format!("{ID}{}", date(false, false))),
            ["bronze/sales/"]
        );
        // A date itself is no text: what readers take for a missing one.
        let hive = [("nullPartition", "__HIVE_DEFAULT_PARTITION__")];
        assert_eq!(
            folders(&hive, &both),
            ["bronze/sales/sold_on=2026-11-02/", "bronze/sales/sold_on=__HIVE_DEFAULT_PARTITION__/"]
        );
    }

    #[test]
    fn the_catalog_has_the_partition_columns_that_the_contract_makes() {
        let contracts = contracts(&custom(&[("partitionBy", "month")]), &format!("{ID}{}", date(true, true)));
        let table = glue_columns(&contracts.unwrap().get("sales").unwrap().contract);
        assert_eq!(
            table["partition_keys"],
            serde_json::json!([{"name": "month", "type": "string", "comment": "The month of sold_on."}])
        );
        assert_eq!(table["columns"][1]["name"], "sold_on", "the date stays a column");
        let keyless = contracts_of_notes(&[("key", "none"), ("partitionBy", "none")]).unwrap();
        let table = glue_columns(&keyless.get("sales").unwrap().contract);
        assert_eq!(table["partition_keys"], serde_json::json!([]));
        let names: Vec<&str> =
            table["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["note", "file_sha256", "file_row"]);
    }

    #[test]
    fn a_choice_of_no_key_goes_before_the_marks_of_one() {
        let marked = contracts(&custom(&[("key", "none"), ("partitionBy", "none")]), ID).unwrap();
        let contract = &marked.get("sales").unwrap().contract;
        let key: Vec<&str> =
            contract.key.iter().map(|index| contract.columns[*index].name.as_str()).collect();
        assert_eq!(key, ["file_sha256", "file_row"]);
        assert_eq!(contract.columns[0].role, crate::Role::Business);
    }

    fn contracts_of_notes(properties: &[(&str, &str)]) -> crate::Result<Contracts> {
        contracts(&custom(properties), NOTE)
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_what_to_do() {
        let dated = format!("{ID}{}", date(true, true));
        let undated = format!("{ID}{}", date(false, true));
        let month = format!("{dated}      - {{name: month, logicalType: string, physicalType: string}}\n");
        let sha = format!("{NOTE}      - {{name: file_sha256, logicalType: string, physicalType: string}}\n");
        for (properties, columns, says) in [
            (&[("key", "hash")][..], NOTE, "key is `none`, found \"hash\""),
            (
                &[("key", "none"), ("partitionBy", "none")],
                &sha,
                "column \"file_sha256\": with `key: none` the table has",
            ),
            (
                &[("partitionBy", "none")],
                NOTE,
                "if equal rows are to be kept as often as they come, say `key: none`",
            ),
            (&[], ID, "if that is meant, say `partitionBy: none`"),
            (
                &[("partitionBy", "none")],
                &dated,
                "`partitionBy: none` and the partition \"sold_on\" contradict",
            ),
            (
                &[("partitionBy", "week")],
                &dated,
                "partitionBy is `none`, `year`, `month` or `day`, found \"week\"",
            ),
            (
                &[("partitionBy", "month")],
                ID,
                "needs one date or timestamp column that is `partitioned: true`",
            ),
            (&[("partitionBy", "month")], &month, "there is such a column already"),
            (&[("partitionBy", "month")], &undated, "where rows without it lie: `nullPartition: __null__`"),
            (&[("nullPartition", "__null__")], &undated, "use `nullPartition: __HIVE_DEFAULT_PARTITION__`"),
            (
                &[("partitionBy", "month"), ("nullPartition", "none")],
                &undated,
                "that begins with `_`, as `__null__`",
            ),
            (
                &[("partitionBy", "month"), ("nullPartition", "__null__")],
                &dated,
                "nullPartition means nothing",
            ),
        ] {
            let error = contracts(&custom(properties), columns).unwrap_err().to_string();
            assert!(error.contains(says), "{properties:?}: {error}");
        }
    }

    #[test]
    fn texts_that_can_name_no_folder_or_look_like_a_missing_value_are_told() {
        let market = "      - {name: market, logicalType: string, physicalType: string, partitioned: true}\n";
        for (cardinality, customs) in
            [("low", ""), ("high", ", customProperties: [{property: cardinality, value: high}]")]
        {
            let market = market.replace("partitioned: true", &format!("partitioned: true{customs}"));
            let contracts =
                contracts(&custom(&[("nullPartition", "__null__")]), &format!("{ID}{market}")).unwrap();
            let contract = &contracts.get("sales").unwrap().contract;
            let mut decoder = RowDecoder::new(Arc::clone(contract));
            let (fits, long) = ("x".repeat(248), "é".repeat(83));
            for text in ["NULL", "", "__HIVE_DEFAULT_PARTITION__", "__null__", fits.as_str(), long.as_str()] {
                decoder.push(&format!(r#"{{"id":1,"market":"{text}"}}"#)).unwrap();
            }
            decoder.push(r#"{"id":1}"#).unwrap();
            let batch = decoder.take_batch().unwrap();
            let mut found: Vec<(usize, String)> = Vec::new();
            for (fault, rows) in unfit_values(contract, &batch) {
                assert_eq!((fault.code, fault.column.as_deref()), ("partition_value", Some("market")));
                found.extend(rows.set_indices().map(|row| (row, fault.detail.clone())));
            }
            found.sort();
            let rows: Vec<usize> = found.iter().map(|(row, _)| *row).collect();
            assert_eq!(rows, [1, 2, 3, 5], "{cardinality}");
            assert!(found[0].1.ends_with("cannot be told from a missing one"), "{found:?}");
            let (_, detail) = &found[3];
            assert!(detail.contains("a folder name of 505 bytes, 255 are the most"), "{detail}");
            assert!(detail.len() < 250 && detail.contains("..."), "{detail}");
        }
    }

    #[test]
    fn a_key_of_several_long_folders_stays_within_what_a_store_takes() {
        let levels: String = (0..6)
            .map(|level| {
                format!("      - {{name: level{level}, logicalType: string, physicalType: string, required: true, partitioned: true}}\n")
            })
            .collect();
        let contracts = contracts("", &format!("{ID}{levels}")).unwrap();
        let contract = &contracts.get("sales").unwrap().contract;
        for (length, fits) in [(155, true), (240, false)] {
            let text = "x".repeat(length);
            let fields: String = (0..6).map(|level| format!(r#","level{level}":"{text}""#)).collect();
            let mut decoder = RowDecoder::new(Arc::clone(contract));
            decoder.push(&format!(r#"{{"id":1{fields}}}"#)).unwrap();
            let batch = decoder.take_batch().unwrap();
            assert_eq!(unfit_values(contract, &batch).is_empty(), fits, "{length}");
            let (key, _) = Partitioner::new(contract).split(&batch).unwrap().remove(0);
            if fits {
                assert!(crate::keys::is_valid_key(&key.object_key("sales").to_string()));
                assert!(crate::keys::is_valid_key(&key.key_list("sales").to_string()));
            }
        }
    }
}
