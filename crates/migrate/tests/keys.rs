//! On a real PostgreSQL server: every type of key, copied by processes that die, gives each row once, by the server's own count
//! and hash.

use crate::support::{Moving, contract_of, mapping_of, server, snapshot};
use quotelake_migrate::CopyOptions;
use sha2::{Digest as _, Sha256};

const TYPES: &str = "
    CREATE SCHEMA keys; CREATE SCHEMA elsewhere; CREATE EXTENSION citext SCHEMA elsewhere;
    CREATE COLLATION keys.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TYPE keys.size AS ENUM ('small', 'medium', 'large', 'huge', 'Also this', 'tiny');
    CREATE TYPE keys.pair AS (number int, word text);
    CREATE DOMAIN keys.amount AS numeric(12,4) CHECK (VALUE <> 1);
    CREATE DOMAIN keys.code AS keys.amount;
    CREATE DOMAIN keys.label AS text COLLATE keys.loose;
    CREATE TYPE keys.span AS RANGE (subtype = int8);";

/// The key's type and an expression over `g`, from 1 to 90, whose values differ.
const KEYS: [(&str, &str); 41] = [
    ("smallint", "(g * 37 % 91 - 45)::smallint"),
    ("int", "g * 7 - 300"),
    ("bigint", "(g - 40) * 123456789012"),
    (
        "numeric",
        "CASE g WHEN 1 THEN 'NaN'::numeric WHEN 2 THEN 'Infinity' WHEN 3 THEN '-Infinity' ELSE (g - 40) / 7.0 END",
    ),
    ("numeric(20,6)", "(g - 40) * 1000.000001"),
    ("real", "((g - 40) / 3.0)::real"),
    (
        "double precision",
        "CASE g WHEN 1 THEN 'NaN'::float8 WHEN 2 THEN '-Infinity' ELSE exp(g - 40) * (-1) ^ g END",
    ),
    ("money", "((g - 40) * 1.25)::numeric::money"),
    (
        "date",
        "CASE g WHEN 1 THEN 'infinity'::date WHEN 2 THEN '-infinity' ELSE '0044-03-15 BC'::date + g * 9999 END",
    ),
    (
        "timestamp",
        "CASE g WHEN 1 THEN 'infinity'::timestamp ELSE '2020-03-08 02:59:59.999990'::timestamp + g * interval '1 microsecond' END",
    ),
    (
        "timestamptz",
        "CASE g WHEN 1 THEN '-infinity'::timestamptz ELSE '0044-03-15 12:00:00.5 BC'::timestamptz + g * interval '11 months 1 microsecond' END",
    ),
    ("timestamp(0)", "'2020-01-01'::timestamp + (g - 40) * interval '1 second'"),
    ("time", "time '00:00' + g * interval '7 minutes'"),
    ("interval", "g * interval '1 month 3 days' - interval '2 years'"),
    ("boolean", "g % 2 = 0"),
    ("uuid", "md5(g::text)::uuid"),
    ("text COLLATE \"C\"", "TEXTS"),
    ("text COLLATE \"en-x-icu\"", "TEXTS"),
    ("text COLLATE \"und-x-icu\"", "TEXTS"),
    ("text COLLATE keys.loose", "TEXTS"),
    ("varchar(40)", "TEXTS"),
    ("char(12)", "lpad(g::text, 1 + g % 3, 'x') || g"),
    ("\"char\"", "chr(32 + g)::\"char\""),
    ("name", "('n' || g)::name"),
    ("elsewhere.citext", "TEXTS"),
    ("keys.size", "(enum_range(NULL::keys.size))[1 + g % 6]"),
    ("keys.pair", "ROW(g % 9 - 4, TEXTS)::keys.pair"),
    ("keys.amount", "(g - 40) / 7.0 + 0.01"),
    ("keys.code", "(40 - g) / 3.0 + 0.01"),
    ("keys.label", "TEXTS"),
    ("bytea", "decode(md5(g::text), 'hex')"),
    ("int[]", "ARRAY[g % 7 - 3, g]"),
    ("text[]", "ARRAY[TEXTS, NULL]"),
    ("inet", "inet '10.0.0.250' + g"),
    ("macaddr", "('08:00:2b:01:02:' || lpad(to_hex(g), 2, '0'))::macaddr"),
    ("bit(8)", "g::bit(8)"),
    ("varbit", "g::bit(8)::varbit || B'1'"),
    ("jsonb", "jsonb_build_object('n', g - 40)"),
    ("int4range", "int4range(g - 50, g)"),
    ("keys.span", "keys.span(g - 50, NULL)"),
    ("pg_lsn", "('0/' || to_hex(g * 77777))::pg_lsn"),
];

/// Texts that sort in every order but that of their digits, with what a query and a line have to escape.
const TEXTS: &str = "(CASE g % 8 WHEN 0 THEN g::text WHEN 1 THEN 'Z' || g WHEN 2 THEN 'z''' || g WHEN 3 THEN 'é\\' || g \
    WHEN 4 THEN E'a\\n' || g WHEN 5 THEN '\"' || g || ' ' WHEN 6 THEN 'Ä' || g ELSE '{,}' || g END)";

fn hash(mut rows: Vec<String>) -> String {
    rows.sort();
    hex::encode(Sha256::digest(rows.join("\n")))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_key_gives_each_row_once_however_often_the_process_dies() {
    let Some(server) = server() else { return };
    server.sql(TYPES).unwrap();
    let contracts = contract_of("id string; value bigint", "");
    let mut died = 0;
    for (index, (ty, values)) in KEYS.iter().enumerate() {
        let values = values.replace("TEXTS", TEXTS);
        let table = format!("keys.t{index}");
        server
            .sql(&format!(
                "CREATE TABLE {table} (k {ty} PRIMARY KEY, v int NOT NULL); \
                 INSERT INTO {table} SELECT DISTINCT ON (k) k, g FROM (SELECT {values} AS k, g FROM generate_series(1, 90) g) s \
                 ORDER BY k, g DESC"
            ))
            .unwrap_or_else(|e| panic!("{ty}: {e}"));
        let mapping = mapping_of(&table, "key: [k], columns: {id: {column: k, cast: text}, value: v}");
        let moving = Moving::new(&contracts, &mapping).unwrap();
        let options = CopyOptions { page_rows: 5, part_rows: 20 };
        died += moving.copy_dying(&server.url(), options).await.unwrap_or_else(|e| panic!("{ty}: {e:?}"));

        // The server's own hash of the same rows, as it writes them in the session's settings.
        let asked = server
            .ask(&format!(
                "SET timezone = 'UTC'; SET intervalstyle = 'postgres'; SELECT count(*) || ' ' || encode(sha256(convert_to(string_agg(r, E'\\n' \
                 ORDER BY r COLLATE \"C\"), 'UTF8')), 'hex') FROM (SELECT v || '|' || k::text AS r FROM {table}) rows"
            ))
            .unwrap();
        let rows: Vec<String> = moving
            .values()
            .await
            .iter()
            .map(|row| format!("{}|{}", row["value"].as_str().unwrap(), row["id"].as_str().unwrap()))
            .collect();
        assert_eq!(format!("{} {}", rows.len(), hash(rows)), asked, "{ty}");
        let snapshot = snapshot(&server.url()).await.unwrap();
        assert_eq!(moving.landed().await, moving.database(&snapshot).await.unwrap(), "{ty}");
    }
    assert!(died > 60, "died {died} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_several_columns_and_negative_numbers_in_them() {
    let Some(server) = server() else { return };
    let contracts = contract_of("id string; at string; value bigint", "");
    server
        .sql(
            "CREATE SCHEMA several; CREATE COLLATION several.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
             CREATE TABLE several.a (s text COLLATE several.loose, n bigint, at timestamptz, v int, PRIMARY KEY (s, n, at)); \
             INSERT INTO several.a SELECT (array['b', 'B1', 'a', 'Ä', ''])[1 + g % 5], (g % 13 - 6) * 1000000000000, \
             '2024-01-01'::timestamptz + g * interval '1 microsecond', g FROM generate_series(1, 400) g; \
             CREATE TABLE several.b (c char(8), d date, n numeric, v int, PRIMARY KEY (n, c, d)); \
             INSERT INTO several.b SELECT 'S' || g % 7, date '2000-01-01' - g, 5 - g % 11, g FROM generate_series(1, 400) g; \
             CREATE TABLE several.c (id int NOT NULL, part int NOT NULL, v int, PRIMARY KEY (id, part)) PARTITION BY LIST (part); \
             CREATE TABLE several.c1 PARTITION OF several.c FOR VALUES IN (1); \
             CREATE TABLE several.c2 PARTITION OF several.c FOR VALUES IN (2); \
             INSERT INTO several.c SELECT g, 1 + abs(g) % 2, g FROM generate_series(-200, 200) g",
        )
        .unwrap();
    for (table, key, id, at, rows) in [
        ("several.a", "s, n, at", "{column: n, cast: text}", "{column: at, cast: text}", 400),
        ("several.b", "n, c, d", "{column: n, cast: text}", "c", 400),
        ("several.c", "id, part", "{column: id, cast: text}", "{column: part, cast: text}", 401),
    ] {
        let mapping = mapping_of(table, &format!("key: [{key}], columns: {{id: {id}, at: {at}, value: v}}"));
        let moving = Moving::new(&contracts, &mapping).unwrap();
        let died =
            moving.copy_dying(&server.url(), CopyOptions { page_rows: 11, part_rows: 50 }).await.unwrap();
        assert!(died >= 3, "{table}: {died}");
        let mut values: Vec<String> =
            moving.values().await.iter().map(|row| row["value"].as_str().unwrap().to_owned()).collect();
        values.sort();
        values.dedup();
        assert_eq!(values.len(), rows, "{table}");
        let snapshot = snapshot(&server.url()).await.unwrap();
        assert_eq!(moving.landed().await, moving.database(&snapshot).await.unwrap(), "{table}");
    }
}
