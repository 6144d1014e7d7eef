//! On a real PostgreSQL server: what a copy reads is one moment of the database, whatever happens meanwhile.

use std::io::Read as _;

use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use quotelake_contract::Contracts;
use quotelake_core::ports::{Lake as _, Secret};
use quotelake_core::{ErrorKind, Result};
use quotelake_local::MemoryLake;
use quotelake_migrate::{Checkpoint, Copy, CopyOptions, Database, Mapping, Snapshot, totals};
use quotelake_testkit::PostgresServer;

const SCHEMA: &str = include_str!("../../../samples/migrate/legacy.sql");
const MAPPING: &str = include_str!("../../../samples/migrate/mapping.yaml");

fn server() -> Option<PostgresServer> {
    #[expect(clippy::disallowed_methods, reason = "CI says that nothing may be skipped")]
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    let server = PostgresServer::start_or_skip(ci, false)?;
    server.sql(SCHEMA).unwrap();
    server
        .sql(
            "INSERT INTO legacy.daily_prices (symbol, mic, trade_date, open_price, high_price, low_price, close_price, volume) \
             SELECT s, 'XNYS', date '2010-01-01' + d, 10.5, 11, 10, 10 + d * 0.0001, 1000 + d \
             FROM unnest(array['AA', 'BRK.B', 'ZZ']) s, generate_series(0, 99) d",
        )
        .unwrap();
    Some(server)
}

async fn snapshot(server: &PostgresServer) -> Result<Snapshot> {
    Database::new(&Secret::new(server.url()))?.snapshot().await
}

fn now() -> DateTime<Utc> {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

struct Copied {
    checkpoint: Checkpoint,
    lines: Vec<serde_json::Value>,
}

async fn copy(snapshot: &Snapshot, mapping: &str, options: CopyOptions) -> Result<Copied> {
    let contracts = Contracts::built_in().unwrap();
    let mapping = Mapping::parse(mapping, &contracts)?;
    let lake = MemoryLake::new();
    let bars = &mapping.datasets[0];
    let checkpoint = Checkpoint::load(&lake, &mapping.name, bars, now()).await?;
    let contract = &contracts.get("daily_bars").unwrap().contract;
    let copy = Copy { lake: &lake, snapshot, mapping: bars, contract, options };
    let checkpoint = copy.run(checkpoint, &|_| {}).await?;
    let mut text = String::new();
    for meta in lake.list("landing/").await.unwrap() {
        let bytes = lake.get(&meta.key).await.unwrap().bytes;
        MultiGzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
    }
    Ok(Copied { checkpoint, lines: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_and_its_totals_see_one_moment_and_pages_leave_nothing_out() {
    let Some(server) = server() else { return };
    let snapshot = snapshot(&server).await.unwrap();
    server
        .sql(
            "INSERT INTO legacy.daily_prices SELECT 'NEW', mic, trade_date, open_price, high_price, low_price, close_price, volume \
             FROM legacy.daily_prices WHERE symbol = 'AA'; DELETE FROM legacy.daily_prices WHERE symbol = 'ZZ'; \
             UPDATE legacy.daily_prices SET close_price = 1",
        )
        .unwrap();
    let copied = copy(&snapshot, MAPPING, CopyOptions { page_rows: 7, part_rows: 50 }).await.unwrap();
    assert_eq!((copied.checkpoint.rows, copied.checkpoint.done), (300, true));
    assert_eq!(copied.checkpoint.parts, 6, "50 rows are 8 pages of 7, 56 rows");
    let mut keys: Vec<_> =
        copied.lines.iter().map(|l| (l["symbol"].to_string(), l["trading_date"].to_string())).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 300);
    let line = copied.lines.iter().find(|line| line["provider_symbol"] == "BRK.B").unwrap();
    assert_eq!(line["symbol"], "BRK.B.XNYS", "a char(8) comes without its padding");
    assert_eq!(line["fetched_at"], "2020-01-02T06:04:05.678Z", "the timestamp is of Sao Paulo");
    assert_eq!(line["close"], "10.0000", "a numeric keeps its digits");
    assert_eq!(line["run_id"], "migrate-legacy");

    let contracts = Contracts::built_in().unwrap();
    let mapping = Mapping::parse(MAPPING, &contracts).unwrap();
    let contract = &contracts.get("daily_bars").unwrap().contract;
    let found = totals(&snapshot, &mapping.datasets[0], contract).await.unwrap().totals;
    assert_eq!(found.keys().collect::<Vec<_>>(), ["AA", "BRK.B", "ZZ"]);
    let zz = &found["ZZ"];
    assert_eq!(
        (zz.rows, zz.first.as_deref(), zz.last.as_deref()),
        (100, Some("2010-01-01"), Some("2010-04-10"))
    );
    assert_eq!(zz.sums, [Some("1000.495".to_owned()), Some("104950".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_does_not_fit_its_mapping_is_refused_before_anything_is_read() {
    let Some(server) = server() else { return };
    server
        .sql("CREATE TABLE legacy.loose AS SELECT * FROM legacy.daily_prices; CREATE ROLE nobody_special LOGIN")
        .unwrap();
    let snapshot = snapshot(&server).await.unwrap();
    for (from, to, says) in [
        ("legacy.daily_prices", "legacy.loose", "key column \"symbol\" may be missing"),
        (
            "key: [symbol, trade_date]",
            "key: [trade_date]",
            "no unique index of \"legacy\".\"daily_prices\" holds the key",
        ),
        ("legacy.daily_prices", "legacy.no_such", "there is no table legacy.no_such"),
        ("volume: volume", "volume: vol", "has no column \"vol\""),
        ("{column: loaded_at, timezone: America/Sao_Paulo}", "loaded_at", "is a timestamp without time zone"),
    ] {
        let error =
            copy(&snapshot, &MAPPING.replacen(from, to, 1), CopyOptions::default()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let stranger = server.url().replace("user=postgres", "user=nobody_special");
    let stranger = Database::new(&Secret::new(stranger)).unwrap().snapshot().await.unwrap();
    let error = copy(&stranger, MAPPING, CopyOptions::default()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    let unknown = server.url().replace("user=postgres", "user=not_there");
    let error = Database::new(&Secret::new(unknown)).unwrap().snapshot().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    let error = Database::new(&Secret::new("hunter2 is no url")).err().unwrap();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
