//! Rows of NDJSON, CSV and workbooks, read by a contract.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use quotelake_contract::{Contract, Contracts, Role};
use quotelake_core::ports::Lake as _;
use quotelake_core::{Context as _, Result};
use quotelake_landing::{IngestFault, IngestOrigin, Origins};
use quotelake_table::ArrowSchema as _;
use quotelake_table::RowDecoder;

use super::derived;
use super::pieces::Place;
use crate::args::RuleDataArgs;
use crate::files::{find, land, lay_out, unpacked};
use crate::parquet_files::ParquetFiles;
use crate::suggest::propose;

/// Rows of a batch.
const BATCH_ROWS: usize = 16 * 1024;

/// Rows of files, typed by a contract; held in memory.
#[derive(Debug)]
pub struct Rows {
    schema: SchemaRef,
    key: Vec<String>,
    provenance: Vec<String>,
    composites_by_row: bool,
    paths: Vec<PathBuf>,
    batches: Vec<(Place, RecordBatch)>,
    unreadable: Vec<(String, u64, String)>,
}

impl Rows {
    /// Reads the files that the arguments name. A file that does not fit the contract is an error.
    pub(super) async fn open(args: &RuleDataArgs) -> Result<Self> {
        let (dataset, contracts) = super::contracts_of(args)?;
        Self::read(&contracts, &dataset, &args.data).await
    }

    /// Reads files without a contract of their own by the one that is proposed for them.
    pub(super) async fn open_unknown(args: &RuleDataArgs) -> Result<Self> {
        let proposal = propose(&args.data, None).await?;
        let mut contracts = Contracts::built_in()?;
        contracts.add(&proposal.contract, None).with_context(|| "the proposed contract".to_owned())?;
        lay_out(&mut contracts, &proposal.dataset, &args.layout)?;
        Self::read(&contracts, &proposal.dataset, &args.data).await
    }

    async fn read(contracts: &Contracts, dataset: &str, paths: &[PathBuf]) -> Result<Self> {
        let contract = Arc::clone(&contracts.get(dataset)?.contract);
        let landing = land(contracts, find(contracts, dataset, paths)?, None).await?;
        if let Some((file, error)) = landing.rejected.into_iter().next() {
            return Err(error.context(file));
        }
        let mut rows = Self {
            schema: contract.unchecked_schema(),
            key: contract.key.iter().map(|at| contract.columns[*at].name.clone()).collect(),
            provenance: provenance(&contract),
            composites_by_row: contract.composites_by_row,
            paths: paths.to_vec(),
            batches: Vec::new(),
            unreadable: Vec::new(),
        };
        for key in &landing.file_keys {
            rows.add(&contract, key, &landing.files.get(key).await?.bytes)?;
        }
        for key in &landing.ingested_keys {
            rows.add(&contract, key, &landing.ingested.get(key).await?.bytes)?;
        }
        Ok(rows)
    }

    /// The rows of Parquet files, as they are.
    pub(super) fn of_parquet(files: &ParquetFiles) -> Result<Self> {
        let mut batches = Vec::new();
        for group in files.row_groups() {
            let mut first = group.first_row;
            for batch in files.read(&group)? {
                let batch = batch?;
                let place = Place { file: files.name(&group), first, rows: None };
                first += batch.num_rows() as u64;
                batches.push((place, batch));
            }
        }
        Ok(Self {
            schema: files.schema(),
            key: Vec::new(),
            provenance: Vec::new(),
            composites_by_row: false,
            paths: files.paths(),
            batches,
            unreadable: Vec::new(),
        })
    }

    /// Adds the columns that are derived from other rows.
    pub(super) fn derive(&mut self, kind: derived::Kind, now: DateTime<Utc>) -> Result<()> {
        (self.schema, self.batches) = derived::add(kind, &self.schema, &self.batches, now)?;
        Ok(())
    }

    /// What was named to be read.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.paths.clone()
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(super) fn key(&self) -> &[String] {
        &self.key
    }

    /// Columns that say where a row comes from, or are flags.
    pub(super) fn provenance(&self) -> &[String] {
        &self.provenance
    }

    pub(super) fn composites_by_row(&self) -> bool {
        self.composites_by_row
    }

    pub(super) fn batches(&self) -> impl Iterator<Item = &(Place, RecordBatch)> {
        self.batches.iter()
    }

    pub(super) fn unreadable(&self) -> &[(String, u64, String)] {
        &self.unreadable
    }

    fn add(&mut self, contract: &Arc<Contract>, key: &str, bytes: &[u8]) -> Result<()> {
        let bytes = unpacked(bytes).with_context(|| key.to_owned())?;
        let mut file = key.rsplit('/').next().unwrap_or(key).to_owned();
        let mut origins = Origins::default();
        let mut decoder = RowDecoder::new(Arc::clone(contract));
        // Rows are numbered like the file's: one that cannot be read has its number.
        let (mut places, mut row) = (Vec::new(), 0);
        for (line, raw) in (1u64..).zip(bytes.split(|byte| *byte == b'\n')) {
            if raw.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if let Some(origin) = std::str::from_utf8(raw).ok().and_then(IngestOrigin::from_line) {
                if file != origin.file {
                    self.end_batch(&file, std::mem::take(&mut places), &mut decoder)?;
                    row = 0;
                    file.clone_from(&origin.file);
                }
                origins.add(line, origin);
                continue;
            }
            let line = origins.of(line).map_or(line, |(_, line)| line);
            row += 1;
            match decode(&mut decoder, raw) {
                Ok(()) => places.push((row, line)),
                Err(what) => self.unreadable.push((file.clone(), line, what)),
            }
            if places.len() == BATCH_ROWS {
                self.end_batch(&file, std::mem::take(&mut places), &mut decoder)?;
            }
        }
        self.end_batch(&file, places, &mut decoder)
    }

    /// Adds a batch of the rows that the decoder holds, each with its number and line.
    fn end_batch(&mut self, file: &str, rows: Vec<(u64, u64)>, decoder: &mut RowDecoder) -> Result<()> {
        if !rows.is_empty() {
            let place = Place { file: file.to_owned(), first: 1, rows: Some(Arc::new(rows)) };
            self.batches.push((place, decoder.take_batch()?));
        }
        Ok(())
    }
}

fn provenance(contract: &Contract) -> Vec<String> {
    let columns =
        contract.columns.iter().filter(|column| matches!(column.role, Role::Provenance | Role::Flags));
    columns.map(|column| column.name.clone()).collect()
}

/// What is wrong with a line that is no row.
fn decode(decoder: &mut RowDecoder, raw: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(raw).map_err(|e| e.to_string())?;
    if let Some(fault) = IngestFault::from_line(text) {
        return Err(format!("{}: {}", fault.reason, fault.detail));
    }
    decoder.push(text).map_err(|faults| {
        let texts = faults.into_iter().map(|fault| match fault.column {
            Some(column) => format!("{column}: {}", fault.detail),
            None => fault.detail,
        });
        texts.collect::<Vec<_>>().join("; ")
    })
}
