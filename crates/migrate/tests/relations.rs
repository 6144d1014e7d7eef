//! On a real PostgreSQL server: what is no plain table with a key, and what a second migration brings.

use crate::support;

use crate::support::{Moving, contract_of, mapping_of, server, snapshot};
use quotelake_core::ErrorKind;
use quotelake_migrate::{Checkpoint, CopyOptions, What};

const SMALL: CopyOptions = CopyOptions { page_rows: 7, part_rows: 20 };

#[tokio::test(flavor = "multi_thread")]
async fn views_foreign_tables_and_tables_without_a_key_are_read_whole() {
    let Some(server) = server() else { return };
    server
        .sql(
            "CREATE SCHEMA odd; CREATE TABLE odd.base (id int PRIMARY KEY, v text); \
             INSERT INTO odd.base SELECT g, 'v' || g FROM generate_series(-40, 59) g; \
             CREATE VIEW odd.view AS SELECT id, v, id % 2 AS half FROM odd.base; \
             CREATE MATERIALIZED VIEW odd.kept AS SELECT * FROM odd.base; \
             CREATE TABLE odd.keyless AS SELECT * FROM odd.base; \
             CREATE TABLE odd.parent (id int PRIMARY KEY, v text); \
             CREATE TABLE odd.child (CHECK (id > 0)) INHERITS (odd.parent); \
             INSERT INTO odd.parent SELECT * FROM odd.base WHERE id <= 0; INSERT INTO odd.child SELECT * FROM odd.base WHERE id > 0; \
             CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; \
             CREATE FOREIGN TABLE odd.outside (id int, v text) SERVER files \
             OPTIONS (program 'seq -f \"%.0f,v%.0f\" 1 100 2>/dev/null || for i in $(seq 1 100); do echo $i,v$i; done', format 'csv')",
        )
        .unwrap();
    let contracts = contract_of("id int; v string", "");
    for (table, key) in [
        ("odd.view", ""),
        ("odd.view", "key: [id], "),
        ("odd.kept", ""),
        ("odd.kept", "key: [id], "),
        ("odd.keyless", ""),
        ("odd.parent", ""),
        ("odd.parent", "key: [id], "),
        ("odd.outside", ""),
    ] {
        let mapping = mapping_of(table, &format!("{key}columns: {{id: id, v: v}}"));
        let moving = Moving::new(&contracts, &mapping).unwrap();
        if key.is_empty() {
            // Dead once, it starts over: there is nothing to go on from.
            let error = moving.copy_until(&server.url(), SMALL, 6).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            moving.copy(&snapshot(&server.url()).await.unwrap(), SMALL).await.unwrap();
        } else {
            assert!(moving.copy_dying(&server.url(), SMALL).await.unwrap() >= 2, "{table}");
        }
        let snapshot = snapshot(&server.url()).await.unwrap();
        assert_eq!(moving.lines().await.len(), 100, "{table}");
        assert_eq!(moving.differences(&snapshot, &moving.lines().await).await, [], "{table}");
    }
    server.sql("INSERT INTO odd.child VALUES (5, 'twice')").unwrap();
    for (table, key, says) in [
        ("odd.parent", "id", "is not unique"),
        ("odd.view", "half", "is not unique"),
        ("odd.keyless", "id", "may be missing"),
        ("odd.view", "none", "no column \"none\""),
    ] {
        let mapping = mapping_of(table, &format!("key: [{key}], columns: {{id: id, v: v}}"));
        let moving = Moving::new(&contracts, &mapping).unwrap();
        let error = moving.copy(&snapshot(&server.url()).await.unwrap(), SMALL).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// As `DataFrame.to_sql` makes it: an index that is no key, floats for everything that had a hole, texts for dates.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_pandas_made() {
    let Some(server) = server() else { return };
    server
        .sql(
            "CREATE SCHEMA frames; CREATE TABLE frames.prices (index bigint, \"Date\" text, \"Close\" double precision, \
             \"Volume\" double precision, loaded timestamp without time zone, \"Last Split\" text); \
             CREATE INDEX ix_frames_prices_index ON frames.prices (index); \
             INSERT INTO frames.prices VALUES (0, '2024-01-02', 12.34, 1000, '2024-01-03 04:05:06', '2:1'), \
             (1, '2024-01-03', 0.1::float8 + 0.2, 1e15, '2024-01-03 04:05:06', NULL), (0, '2024-01-04', NULL, NULL, NULL, 'nan'), \
             (2, '2024-01-05', 'NaN', 3, NULL, NULL)",
        )
        .unwrap();
    let contracts = contract_of(
        "id date; close decimal(18,8) | {property: nullTexts, value: [NaN]}; exact double; volume bigint; loaded timestamp; \
         split string | {property: nullTexts, value: [nan]}",
        "",
    );
    let mapping = mapping_of(
        "frames.prices",
        "columns: {id: Date, close: {column: Close, cast: 'numeric(18,8)'}, exact: Close, volume: Volume, \
         loaded: {column: loaded, timezone: UTC}, split: Last Split}, reconcile: {date: id, sum: [close, volume]}",
    );
    // A float that is no number is refused where the contract does not say that it is none.
    let moving = Moving::new(&contracts, &mapping).unwrap();
    let snapshot = snapshot(&server.url()).await.unwrap();
    moving.copy(&snapshot, CopyOptions::default()).await.unwrap();
    let rows = moving.values().await;
    let row = |day: &str| rows.iter().find(|row| row["id"] == day).unwrap();
    assert_eq!(
        (&row("2024-01-02")["close"], &row("2024-01-02")["volume"]),
        (&"12.34000000".into(), &"1000".into())
    );
    assert_eq!(row("2024-01-03")["close"], "0.30000000");
    assert_eq!(row("2024-01-03")["exact"], "0.30000000000000004");
    assert_eq!(row("2024-01-04")["split"], serde_json::Value::Null);
    assert_eq!(row("2024-01-05")["close"], serde_json::Value::Null);
    let found = moving.differences(&snapshot, &moving.lines().await).await;
    assert_eq!(
        found.iter().map(|d| (d.key["id"].as_deref(), d.what)).collect::<Vec<_>>(),
        [(Some("2024-01-05"), What::OnlyInDatabase)]
    );
    let side = &moving.database(&snapshot).await.unwrap().totals[""];
    assert_eq!(
        (side.rows, side.first.as_deref(), side.last.as_deref()),
        (4, Some("2024-01-02"), Some("2024-01-05"))
    );
    assert_eq!(side.sums, [Some("12.64".to_owned()), Some("1000000000001003".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_migration_brings_what_is_new_and_what_changed() {
    let Some(server) = server() else { return };
    server
        .sql(
            "CREATE SCHEMA later; CREATE TABLE later.t (id int PRIMARY KEY, v text, changed timestamptz); \
             INSERT INTO later.t SELECT g, 'first', '2024-01-01'::timestamptz + g * interval '1 microsecond' FROM generate_series(1, 50) g; \
             INSERT INTO later.t VALUES (51, 'first', NULL)",
        )
        .unwrap();
    let url = server.url();
    let contracts = contract_of("id int; v string", "");
    let by_key =
        Moving::new(&contracts, &mapping_of("later.t", "key: [id], columns: {id: id, v: v}")).unwrap();
    let versions =
        contract_of("id int; v string; changed timestamp", "{property: revisionColumn, value: changed}");
    let columns = "columns: {id: id, v: v, changed: {column: changed, cast: timestamptz(3)}}";
    let by_change =
        Moving::new(&versions, &mapping_of("later.t", &format!("key: [id], updated_at: changed, {columns}")))
            .unwrap();
    let unordered =
        Moving::new(&versions, &mapping_of("later.t", &format!("updated_at: changed, {columns}"))).unwrap();
    let once = Moving::new(&contracts, &mapping_of("later.t", "columns: {id: id, v: v}")).unwrap();
    let all = [&by_key, &by_change, &unordered, &once];
    for moving in all {
        let checkpoint = moving.copy(&snapshot(&url).await.unwrap(), SMALL).await.unwrap();
        assert_eq!((checkpoint.rows, checkpoint.done), (51, true));
    }
    server
        .sql(
            "INSERT INTO later.t SELECT g, 'second', '2024-02-01' FROM generate_series(60, 120) g; \
             UPDATE later.t SET v = 'changed', changed = '2024-02-02' WHERE id = 3; \
             INSERT INTO later.t VALUES (-1, 'second', '2024-02-03')",
        )
        .unwrap();
    let mut rows = Vec::new();
    for moving in all {
        if moving.mapping.datasets[0].key.is_empty() {
            moving.copy(&snapshot(&url).await.unwrap(), SMALL).await.unwrap();
        } else {
            moving.copy_dying(&url, SMALL).await.unwrap();
        }
        let ids: Vec<i64> = moving
            .values()
            .await
            .iter()
            .skip(51)
            .map(|row| row["id"].as_str().unwrap().parse().unwrap())
            .collect();
        rows.push(ids);
    }
    let [key, change, unordered_rows, once_rows] = rows.as_slice() else { panic!() };
    assert_eq!(*key, (60..=120).collect::<Vec<_>>(), "by key: what comes after the last");
    let mut changed = vec![-1, 3, 50, 51];
    changed.extend(60..=120);
    assert_eq!(*change, changed, "by change: the last moment again, and what has none");
    let mut unordered_rows = unordered_rows.clone();
    unordered_rows.sort_unstable();
    assert_eq!((unordered_rows, once_rows.as_slice()), (changed, [].as_slice()));
    // Rows of one key that the contract's merge will make one: the later line is the one that counts.
    let mut newest: std::collections::BTreeMap<String, String> = Default::default();
    for line in by_change.lines().await {
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        newest.insert(value["id"].as_str().unwrap().to_owned(), line);
    }
    let snapshot = snapshot(&url).await.unwrap();
    assert_eq!(by_change.differences(&snapshot, &newest.into_values().collect::<Vec<_>>()).await, []);
    let missing: Vec<_> = by_key
        .differences(&snapshot, &by_key.lines().await)
        .await
        .iter()
        .map(|d| (d.key["id"].clone().unwrap(), d.what))
        .collect();
    assert_eq!(missing, [("-1".to_owned(), What::OnlyInDatabase), ("3".to_owned(), What::Values)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_another_reading_order_does_not_go_on() {
    let contracts = contract_of("id int; v string", "");
    let moving = Moving::new(&contracts, &mapping_of("t", "key: [id], columns: {id: id, v: v}")).unwrap();
    let mapping = &moving.mapping.datasets[0];
    let key = Checkpoint::key_of("test", "things");
    let old = br#"{"migration":"test","dataset":"things","mapping_sha256":"0f3a","started_at":"2026-11-20T00:00:00Z",
        "parts":1,"rows":10,"last_key":["9"],"done":false}"#;
    use quotelake_core::ports::{Lake as _, Precondition};
    moving.lake.put(&key, old.to_vec().into(), Precondition::None).await.unwrap();
    let error = Checkpoint::load(moving.lake.as_ref(), "test", mapping, support::now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("start over with --restart"), "{error}");
}

/// Rows without a key are told apart by what they hold and how often: copied again, killed or started over with other pages, they are the
/// server's rows, as often as it has them, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_key_are_there_as_often_as_in_the_database() {
    let Some(server) = server() else { return };
    server
        .sql(
            "CREATE SCHEMA often; CREATE COLLATION often.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
             CREATE TABLE often.t (s int, v text COLLATE often.loose, at timestamptz, n serial); \
             INSERT INTO often.t (s, v, at) SELECT g % 7, CASE g % 3 WHEN 0 THEN NULL WHEN 1 THEN 'a' ELSE 'A' END, \
             CASE WHEN g % 5 > 0 THEN '2024-01-01'::timestamptz + g % 4 * interval '1 hour' END FROM generate_series(1, 400) g",
        )
        .unwrap();
    let url = server.url();
    let yaml = "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: things\n    customProperties: [{property: key, value: none}, {property: partitionBy, value: none}]\n    properties:\n      - {name: s, logicalType: integer, physicalType: int}\n      - {name: v, logicalType: string, physicalType: string}\n      - {name: at, logicalType: timestamp, physicalType: timestamp}\n      - {name: day, logicalType: date, physicalType: date}\n";
    let mut contracts = quotelake_contract::Contracts::built_in().unwrap();
    contracts.add(yaml, None).unwrap();
    for more in ["", "key: [n], ", "updated_at: at, "] {
        // The key of a serial is held by no index until now.
        let _ = server.sql("CREATE UNIQUE INDEX ON often.t (n)");
        let mapping = mapping_of("often.t", &format!("{more}columns: {{s: s, v: v, at: at}}"));
        let moving = Moving::new(&contracts, &mapping).unwrap();
        let _ = moving.copy_until(&url, SMALL, 9).await;
        server.sql("INSERT INTO often.t (s, v, at) VALUES (3, 'a', NULL), (99, 'new', date_trunc('second', now())), (99, 'new', '2024-01-01')").unwrap();
        moving
            .copy(&snapshot(&url).await.unwrap(), CopyOptions { page_rows: 5, part_rows: 31 })
            .await
            .unwrap();
        let first = moving.lines().await;
        let dataset = &moving.mapping.datasets[0];
        Checkpoint::restart(moving.lake.as_ref(), "test", dataset, &moving.contract).await.unwrap();
        server.sql("INSERT INTO often.t (s, v, at) VALUES (3, 'a', NULL)").unwrap();
        let last = snapshot(&url).await.unwrap();
        moving.copy(&last, CopyOptions { page_rows: 50, part_rows: 70 }).await.unwrap();
        // What a merge by the two columns makes of all lines that ever landed.
        let mut rows: std::collections::BTreeMap<(String, u64), String> = Default::default();
        for line in first.into_iter().chain(moving.lines().await) {
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            let place =
                (value["file_sha256"].as_str().unwrap().to_owned(), value["file_row"].as_u64().unwrap());
            rows.insert(place, line);
        }
        let rows: Vec<String> = rows.into_values().collect();
        assert_eq!(moving.differences(&last, &rows).await, [], "{more}");
        assert_eq!(rows.len() as u64, moving.database(&last).await.unwrap().totals[""].rows, "{more}");
        // By another mapping the same rows would be others.
        let other =
            Moving::new(&contracts, &mapping_of("often.t", &format!("{more}columns: {{s: s, v: v}}")))
                .unwrap();
        let error =
            Checkpoint::restart(moving.lake.as_ref(), "test", &other.mapping.datasets[0], &moving.contract)
                .await
                .unwrap_err();
        assert!(error.to_string().contains("would be there twice"), "{error}");
    }
}

/// What an earlier version copied and told apart by its place is neither copied again nor started over.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_an_earlier_version_told_apart_by_place_are_not_doubled() {
    let Some(server) = server() else { return };
    server
        .sql("CREATE SCHEMA placed; CREATE TABLE placed.t AS SELECT g AS s FROM generate_series(1, 50) g")
        .unwrap();
    let yaml = "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: things\n    customProperties: [{property: key, value: none}, {property: partitionBy, value: none}]\n    properties:\n      - {name: s, logicalType: integer, physicalType: int}\n      - {name: day, logicalType: date, physicalType: date}\n";
    let mut contracts = quotelake_contract::Contracts::built_in().unwrap();
    contracts.add(yaml, None).unwrap();
    use quotelake_core::ports::{Lake as _, Precondition};
    for done in [true, false] {
        let moving = Moving::new(&contracts, &mapping_of("placed.t", "columns: {s: s}")).unwrap();
        let dataset = &moving.mapping.datasets[0];
        let key = Checkpoint::key_of("test", "things");
        let old = format!(
            "{{\"migration\":\"test\",\"dataset\":\"things\",\"mapping_sha256\":\"{}\",\"started_at\":\"2026-11-20T00:00:00Z\",\"parts\":1,\"rows\":10,\"last_key\":null,\"done\":{done}}}",
            dataset.sha256
        );
        moving.lake.put(&key, old.into_bytes().into(), Precondition::None).await.unwrap();
        let copied = moving.copy(&snapshot(&server.url()).await.unwrap(), SMALL).await;
        match done {
            true => assert_eq!(copied.unwrap().rows, 10),
            false => assert!(copied.unwrap_err().to_string().contains("told them apart by their place")),
        }
        let error =
            Checkpoint::restart(moving.lake.as_ref(), "test", dataset, &moving.contract).await.unwrap_err();
        assert!(error.to_string().contains("Copy to another dataset"), "{error}");
        assert_eq!(moving.lines().await.len(), 0);
    }
}

/// A contract that cannot tell the newer of two versions takes no changes, and a change in all eternity is no time to go on from.
#[tokio::test(flavor = "multi_thread")]
async fn changes_want_a_contract_that_tells_versions_apart() {
    let Some(server) = server() else { return };
    server
        .sql(
            "CREATE SCHEMA versions; CREATE TABLE versions.t (id int PRIMARY KEY, v text, changed timestamptz(3)); \
             INSERT INTO versions.t VALUES (1, 'b', '2024-01-01'), (2, 'b', 'infinity')",
        )
        .unwrap();
    let url = server.url();
    let plain = contract_of("id int; v string", "");
    let blind = Moving::new(
        &plain,
        &mapping_of("versions.t", "key: [id], updated_at: changed, columns: {id: id, v: v}"),
    )
    .unwrap();
    blind.copy(&snapshot(&url).await.unwrap(), SMALL).await.unwrap();
    let error = blind.copy(&snapshot(&url).await.unwrap(), SMALL).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("names no `revisionColumn` that the mapping fills"), "{error}");
    let known =
        contract_of("id int; v string; changed timestamp", "{property: revisionColumn, value: changed}");
    let told = Moving::new(
        &known,
        &mapping_of(
            "versions.t",
            "key: [id], updated_at: changed, columns: {id: id, v: v, changed: changed}",
        ),
    )
    .unwrap();
    let checkpoint = told.copy(&snapshot(&url).await.unwrap(), SMALL).await.unwrap();
    assert!(checkpoint.changed_to.as_deref().unwrap().starts_with("2024-01-01"), "{checkpoint:?}");
    server.sql("UPDATE versions.t SET v = 'A', changed = '2024-01-02' WHERE id = 1").unwrap();
    told.copy(&snapshot(&url).await.unwrap(), SMALL).await.unwrap();
    assert_eq!(told.values().await.iter().filter(|row| row["v"] == "A").count(), 1);
}
