//! On a real PostgreSQL server: values are kept as they are or refused with a reason, and both sides are compared by content.

use crate::support;

use crate::support::{Moving, contract_of, mapping_of, server, snapshot};
use quotelake_core::ErrorKind;
use quotelake_migrate::{CopyOptions, What};
use serde_json::{Value, json};

/// Copies a table in one go and answers its lines, by `id`.
async fn moved(url: &str, moving: &Moving) -> Vec<Value> {
    moving.copy(&snapshot(url).await.unwrap(), CopyOptions::default()).await.unwrap();
    let mut rows = moving.values().await;
    rows.sort_by_key(|row| row["id"].as_str().unwrap_or_default().parse::<i64>().unwrap_or_default());
    rows
}

fn column(rows: &[Value], name: &str) -> Vec<Value> {
    rows.iter().map(|row| row[name].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_and_instants_are_kept_exactly_or_in_a_spelling_that_no_contract_takes() {
    let Some(server) = server() else { return };
    server
        .sql(
            "CREATE SCHEMA times; CREATE TABLE times.t (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz); \
             INSERT INTO times.t VALUES (1, '2024-02-29', '2024-03-10 01:30:00.5', '2024-02-29 12:00:00.123+02'), \
             (2, '0044-03-15 BC', '0044-03-15 00:00:00 BC', '0044-03-15 00:00:00+00 BC'), \
             (3, 'infinity', '-infinity', 'infinity'), \
             (4, '12024-01-01', '12024-01-01 00:00:00', '12024-01-01 00:00:00+00'), \
             (5, '0001-01-01', '2024-03-10 02:30:00', '2024-01-01 00:00:00.000001+00'), \
             (6, NULL, '2024-03-10 03:30:00', '2024-01-01 00:00:00.000002+00'), \
             (7, '1900-01-01', '1900-01-01 00:00:00', '1900-01-01 05:00:00+00')",
        )
        .unwrap();
    let contracts = contract_of(
        "id int; d date; ts timestamp; tz timestamp",
        "{property: placeholderDates, value: ['1900-01-01', '0000-00-00']}",
    );
    let mapping = mapping_of(
        "times.t",
        "key: [id], columns: {id: id, d: d, ts: {column: ts, timezone: America/New_York}, tz: tz}",
    );
    let moving = Moving::new(&contracts, &mapping).unwrap();
    let rows = moved(&server.url(), &moving).await;
    assert_eq!(
        column(&rows, "d"),
        [
            json!("2024-02-29"),
            json!("0044-03-15 BC"),
            json!("infinity"),
            json!("12024-01-01"),
            json!("0001-01-01"),
            Value::Null,
            Value::Null
        ]
    );
    assert_eq!(
        column(&rows, "ts"),
        [
            json!("2024-03-10T06:30:00.500Z"),
            json!("0044-03-15 00:00:00 BC America/New_York"),
            json!("-infinity America/New_York"),
            json!("12024-01-01 00:00:00 America/New_York"),
            json!("2024-03-10 02:30:00 America/New_York"),
            json!("2024-03-10T07:30:00.000Z"),
            Value::Null
        ],
        "an hour that the clocks left out is no other hour"
    );
    assert_eq!(
        column(&rows, "tz"),
        [
            json!("2024-02-29T10:00:00.123Z"),
            json!("0044-03-15 00:00:00+00 BC"),
            json!("infinity"),
            json!("12024-01-01 00:00:00+00"),
            json!("2024-01-01T00:00:00.000001Z"),
            json!("2024-01-01T00:00:00.000002Z"),
            Value::Null
        ]
    );
    let snapshot = snapshot(&server.url()).await.unwrap();
    let differences = moving.differences(&snapshot, &moving.lines().await).await;
    let refused: Vec<_> = differences.iter().map(|d| (d.key["id"].clone().unwrap(), d.what)).collect();
    assert_eq!(refused, ["2", "3", "4", "5", "6"].map(|id| (id.to_owned(), What::OnlyInDatabase)));

    // Without a cast a timestamp is no date; with one it is the zone's, and the mapping's own choice.
    let plain = mapping_of("times.t", "key: [id], columns: {id: id, d: tz}");
    let error = moving_error(&contracts, &plain, &server.url()).await;
    assert!(error.to_string().contains("cast: date"), "{error}");
    let cast = mapping_of(
        "times.t",
        "key: [id], columns: {id: id, d: {column: tz, cast: date, timezone: Asia/Tokyo}, tz: {column: tz, cast: timestamptz(3)}}",
    );
    let rows = moved(&server.url(), &Moving::new(&contracts, &cast).unwrap()).await;
    assert_eq!(rows[0]["d"], "2024-02-29");
    assert_eq!((&rows[4]["d"], &rows[4]["tz"]), (&json!("2024-01-01"), &json!("2024-01-01T00:00:00.000Z")));
}

async fn moving_error(
    contracts: &quotelake_contract::Contracts,
    mapping: &str,
    url: &str,
) -> quotelake_core::Error {
    let moving = Moving::new(contracts, mapping).unwrap();
    moving.copy(&snapshot(url).await.unwrap(), CopyOptions::default()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_the_contract_is_spelled_alike_on_both_sides() {
    let Some(server) = server() else { return };
    server
        .sql(
            "CREATE SCHEMA spelled; CREATE DOMAIN spelled.price AS numeric(20,8); \
             CREATE TABLE spelled.t (id bigint PRIMARY KEY, s text, n spelled.price, f float8, r real, b boolean, m money, i int, \
             tn text, tb text, tt text, e bigint); \
             INSERT INTO spelled.t SELECT (g - 50) * 98765432101, CASE g % 4 WHEN 0 THEN NULL WHEN 1 THEN '' \
             WHEN 2 THEN E'a\\x1f=b\\n\"ü' || g ELSE 'x ' || g END, (g - 50) * 1.25000000, \
             CASE g % 5 WHEN 0 THEN 1e22 * g WHEN 1 THEN 1e-9 / g WHEN 2 THEN -g ELSE sqrt(g) END, g / 10.0, g % 2 = 0, \
             ((g - 50) * 1.1)::numeric::money, g, (g - 50)::text || '.500', CASE g % 3 WHEN 0 THEN 'true' WHEN 1 THEN 'false' END, \
             '2024-01-01T00:00:' || lpad((g % 60)::text, 2, '0') || '+01:00', 1700000000000 + g FROM generate_series(1, 100) g",
        )
        .unwrap();
    let contracts = contract_of(
        "id bigint; s string; n decimal(18,8); f double; r decimal(10,3); r2 double; b boolean; m decimal(12,2); i int; \
         tn decimal(9,3); tb boolean; tt timestamp; e timestamp | {property: encoding, value: epoch_ms}; t string",
        "",
    );
    let mapping = mapping_of(
        "spelled.t",
        "key: [id], columns: {id: id, s: s, n: n, f: f, r: r, r2: r, b: b, m: m, i: i, tn: tn, tb: tb, tt: tt, e: e}, \
         templates: {t: \"{i}-{tb}\"}, reconcile: {by: tb, sum: [n, m]}",
    );
    let moving = Moving::new(&contracts, &mapping).unwrap();
    let url = server.url();
    assert_eq!(moved(&url, &moving).await.len(), 100);
    let snapshot = support::snapshot(&url).await.unwrap();
    assert_eq!(moving.differences(&snapshot, &moving.lines().await).await, []);
    let (database, lake) = (moving.database(&snapshot).await.unwrap(), moving.landed().await);
    assert_eq!(database, lake);
    assert_eq!(database.totals.keys().collect::<Vec<_>>(), ["", "false", "true"]);

    // One value of one row, a missing value for an empty one, a row too many, a row too few: each is named.
    let mut lines = moving.lines().await;
    let change = |line: &mut String, from: &str, to: &str| {
        assert!(line.contains(from), "{line}");
        *line = line.replacen(from, to, 1);
    };
    change(&mut lines[10], "\"i\":\"11\"", "\"i\":\"12\"");
    change(&mut lines[20], "\"s\":\"\"", "\"s\":null");
    let doubled = lines[30].clone();
    lines.push(doubled);
    lines.remove(40);
    let found = moving.differences(&snapshot, &lines).await;
    let mut whats: Vec<_> = found
        .iter()
        .map(|d| (d.what, d.columns.iter().map(|c| c.column.as_str()).collect::<Vec<_>>()))
        .collect();
    whats.sort_by_key(|(what, columns)| format!("{what:?}{columns:?}"));
    assert_eq!(
        whats,
        [
            (What::Copies, vec![]),
            (What::OnlyInDatabase, vec![]),
            (What::Values, vec!["i"]),
            (What::Values, vec!["s"])
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_the_contract_rounds_is_a_difference() {
    let Some(server) = server() else { return };
    server
        .sql(
            "CREATE SCHEMA rounds; CREATE TABLE rounds.t (id int PRIMARY KEY, f numeric, d numeric); \
             INSERT INTO rounds.t VALUES (1, 0.1, 1.5), (2, 0.12345678901234567891, 2), (3, 3, 1.123456789)",
        )
        .unwrap();
    let contracts = contract_of("id int; f double; d decimal(18,8)", "");
    let mapping = mapping_of("rounds.t", "key: [id], columns: {id: id, f: f, d: d}");
    let moving = Moving::new(&contracts, &mapping).unwrap();
    moved(&server.url(), &moving).await;
    let snapshot = snapshot(&server.url()).await.unwrap();
    let found = moving.differences(&snapshot, &moving.lines().await).await;
    let [rounded, refused] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((rounded.what, rounded.columns[0].column.as_str()), (What::Values, "f"));
    assert_eq!(rounded.columns[0].database.as_deref(), Some("0.12345678901234567891"));
    assert_eq!((refused.what, refused.key["id"].as_deref()), (What::OnlyInDatabase, Some("3")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contracts_formats_hold_for_texts_and_for_nothing_else() {
    let Some(server) = server() else { return };
    server
        .sql(
            "CREATE SCHEMA formats; CREATE TABLE formats.t (id int PRIMARY KEY, n numeric(10,3), tn text, td varchar(20), s text); \
             INSERT INTO formats.t VALUES (1, 1.234, '1.234,5', '31/12/2024', 'n/a'), (2, 1234.5, ' 12,25 ', '01/02/2024', 'N/A'), \
             (3, 9.125, '9.12', '2024-02-01', ''), (4, -999, 'n/a', '01/01/1900', NULL)",
        )
        .unwrap();
    let contracts = contract_of(
        "id int; n decimal(10,3) | {property: nullTexts, value: ['-999']}; tn decimal(10,3) | {property: nullTexts, value: [n/a]}; td date; s string | {property: nullTexts, value: [n/a]}",
        "{property: numberFormat, value: pt-BR}, {property: dateFormat, value: '%d/%m/%Y'}, {property: placeholderDates, value: ['1900-01-01']}",
    );
    let mapping = mapping_of("formats.t", "key: [id], columns: {id: id, n: n, tn: tn, td: td, s: s}");
    let moving = Moving::new(&contracts, &mapping).unwrap();
    let rows = moved(&server.url(), &moving).await;
    assert_eq!(column(&rows, "n"), [json!("1.234"), json!("1234.500"), json!("9.125"), Value::Null]);
    assert_eq!(column(&rows, "tn"), [json!("1234.5"), json!("12.25"), Value::Null, Value::Null]);
    assert_eq!(column(&rows, "td"), [json!("2024-12-31"), json!("2024-02-01"), Value::Null, Value::Null]);
    assert_eq!(column(&rows, "s"), [Value::Null, json!("N/A"), json!(""), Value::Null]);
    assert_eq!(rows[2]["refused"]["tn"]["value"], "9.12");
    assert_eq!(rows[2]["refused"]["td"]["value"], "2024-02-01");
    let cast = mapping_of("formats.t", "key: [id], columns: {id: id, td: {column: td, cast: date}}");
    let error = moving_error(&contracts, &cast, &server.url()).await;
    assert!(error.to_string().contains("column \"td\" is text"), "{error}");
    // The server cannot spell these: the rows are read and spelled once more, and the refused one is named.
    let snapshot = snapshot(&server.url()).await.unwrap();
    let found = moving.differences(&snapshot, &moving.lines().await).await;
    assert_eq!(
        found.iter().map(|d| (d.key["id"].as_deref(), d.what)).collect::<Vec<_>>(),
        [(Some("3"), What::OnlyInDatabase)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_hides_rows_is_no_empty_table() {
    let Some(server) = server() else { return };
    server
        .sql(
            "CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int PRIMARY KEY, v text); INSERT INTO hidden.t VALUES (1, 'a'), (2, 'b'); \
             ALTER TABLE hidden.t ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON hidden.t USING (id = 1); \
             CREATE VIEW hidden.v WITH (security_invoker = true) AS SELECT * FROM hidden.t; \
             CREATE ROLE half_blind LOGIN; GRANT USAGE ON SCHEMA hidden TO half_blind; \
             GRANT SELECT ON ALL TABLES IN SCHEMA hidden TO half_blind",
        )
        .unwrap();
    let contracts = contract_of("id int; v string", "");
    let stranger = server.url().replace("user=postgres", "user=half_blind");
    for table in ["hidden.t", "hidden.v"] {
        let mapping = mapping_of(table, "columns: {id: id, v: v}");
        let error = moving_error(&contracts, &mapping, &stranger).await;
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert!(error.to_string().contains("row-level security hides rows"), "{error}");
        let moving = Moving::new(&contracts, &mapping).unwrap();
        assert_eq!(moved(&server.url(), &moving).await.len(), 2, "a superuser sees all");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_cost_their_row_alone() {
    let Some(server) = server() else { return };
    server
        .sql("CREATE DATABASE anything ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        .unwrap();
    let url = server.url().replace("dbname=postgres", "dbname=anything");
    server
        .sql_in(
            "anything",
            "CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t SELECT g, 'n' || g FROM generate_series(1, 30) g; \
             UPDATE t SET name = convert_from('\\xc3a9'::bytea, 'SQL_ASCII') WHERE id = 7; \
             UPDATE t SET name = convert_from('\\xe9'::bytea, 'SQL_ASCII') WHERE id = 8; \
             CREATE TABLE k AS SELECT name, id FROM t; ALTER TABLE k ADD PRIMARY KEY (name)",
        )
        .unwrap();
    let contracts = contract_of("id int; name string", "");
    for (table, key) in [("t", "id"), ("k", "name")] {
        let mapping = mapping_of(table, &format!("key: [{key}], columns: {{id: id, name: name}}"));
        let moving = Moving::new(&contracts, &mapping).unwrap();
        moving.copy_dying(&url, CopyOptions { page_rows: 1, part_rows: 4 }).await.unwrap();
        let rows = moving.values().await;
        assert_eq!(rows.len(), 30, "{table}");
        assert!(rows.iter().any(|row| row["id"] == "7" && row["name"] == "é"), "{table}");
        let faults: Vec<_> = rows.iter().filter_map(|row| row.get("ingest_fault")).collect();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0]["reason"], "invalid_utf8");
        assert!(faults[0]["raw"].as_str().unwrap().contains("\"id\":\"8\""), "{faults:?}");
        let snapshot = snapshot(&url).await.unwrap();
        let found = moving.differences(&snapshot, &moving.lines().await).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].key["id"].as_deref(), found[0].what), (Some("8"), What::OnlyInDatabase));
    }
}
