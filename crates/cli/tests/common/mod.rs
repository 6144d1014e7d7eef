//! What the end-to-end tests share.

pub(crate) mod browser;
pub(crate) mod proposals;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::TryStreamExt as _;
use quotelake_cli::commands::demo;
use quotelake_cli::laptop::PortWrapper;
use quotelake_cli::run_config::RunConfig;
use quotelake_contract::Contract;
use quotelake_core::ports::{Catalog, Events, Lake, Queue, RecordStream};
use quotelake_core::sha256_hex;
use quotelake_sources::replay::{Recorded, Recording, ReplayServer};
use quotelake_table::Published;
use quotelake_testkit::{CallPlan, Faulty};

/// Ports that fail by a plan.
#[derive(Debug)]
pub(crate) struct Crashing(pub(crate) CallPlan);

impl PortWrapper for Crashing {
    fn lake(&self, port: Arc<dyn Lake>) -> Arc<dyn Lake> {
        Arc::new(Faulty::new(port, &self.0))
    }
    fn queue(&self, port: Arc<dyn Queue>) -> Arc<dyn Queue> {
        Arc::new(Faulty::new(port, &self.0))
    }
    fn stream(&self, port: Arc<dyn RecordStream>) -> Arc<dyn RecordStream> {
        Arc::new(Faulty::new(port, &self.0))
    }
    fn catalog(&self, port: Arc<dyn Catalog>) -> Arc<dyn Catalog> {
        Arc::new(Faulty::new(port, &self.0))
    }
    fn events(&self, port: Arc<dyn Events>) -> Arc<dyn Events> {
        Arc::new(Faulty::new(port, &self.0))
    }
}

/// The recording of real prices in the project's samples.
pub(crate) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/polygon")
}

/// A vendor with one instrument: seven bars in three months, one of them restated by a second page, a split, a dividend.
pub(crate) fn small_recording() -> Recording {
    let mut recording = Recording::new("polygon", "2013-03-02T02:00:00Z".parse().unwrap());
    let bars = |from: usize, to: usize| -> String {
        let days = [
            1_356_498_000_000_i64, // 2012-12-26
            1_356_584_400_000,
            1_357_102_800_000, // 2013-01-02
            1_357_189_200_000,
            1_357_275_600_000,
            1_359_694_800_000, // 2013-02-01
            1_359_954_000_000,
        ];
        let bars: Vec<String> = (from..to)
            .map(|i| {
                format!(
                    r#"{{"v":{}e+06,"o":10{i}.5,"c":10{i}.25,"h":10{i}.75,"l":10{i}.01,"t":{}}}"#,
                    i + 1,
                    days[i]
                )
            })
            .collect();
        bars.join(",")
    };
    let page = |results: String, next: &str| {
        format!(
            r#"{{"ticker":"AAPL","adjusted":false,"queryCount":4,"resultsCount":4,"status":"OK","request_id":"r1","results":[{results}]{next}}}"#
        )
    };
    let next = r#","next_url":"https://api.polygon.io/v2/aggs/ticker/AAPL/range/1/day/1357189200000/2013-03-01?cursor=Yg""#;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut add = |path: &str, query: &[(String, String)], body: String| {
        let headers = BTreeMap::from([pair("content-type", "application/json")]);
        recording.add("GET", path, query, Recorded { status: 200, headers, body: body.into() }).unwrap();
    };
    add(
        "/v2/aggs/ticker/AAPL/range/1/day/2000-03-01/2013-03-01",
        &[pair("adjusted", "false"), pair("sort", "asc"), pair("limit", "1000")],
        page(bars(0, 4), next),
    );
    add(
        "/v2/aggs/ticker/AAPL/range/1/day/1357189200000/2013-03-01",
        &[pair("cursor", "Yg")],
        page(bars(3, 7), ""),
    );
    let reference = |sort: &str| {
        vec![pair("ticker", "AAPL"), pair("order", "asc"), pair("limit", "1000"), pair("sort", sort)]
    };
    add(
        "/v3/reference/splits",
        &reference("execution_date"),
        r#"{"results":[{"ticker":"AAPL","execution_date":"2013-01-03","split_from":1,"split_to":2}],"status":"OK","request_id":"r2"}"#.into(),
    );
    add(
        "/v3/reference/dividends",
        &reference("ex_dividend_date"),
        r#"{"results":[{"ticker":"AAPL","cash_amount":2.65,"currency":"USD","dividend_type":"CD","ex_dividend_date":"2013-02-07","frequency":4}],"status":"OK","request_id":"r3"}"#.into(),
    );
    recording
}

/// The demo's job on that vendor, for its one instrument.
pub(crate) fn small_config(folder: &Path, server: &ReplayServer) -> RunConfig {
    let watchlists = folder.join("watchlists");
    std::fs::create_dir_all(&watchlists).unwrap();
    std::fs::create_dir_all(folder.join("recording")).unwrap();
    std::fs::write(
        watchlists.join("us_samples.json"),
        r#"{"name":"us_samples","exchange_tz":"America/New_York","currency":"USD","asset_class":"equity","symbols":[{"symbol":"AAPL","mic":"XNAS"}]}"#,
    )
    .unwrap();
    demo::config(
        &folder.join("recording"),
        server.base_url().to_string(),
        "2013-03-02T02:00:00Z".parse().unwrap(),
    )
    .unwrap()
}

/// A folder and all below it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a folder and the hash of its bytes; the hidden records beside objects are no objects.
pub(crate) fn files(root: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                if path.extension().is_some_and(|extension| extension == "sum") {
                    continue;
                }
                files.insert(name, sha256_hex(&std::fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

/// Every partition of a table with its rows, in order.
pub(crate) async fn read_table(
    lake: &dyn Lake,
    contract: &Contract,
) -> quotelake_core::Result<Vec<(u64, RecordBatch)>> {
    let table = Published::new(lake, contract);
    let parts = table.scan_all(&table.columns()).await?;
    parts.map_ok(|(stored, batch)| (stored.bytes, batch)).try_collect().await
}
