//! `quotelake rebuild`: the tables again from `raw/`, by the program, without a network.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::{files, samples};

fn quotelake(arguments: &[&str]) -> Output {
    // Where a proxy that nobody answers is set, a request to a vendor would fail.
    let nobody = "http://127.0.0.1:9";
    Command::new(env!("CARGO_BIN_EXE_quotelake"))
        .args(arguments)
        .env("HTTPS_PROXY", nobody)
        .env("HTTP_PROXY", nobody)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn rebuild(from: &Path, into: &Path) -> (Option<i32>, serde_json::Value) {
    let output =
        quotelake(&["--json", "rebuild", "--from", from.to_str().unwrap(), "--lake", into.to_str().unwrap()]);
    let answer = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", text(&output.stdout), text(&output.stderr)));
    (output.status.code(), answer)
}

#[test]
fn the_tables_come_out_of_raw_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let recording = samples();
    let output = quotelake(&[
        "demo",
        "--chaos",
        "3",
        "--lake",
        old.to_str().unwrap(),
        "--recording",
        recording.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    // Only the vendor's answers are left.
    for zone in ["landing", "staged", "quality"] {
        let _ = std::fs::remove_dir_all(old.join(zone));
    }
    let (code, answer) = rebuild(&old, &new);
    assert_eq!(code, Some(0), "{answer}");
    assert_eq!(answer["pages"], 26);
    assert_eq!(answer["checked"]["rows_in"], 12_250);
    let published = files(&old.join("bronze"));
    assert_eq!(published.len(), 174);
    assert_eq!(answer["compared"]["equal"], 174);
    assert_eq!(files(&new.join("bronze")), published);

    // Not into a lake that has something.
    let output = quotelake(&["rebuild", "--from", old.to_str().unwrap(), "--lake", new.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not empty"), "{}", text(&output.stderr));

    // A table that is not what the vendor's answers give is found out.
    let one = published.keys().find(|key| key.starts_with("splits/")).unwrap();
    std::fs::remove_file(old.join("bronze").join(one)).unwrap();
    let raw = files(&old.join("raw"));
    let (code, answer) = rebuild(&old, &folder.path().join("again"));
    assert_eq!(code, Some(3));
    assert_eq!(answer["compared"]["only_after"], serde_json::json!([format!("bronze/{one}")]));
    assert_eq!(files(&old.join("raw")), raw, "the old lake is only read");

    // A raw object that was cut off is named.
    let cut = old.join("raw").join(raw.keys().next().unwrap());
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let output = quotelake(&[
        "rebuild",
        "--from",
        old.to_str().unwrap(),
        "--lake",
        folder.path().join("third").to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("raw/") && error.contains("is damaged"), "{error}");
}
