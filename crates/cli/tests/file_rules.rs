//! Rules about files: the program run on files and folders.
#![allow(clippy::disallowed_methods, reason = "a test ages a file by the clock")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::array::{Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;

/// The exit code of `rules test` and what it prints.
fn judged(rules: &str, data: &Path) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let ruleset = folder.path().join("rules.dqdl");
    std::fs::write(&ruleset, format!("Rules = [\n{rules}\n]\n")).unwrap();
    let arguments = ["rules", "test", ruleset.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake")).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap(), said)
}

#[track_caller]
fn assert_holds(rules: &str, data: &Path) {
    let (code, said) = judged(rules, data);
    assert_eq!(code, 0, "{rules}: {said}");
}

#[track_caller]
fn assert_fails(rules: &str, data: &Path, part: &str) {
    let (code, said) = judged(rules, data);
    assert!(code == 2 && said.contains(part), "{rules}: {code} {said}");
}

fn parquet(path: &Path, rows: i64) {
    let batch =
        RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from_iter_values(0..rows)) as _)]).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn written(path: &Path, age: Duration) {
    std::fs::File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn sizes_of_the_data_and_of_what_a_rule_names() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    parquet(&data.join("a.parquet"), 10);
    parquet(&data.join("more/b.parquet"), 5000);
    // What is hidden is no file of a folder.
    std::fs::write(data.join("_SUCCESS"), b"").unwrap();
    std::fs::write(data.join(".note.crc"), b"").unwrap();
    let sizes = ["a.parquet", "more/b.parquet"].map(|name| std::fs::metadata(data.join(name)).unwrap().len());
    let [small, large] = sizes;
    assert_holds(
        &format!("FileSize >= {small} B, FileSize <= {large} B, FileSize between 0 B and 1 MB"),
        &data,
    );
    assert_holds(&format!("FileSize > {small} B with threshold >= 0.5"), &data);
    assert_fails(&format!("FileSize > {small} B"), &data, "a.parquet");
    assert_holds(&format!("FileSize in [{small} B, {large} B], FileSize not between 2 GB and 1 TB"), &data);
    assert_holds("FileSize < 1 GB with uriRegex = \"b[.]parquet$\"", &data);
    let exact = folder.path().join("exact.bin");
    std::fs::write(&exact, vec![7; 2048]).unwrap();
    assert_holds(
        &format!("FileSize \"{}\" = 2 KB, FileSize \"file://{}\" > 2047", exact.display(), exact.display()),
        &data,
    );
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert_fails(&format!("FileSize \"{}\" > 0 B", empty.display()), &data, "There are no files");
    assert_fails("FileSize \"s3://bucket/key\" > 0 B", &data, "is not on this machine");
    assert_fails("FileSize \"nowhere/at/all\" > 0 B", &data, "ERROR");
}

#[test]
fn how_fresh_files_are() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    parquet(&data.join("old.parquet"), 1);
    parquet(&data.join("new.parquet"), 2);
    written(&data.join("old.parquet"), 50 * HOUR);
    written(&data.join("new.parquet"), HOUR);
    assert_holds("FileFreshness > (now() - 3 days), FileFreshness < 51 hours, FileFreshness <= now()", &data);
    assert_fails("FileFreshness > (now() - 24 hours)", &data, "old.parquet (20");
    assert_holds("FileFreshness > (now() - 24 hours) with threshold > 0.4", &data);
    assert_holds("FileFreshness > (now() - 24 hours) with recentFiles = 1", &data);
    assert_holds(
        "FileFreshness > \"2020-01-01\", FileFreshness not between \"2020-01-01\" and \"2020-12-31\"",
        &data,
    );
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_732_800 + 3600);
    std::fs::File::options().write(true).open(data.join("old.parquet")).unwrap().set_modified(at).unwrap();
    let old = data.join("old.parquet");
    assert_holds(
        &format!(
            "FileFreshness \"{}\" = \"2025-01-01\", FileFreshness \"{0}\" != \"2025-01-02\"",
            old.display()
        ),
        &data,
    );
    assert_fails(
        &format!("FileFreshness \"{}\" between \"2025-01-02\" and \"2025-02-01\"", old.display()),
        &data,
        "old.parquet",
    );
}

#[test]
fn files_that_are_there_twice() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (name, rows) in [("a/x.parquet", 3), ("b/y.parquet", 3), ("b/z.parquet", 4), ("c/x.parquet", 5)] {
        parquet(&data.join(name), rows);
    }
    assert_holds("FileUniqueness = 0.5, FileUniqueness > 0.4 with hashAlgorithm = \"MD5\"", &data);
    assert_fails("FileUniqueness = 1.0", &data, "y.parquet");
    assert_holds("FileUniqueness = 0.5 with matchFileName = \"true\"", &data);
    assert_fails("FileUniqueness = 1 with hashAlgorithm = \"CRC\"", &data, "none of MD5, SHA-1 and SHA-256");
}

/// Hashes of the three letters abc, as their standards give them.
#[test]
fn contents_by_hash_and_by_another_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    parquet(&data.join("a.parquet"), 3);
    let abc = folder.path().join("abc.txt");
    std::fs::write(&abc, b"abc").unwrap();
    let abc = abc.display();
    for (hash, algorithm) in [
        ("900150983CD24FB0D6963F7D28E17F72", " with hashAlgorithm = \"MD5\""),
        ("a9993e364706816aba3e25717850c26c9cd0d89d", " with hashAlgorithm = \"SHA-1\""),
        (
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            " with hashAlgorithm = \"SHA-256\"",
        ),
        ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", ""),
    ] {
        assert_holds(&format!("FileMatch \"{abc}\" in [\"{hash}\", \"0\"]{algorithm}"), &data);
        assert_fails(&format!("FileMatch \"{abc}\" in [\"{}\"]{algorithm}", &hash[1..]), &data, "abc.txt");
    }
    for (name, rows) in
        [("left/1.parquet", 1), ("left/2.parquet", 2), ("right/p.parquet", 2), ("right/q.parquet", 1)]
    {
        parquet(&folder.path().join(name), rows);
    }
    let (left, right) = (folder.path().join("left"), folder.path().join("right"));
    let rule = format!("FileMatch \"{}\" \"{}\"", left.display(), right.display());
    assert_holds(&rule, &data);
    parquet(&right.join("more.parquet"), 1);
    assert_fails(&rule, &data, "2 files there, 3 in");
}
