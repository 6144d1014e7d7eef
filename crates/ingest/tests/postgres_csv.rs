//! PostgreSQL's own CSV export, read by a contract: every value is what the server says that it is. Skipped, loudly, where no
//! server can be started.

use std::io::Read as _;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use arrow::util::display::array_value_to_string;
use flate2::read::MultiGzDecoder;
use quotelake_contract::Contracts;
use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_core::time::instant_from_ms;
use quotelake_ingest::ingest_object;
use quotelake_local::MemoryLake;
use quotelake_table::RowDecoder;
use quotelake_testkit::PostgresServer;

const CONTRACT: &str = "
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: t
    customProperties:
      - {property: booleans, value: [t/f]}
      - {property: fractions, value: truncate}
    properties:
      - {name: id, logicalType: integer, physicalType: bigint, required: true, primaryKey: true, partitioned: true}
      - {name: d, logicalType: date, physicalType: date}
      - {name: ts, logicalType: timestamp, physicalType: timestamp, customProperties: [{property: timezone, value: America/New_York}]}
      - {name: tz, logicalType: timestamp, physicalType: timestamp}
      - {name: b, logicalType: boolean, physicalType: boolean}
      - {name: n, logicalType: number, physicalType: 'decimal(18,4)'}
      - {name: big, logicalType: integer, physicalType: bigint}
      - {name: f, logicalType: number, physicalType: double}
      - {name: d_text, logicalType: string, physicalType: string}
      - {name: ts_text, logicalType: string, physicalType: string}
      - {name: tz_text, logicalType: string, physicalType: string}
      - {name: b_text, logicalType: string, physicalType: string}
      - {name: n_text, logicalType: string, physicalType: string}
      - {name: big_text, logicalType: string, physicalType: string}
";

/// Random rows, beside each value the server's own spelling of it. Of a time that clocks show twice the first is meant here and the
/// second in PostgreSQL, so times without a zone are in the afternoon. Instants of before there were zones have offsets with seconds.
const QUERY: &str = r#"
SELECT id, d, ts, tz, b, n, big, f,
  d::text AS d_text,
  to_char((date_trunc('milliseconds', ts) AT TIME ZONE 'America/New_York') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ts_text,
  to_char(date_trunc('milliseconds', tz) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS tz_text,
  b::text AS b_text, n::text AS n_text, big::text AS big_text
FROM (SELECT i AS id,
    CASE WHEN i % 11 > 0 THEN date '1890-01-01' + (random() * 120000)::int END AS d,
    CASE WHEN i % 7 > 0 THEN timestamp '1971-03-01 12:00:00' + (random() * 30000)::int * interval '1 day' + random() * interval '11 hours' END AS ts,
    CASE WHEN i % 5 > 0 THEN timestamptz '1845-01-01 00:00:00+00' + random() * interval '210 years' END AS tz,
    CASE WHEN i % 3 > 0 THEN random() > 0.5 END AS b,
    CASE WHEN i % 13 > 0 THEN ((random() - 0.5) * power(10, (random() * 12)::int))::numeric(18,4) END AS n,
    CASE WHEN i % 2 > 0 THEN ((random() - 0.5) * 9e18)::bigint END AS big,
    (random() - 0.5) * power(10, (random() * 60)::int - 30) AS f
  FROM generate_series(1, 3000) AS i) AS rows
"#;

#[tokio::test]
async fn an_export_is_read_as_the_server_means_it() {
    #[expect(clippy::disallowed_methods, reason = "CI says that nothing may be skipped")]
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    let Some(server) = PostgresServer::start_or_skip(ci, false) else { return };
    server.sql(&format!("SELECT setseed(0.29); CREATE TABLE export AS {QUERY}")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for zone in ["UTC", "Asia/Kolkata", "America/St_Johns", "America/Sao_Paulo", "Asia/Kathmandu"] {
        server.sql(&format!("ALTER ROLE postgres SET timezone TO '{zone}'")).unwrap();
        let path = folder.path().join("export.csv");
        server.sql(&format!("\\copy export TO '{}' CSV HEADER", path.display())).unwrap();
        let csv = std::fs::read(&path).unwrap();
        let rows = rows(csv).await;
        assert_eq!(rows.num_rows(), 3000);
        for row in 0..rows.num_rows() {
            for column in ["d", "ts", "tz", "b", "n", "big"] {
                let (value, text) = (shown(&rows, column, row), shown(&rows, &format!("{column}_text"), row));
                assert_eq!(value, text, "{zone}, row {row}, {column}");
            }
        }
        assert_eq!(rows["f"].null_count(), 0);
    }
}

async fn rows(csv: Vec<u8>) -> RecordBatch {
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(CONTRACT, None).unwrap();
    let lake = MemoryLake::new();
    lake.put("inbox/t/export.csv", csv.into(), Precondition::None).await.unwrap();
    let report = ingest_object(&lake, &lake, &contracts, "inbox/t/export.csv").await.unwrap();
    let mut decoder = RowDecoder::new(Arc::clone(&contracts.get("t").unwrap().contract));
    for key in &report.landing_keys {
        let bytes = lake.get(key).await.unwrap().bytes;
        let mut text = String::new();
        MultiGzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
        text.lines()
            .filter(|line| !line.starts_with("{\"ingest_origin\""))
            .for_each(|line| decoder.push(line).unwrap_or_else(|faults| panic!("{line}: {faults:?}")));
    }
    decoder.take_batch().unwrap()
}

fn shown(rows: &RecordBatch, column: &str, row: usize) -> String {
    let column = &rows[column];
    if column.is_null(row) {
        return String::new();
    }
    if let Some(instants) = column.as_primitive_opt::<TimestampMillisecondType>() {
        return instant_from_ms(instants.value(row))
            .unwrap()
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    }
    array_value_to_string(column, row).unwrap()
}
