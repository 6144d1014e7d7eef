//! `quotelake migrate` on a real PostgreSQL server: both sides are equal, a difference is shown, a killed process goes on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use quotelake_testkit::PostgresServer;
use serde_json::Value;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn server() -> Option<PostgresServer> {
    server_with(false)
}

fn server_with(tls: bool) -> Option<PostgresServer> {
    #[expect(clippy::disallowed_methods, reason = "CI says that nothing may be skipped")]
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    let server = PostgresServer::start_or_skip(ci, tls)?;
    server.sql(&std::fs::read_to_string(project("samples/migrate/legacy.sql")).unwrap()).unwrap();
    // XXXX is no market (ISO 10383): its days need not be sessions of one.
    server
        .sql(
            "INSERT INTO legacy.daily_prices (symbol, mic, trade_date, open_price, high_price, low_price, close_price, volume) \
             SELECT 'S' || s, 'XXXX', date '2010-01-01' + d, 10.5, 11, 10, 10 + (d % 9) * 0.01, 1000 + s * d \
             FROM generate_series(1, 5) s, generate_series(0, 199) d; \
             INSERT INTO legacy.dividends SELECT s * 1000 + q, 'S' || s, 'XXXX', date '2010-02-01' + q * 90, \
             date '2010-03-01' + q * 90, (0.25 + s * 0.01)::numeric::money FROM generate_series(1, 5) s, generate_series(0, 1) q",
        )
        .unwrap();
    Some(server)
}

fn migrate(server: &PostgresServer, lake: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
    command.args(["migrate", "--json", "--database-url-secret", "env:QUOTELAKE_TEST_LEGACY", "--mapping"]);
    command.arg(project("samples/migrate/mapping.yaml")).arg("--lake").arg(lake).args(more);
    command.env("QUOTELAKE_TEST_LEGACY", server.url());
    command
}

fn finished(mut command: Command) -> (i32, Value, String) {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("panicked"), "{stderr}");
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), report, stderr)
}

#[test]
fn history_and_dividends_are_equal_on_both_sides_and_stay_so() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path();
    let (code, report, stderr) = finished(migrate(&server, lake, &["--page-rows", "33"]));
    assert_eq!(code, 0, "{report} {stderr}");
    let bars = &report["datasets"][0];
    assert_eq!(
        (&bars["rows"], &bars["rows_copied"], &bars["equal"]),
        (&1000.into(), &1000.into(), &true.into())
    );
    let symbol = &bars["symbols"][4];
    assert_eq!((symbol["by"].as_str(), symbol["lake"]["rows"].as_u64()), (Some("S5"), Some(200)));
    assert_eq!(
        (symbol["lake"]["first"].as_str(), symbol["lake"]["last"].as_str()),
        (Some("2010-01-01"), Some("2010-07-19"))
    );
    // 1000 * 200 + 5 * (0 + ... + 199)
    assert_eq!(symbol["lake"]["sums"][1], "299500");
    let dividends = &report["datasets"][1];
    assert_eq!(dividends["symbols"][0]["lake"]["sums"][0], "0.52", "money is exact");
    let (code, report, _) = finished(migrate(&server, lake, &[]));
    assert_eq!((code, report["datasets"][0]["rows_copied"].as_u64()), (0, Some(0)), "{report}");
}

#[test]
fn what_the_contract_does_not_take_is_quarantined_and_the_difference_is_shown() {
    let Some(server) = server() else { return };
    server
        .sql(
            "UPDATE legacy.daily_prices SET close_price = 'NaN' WHERE symbol = 'S1' AND trade_date = '2010-01-05'; \
             UPDATE legacy.daily_prices SET trade_date = 'infinity' WHERE symbol = 'S2' AND trade_date = '2010-07-19'; \
             UPDATE legacy.daily_prices SET close_price = NULL WHERE symbol = 'S3' AND trade_date = '2010-01-05'; \
             UPDATE legacy.daily_prices SET close_price = 10.1234567890123456789 WHERE symbol = 'S4' AND trade_date = '2010-01-05'",
        )
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (code, report, stderr) = finished(migrate(&server, folder.path(), &[]));
    assert_eq!(code, 2, "{report} {stderr}");
    assert_eq!(report["checked"]["quarantined"], 4);
    let equal: Vec<bool> = report["datasets"][0]["symbols"]
        .as_array()
        .unwrap()
        .iter()
        .map(|symbol| symbol["equal"].as_bool().unwrap())
        .collect();
    assert_eq!(equal, [false, false, false, false, true]);
    assert_eq!(report["datasets"][0]["symbols"][0]["database"]["sums"][0], "NaN");
    assert_eq!(report["datasets"][0]["symbols"][1]["database"]["last"], "infinity");
    assert_eq!(report["datasets"][1]["equal"], true);
}

#[test]
fn a_killed_migration_goes_on_where_it_was() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path();
    let checkpoint = lake.join("state/migrate/legacy-daily_bars.json");
    let small = ["--page-rows", "1", "--part-rows", "10"];
    let mut running =
        migrate(&server, lake, &small).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let parts = || -> u64 {
        let Ok(text) = std::fs::read(&checkpoint) else { return 0 };
        serde_json::from_slice::<Value>(&text).unwrap()["parts"].as_u64().unwrap()
    };
    while parts() < 3 {
        assert!(began.elapsed() < Duration::from_secs(60), "no checkpoint");
        std::thread::sleep(Duration::from_millis(1));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    let rows = 10 * parts();
    assert!((30..1000).contains(&rows), "killed after {rows} rows");
    let (code, report, stderr) = finished(migrate(&server, lake, &[]));
    assert_eq!(code, 0, "{report} {stderr}");
    assert_eq!(report["datasets"][0]["rows_copied"].as_u64(), Some(1000 - rows), "nothing is copied twice");
    assert_eq!(report["datasets"][0]["rows"], 1000);

    // Another mapping does not go on from there.
    let changed = std::fs::read_to_string(project("samples/migrate/mapping.yaml"))
        .unwrap()
        .replace("adjustment: unknown", "adjustment: raw");
    let mapping = lake.join("changed.yaml");
    std::fs::write(&mapping, changed).unwrap();
    let changed = ["--mapping", mapping.to_str().unwrap()];
    let again = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
        command
            .args(["migrate", "--json", "--database-url-secret", "env:QUOTELAKE_TEST_LEGACY", "--lake"])
            .arg(lake);
        command.args(changed).args(more).env("QUOTELAKE_TEST_LEGACY", server.url());
        finished(command)
    };
    let (code, _, stderr) = again(&[]);
    assert_eq!(code, 1);
    assert!(stderr.contains("changed since its migration began"), "{stderr}");
    assert_eq!(again(&["--restart"]).0, 0);
}

/// Keys of numbers, of instants and of several columns, none of which sort as their texts do.
#[test]
fn a_migration_that_is_killed_twice_holds_what_the_database_holds() {
    let Some(server) = server() else { return };
    server
        .sql(
            "INSERT INTO legacy.dividends SELECT g, 'D' || (g % 11), 'XXXX', date '1999-01-01' + g % 7919, NULL, 2.5 \
             FROM generate_series(7001, 13000) g",
        )
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path();
    let small = ["--page-rows", "500", "--part-rows", "1000"];
    let mut kills = 0;
    // Wherever the process is by then: it copies, or has already begun to check.
    for (wait_ms, after) in [(20, 2), (300, 5)] {
        let mut running =
            migrate(&server, lake, &small).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        let parts = || -> u64 {
            let Ok(text) = std::fs::read(lake.join("state/migrate/legacy-dividends.json")) else { return 0 };
            serde_json::from_slice::<Value>(&text).map_or(0, |value| value["parts"].as_u64().unwrap())
        };
        while parts() < after && running.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(120), "no checkpoint");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(wait_ms));
        kills += u32::from(running.try_wait().unwrap().is_none());
        running.kill().unwrap();
        running.wait().unwrap();
    }
    assert_eq!(kills, 2);
    let (code, report, stderr) = finished(migrate(&server, lake, &small));
    assert_eq!(code, 0, "{report} {stderr}");
    let dividends = &report["datasets"][1];
    assert_eq!((&dividends["rows"], &dividends["equal"]), (&6_010.into(), &true.into()), "{report}");
    let symbols = dividends["symbols"].as_array().unwrap();
    assert!(
        symbols
            .iter()
            .all(|symbol| symbol["equal"] == true
                && symbol["lake"]["content"] == symbol["database"]["content"])
    );

    // Then what is new and what changed, or what can be done about it.
    server
        .sql(
            "INSERT INTO legacy.dividends VALUES (40000, 'D1', 'XXXX', '2027-01-04', NULL, 1); \
             UPDATE legacy.dividends SET amount = 3 WHERE id = 9005; DELETE FROM legacy.dividends WHERE id = 9006",
        )
        .unwrap();
    let (code, report, stderr) = finished(migrate(&server, lake, &[]));
    let dividends = &report["datasets"][1];
    assert_eq!((code, &dividends["rows_copied"]), (2, &1.into()), "{report} {stderr}");
    let found = dividends["differences"].as_array().unwrap();
    let mut whats: Vec<&str> = found.iter().map(|d| d["what"].as_str().unwrap()).collect();
    whats.sort_unstable();
    // An amount is part of a dividend's key.
    assert_eq!(whats, ["only_in_database", "only_in_lake", "only_in_lake"]);
    let missing = found.iter().find(|d| d["what"] == "only_in_database").unwrap();
    assert_eq!((&missing["key"]["provider_symbol"], &missing["key"]["amount"]), (&"D7".into(), &"3".into()));
    assert!(dividends["next"].as_str().unwrap().contains("--restart"), "{dividends}");
    let (code, report, _) = finished(migrate(&server, lake, &["--restart"]));
    let found = report["datasets"][1]["differences"].as_array().unwrap();
    assert_eq!((code, found.len()), (2, 2), "what was deleted stays in the lake, and is named: {report}");
    assert!(found.iter().all(|d| d["what"] == "only_in_lake"), "{report}");
}

/// Rows whose number, dates and sums are as before, and which are others.
#[test]
fn other_rows_with_the_same_totals_are_no_equal_rows() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path();
    assert_eq!(finished(migrate(&server, lake, &[])).0, 0);
    server
        .sql(
            "UPDATE legacy.daily_prices SET high_price = 12 WHERE symbol = 'S2' AND trade_date = '2010-03-01'; \
             UPDATE legacy.daily_prices SET close_price = close_price + CASE trade_date WHEN '2010-03-01' THEN 0.001 ELSE -0.001 END \
             WHERE symbol = 'S3' AND trade_date IN ('2010-03-01', '2010-03-02')",
        )
        .unwrap();
    let (code, report, stderr) = finished(migrate(&server, lake, &[]));
    assert_eq!(code, 2, "{stderr}");
    let bars = &report["datasets"][0];
    let symbols = bars["symbols"].as_array().unwrap();
    let different: Vec<&str> =
        symbols.iter().filter(|s| s["equal"] == false).map(|s| s["by"].as_str().unwrap()).collect();
    assert_eq!(different, ["S2", "S3"]);
    assert_eq!(symbols[2]["database"]["sums"], symbols[2]["lake"]["sums"]);
    let mut named: Vec<String> = bars["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| {
            format!(
                "{} {} {} {}",
                d["key"]["provider_symbol"].as_str().unwrap(),
                d["key"]["trading_date"].as_str().unwrap(),
                d["columns"][0]["column"].as_str().unwrap(),
                d["columns"].as_array().unwrap().len()
            )
        })
        .collect();
    named.sort();
    assert_eq!(named, ["S2 2010-03-01 high 1", "S3 2010-03-01 close 1", "S3 2010-03-02 close 1"]);
}

#[test]
fn over_a_network_only_with_tls_and_a_certificate_that_is_trusted() {
    let Some(server) = server_with(true) else { return };
    let folder = tempfile::tempdir().unwrap();
    let over_tcp = |url: &str, lake: &str, trusted: Option<PathBuf>| {
        let mut command = migrate(&server, &folder.path().join(lake), &[]);
        command.env("QUOTELAKE_TEST_LEGACY", url);
        match trusted {
            Some(certificate) => command.env("SSL_CERT_FILE", certificate),
            None => command.env_remove("SSL_CERT_FILE"),
        };
        finished(command)
    };
    let url = server.tls_url();
    let (code, report, stderr) = over_tcp(&url, "trusted", Some(server.certificate()));
    assert_eq!((code, &report["datasets"][0]["equal"]), (0, &true.into()), "{stderr}");

    // The certificate that the string names, and no other; the server's name counts.
    let full = url.replace("require", "verify-full");
    let root = format!("sslrootcert='{}'", server.certificate().display());
    let (code, report, stderr) = over_tcp(&format!("{full} {root}"), "named", None);
    assert_eq!((code, &report["datasets"][0]["equal"]), (0, &true.into()), "{stderr}");
    let (code, _, stderr) =
        over_tcp(&format!("{full} {root}").replace("localhost", "127.0.0.1"), "address", None);
    assert_eq!(code, 1, "the certificate is of localhost: {stderr}");
    let (code, _, stderr) = over_tcp(&format!("{full} sslrootcert=/nowhere.pem"), "nowhere", None);
    assert_eq!(code, 1);
    assert!(stderr.contains("sslrootcert /nowhere.pem cannot be read"), "{stderr}");

    let (code, _, stderr) = over_tcp(&url, "stranger", None);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("certificate") || stderr.contains("UnknownIssuer"), "{stderr}");
    // The server takes nobody without TLS, so the first migration was encrypted.
    let (code, _, stderr) = over_tcp(&url.replace("require", "disable"), "plain", Some(server.certificate()));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("no encryption"), "{stderr}");
}
