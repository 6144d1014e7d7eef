//! Rows of NDJSON, CSV and workbooks, read by a contract.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use quotelake_core::ports::Lake as _;
use quotelake_core::table::{IngestFault, IngestOrigin, Origins, RowDecoder};
use quotelake_core::{Context as _, Contract, Result};

use super::pieces::Place;
use crate::args::RuleDataArgs;
use crate::commands::files::{find, land, unpacked};

/// Rows of a batch.
const BATCH_ROWS: usize = 16 * 1024;

/// Rows of files, typed by a contract; held in memory.
#[derive(Debug)]
pub struct Rows {
    schema: SchemaRef,
    key: Vec<String>,
    batches: Vec<(Place, RecordBatch)>,
    unreadable: Vec<(String, u64, String)>,
}

impl Rows {
    /// Reads the files that the arguments name. A file that does not fit the contract is an error.
    pub(super) async fn open(args: &RuleDataArgs) -> Result<Self> {
        let dataset = args.dataset.as_deref().unwrap_or_default();
        let contracts = super::contracts_of(args, dataset)?;
        let contract = Arc::clone(&contracts.get(dataset)?.contract);
        let landing = land(&contracts, find(&contracts, dataset, &args.data)?).await?;
        if let Some((file, error)) = landing.rejected.into_iter().next() {
            return Err(error.context(file));
        }
        let mut rows = Self {
            schema: contract.unchecked_schema(),
            key: contract.key.iter().map(|at| contract.columns[*at].name.clone()).collect(),
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

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(super) fn key(&self) -> &[String] {
        &self.key
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
        let (mut lines, mut first) = (Vec::new(), 1);
        for (line, raw) in (1u64..).zip(bytes.split(|byte| *byte == b'\n')) {
            if raw.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if let Some(origin) = std::str::from_utf8(raw).ok().and_then(IngestOrigin::from_line) {
                file.clone_from(&origin.file);
                origins.add(line, origin);
                continue;
            }
            let line = origins.of(line).map_or(line, |(_, line)| line);
            match decode(&mut decoder, raw) {
                Ok(()) => lines.push(line),
                Err(what) => self.unreadable.push((file.clone(), line, what)),
            }
            if lines.len() == BATCH_ROWS {
                first += self.end_batch(&file, first, std::mem::take(&mut lines), &mut decoder)?;
            }
        }
        self.end_batch(&file, first, lines, &mut decoder).map(drop)
    }

    /// Adds a batch of the rows that the decoder holds. Returns how many.
    fn end_batch(
        &mut self,
        file: &str,
        first: u64,
        lines: Vec<u64>,
        decoder: &mut RowDecoder,
    ) -> Result<u64> {
        let rows = lines.len() as u64;
        if rows > 0 {
            let place = Place { file: file.to_owned(), first, lines: Some(Arc::new(lines)) };
            self.batches.push((place, decoder.take_batch()?));
        }
        Ok(rows)
    }
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
