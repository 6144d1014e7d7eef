//! A lake in memory with a landing object, and the check function's ports on it.

use std::io::Read as _;
use std::sync::Arc;

use quotelake_check::{Context, QuarantinedRow};
use quotelake_contract::{Contracts, QualityTables};
use quotelake_core::ports::{FixedClock, Lake, Precondition, Queue};
use quotelake_local::{FolderQueue, LogEvents, MemoryLake};
use quotelake_table::{Partitioner, RowDecoder, parquet_file};
use quotelake_testkit::{CallPlan, Faulty, build};
use serde_json::{Value, json};

/// The landing object.
pub(crate) const KEY: &str = "landing/2013/03/02/02/bars.ndjson";

/// A sound daily bar of `symbol`, with some fields set to other values.
pub(crate) fn bar(symbol: &str, changes: Value) -> String {
    let mut bar = json!({
        "dataset": "daily_bars", "provider": "polygon", "provider_symbol": symbol, "symbol": format!("{symbol}.XNAS"),
        "asset_class": "equity", "interval": "1d", "trading_date": "2013-03-01", "bar_start": "2013-03-01T00:00:00Z",
        "exchange_tz": "America/New_York", "open": 10, "high": 12, "low": 9, "close": 11, "volume": 1000,
        "adjustment": "raw", "session": "regular", "currency": "USD", "quote_unit": "USD", "unit_divisor": 1,
        "is_final": true, "delay_class": "eod", "provider_ts": 1, "fetched_at": "2013-03-02T02:00:00Z",
        "request_id": "r", "run_id": "run", "unit_id": "u", "raw_sha256": "s", "schema_version": 1
    });
    for (name, value) in changes.as_object().unwrap() {
        bar[name] = value.clone();
    }
    bar.to_string()
}

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) lake: Arc<MemoryLake>,
}

impl World {
    pub(crate) async fn with(lines: &[String]) -> Self {
        let lake = Arc::new(MemoryLake::new());
        lake.put(KEY, lines.join("\n").into(), Precondition::None).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), lake }
    }

    pub(crate) fn queue(&self, name: &str) -> FolderQueue {
        FolderQueue::open(self.folder.path(), name, Arc::new(FixedClock(build::instant()))).unwrap()
    }

    /// The function's ports, each behind the plan.
    pub(crate) fn context(&self, plan: &CallPlan) -> Context {
        let clock = Arc::new(FixedClock(build::instant()));
        let faulty_lake = || -> Arc<dyn Lake> { Arc::new(Faulty::<dyn Lake>::new(self.lake.clone(), plan)) };
        let faulty_queue = |name: &str| -> Arc<dyn Queue> {
            Arc::new(Faulty::<dyn Queue>::new(Arc::new(self.queue(name)), plan))
        };
        Context {
            landing: faulty_lake(),
            lake: faulty_lake(),
            publish_queue: faulty_queue("publish"),
            dead_letters: faulty_queue("check-dlq"),
            hand_back: None,
            own_queue: None,
            kept: None,
            events: Arc::new(Faulty::new(
                Arc::new(LogEvents::new(self.folder.path().join("events"), clock.clone())),
                plan,
            )),
            contracts: Contracts::built_in().unwrap(),
            quality_tables: QualityTables::built_in().unwrap(),
            clock,
        }
    }

    pub(crate) async fn quarantined(&self) -> Vec<QuarantinedRow> {
        let mut rows = Vec::new();
        for meta in self.lake.list("quarantine/").await.unwrap() {
            let mut text = String::new();
            let bytes = self.lake.get(&meta.key).await.unwrap().bytes;
            flate2::read::MultiGzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
            rows.extend(text.lines().map(|line| serde_json::from_str::<QuarantinedRow>(line).unwrap()));
        }
        rows
    }

    /// Writes rows as published partitions of a dataset.
    pub(crate) async fn publish(&self, dataset: &str, lines: &[String]) {
        let contracts = Contracts::built_in().unwrap();
        let contract = &contracts.get(dataset).unwrap().contract;
        let mut decoder = RowDecoder::new(Arc::clone(contract));
        lines.iter().for_each(|line| decoder.push(line).unwrap());
        let batch = decoder.take_batch().unwrap();
        for (partition, rows) in Partitioner::new(contract).split(&batch).unwrap() {
            let file = parquet_file::write(contract, &rows).unwrap();
            let key = partition.object_key(quotelake_core::Zone::Bronze, dataset).to_string();
            self.lake.put(&key, file, Precondition::None).await.unwrap();
        }
    }

    /// Replaces the landing object.
    pub(crate) async fn land(&self, lines: &[String]) {
        self.lake.put(KEY, lines.join("\n").into(), Precondition::None).await.unwrap();
    }
}
