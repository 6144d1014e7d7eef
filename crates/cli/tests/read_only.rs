//! A lake that may only be read: another user's, a backup, a read-only mount. Commands that read answer as its owner's do; those
//! that write say why they cannot.
#![cfg(unix)]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::{files, samples};

/// The user that owns nothing.
const NOBODY: u32 = 65_534;

/// Runs the program as somebody who may not write: as another user where this test is root's.
fn quotelake(program: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/");
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.output().unwrap()
}

/// Takes away the right to write, or gives it back.
fn set_writable(path: &Path, writable: bool) {
    let mode = match (path.is_dir(), writable) {
        (true, true) => 0o755,
        (true, false) => 0o555,
        (false, true) => 0o644,
        (false, false) => 0o444,
    };
    if path.is_dir() {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        for entry in std::fs::read_dir(path).unwrap() {
            set_writable(&entry.unwrap().path(), writable);
        }
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn everything_that_reads_works_where_nothing_may_be_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // Another user may have no way to where this was built.
    let program = folder.path().join("quotelake");
    std::fs::copy(env!("CARGO_BIN_EXE_quotelake"), &program).unwrap();
    let (lake, out) = (folder.path().join("lake"), folder.path().join("out"));
    let recording = samples();
    let made = Command::new(&program)
        .args(["demo", "--lake", lake.to_str().unwrap(), "--recording", recording.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::create_dir(&out).unwrap();
    std::fs::set_permissions(&out, std::fs::Permissions::from_mode(0o777)).unwrap();
    let place = lake.to_str().unwrap();
    let page = out.join("page.html");
    let commands: [&[&str]; 11] = [
        &["status", "--lake", place],
        &["gaps", "--dataset", "daily_bars", "--lake", place],
        &["quarantine", "ls", "--lake", place],
        &["dlq", "ls", "--lake", place],
        &["doctor", "--lake", place],
        &["repair", "--lake", place],
        &["verify", "--lake", place],
        &["catalog", "repair", "--lake", place],
        &["dlq", "show", "--lake", place],
        &["dlq", "redrive", "--dry-run", "--lake", place],
        &["report", "--lake", place, "--out", page.to_str().unwrap()],
    ];
    let answer = |arguments: &[&str]| {
        let output = quotelake(&program, &[&["--json"], arguments].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut json: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {error}"));
        json["at"].take();
        (output.status.code(), json)
    };
    // As its owner sees it.
    let owner: Vec<_> = commands
        .iter()
        .map(|arguments| {
            let output = Command::new(&program).arg("--json").args(*arguments).output().unwrap();
            output.status.code()
        })
        .collect();
    let _ = std::fs::remove_file(&page);

    set_writable(&lake, false);
    let before = files(&lake);
    for (arguments, owner) in commands.iter().zip(owner) {
        let output = quotelake(&program, &[&["--json"], *arguments].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), owner, "{arguments:?}: {error}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
    }
    assert!(page.is_file());

    let new = out.join("again");
    let (code, rebuilt) = answer(&["rebuild", "--from", place, "--lake", new.to_str().unwrap()]);
    assert_eq!((code, &rebuilt["compared"]["equal"]), (Some(0), &serde_json::json!(174)), "{rebuilt}");

    // The table of splits by a contract with a column more, from its own rows.
    let contract = out.join("splits.yaml");
    let shipped = include_str!("../../contract/contracts/splits.yaml");
    let note = "      - {name: note, logicalType: string, physicalType: string, description: free text}\n";
    let at = shipped
        .find("      - {name: provider,")
        .or_else(|| shipped.find("      - name: provider\n"))
        .unwrap();
    std::fs::write(&contract, format!("{}{note}{}", &shipped[..at], &shipped[at..])).unwrap();
    let rules = out.join("splits.dqdl");
    std::fs::write(rules, include_str!("../../contract/contracts/splits.dqdl")).unwrap();
    let wider = out.join("wider");
    let way = [
        "rebuild",
        "--from",
        place,
        "--lake",
        wider.to_str().unwrap(),
        "--contract",
        contract.to_str().unwrap(),
    ];
    let (code, rebuilt) = answer(&way);
    let table = &rebuilt["tables"][0];
    assert_eq!((code, &table["dataset"]), (Some(0), &serde_json::json!("splits")), "{rebuilt}");
    assert_eq!(table["rows"], table["rows_before"], "{rebuilt}");

    // A copy without what the program keeps for itself, as a backup may be.
    std::fs::create_dir(out.join("backup")).unwrap();
    for zone in ["bronze", "quality", "landing"] {
        let copied =
            Command::new("cp").arg("-r").arg(lake.join(zone)).arg(out.join("backup")).status().unwrap();
        assert!(copied.success());
    }
    let backup = out.join("backup");
    set_writable(&backup, false);
    let (code, status) = answer(&["status", "--lake", backup.to_str().unwrap()]);
    assert_eq!((code, status["tables"].as_array().unwrap().len() > 2), (Some(2), true), "{status}");
    set_writable(&backup, true);

    let rows = out.join("rows.ndjson");
    std::fs::write(&rows, "{}\n").unwrap();
    let refused =
        quotelake(&program, &["load", "--lake", place, "--dataset", "splits", rows.to_str().unwrap()]);
    let error = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(error.contains("denied") || error.contains("may only be read"), "{error}");
    assert_eq!(files(&lake), before, "nothing changed");
    set_writable(&lake, true);
}
