//! Cells of people's files, from the CSV file to the typed column: what a contract's formats read, and what they refuse and why.
//! Databases, notebooks, spreadsheets and scripts write these spellings. Each table below is a file.

mod spellings;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::TimestampMillisecondType;
use arrow::util::display::array_value_to_string;
use flate2::read::MultiGzDecoder;
use quotelake_contract::Contracts;
use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_ingest::ingest_object;
use quotelake_landing::IngestFault;
use quotelake_local::MemoryLake;
use quotelake_table::{Partitioner, RowDecoder};

/// A contract of one dataset `t`: `id`, and a column `v`, with custom properties of both as YAML.
fn contract(ty: &str, column: &str, dataset: &str) -> String {
    let logical = match ty {
        "int" | "bigint" => "integer",
        "date" | "timestamp" | "boolean" | "string" => ty,
        _ => "number",
    };
    format!(
        "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: t\n    customProperties: [{dataset}]\n    properties:\n      \
         - {{name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true, partitioned: true}}\n      \
         - {{name: v, logicalType: {logical}, physicalType: \"{ty}\", customProperties: [{column}]}}\n"
    )
}

/// What became of a file: of each row its value as text, or why there is none; and what is said of the file.
struct Read {
    rows: BTreeMap<i64, Result<String, String>>,
    notes: Vec<String>,
}

/// A column's first value. An instant as RFC 3339 has it.
fn shown(column: &ArrayRef) -> String {
    if column.is_null(0) {
        return "missing".to_owned();
    }
    if let Some(instants) = column.as_primitive_opt::<TimestampMillisecondType>() {
        let instant = quotelake_core::time::instant_from_ms(instants.value(0)).unwrap();
        return instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    }
    array_value_to_string(column, 0).unwrap()
}

async fn read(yaml: &str, csv: &str) -> Read {
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(yaml, None).unwrap_or_else(|e| panic!("{e}\n{yaml}"));
    let lake = MemoryLake::new();
    lake.put("inbox/t/a.csv", csv.to_owned().into(), Precondition::None).await.unwrap();
    let report = ingest_object(&lake, &lake, &contracts, "inbox/t/a.csv").await.unwrap();
    let mut text = String::new();
    for key in &report.landing_keys {
        let bytes = lake.get(key).await.unwrap().bytes;
        MultiGzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
    }
    let contract = Arc::clone(&contracts.get("t").unwrap().contract);
    let value = contract.index_of("v").or(contract.index_of("day")).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        if line.starts_with("{\"ingest_origin\"") {
            continue;
        }
        if let Some(fault) = IngestFault::from_line(line) {
            rows.insert(-(rows.len() as i64), Err(format!("{}: {}", fault.reason, fault.detail)));
            continue;
        }
        let mut decoder = RowDecoder::new(Arc::clone(&contract));
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = json["id"].as_str().unwrap_or_default().parse().unwrap_or(i64::from(i32::MAX));
        let row = match decoder.push(line) {
            Ok(()) => {
                let batch = decoder.take_batch().unwrap();
                Ok(shown(batch.column(value)))
            }
            Err(faults) => {
                assert_eq!(faults[0].code, "type_mismatch", "{faults:?}");
                Err(faults[0].detail.clone())
            }
        };
        rows.insert(id, row);
    }
    Read { rows, notes: report.notes }
}

/// A file of the texts, one a row, each with its value or a part of the reason why it is refused.
async fn check(yaml: &str, cells: &[(&str, Result<&str, &str>)]) -> Vec<String> {
    let mut csv = String::from("id,v\n");
    for (row, (text, _)) in cells.iter().enumerate() {
        csv.push_str(&format!("{},\"{}\"\n", row + 1, text.replace('"', "\"\"")));
    }
    let read = read(yaml, &csv).await;
    assert_eq!(read.rows.len(), cells.len());
    for ((id, found), (text, expected)) in read.rows.iter().zip(cells) {
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{id}: {text:?}"),
            (Err(found), Err(expected)) => {
                // As JSON has it, without the spaces around.
                let whole = format!("{} {expected}", serde_json::Value::from(text.trim()));
                let whole = if expected.is_empty() { String::new() } else { whole };
                assert!(found.starts_with(&whole), "{id}: {found}\nnot {whole}");
            }
            _ => panic!("{id} {text:?}: {found:?}, expected {expected:?}"),
        }
    }
    read.notes
}

#[tokio::test]
async fn a_file_in_another_number_format_than_its_contract() {
    let yaml = contract("decimal(18,4)", "", "{property: numberFormat, value: pt-BR}");
    let refused = Err("is not a number in the form 1.234,56 (numberFormat pt-BR)");
    let notes = check(
        &yaml,
        &[
            ("7.35", refused),
            ("7.352", Err("fits 1.234,56 and 1,234.56, and its column holds texts that only 1,234.56 fits")),
            ("7.3525", refused),
            ("2480.5", refused),
            ("3.210", Ok("3210.0000")),
        ],
    )
    .await;
    assert_eq!(
        notes,
        [
            "column \"v\": 3 texts fit 1,234.56 and not the contract's 1.234,56, 2 fit both, none fits 1.234,56 alone: is the file in 1,234.56?"
        ]
    );
    // A comma that only pt-BR reads, and the file is what its contract says.
    let notes = check(&yaml, &[("7.352", Ok("7352.0000")), ("0,5", Ok("0.5000")), ("7.35", refused)]).await;
    assert!(notes.is_empty(), "{notes:?}");
}

#[tokio::test]
async fn counts_since_1970_in_another_unit() {
    let ms = "is outside what epoch_ms holds here, 1900 to 2199 without the 115 days around 1970-01-01; in";
    check(
        &contract("timestamp", "{property: encoding, value: epoch_ms}", ""),
        &[
            ("1767323045678", Ok("2026-01-02T03:04:05.678Z")),
            ("-1350000000000", Ok("1927-03-23T00:00:00Z")),
            (
                "1767323045678000",
                Err(&format!("{ms} microseconds (epoch_us) it would be 2026-01-02T03:04:05Z")),
            ),
            ("1767323045", Err(&format!("{ms} seconds (epoch_s) it would be 2026-01-02T03:04:05Z"))),
            (
                "1767323045678000000",
                Err(&format!("{ms} nanoseconds (epoch_ns) it would be 2026-01-02T03:04:05Z")),
            ),
            ("1.767323045678E+12", Err("has an exponent: its last digits may be lost")),
            ("2026-01-02T03:04:05Z", Err("is not a number")),
            ("", Ok("missing")),
        ],
    )
    .await;
    for (encoding, text) in
        [("epoch_s", "1767323045"), ("epoch_us", "1767323045000000"), ("epoch_ns", "1767323045000000000")]
    {
        let yaml = contract("timestamp", &format!("{{property: encoding, value: {encoding}}}"), "");
        check(&yaml, &[(text, Ok("2026-01-02T03:04:05Z"))]).await;
    }
    let early = "{property: encoding, value: epoch_s}, {property: epochRange, value: [\"1970-01-01\", \"1970-12-31\"]}";
    check(
        &contract("timestamp", early, ""),
        &[
            ("86399", Ok("1970-01-01T23:59:59Z")),
            ("1767323045", Err("is outside what epoch_s holds here, 1970-01-01 to 1970-12-31")),
        ],
    )
    .await;
}

#[tokio::test]
async fn dates_from_texts_with_a_time() {
    let yaml = contract("date", "", "{property: dateFormat, value: \"%Y-%m-%d %H:%M:%S\"}");
    check(
        &yaml,
        &[
            ("2026-03-04 00:00:00", Ok("2026-03-04")),
            ("2026-03-04 10:00:00", Err("has a time of the day, and the column holds dates")),
            ("2026-03-04", Err("is not a date in the form %Y-%m-%d %H:%M:%S")),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_format_of_dates_has_no_other_beside_it() {
    let yaml = contract("date", "{property: dateFormat, value: \"%Y-%d-%m\"}", "");
    let notes = check(
        &yaml,
        &[
            ("2026-05-06", Ok("2026-06-05")),
            ("2026-05-20", Err("is not a date in the form %Y-%d-%m; it would be one in %Y-%m-%d")),
            ("2026-20-05", Ok("2026-05-20")),
        ],
    )
    .await;
    assert!(notes.is_empty(), "the third row tells: {notes:?}");
    let days_first = contract("date", "", "{property: dateFormat, value: \"%d/%m/%Y\"}");
    let notes =
        check(&days_first, &[("05/06/2026", Ok("2026-06-05")), ("07/07/2026", Ok("2026-07-07"))]).await;
    assert_eq!(
        notes,
        [
            "column \"v\": all 1 texts that %d/%m/%Y and %m/%d/%Y read differently fit both; the contract's %d/%m/%Y was taken"
        ]
    );
    let notes = check(
        &days_first,
        &[
            ("06/20/2026", Err("is not a date in the form %d/%m/%Y; it would be one in %m/%d/%Y")),
            ("06/30/2026", Err("is not a date in the form %d/%m/%Y; it would be one in %m/%d/%Y")),
            ("06/05/2026", Ok("2026-05-06")),
            ("06/21/2026", Err("is not a date in the form %d/%m/%Y; it would be one in %m/%d/%Y")),
        ],
    )
    .await;
    assert!(
        notes[0].contains("3 texts fit %m/%d/%Y and not the contract's %d/%m/%Y, 1 fit both"),
        "{notes:?}"
    );
}

#[tokio::test]
async fn what_a_database_exports() {
    // PostgreSQL's COPY ... CSV of timestamp with time zone, timestamp, boolean, numeric and double precision.
    let utc = "{property: timezone, value: UTC}";
    let truncated = format!("{utc}, {{property: fractions, value: truncate}}");
    let finer = Err("is finer than a millisecond (`fractions: truncate` cuts that off)");
    let cells = [
        ("2026-03-04 05:06:07.891234+00", finer),
        ("2026-03-04 05:06:07.891+00", Ok("2026-03-04T05:06:07.891Z")),
        ("2026-03-04 05:06:07.5", Ok("2026-03-04T05:06:07.500Z")),
        ("2026-03-04 05:06:07+05:30", Ok("2026-03-03T23:36:07Z")),
        ("infinity", Err("is not a date and time")),
        ("0044-03-15 00:00:00+00 BC", Err("is not a date and time")),
    ];
    check(&contract("timestamp", utc, ""), &cells).await;
    let mut cut = cells;
    cut[0].1 = Ok("2026-03-04T05:06:07.891Z");
    check(&contract("timestamp", &truncated, ""), &cut).await;
    let pairs = contract("boolean", "{property: booleans, value: [t/f]}", "");
    check(
        &pairs,
        &[("t", Ok("true")), ("f", Ok("false")), ("true", Err("is none of t/f")), ("", Ok("missing"))],
    )
    .await;
    check(&contract("decimal(18,4)", "", ""), &[("0.5", Ok("0.5000")), ("-12.3400", Ok("-12.3400"))]).await;
    check(&contract("double", "", ""), &[("1e-07", Ok("1e-7")), ("NaN", Err("is not a finite number"))])
        .await;
}

#[tokio::test]
async fn whole_numbers_that_a_spreadsheet_shortened() {
    let lost = Err("has an exponent: its last digits may be lost");
    check(&contract("bigint", "", ""), &[("7.89123E+12", lost), ("7891230000000", Ok("7891230000000"))])
        .await;
    let yaml = contract("string", "", "")
        .replace("logicalType: integer, physicalType: int", "logicalType: string, physicalType: string");
    let found = read(&yaml, "id,v\n7.89123E+12,a\n").await;
    let refused = found.rows.into_values().next().unwrap();
    assert!(refused.is_err(), "{refused:?}");
    let kept = yaml.replace(
        "primaryKey: true",
        "primaryKey: true, customProperties: [{property: spreadsheetNumbers, value: keep}]",
    );
    assert!(read(&kept, "id,v\n7.89123E+12,a\n").await.rows.into_values().next().unwrap().is_ok());
}

#[tokio::test]
async fn a_header_inside_a_file_of_texts_is_no_row() {
    let yaml = contract("string", "", "")
        .replace("logicalType: integer, physicalType: int", "logicalType: string, physicalType: string");
    let found = read(&yaml, "id,v\n1,a\nid,v\n2,id\n").await;
    let refused: Vec<_> = found.rows.values().filter_map(|row| row.as_ref().err()).collect();
    assert_eq!(refused, ["repeated_header: line 3: is the header again: two files in one?"]);
    assert_eq!(found.rows.len(), 3);
}

#[tokio::test]
async fn the_day_of_an_instant_is_the_day_in_its_zone() {
    let yaml = "
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: t
    properties:
      - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}
      - {name: ts, logicalType: timestamp, physicalType: timestamp, required: true, customProperties: [{property: timezone, value: Asia/Tokyo}]}
      - {name: day, logicalType: date, physicalType: date, required: true, transformLogic: date(ts)}
      - {name: month, logicalType: string, physicalType: string, partitioned: true, transformLogic: \"strftime(ts, '%Y-%m')\"}
";
    let found =
        read(yaml, "id,ts\n1,2026-03-01 08:30:00\n2,2026-02-28T15:30:00Z\n3,2026-02-28T14:30:00Z\n").await;
    let days: Vec<_> = found.rows.into_values().map(Result::unwrap).collect();
    assert_eq!(days, ["2026-03-01", "2026-03-01", "2026-02-28"]);
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(yaml, None).unwrap();
    let contract = Arc::clone(&contracts.get("t").unwrap().contract);
    let mut decoder = RowDecoder::new(Arc::clone(&contract));
    for ts in ["2026-02-28T23:30:00Z", "2026-02-28T14:30:00Z", "1899-12-31T23:59:59Z"] {
        decoder.push(&format!("{{\"id\":1,\"ts\":\"{ts}\"}}")).unwrap();
    }
    let parts = Partitioner::new(&contract).split(&decoder.take_batch().unwrap()).unwrap();
    let months: Vec<_> = parts.iter().map(|(key, _)| key.to_string()).collect();
    assert_eq!(months, ["month=1900-01", "month=2026-02", "month=2026-03"]);
}

/// The table of spellings in the reference is what happens.
#[tokio::test]
async fn the_references_table_of_spellings() {
    let page = include_str!("../../../../docs/reference/cells.md");
    let (_, table) = page.split_once("| type | contract | text | value |\n|---|---|---|---|\n").unwrap();
    let mut by_contract: BTreeMap<(String, String), Vec<(String, String)>> = BTreeMap::new();
    for row in table.lines().take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> =
            row.trim_matches('|').split('|').map(|cell| cell.strip_prefix(' ').unwrap()).collect();
        let [ty, contract, text, value] = cells.as_slice() else { panic!("{row}") };
        let code = |cell: &str| cell.trim_end().trim_matches('`').to_owned();
        let key = (ty.trim().to_owned(), code(contract));
        by_contract.entry(key).or_default().push((code(text), value.trim().to_owned()));
    }
    let spellings: usize = by_contract.values().map(Vec::len).sum();
    assert!(spellings > 60, "{spellings}");
    for ((ty, properties), cells) in by_contract {
        let properties: Vec<String> = properties
            .split("; ")
            .filter_map(|property| property.split_once(": "))
            .map(|(name, value)| format!("{{property: {name}, value: {value}}}"))
            .collect();
        let expected: Vec<(&str, Result<&str, &str>)> = cells
            .iter()
            .map(|(text, value)| {
                (text.as_str(), if value == "refused" { Err("") } else { Ok(value.as_str()) })
            })
            .collect();
        // Each for itself: a column's other texts may speak for another format.
        for cell in expected {
            check(&contract(&ty, &properties.join(", "), ""), &[cell]).await;
        }
    }
}
