//! Rows without a key (`key: none`) are told apart by what their file holds: packed again, it is the same file; and what an earlier version
//! published under the hash of the packed file stays what it is.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use quotelake_core::sha256_hex;
use serde_json::Value;

const CONTRACT: &str = "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: clicks\n    customProperties: [{property: key, value: none}, {property: partitionBy, value: none}]\n    properties:\n      - {name: s, logicalType: string, physicalType: string}\n      - {name: x, logicalType: number, physicalType: \"decimal(18,2)\"}\n";
const TEXT: &str = "s,x\na,1.23\nb,2.00\na,1.23\n";

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.write("c.yaml", CONTRACT.as_bytes());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn json(&self, args: &[&str]) -> (i32, Value) {
        let output = Command::new(env!("CARGO_BIN_EXE_quotelake"))
            .args(args)
            .arg("--json")
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        (
            output.status.code().unwrap(),
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words}")),
        )
    }

    /// Rows that a load adds, and rows of the table.
    fn load(&self, file: &str) -> (u64, u64) {
        let (_, report) =
            self.json(&["load", "--lake", "lake", "--dataset", "clicks", "--contract", "c.yaml", file]);
        (report["inserted"].as_u64().unwrap(), report["rows_out"].as_u64().unwrap())
    }
}

fn packed(mtime: u32) -> Vec<u8> {
    let mut packed = flate2::GzBuilder::new().mtime(mtime).write(Vec::new(), flate2::Compression::fast());
    packed.write_all(TEXT.as_bytes()).unwrap();
    packed.finish().unwrap()
}

#[test]
fn packed_again_a_file_adds_nothing() {
    let desk = Desk::new();
    desk.write("g.csv.gz", &packed(1));
    assert_eq!(desk.load("g.csv.gz"), (3, 3));
    desk.write("h.csv.gz", &packed(2));
    desk.write("i.csv", TEXT.as_bytes());
    assert_eq!((desk.load("h.csv.gz"), desk.load("i.csv"), desk.load("g.csv.gz")), ((0, 3), (0, 3), (0, 3)));
    // Lines of JSON, which are read in place where they are not packed.
    desk.write("j.ndjson", b"{\"s\":\"z\",\"x\":1}\n{\"s\":\"z\",\"x\":1}\n");
    let mut lines = flate2::GzBuilder::new().mtime(9).write(Vec::new(), flate2::Compression::fast());
    lines.write_all(&std::fs::read(desk.path("j.ndjson")).unwrap()).unwrap();
    desk.write("k.ndjson.gz", &lines.finish().unwrap());
    assert_eq!((desk.load("j.ndjson"), desk.load("k.ndjson.gz")), ((2, 5), (0, 5)));
}

#[test]
fn rows_of_an_earlier_version_keep_what_tells_them_apart() {
    let desk = Desk::new();
    let file = packed(1);
    let old: String = TEXT
        .lines()
        .skip(1)
        .enumerate()
        .map(|(row, line)| {
            let (s, x) = line.split_once(',').unwrap();
            format!(
                "{{\"s\":\"{s}\",\"x\":{x},\"file_sha256\":\"{}\",\"file_row\":{}}}\n",
                sha256_hex(&file),
                row + 1
            )
        })
        .collect();
    desk.write("old.ndjson", old.as_bytes());
    assert_eq!(desk.load("old.ndjson"), (3, 3));
    desk.write("g.csv.gz", &file);
    assert_eq!(desk.load("g.csv.gz"), (0, 3));
}

/// A file of the inbox that landed under the hash of the packed file keeps it when it is taken once more.
#[test]
fn the_inbox_takes_a_packed_file_once_more_as_what_it_was() {
    let desk = Desk::new();
    desk.write("lake/contracts/clicks.yaml", CONTRACT.as_bytes());
    let file = packed(1);
    desk.write("lake/inbox/clicks/g.csv.gz", &file);
    let (code, _) = desk.json(&["inbox", "run", "--lake", "lake"]);
    assert_eq!(code, 0);
    let count = || {
        let (_, report) = desk.json(&["status", "--lake", "lake"]);
        report.to_string()
    };
    let before = count();
    // Packed again under another name: the same content.
    desk.write("lake/inbox/clicks/h.csv.gz", &packed(5));
    let (code, report) = desk.json(&["inbox", "run", "--lake", "lake"]);
    assert_eq!(code, 0, "{report}");
    assert!(report.to_string().contains("same_content"), "{report} {before}");
    let (code, report) = desk.json(&["inbox", "run", "--lake", "lake", "--again"]);
    assert_eq!(code, 0, "{report}");
    desk.write("i.csv", TEXT.as_bytes());
    assert_eq!(desk.load("i.csv"), (0, 3));
}
