//! `quotelake migrate` once more: rows without a key are as many as in the database, and what does not arrive is said with advice that helps.

use std::path::Path;
use std::process::Command;

use quotelake_testkit::PostgresServer;
use serde_json::Value;

fn server() -> Option<PostgresServer> {
    #[expect(clippy::disallowed_methods, reason = "CI says that nothing may be skipped")]
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    PostgresServer::start_or_skip(ci, false)
}

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    /// The contract of a table, its custom properties and columns.
    fn contract(&self, name: &str, custom: &str, columns: &[&str]) {
        let columns: String = columns.iter().map(|column| format!("      - {{{column}}}\n")).collect();
        self.write(
            &format!("{name}.yaml"),
            &format!("apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: {name}\n    customProperties: [{custom}]\n    properties:\n{columns}"),
        );
    }

    /// The exit code, the table's part of the report, and what else was said.
    fn migrate(&self, server: &PostgresServer, more: &[&str]) -> (i32, Value, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_quotelake"))
            .args(["migrate", "--json", "--lake", "lake", "--mapping", "m.yaml", "--contract", "c.yaml"])
            .args(["--database-url-secret", "env:QUOTELAKE_TEST_AGAIN"])
            .args(more)
            .current_dir::<&Path>(self.0.path())
            .env("QUOTELAKE_TEST_AGAIN", server.url())
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), report["datasets"][0].clone(), words)
    }

    fn rename_contract(&self, name: &str) {
        std::fs::rename(self.0.path().join(format!("{name}.yaml")), self.0.path().join("c.yaml")).unwrap();
    }
}

#[test]
fn rows_without_a_key_are_copied_anew_without_doubling() {
    let Some(server) = server() else { return };
    server
        .sql("CREATE TABLE ev (s int, t text); INSERT INTO ev SELECT g % 50, 'x' || g % 400 FROM generate_series(1, 3000) g")
        .unwrap();
    let desk = Desk::new();
    desk.contract(
        "ev",
        "{property: key, value: none}, {property: partitionBy, value: none}",
        &[
            "name: s, logicalType: integer, physicalType: int",
            "name: t, logicalType: string, physicalType: string",
        ],
    );
    desk.rename_contract("ev");
    desk.write("m.yaml", "name: m\ndatasets:\n  - {dataset: ev, table: public.ev, columns: {s: s, t: t}}\n");
    let rows = |table: &Value| table["symbols"][0]["lake"]["rows"].as_u64().unwrap();
    let (code, table, words) = desk.migrate(&server, &["--part-rows", "700", "--page-rows", "100"]);
    assert_eq!((code, rows(&table)), (0, 3000), "{table} {words}");
    server.sql("INSERT INTO ev VALUES (9, 'new'), (1, 'x1')").unwrap();
    let (code, table, _) = desk.migrate(&server, &[]);
    assert_eq!((code, rows(&table)), (2, 3000));
    assert!(
        table["next"]
            .as_str()
            .unwrap()
            .contains("--restart copies all of them again and adds those that are not there"),
        "{table}"
    );
    for options in [&["--restart"][..], &["--restart", "--part-rows", "999"]] {
        let (code, table, words) = desk.migrate(&server, options);
        assert_eq!((code, rows(&table)), (0, 3002), "{table} {words}");
    }
    desk.write("m.yaml", "name: m\ndatasets:\n  - {dataset: ev, table: public.ev, columns: {s: s}}\n");
    let (code, _, words) = desk.migrate(&server, &["--restart"]);
    assert!(code != 0 && words.contains("would be there twice"), "{words}");
}

#[test]
fn a_correction_that_sorts_lower_is_refused_before_it_is_lost_and_arrives_by_a_revision() {
    let Some(server) = server() else { return };
    server
        .sql("CREATE TABLE ut (id int PRIMARY KEY, v text, upd timestamptz(3)); INSERT INTO ut SELECT g, 'a' || g, '2026-01-01' FROM generate_series(1, 30) g")
        .unwrap();
    let desk = Desk::new();
    let columns = [
        "name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true",
        "name: v, logicalType: string, physicalType: string",
    ];
    let one_file = "{property: partitionBy, value: none}";
    desk.contract("ut", one_file, &columns);
    desk.rename_contract("ut");
    desk.write("m.yaml", "name: m\ndatasets:\n  - {dataset: ut, table: public.ut, key: [id], updated_at: upd, columns: {id: id, v: v}}\n");
    let (code, table, words) = desk.migrate(&server, &[]);
    assert_eq!(code, 0, "{table} {words}");
    assert!(table["note"].as_str().unwrap().contains("names no `revisionColumn`"), "{table}");
    server.sql("UPDATE ut SET v = 'A', upd = '2026-06-01' WHERE id = 20").unwrap();
    let (code, _, words) = desk.migrate(&server, &[]);
    assert!(code != 0 && words.contains("name that as its revisionColumn"), "{words}");
    let (code, table, _) = desk.migrate(&server, &["--restart"]);
    assert_eq!((code, table["differences"].as_array().unwrap().len()), (2, 1), "{table}");
    let next = table["next"].as_str().unwrap();
    assert!(next.contains("does not come by any run") && !next.contains("quarantine"), "{next}");
    // What is advised helps.
    let with = [&columns[..], &["name: changed, logicalType: timestamp, physicalType: timestamp"]].concat();
    desk.contract("ut", &format!("{one_file}, {{property: revisionColumn, value: changed}}"), &with);
    desk.rename_contract("ut");
    desk.write("m.yaml", "name: m\ndatasets:\n  - {dataset: ut, table: public.ut, key: [id], updated_at: upd, columns: {id: id, v: v, changed: upd}}\n");
    let (code, table, words) = desk.migrate(&server, &["--restart"]);
    assert_eq!((code, &table["note"]), (0, &Value::Null), "{table} {words}");
    server.sql("UPDATE ut SET v = '0', upd = '2026-07-01' WHERE id = 21").unwrap();
    let (code, table, words) = desk.migrate(&server, &[]);
    assert_eq!(code, 0, "{table} {words}");
}
