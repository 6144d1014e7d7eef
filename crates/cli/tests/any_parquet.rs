//! Parquet as other programs write it: every codec, every type, nested, in folders, with columns that differ. The files and their
//! rows are made by `fixtures/make_parquet.py` with pyarrow and DuckDB; what they cannot write is written here.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Map, Value};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parquet")
}

/// `rules test` of a ruleset on a file or a folder, with `more` arguments.
fn judged(rules: &str, data: &Path, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let ruleset = folder.path().join("rules.dqdl");
    std::fs::write(&ruleset, format!("Rules = [\n{rules}\n]\n")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_quotelake"));
    let arguments = ["rules", "test", ruleset.to_str().unwrap(), "--data", data.to_str().unwrap()];
    Command::new(program).args(arguments).args(more).output().unwrap()
}

#[track_caller]
fn assert_holds(rules: &str, data: &Path) {
    let output = judged(rules, data, &[]);
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{}: {said}", data.display());
}

/// What is said of a run that is an error.
#[track_caller]
fn refused(rules: &str, data: &Path) -> String {
    let output = judged(rules, data, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The table of results of a run in which a rule does not hold.
#[track_caller]
fn failed(rules: &str, data: &Path) -> String {
    let output = judged(rules, data, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A column's values as `fixtures/make_parquet.py` spells them.
fn spelt(column: &ArrayRef) -> Vec<Option<String>> {
    let plain = match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values).unwrap(),
        _ => Arc::clone(column),
    };
    let per_unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    match plain.data_type() {
        DataType::Timestamp(unit, _) => {
            let raw = cast(&plain, &DataType::Int64).unwrap();
            let raw = raw.as_primitive::<Int64Type>().iter();
            raw.map(|raw| raw.map(|raw| (i128::from(raw) * per_unit(unit)).to_string())).collect()
        }
        DataType::Binary => {
            let bytes = plain.as_binary::<i32>().iter();
            bytes.map(|bytes| bytes.map(|bytes| bytes.iter().map(|b| format!("{b:02x}")).collect())).collect()
        }
        data_type => {
            let is_float = data_type.is_floating();
            let texts = cast(&plain, &DataType::Utf8).unwrap();
            let texts = texts.as_string::<i32>().iter();
            texts.map(|text| text.map(|text| if is_float { float(text) } else { text.to_owned() })).collect()
        }
    }
}

fn float(text: &str) -> String {
    format!("{:?}", text.parse::<f64>().unwrap())
}

/// Every row as the program sees it, written by `--rows`.
fn seen(data: &Path) -> (Vec<String>, Vec<Vec<Option<String>>>) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("rows.parquet");
    let output = judged("RowCount > 0", data, &["--rows", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    for batch in ParquetRecordBatchReader::try_new(File::open(out).unwrap(), 1024).unwrap() {
        let batch = batch.unwrap();
        // The last four say how rows did.
        let own = batch.num_columns() - 4;
        names = batch.schema().fields()[..own].iter().map(|field| field.name().clone()).collect();
        let columns: Vec<_> = batch.columns()[..own].iter().map(spelt).collect();
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|c| c[row].clone()).collect()));
    }
    (names, rows)
}

fn expected() -> Map<String, Value> {
    let text = std::fs::read_to_string(fixtures().join("expected.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap().as_object().unwrap().clone()
}

/// The program sees the columns and rows that pyarrow and DuckDB see. Floats are compared as numbers, times of day without the
/// zeros that only fill places.
fn assert_seen(data: &Path, wanted: &Value) {
    let (names, rows) = seen(data);
    let wanted_names: Vec<String> = serde_json::from_value(wanted["columns"].clone()).unwrap();
    assert_eq!(names, wanted_names, "{}", data.display());
    let wanted: Vec<Vec<Option<String>>> = serde_json::from_value(wanted["rows"].clone()).unwrap();
    assert_eq!(rows.len(), wanted.len(), "{}", data.display());
    for (row, (found, wanted)) in rows.iter().zip(&wanted).enumerate() {
        for ((name, found), wanted) in names.iter().zip(found).zip(wanted) {
            let wanted = wanted.as_ref().map(|text| match name.as_str() {
                "f16" | "f32" | "f64" => float(text),
                _ => text.clone(),
            });
            let same = match (found, &wanted) {
                (Some(found), Some(wanted)) if name.starts_with("time_") => {
                    let short = |text: &str| match text.contains('.') {
                        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                        false => text.to_owned(),
                    };
                    short(found) == short(wanted)
                }
                (found, wanted) => found == wanted,
            };
            assert!(same, "{} row {row} {name}: {found:?}, not {wanted:?}", data.display());
        }
    }
}

#[test]
fn every_codec_with_pages_of_both_versions() {
    let expected = expected();
    let mut files = 0;
    for codec in ["none", "snappy", "gzip", "lz4", "brotli", "zstd"] {
        for pages in ["v1_dictionary", "v1_plain", "v2_dictionary", "v2_plain"] {
            assert_seen(&fixtures().join(format!("{codec}_{pages}.parquet")), &expected["trades"]);
            files += 1;
        }
    }
    assert_eq!(files, 24);
}

/// Of packed columns only those are unpacked that a rule names.
#[test]
fn rules_on_packed_files() {
    for codec in ["snappy", "gzip", "lz4", "brotli"] {
        let file = fixtures().join(format!("{codec}_v2_dictionary.parquet"));
        assert_holds(
            "RowCount = 48, Sum \"id\" = 1176, ColumnValues \"venue\" in [\"XNAS\", \"XLON\", \"BVMF\"] where \"venue is not null\",
             CustomSql \"select sum(price) from primary\" = 1261.6590",
            &file,
        );
    }
}

/// LZ4 as Hadoop frames it, which its old writers did.
#[test]
fn the_older_lz4() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.parquet");
    let batch =
        RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from_iter_values(0..5000)) as _)]).unwrap();
    let properties = WriterProperties::builder().set_compression(Compression::LZ4).build();
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert_holds("RowCount = 5000, Sum \"id\" = 12497500", &path);
}

#[test]
fn every_flat_type() {
    let expected = expected();
    for name in ["types_with_arrow_schema.parquet", "types_without_arrow_schema.parquet", "int96.parquet"] {
        assert_seen(&fixtures().join(name), &expected[name]);
    }
}

#[test]
fn rules_on_every_type() {
    for name in ["types_with_arrow_schema.parquet", "types_without_arrow_schema.parquet"] {
        assert_holds(
            r#"ColumnValues "u64" <= 18446744073709551615 where "u64 is not null",
               CustomSql "select max(u64) from primary" = 18446744073709551615,
               CustomSql "select sum(dec50) from primary" = -1234567890123456789012345676.7623456789,
               ColumnValues "uuid" in ["00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-ffffffffffff"] where "uuid is not null",
               ColumnValues "category" in ["a", "b"] where "category is not null",
               ColumnValues "time_ms" in ["09:30:00", "23:59:59.999"] where "time_ms is not null",
               CustomSql "select count(*) from primary where day = '9999-12-31'" = 1,
               CustomSql "select count(*) from primary where at_ns_utc = timestamp '2024-02-29T14:30:00.123456Z'" = 1,
               CustomSql "select count(*) from primary where at_zone = at_us_utc" = 2,
               Completeness "nothing" = 0.0, Completeness "bytes" > 0.6"#,
            &fixtures().join(name),
        );
    }
}

/// What cannot be looked at is an error by its name, beside rules that hold.
#[test]
fn what_rules_cannot_look_at_is_named() {
    let nested = fixtures().join("nested.parquet");
    let said = failed("ColumnValues \"tags\" = \"x\", RowCount = 4", &nested);
    assert!(said.contains("ERROR") && said.contains("column tags is a list"), "{said}");
    let said = failed("ColumnValues \"place\" = \"x\"", &nested);
    assert!(said.contains("column place is a structure"), "{said}");
    let said = failed("IsComplete \"place.geo.names.element\"", &nested);
    assert!(said.contains("place.geo.names is a list"), "{said}");
    let said = failed("RowCount > 0 where \"limits.key = 'a'\"", &nested);
    assert!(said.contains("limits is a list"), "{said}");
    let said = failed("ColumnValues \"bytes\" = \"x\"", &fixtures().join("types_with_arrow_schema.parquet"));
    assert!(said.contains("column bytes is bytes"), "{said}");
    let said = refused("ColumnValues \"dec\" > 0", &fixtures().join("too_many_digits.parquet"));
    assert!(said.contains("too_many_digits.parquet") && said.contains("column \"dec\""), "{said}");
    assert!(said.contains("Decimal256(60, 5)"), "{said}");
    assert_holds("Sum \"id\" = 3", &fixtures().join("too_many_digits.parquet"));
}

#[test]
fn fields_of_structures_by_their_way() {
    assert_holds(
        r#"ColumnCount = 4, Completeness "place" = 0.75, Completeness "place.city" = 0.5, Completeness "PLACE.GEO.LAT" = 0.5,
           ColumnValues "place.geo.lat" between -24 and 39 where "place.geo.lat is not null",
           CustomSql "select count(*) from primary p where p.place.city = 'Lisbon' and primary.place.geo.lat > 38" = 1,
           Completeness "place.geo.names" = 0.5, Completeness "tags" = 0.75, Completeness "limits" = 0.75"#,
        &fixtures().join("nested.parquet"),
    );
    let said = failed("IsComplete \"place.country\"", &fixtures().join("nested.parquet"));
    assert!(said.contains("does not include column place.country"), "{said}");
}

/// The columns of all files, by name, and those of their folders; what a file lacks is missing in its rows.
#[test]
fn files_whose_columns_differ_in_folders_that_are_columns() {
    let folder = fixtures().join("differing");
    assert_seen(&folder, &expected()["differing"]);
    assert_holds(
        r#"ColumnCount = 5, Completeness "month" = 0.75, Completeness "note" = 0.25, Sum "year" = 8094,
           CustomSql "select sum(close) from primary where year = 2023 or month = 1" = 3.623456"#,
        &folder,
    );
    // A part of it, by the folders that its path names.
    assert_holds("ColumnValues \"month\" = 12, ColumnCount = 4", &folder.join("year=2023/month=12"));
}

#[test]
fn types_that_do_not_mix_are_named_with_both_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, column: ArrayRef| {
        let batch = RecordBatch::try_from_iter([("close", column)]).unwrap();
        let file = File::create(folder.path().join(name)).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    write("a.parquet", Arc::new(Int64Array::from(vec![1])));
    write("b.parquet", Arc::new(Float64Array::from(vec![1.5])));
    let said = refused("RowCount > 0", folder.path());
    for part in ["b.parquet", "\"close\" is Float64, and Int64 in", "a.parquet"] {
        assert!(said.contains(part), "{said}");
    }
}

/// Names of a set, which Parquet calls an enumeration, and an instant of 96 bits beyond the years of 64-bit nanoseconds.
#[test]
fn enumerations_and_far_instants() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("low.parquet");
    let schema = parse_message_type("message m { required binary side (ENUM); required int96 at; }").unwrap();
    let mut writer =
        SerializedFileWriter::new(File::create(&path).unwrap(), Arc::new(schema), Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let sides = [ByteArray::from("BUY"), ByteArray::from("SELL")];
    column.typed::<ByteArrayType>().write_batch(&sides, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    // Julian day 2440588 is 1970-01-01: 10 and 2,932,896 days later, at noon.
    let noon = 43_200_000_000_000_u64;
    let instant = |day: u32| {
        let mut value = Int96::new();
        value.set_data(u32::try_from(noon & 0xffff_ffff).unwrap(), u32::try_from(noon >> 32).unwrap(), day);
        value
    };
    let instants = [instant(2_440_598), instant(2_440_588 + 2_932_896)];
    column.typed::<Int96Type>().write_batch(&instants, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    assert_holds(
        r#"ColumnValues "side" in ["BUY", "SELL"], ColumnLength "side" <= 4,
           CustomSql "select count(*) from primary where at in (timestamp '1970-01-11 12:00:00', timestamp '9999-12-31 12:00:00')" = 2"#,
        &path,
    );
}

/// Names that differ in their letters only, files without an ending, and what is hidden beside a table.
#[test]
fn folders_as_other_programs_leave_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, columns: &[&str]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let column = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
        let batch = RecordBatch::try_from_iter(columns.iter().map(|name| (*name, column()))).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    write("000000_0", &["Close", "id"]);
    write("part-1.snappy.parquet", &["id", "close"]);
    write("_delta_log/1.checkpoint.parquet", &["add"]);
    write(".staging/x.parquet", &["other"]);
    write("_p=1/part-2.parquet", &["CLOSE", "id"]);
    std::fs::write(folder.path().join("_SUCCESS"), b"").unwrap();
    assert_holds(
        "RowCount = 6, ColumnCount = 3, IsComplete \"close\", Sum \"Close\" = 9, Completeness \"_p\" > 0.33",
        folder.path(),
    );
    assert_holds("RowCount = 2", &folder.path().join("000000_0"));
}

#[test]
fn columns_have_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.parquet");
    let names = ["back\\slash", "two\\\\", "say \"hi\"", "it's", "a.b", "caf\u{e9} \u{20ac}", "\\", "\""];
    let column = || Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
    let batch = RecordBatch::try_from_iter(names.map(|name| (name, column()))).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    for name in names {
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
        // Alone: a column that no rule is thought to name is not read.
        assert_holds(&format!("IsComplete \"{escaped}\""), &path);
        assert_holds(&format!("ColumnValues \"{escaped}\" between 0 and 4"), &path);
    }
    assert_holds(r#"RowCount = 2 where "`back\slash` > 1""#, &path);
    assert_holds(r#"CustomSql "select sum(`it's`) from primary" = 6"#, &path);
    let proposed = folder.path().join("proposed.dqdl");
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake"))
        .args(["rules", "suggest", "--data", path.to_str().unwrap(), "--out", proposed.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(std::fs::read_to_string(proposed).unwrap().contains(r#"IsComplete "back\\slash""#));
}
