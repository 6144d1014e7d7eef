//! A table to landing objects: one cursor over the rows in the key's order, many pages in one object, a checkpoint after each
//! object.
//!
//! A server-side cursor reads every row of the snapshot once, whatever its type of key, and what it reads never sits in memory as
//! a whole. Only a run that goes on after another compares keys: by the type's own order, with the key of the last row that is
//! safe in its exact spelling. A table without a key has one cursor and no place to go on from: its round starts over.

use std::io::Write as _;

use flate2::GzBuilder;
use flate2::write::GzEncoder;
use quotelake_contract::Contract;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Error, ObjectKey, Result};
use tokio_postgres::{Client, Row, Statement};

use crate::Snapshot;
use crate::checkpoint::Checkpoint;
use crate::database::{bytes, failed};
use crate::expression::Expression;
use crate::lines::Lines;
use crate::mapping::{DatasetMapping, PROVENANCE};
use crate::quoting::{literal, quoted};
use crate::relation::Relation;

/// How much at a time.
#[derive(Debug, Clone, Copy)]
pub struct CopyOptions {
    /// Rows that the server hands over at once.
    pub page_rows: usize,
    /// Rows of one landing object, and between two checkpoints.
    pub part_rows: usize,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { page_rows: 10_000, part_rows: 100_000 }
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
    /// Copies what the checkpoint says is left, and tells `progress` of rows as they are safe. After a round that is done another
    /// one begins: with the rows that changed since, where the mapping names `updated_at`, else with those whose keys
    /// come after the last. A table that has neither is left as it is.
    ///
    /// An object is written before its checkpoint: a process that dies between the two writes it again, under the same name.
    /// A resumed run has another snapshot than the one before it; the reconciliation shows rows that changed in between.
    pub async fn run(
        &self,
        mut checkpoint: Checkpoint,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Checkpoint> {
        let client = self.snapshot.reader().await?;
        let relation = Relation::look(&client, self.mapping, self.contract).await?;
        relation.prove_key(&client).await?;
        if checkpoint.done && self.mapping.updated_at.is_none() && relation.key.is_empty() {
            return Ok(checkpoint);
        }
        self.begin(&client, &relation, &mut checkpoint).await?;
        let expressions = expressions(&relation, self.mapping, self.contract);
        let key_columns = relation.key.len();
        let lines = Lines::new(self.mapping, self.contract, Some(&checkpoint), &expressions, key_columns);
        let select = self.select(&relation, &expressions, &checkpoint);
        let mut cursor = Cursor::open(&client, &select, self.options.page_rows).await?;
        loop {
            let part = self.read_part(&mut cursor, &lines, key_columns, &mut checkpoint).await?;
            let rows = part.rows;
            if rows > 0 {
                self.write_part(part, &mut checkpoint).await?;
            }
            checkpoint.save(self.lake).await?;
            progress(rows);
            if checkpoint.done {
                return Ok(checkpoint);
            }
        }
    }

    /// Begins a round after one that is done, or goes on with one.
    async fn begin(&self, client: &Client, relation: &Relation, checkpoint: &mut Checkpoint) -> Result<()> {
        let by_change = self.mapping.updated_at.is_some();
        if checkpoint.done && by_change {
            self.check_versions()?;
        }
        checkpoint.check_told_apart(self.mapping, self.contract)?;
        if checkpoint.done {
            checkpoint.begin_round(by_change, self.latest_change(client, relation).await?);
            checkpoint.save(self.lake).await?;
        } else if checkpoint.parts == checkpoint.before.parts {
            if checkpoint.changed_from.is_none() && checkpoint.changed_to.is_none() {
                checkpoint.changed_to = self.latest_change(client, relation).await?;
            }
            checkpoint.save(self.lake).await?;
        } else if relation.key.is_empty() {
            (checkpoint.parts, checkpoint.rows) = (checkpoint.before.parts, checkpoint.before.rows);
        }
        Ok(())
    }

    /// The rows of the next landing object; notes the last key, and whether there are no more.
    async fn read_part(
        &self,
        cursor: &mut Cursor<'_>,
        lines: &Lines<'_, '_>,
        key_columns: usize,
        checkpoint: &mut Checkpoint,
    ) -> Result<Part> {
        let mut part = Part::new();
        let mut wanted = true;
        while wanted && !checkpoint.done {
            let rows = cursor.next().await?;
            checkpoint.done = rows.len() < self.options.page_rows;
            let sha256 = lines.page_sha256(&rows)?;
            for row in &rows {
                part.line.clear();
                lines.write(row, sha256.as_deref(), &mut part.line)?;
                part.add()?;
            }
            let key = rows.last().map(|row| key_of(row, key_columns)).transpose()?.flatten();
            // A key that is no text cannot be kept: the object goes on to one that is.
            let lost = key.is_none() && key_columns > 0;
            wanted = part.rows < self.options.part_rows as u64 || lost;
            if key.is_some() {
                checkpoint.last_key = key;
            }
        }
        Ok(part)
    }

    /// Writes a landing object, and counts it.
    async fn write_part(&self, part: Part, checkpoint: &mut Checkpoint) -> Result<()> {
        let name = format!("migrate-{}-{:06}.ndjson.gz", checkpoint.migration, checkpoint.parts + 1);
        let key = ObjectKey::landing(&self.mapping.dataset, &name).to_string();
        let rows = part.rows;
        self.lake
            .put(&key, part.finish()?.into(), Precondition::None)
            .await
            .with_context(|| format!("writing {key}"))?;
        checkpoint.parts += 1;
        checkpoint.rows += rows;
        Ok(())
    }

    /// `Config` where rows that changed are to be copied and the contract cannot tell which version of a row is the newest.
    fn check_versions(&self) -> Result<()> {
        match (&self.mapping.updated_at, versions_unknown(self.mapping, self.contract)) {
            (Some(column), Some(why)) => Err(Error::config(format!(
                "rows that changed since the last run cannot be copied by {column}: {why}"
            ))),
            _ => Ok(()),
        }
    }

    /// The latest change that the snapshot knows. A change in all eternity (`infinity`) is no time to go on from.
    async fn latest_change(&self, client: &Client, relation: &Relation) -> Result<Option<String>> {
        let Some(column) = &self.mapping.updated_at else { return Ok(None) };
        let name = quoted(column);
        let filter = match relation.base_type(column) {
            "date" | "timestamp without time zone" | "timestamp with time zone" => {
                format!(" FILTER (WHERE isfinite(t.{name}))")
            }
            _ => String::new(),
        };
        let sql = format!("SELECT max(t.{name}){filter}::text FROM {} t", relation.name);
        let row =
            client.query_one(&sql, &[]).await.map_err(|e| failed("looking for the latest change", e))?;
        row.try_get(0).map_err(|e| failed("looking for the latest change", e))
    }

    /// The rows that are left: the key's values, then the contract's, all as text.
    fn select(&self, relation: &Relation, expressions: &[Expression<'_>], checkpoint: &Checkpoint) -> String {
        let key: Vec<String> =
            relation.key.iter().map(|(column, _)| format!("t.{}", quoted(column))).collect();
        let mut values: Vec<String> = key.iter().map(|column| format!("{column}::text")).collect();
        values.extend(expressions.iter().map(|expression| expression.text.clone()));
        let mut conditions = Vec::new();
        if let Some(last) = checkpoint.last_key.as_ref().filter(|_| !key.is_empty()) {
            let last: Vec<String> = relation
                .key
                .iter()
                .zip(last)
                .map(|((_, ty), value)| format!("{}::{ty}", literal(value)))
                .collect();
            conditions.push(format!("({}) > ({})", key.join(", "), last.join(", ")));
        }
        if let (Some(column), Some(from)) = (&self.mapping.updated_at, &checkpoint.changed_from) {
            let (name, ty) = (quoted(column), relation.base_type(column));
            // Again those of the last moment: others may have been committed in it.
            conditions.push(format!("(t.{name} >= {}::{ty} OR t.{name} IS NULL)", literal(from)));
        }
        let filter = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        let order = match key.is_empty() {
            true => String::new(),
            // The table's own columns: a name alone would mean the text that is selected under it.
            false => format!(" ORDER BY {}", key.join(", ")),
        };
        let from = match checkpoint.tells_by_content(self.contract) {
            false => format!("{} t", relation.name),
            true => {
                values.push(format!("t.{}::text", quoted(OCCURRENCE)));
                numbered(relation, expressions, &key)
            }
        };
        // A row of a table always has a value, even where all columns are constants.
        let values = if values.is_empty() { "NULL::text".to_owned() } else { values.join(", ") };
        format!("SELECT {values} FROM {from}{filter}{order}")
    }
}

/// The number of a row among those that hold the same.
const OCCURRENCE: &str = "quotelake occurrence";

/// The relation with each row's number among all rows that hold the same in the columns that are copied: the server counts, for a table
/// may have more rows than memory. Which of equal rows has which number does not matter, for they are equal.
fn numbered(relation: &Relation, expressions: &[Expression<'_>], key: &[String]) -> String {
    // Equal are texts of the same bytes, whatever their collation says.
    let texts: Vec<String> =
        expressions.iter().map(|expression| format!("({})::text COLLATE \"C\"", expression.text)).collect();
    let partition =
        if texts.is_empty() { String::new() } else { format!("PARTITION BY {}", texts.join(", ")) };
    let order = if key.is_empty() { String::new() } else { format!(" ORDER BY {}", key.join(", ")) };
    format!(
        "(SELECT t.*, row_number() OVER ({partition}{order}) AS {} FROM {} t) t",
        quoted(OCCURRENCE),
        relation.name
    )
}

/// Whether of two versions of a row the newer one is known: by a column of the contract that the mapping or the migration fills. Rows
/// without a key have no versions.
pub fn tells_versions(mapping: &DatasetMapping, contract: &Contract) -> bool {
    let is_filled = |index: usize| {
        let name = contract.columns[index].name.as_str();
        mapping.columns.contains_key(name) || PROVENANCE.contains(&name)
    };
    contract.file_columns.is_some()
        || [contract.revision, contract.stamp].into_iter().flatten().any(is_filled)
}

/// Why the contract of a mapping with `updated_at` cannot tell which version of a row is the newest; `None` where it can, or where
/// rows have no versions.
pub fn versions_unknown(mapping: &DatasetMapping, contract: &Contract) -> Option<String> {
    let changed = mapping.updated_at.as_ref()?;
    if tells_versions(mapping, contract) {
        return None;
    }
    Some(format!(
        "the contract of {} names no `revisionColumn` that the mapping fills, so of two versions of a row the one with the greater content wins, and not the \
         newer one. Map {changed} to a column of the contract, name that as its revisionColumn, and start over with --restart; or leave \
         `updated_at` away",
        mapping.dataset
    ))
}

/// What comes from the table, in the order of the contract's names.
pub(crate) fn expressions<'c>(
    relation: &Relation,
    mapping: &DatasetMapping,
    contract: &'c Contract,
) -> Vec<Expression<'c>> {
    mapping
        .columns
        .iter()
        .filter_map(|(name, origin)| Expression::new(relation, contract, name, origin))
        .collect()
}

/// A query whose rows come a page at a time.
pub(crate) struct Cursor<'a> {
    client: &'a Client,
    fetch: Statement,
}

impl<'a> Cursor<'a> {
    /// Opens it in the connection's transaction, which must have no other.
    pub(crate) async fn open(client: &'a Client, select: &str, page_rows: usize) -> Result<Self> {
        let doing = |e| failed("reading the table", e);
        client
            .batch_execute(&format!("DECLARE quotelake NO SCROLL CURSOR FOR {select}"))
            .await
            .map_err(doing)?;
        let fetch =
            client.prepare(&format!("FETCH FORWARD {page_rows} FROM quotelake")).await.map_err(doing)?;
        Ok(Self { client, fetch })
    }

    /// The next rows; fewer than a page at the end.
    pub(crate) async fn next(&mut self) -> Result<Vec<Row>> {
        self.client.query(&self.fetch, &[]).await.map_err(|e| failed("reading the table", e))
    }
}

/// A row's key. `None` where there is none, or where it is no text.
fn key_of(row: &Row, columns: usize) -> Result<Option<Vec<String>>> {
    let mut key = Vec::with_capacity(columns);
    for index in 0..columns {
        let value = bytes(row, index)?.ok_or_else(|| Error::bug("a key is missing"))?;
        let Ok(value) = std::str::from_utf8(value) else { return Ok(None) };
        key.push(value.to_owned());
    }
    Ok(Some(key))
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

    fn add(&mut self) -> Result<()> {
        self.encoder.write_all(&self.line).map_err(in_memory)?;
        self.rows += 1;
        Ok(())
    }

    fn finish(self) -> Result<Vec<u8>> {
        self.encoder.finish().map_err(in_memory)
    }
}

fn in_memory(error: std::io::Error) -> Error {
    Error::bug("cannot compress in memory").with_source(error)
}
