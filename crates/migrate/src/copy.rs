//! A table to landing objects: pages by key, one object for many pages, a checkpoint after each object.

use std::collections::BTreeMap;
use std::io::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use flate2::GzBuilder;
use flate2::write::GzEncoder;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Contract, Error, ErrorKind, ObjectKey, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use crate::Snapshot;
use crate::database::failed;
use crate::mapping::{DatasetMapping, Origin, PROVENANCE, Piece};
use crate::table::{Table, Wanted};

/// How much at a time.
#[derive(Debug, Clone, Copy)]
pub struct CopyOptions {
    /// Rows of one query.
    pub page_rows: usize,
    /// Rows of one landing object, and between two checkpoints.
    pub part_rows: usize,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { page_rows: 10_000, part_rows: 100_000 }
    }
}

/// How far a table is, as the lake keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The migration.
    pub migration: String,
    /// The dataset.
    pub dataset: String,
    /// The mapping that it belongs to.
    pub mapping_sha256: String,
    /// When it began: the time of fetching of every row.
    pub started_at: DateTime<Utc>,
    /// Landing objects written.
    pub parts: u64,
    /// Rows in them.
    pub rows: u64,
    /// The key of the last of them.
    pub last_key: Option<Vec<String>>,
    /// Nothing is left.
    pub done: bool,
}

impl Checkpoint {
    /// Where it is kept.
    pub fn key_of(migration: &str, dataset: &str) -> String {
        ObjectKey::state("migrate", &format!("{migration}-{dataset}")).to_string()
    }

    /// The checkpoint of an earlier run, or a new one. `Config` when it is of another mapping: the pages would not fit together.
    pub async fn load(
        lake: &dyn Lake,
        migration: &str,
        mapping: &DatasetMapping,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let key = Self::key_of(migration, &mapping.dataset);
        let object = match lake.get(&key).await {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self {
                    migration: migration.to_owned(),
                    dataset: mapping.dataset.clone(),
                    mapping_sha256: mapping.sha256.clone(),
                    started_at: now,
                    parts: 0,
                    rows: 0,
                    last_key: None,
                    done: false,
                });
            }
            Err(error) => return Err(error),
        };
        let checkpoint: Self = serde_json::from_slice(&object.bytes)
            .map_err(|e| Error::config(format!("{key} is no checkpoint")).with_source(e))?;
        if checkpoint.mapping_sha256 != mapping.sha256 {
            return Err(Error::config(format!(
                "the mapping of {:?} changed since its migration began at {}: begin anew with --restart",
                mapping.dataset, checkpoint.started_at
            )));
        }
        Ok(checkpoint)
    }

    async fn save(&self, lake: &dyn Lake) -> Result<()> {
        let key = Self::key_of(&self.migration, &self.dataset);
        let bytes = serde_json::to_vec_pretty(self).map_err(|e| Error::bug("checkpoint").with_source(e))?;
        lake.put(&key, bytes.into(), Precondition::None)
            .await
            .with_context(|| format!("writing {key}"))
            .map(drop)
    }
}

/// One table on its way.
#[derive(Debug)]
pub struct Copy<'a> {
    /// Writes landing objects and checkpoints.
    pub lake: &'a dyn Lake,
    /// What is read.
    pub snapshot: &'a Snapshot,
    /// How.
    pub mapping: &'a DatasetMapping,
    /// The dataset's contract.
    pub contract: &'a Contract,
    /// How much at a time.
    pub options: CopyOptions,
}

impl Copy<'_> {
    /// Copies what the checkpoint says is left, and tells `progress` of rows as they are safe.
    ///
    /// An object is written before its checkpoint: a process that dies between the two writes it again, under the same name.
    /// A resumed run has another snapshot than the one before it; the reconciliation shows rows that changed in between.
    pub async fn run(
        &self,
        mut checkpoint: Checkpoint,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Checkpoint> {
        if checkpoint.done {
            return Ok(checkpoint);
        }
        let client = self.snapshot.reader().await?;
        let table = Table::look(&client, self.mapping).await?;
        let wanted = table.wanted(self.mapping);
        let lines = Lines::new(self, &wanted, &checkpoint);
        let first = table.page_sql(&wanted, true, self.options.page_rows);
        let next = table.page_sql(&wanted, false, self.options.page_rows);
        loop {
            let mut part = Part::new();
            let mut last = false;
            while part.rows < self.options.part_rows as u64 && !last {
                let rows = page(&client, &first, &next, checkpoint.last_key.as_deref()).await?;
                last = rows.len() < self.options.page_rows;
                let sha256 = lines.page_sha256(&rows)?;
                for row in &rows {
                    lines.write(row, sha256.as_deref(), &mut part)?;
                }
                if let Some(row) = rows.last() {
                    checkpoint.last_key = Some(key_of(row, self.mapping.key.len())?);
                }
            }
            checkpoint.done = last;
            if part.rows > 0 {
                let rows = part.rows;
                let name = format!("migrate-{}-{:06}.ndjson.gz", checkpoint.migration, checkpoint.parts + 1);
                let key = ObjectKey::landing(&self.mapping.dataset, &name).to_string();
                self.lake
                    .put(&key, part.finish()?.into(), Precondition::None)
                    .await
                    .with_context(|| format!("writing {key}"))?;
                checkpoint.parts += 1;
                checkpoint.rows += rows;
                checkpoint.save(self.lake).await?;
                progress(rows);
            } else {
                checkpoint.save(self.lake).await?;
            }
            if last {
                return Ok(checkpoint);
            }
        }
    }
}

async fn page(client: &Client, first: &str, next: &str, after: Option<&[String]>) -> Result<Vec<Row>> {
    match after {
        None => client.query(first, &[]).await,
        Some(key) => {
            let parameters: Vec<&(dyn ToSql + Sync)> =
                key.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
            client.query(next, &parameters).await
        }
    }
    .map_err(|e| failed("reading a page", e))
}

fn key_of(row: &Row, columns: usize) -> Result<Vec<String>> {
    (0..columns)
        .map(|index| value(row, index)?.map(str::to_owned).ok_or_else(|| Error::bug("a key is missing")))
        .collect()
}

fn value(row: &Row, index: usize) -> Result<Option<&str>> {
    row.try_get(index).map_err(|e| failed("reading a value", e))
}

/// Rows to landing lines.
struct Lines {
    /// `{"dataset":"daily_bars"` and every field that is the same for all rows.
    beginning: String,
    fields: Vec<(String, Field)>,
    key_columns: usize,
    /// Whether the hash of its page is one of a row's fields.
    hashed: bool,
}

enum Field {
    Value(usize),
    Template(Vec<Filling>),
}

enum Filling {
    Text(String),
    Value(usize),
}

impl Lines {
    fn new(copy: &Copy<'_>, wanted: &[Wanted], checkpoint: &Checkpoint) -> Self {
        let key_columns = copy.mapping.key.len();
        let position = |one: &Wanted| wanted.iter().position(|w| w == one).map_or(0, |at| at + key_columns);
        let mut constants = provenance(copy, checkpoint);
        let mut fields = Vec::new();
        for (name, origin) in &copy.mapping.columns {
            let spelled = format!(",\"{name}\":");
            constants.remove(name.as_str());
            match origin {
                Origin::Column(column, zone) => {
                    fields.push((spelled, Field::Value(position(&(column.clone(), *zone)))));
                }
                Origin::Template(pieces) => {
                    let filled = pieces.iter().map(|piece| match piece {
                        Piece::Text(text) => Filling::Text(text.clone()),
                        Piece::Column(column) => Filling::Value(position(&(column.clone(), None))),
                    });
                    fields.push((spelled, Field::Template(filled.collect())));
                }
                Origin::Constant(value) => {
                    constants.insert(name, value.clone());
                }
            }
        }
        let hashed = copy.contract.index_of("raw_sha256").is_some()
            && !copy.mapping.columns.contains_key("raw_sha256");
        let mut beginning = format!("{{\"dataset\":\"{}\"", copy.mapping.dataset);
        for (name, value) in constants {
            beginning.push_str(&format!(",\"{name}\":{}", serde_json::Value::String(value)));
        }
        Self { beginning, fields, key_columns, hashed }
    }

    /// The hash of a page's values, where the contract wants to know what the database said. One for each page, not for each
    /// row: the column is made for values that repeat.
    fn page_sha256(&self, rows: &[Row]) -> Result<Option<String>> {
        if !self.hashed {
            return Ok(None);
        }
        let mut hash = Sha256::new();
        for row in rows {
            for index in self.key_columns..row.len() {
                hash.update(value(row, index)?.unwrap_or("\u{0}"));
                hash.update([0x1f]);
            }
            hash.update([0x1e]);
        }
        Ok(Some(hex::encode(hash.finalize())))
    }

    fn write(&self, row: &Row, sha256: Option<&str>, part: &mut Part) -> Result<()> {
        let line = &mut part.line;
        line.clear();
        line.extend_from_slice(self.beginning.as_bytes());
        for (name, field) in &self.fields {
            line.extend_from_slice(name.as_bytes());
            match field {
                Field::Value(index) => write_json(line, value(row, *index)?)?,
                Field::Template(fillings) => write_json(line, filled(row, fillings)?.as_deref())?,
            }
        }
        if let Some(sha256) = sha256 {
            line.extend_from_slice(format!(",\"raw_sha256\":\"{sha256}\"").as_bytes());
        }
        line.extend_from_slice(b"}\n");
        part.encoder.write_all(line).map_err(in_memory)?;
        part.rows += 1;
        Ok(())
    }
}

/// A template of which a column is missing is missing.
fn filled(row: &Row, fillings: &[Filling]) -> Result<Option<String>> {
    let mut text = String::new();
    for filling in fillings {
        match filling {
            Filling::Text(piece) => text.push_str(piece),
            Filling::Value(index) => match value(row, *index)? {
                Some(value) => text.push_str(value),
                None => return Ok(None),
            },
        }
    }
    Ok(Some(text))
}

fn write_json(line: &mut Vec<u8>, value: Option<&str>) -> Result<()> {
    serde_json::to_writer(line, &value).map_err(|e| Error::bug("landing line").with_source(e))
}

/// What the contract wants to know of a row's origin: the migration, the table, and the beginning of the migration as the
/// time of fetching. `raw_sha256` is of each page's values.
fn provenance(copy: &Copy<'_>, checkpoint: &Checkpoint) -> BTreeMap<&'static str, String> {
    let (schema, table) = &copy.mapping.table;
    let at = checkpoint.started_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let run = format!("migrate-{}", checkpoint.migration);
    PROVENANCE
        .into_iter()
        .filter(|name| copy.contract.index_of(name).is_some())
        .filter_map(|name| {
            let value = match name {
                "fetched_at" => at.clone(),
                "run_id" | "request_id" => run.clone(),
                "unit_id" => format!("postgres/{schema}.{table}"),
                "schema_version" => "1".to_owned(),
                _ => return None,
            };
            Some((name, value))
        })
        .collect()
}

/// A landing object in the making.
struct Part {
    encoder: GzEncoder<Vec<u8>>,
    line: Vec<u8>,
    rows: u64,
}

impl Part {
    fn new() -> Self {
        let encoder = GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::fast());
        Self { encoder, line: Vec::new(), rows: 0 }
    }

    fn finish(self) -> Result<Vec<u8>> {
        self.encoder.finish().map_err(in_memory)
    }
}

fn in_memory(error: std::io::Error) -> Error {
    Error::bug("cannot compress in memory").with_source(error)
}
