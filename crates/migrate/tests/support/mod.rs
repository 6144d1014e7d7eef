//! What the tests on a real server share: tables to lines and to a lake's rows, and both sides of a reconciliation.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part, and a test may panic")]

use std::io::Read as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use quotelake_contract::{Contract, Contracts};
use quotelake_core::Result;
use quotelake_core::ports::{Lake, Secret};
use quotelake_landing::IngestFault;
use quotelake_local::MemoryLake;
use quotelake_migrate::{
    Checkpoint, Compared, Content, Copy, CopyOptions, Database, Difference, Differences, Ledger, Mapping,
    Snapshot, Source,
};
use quotelake_table::RowDecoder;
use quotelake_testkit::{CallPlan, Faulty, Moment, PostgresServer};

pub(crate) fn server() -> Option<Arc<PostgresServer>> {
    #[expect(clippy::disallowed_methods, reason = "CI says that nothing may be skipped")]
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    PostgresServer::shared_or_skip(ci)
}

pub(crate) async fn snapshot(url: &str) -> Result<Snapshot> {
    Database::new(&Secret::new(url))?.snapshot().await
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

/// A dataset `things` of columns written as `name type`, a `key` first among them.
pub(crate) fn contract_of(columns: &str, more: &str) -> Contracts {
    let mut yaml = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: things\n    customProperties: [{more}]\n    properties:\n"
    );
    for column in columns.split(';').map(str::trim) {
        let (name, ty) = column.split_once(' ').unwrap();
        let (ty, properties) = ty.split_once(" | ").unwrap_or((ty, ""));
        let logical = match ty.split('(').next().unwrap() {
            "int" | "bigint" => "integer",
            "decimal" | "double" => "number",
            other => other,
        };
        let key = if name == "id" { ", required: true, primaryKey: true" } else { "" };
        let properties =
            if properties.is_empty() { String::new() } else { format!(", customProperties: [{properties}]") };
        yaml.push_str(&format!(
            "      - {{name: {name}, logicalType: {logical}, physicalType: \"{ty}\"{key}, description: x{properties}}}\n"
        ));
    }
    yaml.push_str(
        "      - {name: day, logicalType: date, physicalType: date, required: true, description: x}\n",
    );
    yaml.push_str(
        "      - {name: month, logicalType: string, physicalType: string, partitioned: true, partitionKeyPosition: 1, \
         transformLogic: \"strftime(day, '%Y-%m')\", description: x}\n",
    );
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(&yaml, None).unwrap();
    contracts
}

/// A mapping of `things`, with a constant `day`: `key`, `columns` and whatever else as YAML in one line.
pub(crate) fn mapping_of(table: &str, more: &str) -> String {
    format!(
        "name: test\ndatasets:\n  - {{dataset: things, table: {table}, constants: {{day: 2026-01-02}}, {more}}}\n"
    )
}

/// One table and the lake that it comes to.
pub(crate) struct Moving {
    pub(crate) lake: Arc<MemoryLake>,
    pub(crate) mapping: Mapping,
    pub(crate) contract: Arc<Contract>,
}

impl Moving {
    pub(crate) fn new(contracts: &Contracts, mapping: &str) -> Result<Self> {
        let mapping = Mapping::parse(mapping, contracts)?;
        let contract = Arc::clone(&contracts.get(&mapping.datasets[0].dataset)?.contract);
        Ok(Self { lake: Arc::new(MemoryLake::new()), mapping, contract })
    }

    pub(crate) async fn copy(&self, snapshot: &Snapshot, options: CopyOptions) -> Result<Checkpoint> {
        self.copy_to(self.lake.as_ref(), snapshot, options).await
    }

    async fn copy_to(
        &self,
        lake: &dyn Lake,
        snapshot: &Snapshot,
        options: CopyOptions,
    ) -> Result<Checkpoint> {
        let mapping = &self.mapping.datasets[0];
        let checkpoint = Checkpoint::load(self.lake.as_ref(), &self.mapping.name, mapping, now()).await?;
        let copy = Copy { lake, snapshot, mapping, contract: &self.contract, options };
        copy.run(checkpoint, &|_| {}).await
    }

    /// Copies with a process that dies after every second object, before or after it is written, each time on a new snapshot.
    /// Answers how often it died.
    pub(crate) async fn copy_dying(&self, url: &str, options: CopyOptions) -> Result<usize> {
        for run in 0..1000 {
            let moment = if run % 2 == 0 { Moment::After } else { Moment::Before };
            let lake = Faulty::new(Arc::clone(&self.lake), &CallPlan::crash_at(4, moment));
            let copied = self.copy_to(&lake, &snapshot(url).await?, options).await;
            match copied {
                Ok(checkpoint) if checkpoint.done => return Ok(run),
                Ok(_) => panic!("neither done nor dead"),
                Err(error) if error.kind() != quotelake_core::ErrorKind::Unavailable => return Err(error),
                Err(_) => {
                    let mapping = &self.mapping.datasets[0];
                    let known =
                        Checkpoint::load(self.lake.as_ref(), &self.mapping.name, mapping, now()).await?;
                    if known.done && known.parts > 0 && known.parts > known.before.parts {
                        return Ok(run + 1);
                    }
                }
            }
        }
        panic!("does not end");
    }

    /// Copies with a process that dies at its call number `call` of the lake.
    pub(crate) async fn copy_until(
        &self,
        url: &str,
        options: CopyOptions,
        call: usize,
    ) -> Result<Checkpoint> {
        let lake = Faulty::new(Arc::clone(&self.lake), &CallPlan::crash_at(call, Moment::After));
        self.copy_to(&lake, &snapshot(url).await?, options).await
    }

    pub(crate) async fn lines(&self) -> Vec<String> {
        let mut text = String::new();
        for meta in self.lake.list("landing/").await.unwrap() {
            let bytes = self.lake.get(&meta.key).await.unwrap().bytes;
            MultiGzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
        }
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) async fn values(&self) -> Vec<serde_json::Value> {
        self.lines().await.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) async fn database(&self, snapshot: &Snapshot) -> Result<Content> {
        Source { snapshot, mapping: &self.mapping.datasets[0], contract: &self.contract }.content().await
    }

    fn batch(&self, lines: &[String]) -> arrow::array::RecordBatch {
        let mut decoder = RowDecoder::new(Arc::clone(&self.contract));
        for line in lines.iter().filter(|line| IngestFault::from_line(line).is_none()) {
            let _ = decoder.push(line);
        }
        decoder.take_batch().unwrap()
    }

    /// What a table would hold of the lines that the contract takes.
    pub(crate) async fn landed(&self) -> Content {
        let mut ledger = Ledger::new(Compared::new(&self.mapping.datasets[0], &self.contract));
        ledger.add_batch(&self.batch(&self.lines().await), &[]).unwrap();
        ledger.finish()
    }

    pub(crate) async fn differences(&self, snapshot: &Snapshot, lines: &[String]) -> Vec<Difference> {
        let compared = Compared::new(&self.mapping.datasets[0], &self.contract);
        let source = Source { snapshot, mapping: &self.mapping.datasets[0], contract: &self.contract };
        let batch = self.batch(lines);
        let mut ledger = Ledger::new(compared.clone());
        ledger.add_batch(&batch, &[]).unwrap();
        let database = source.content().await.unwrap();
        let Some(mut found) = Differences::between(compared, &database, &ledger.finish()) else {
            return Vec::new();
        };
        found.add_batch(&batch, &[]).unwrap();
        found.named(&source, 20).await.unwrap()
    }
}
