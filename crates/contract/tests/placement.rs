//! Where the rows of a table lie, by what its contract says of keys and partitions.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use quotelake_contract::{Contracts, glue_columns};
use quotelake_table::{Partitioner, RowDecoder, unfit_values};

fn contracts(custom: &str, properties: &str) -> quotelake_core::Result<Contracts> {
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
    parts.iter().map(|(key, _)| key.object_key(quotelake_core::Zone::Bronze, "sales").folder()).collect()
}

#[test]
fn a_table_is_cut_by_year_month_day_or_not_at_all() {
    let both = format!("{ID}{}", date(false, true));
    for (by, folder) in [("year", "year=2026"), ("month", "month=2026-11"), ("day", "day=2026-11-02")] {
        let (without, _) = folder.split_once('=').unwrap();
        let mut expected = [format!("bronze/sales/{folder}/"), format!("bronze/sales/{without}=__null__/")];
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
    let key: Vec<&str> = contract.key.iter().map(|index| contract.columns[*index].name.as_str()).collect();
    assert_eq!(key, ["file_sha256", "file_row"]);
    assert_eq!(contract.columns[0].role, quotelake_contract::Role::Business);
}

fn contracts_of_notes(properties: &[(&str, &str)]) -> quotelake_core::Result<Contracts> {
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
        (&[("partitionBy", "none")], &dated, "`partitionBy: none` and the partition \"sold_on\" contradict"),
        (
            &[("partitionBy", "week")],
            &dated,
            "partitionBy is `none`, `year`, `month` or `day`, found \"week\"",
        ),
        (&[("partitionBy", "month")], ID, "needs one date or timestamp column that is `partitioned: true`"),
        (&[("partitionBy", "month")], &month, "there is such a column already"),
        (&[("partitionBy", "month")], &undated, "where rows without it lie: `nullPartition: __null__`"),
        (&[("nullPartition", "__null__")], &undated, "use `nullPartition: __HIVE_DEFAULT_PARTITION__`"),
        (
            &[("partitionBy", "month"), ("nullPartition", "none")],
            &undated,
            "that begins with `_`, as `__null__`",
        ),
        (&[("partitionBy", "month"), ("nullPartition", "__null__")], &dated, "nullPartition means nothing"),
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
            assert!(quotelake_core::is_valid_key(
                &key.object_key(quotelake_core::Zone::Bronze, "sales").to_string()
            ));
            assert!(quotelake_core::is_valid_key(&key.key_list("sales").to_string()));
        }
    }
}
