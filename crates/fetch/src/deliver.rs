//! Pages on their way out of `fetch`: collected into batches of about a mebibyte for the stream, put again where the stream
//! refused them for now, and written to the lake directly where the stream cannot carry them. The HTTP executor calls it as its
//! [`PageSink`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use quotelake_core::ports::{Lake, PutOutcome, RecordStream};
use quotelake_core::{Envelope, Error, ErrorKind};
use quotelake_sources::http::PageSink;
use quotelake_sources::page::{PageLines, write_lines};
use quotelake_sources::size::fits_stream;
use quotelake_sources::{Failure, FailureKind, Sources};

use crate::bulk;

/// Puts before giving up on a batch.
const PUTS: u32 = 4;
/// The wait before the second put; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Pages wait until this many bytes are together, or their unit ends.
const BATCH_BYTES: usize = 1 << 20;

/// Where pages go.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// Takes what fits it.
    pub stream: &'a dyn RecordStream,
    /// Takes the pages that the stream cannot carry; without it they fail.
    pub lake: Option<&'a dyn Lake>,
    /// Whose pages they are.
    pub sources: &'a Sources,
}

/// Takes pages to their destination: to the stream, or around it those that it cannot carry or that could not be answered there.
#[derive(Debug)]
pub struct Pages<'a> {
    to: Destination<'a>,
    batch: Vec<Bytes>,
    batch_bytes: usize,
    /// A batch of this unit that failed; [`PageSink::finish`] has to say so.
    failure: Option<Failure>,
    lines: Vec<u8>,
    /// Units and pages with rows that are in the batch.
    batch_pages: Vec<(String, String)>,
    /// Units of which the stream took rows, and the pages that they are on.
    streamed: BTreeMap<String, BTreeSet<String>>,
    bytes: u64,
}

impl<'a> Pages<'a> {
    /// Pages to this destination.
    pub fn new(to: Destination<'a>) -> Self {
        Self {
            to,
            batch: Vec::new(),
            batch_bytes: 0,
            failure: None,
            lines: Vec::new(),
            batch_pages: Vec::new(),
            streamed: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Sends one record, as [`Envelope::to_record`] wrote it. One that is no envelope is the stream's: `transform` says so.
    pub async fn send_record(&mut self, record: Bytes) -> Result<(), Failure> {
        match Envelope::from_record(&record) {
            Ok(envelope) => self.send(&envelope, record).await,
            Err(_) => self.put(record).await,
        }
    }

    async fn send(&mut self, envelope: &Envelope, record: Bytes) -> Result<(), Failure> {
        self.bytes += record.len() as u64;
        self.lines.clear();
        let mapped = write_lines(self.to.sources, envelope, &mut self.lines);
        let most = self.to.stream.max_record_bytes();
        let fits = match &mapped {
            Ok(_) => fits_stream(most, record.len(), self.lines.len()),
            // Anyone who reads it on the other side of the stream says what is wrong with it.
            Err(_) => record.len() <= most,
        };
        match self.to.lake {
            Some(lake) if !fits => return self.land(lake, envelope, &record, mapped).await,
            None if record.len() > most => {
                let what = format!(
                    "the page makes a record of {} bytes, the stream takes {most}: lower the page limit, or set LAKE_URI, where such a page can go",
                    record.len()
                );
                return Err(Failure::new(FailureKind::TooLarge, what));
            }
            _ => {}
        }
        if mapped.is_ok_and(|page| page.rows > 0) {
            self.batch_pages.push((envelope.unit.id.clone(), envelope.sha256.clone()));
        }
        self.put(record).await
    }

    /// A page around the stream: the record to `raw/`, then its lines to `landing/`.
    async fn land(
        &mut self,
        lake: &dyn Lake,
        envelope: &Envelope,
        record: &Bytes,
        mapped: Result<PageLines, Error>,
    ) -> Result<(), Failure> {
        bulk::keep(lake, envelope, record).await.map_err(|error| lake_failure(&error))?;
        let page = mapped.map_err(|error| {
            let what = format!("the page is kept in raw/ and cannot be read: {error}");
            Failure::new(FailureKind::Malformed, what)
        })?;
        let objects = bulk::land(lake, envelope, &self.lines).await.map_err(|error| lake_failure(&error))?;
        page.log(envelope);
        tracing::info!(
            unit_id = envelope.unit.id,
            page = envelope.unit.page,
            run_id = envelope.run_id,
            record_bytes = record.len(),
            lines_bytes = self.lines.len(),
            rows = page.rows,
            objects,
            "landed a page that is too large for the stream"
        );
        self.lines = Vec::new();
        Ok(())
    }

    /// The units of which the stream took rows, and the hashes of the pages' bodies that they are on.
    pub fn streamed(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.streamed
    }

    /// The size of the records of all pages so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    async fn put(&mut self, record: Bytes) -> Result<(), Failure> {
        self.batch_bytes += record.len();
        self.batch.push(record);
        if self.batch_bytes >= BATCH_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        self.batch_bytes = 0;
        let pages = std::mem::take(&mut self.batch_pages);
        let put = put_all(self.to.stream, std::mem::take(&mut self.batch)).await;
        match &put {
            Ok(()) => {
                for (unit, page) in pages {
                    self.streamed.entry(unit).or_default().insert(page);
                }
            }
            Err(failure) => self.failure = Some(failure.clone()),
        }
        put
    }

    /// What [`PageSink::finish`] does.
    pub async fn end(&mut self) -> Result<(), Failure> {
        let flushed = self.flush().await;
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => flushed,
        }
    }
}

#[async_trait]
impl PageSink for Pages<'_> {
    async fn deliver(&mut self, page: Envelope) -> Result<(), Failure> {
        let record =
            page.to_record().map_err(|error| Failure::new(FailureKind::Malformed, error.to_string()))?;
        self.send(&page, record).await
    }

    async fn finish(&mut self) -> Result<(), Failure> {
        self.end().await
    }
}

/// A lake that is away is tried again like a stream that is; one that may not be written to is no other page's either.
fn lake_failure(error: &Error) -> Failure {
    let kind = if error.kind().is_retryable() { FailureKind::Stream } else { FailureKind::Config };
    Failure::new(
        kind,
        format!("the page is too large for the stream, and the lake does not take it: {error}"),
    )
}

/// Puts every record. What the stream refuses for now, and only that, is put again; what it refuses for good fails the batch
/// after the others are safe.
async fn put_all(stream: &dyn RecordStream, records: Vec<Bytes>) -> Result<(), Failure> {
    let mut left = Unsent { records, ..Unsent::default() };
    for put in 0..PUTS {
        if left.records.is_empty() {
            break;
        }
        if put > 0 {
            tokio::time::sleep(FIRST_WAIT * 2u32.pow(put - 1)).await;
        }
        match stream.put(&left.records).await {
            // Nothing of it is known to be there: all of it again.
            Err(error) if error.kind().is_retryable() => left.last = Some(error),
            Err(error) => return Err(failure(&error)),
            Ok(outcomes) if outcomes.len() != left.records.len() => {
                let what =
                    format!("the stream answered {} of {} records", outcomes.len(), left.records.len());
                return Err(Failure::new(FailureKind::Stream, what));
            }
            Ok(outcomes) => left.sort(outcomes),
        }
    }
    left.into_result()
}

/// What of a batch the stream does not have yet, and why.
#[derive(Debug, Default)]
struct Unsent {
    /// To be put again.
    records: Vec<Bytes>,
    /// A record that was refused for good.
    refused: Option<Failure>,
    /// Why the stream took the others not yet.
    last: Option<Error>,
}

impl Unsent {
    /// Drops what is there, and keeps what is refused for now; one outcome for each record, in order.
    fn sort(&mut self, outcomes: Vec<PutOutcome>) {
        for (record, outcome) in std::mem::take(&mut self.records).into_iter().zip(outcomes) {
            match outcome {
                PutOutcome::Accepted => {}
                PutOutcome::Rejected(error) if error.kind().is_retryable() => {
                    self.records.push(record);
                    self.last = Some(error);
                }
                PutOutcome::Rejected(error) => self.refused = Some(failure(&error)),
            }
        }
    }

    fn into_result(self) -> Result<(), Failure> {
        match (self.refused, self.records.len(), self.last) {
            (Some(refused), _, _) => Err(refused),
            (None, 0, _) => Ok(()),
            (None, count, last) => {
                let reason = last.map_or_else(String::new, |error| format!(": {error}"));
                let what = format!("the stream refused {count} pages {PUTS} times{reason}");
                Err(Failure::new(FailureKind::Stream, what))
            }
        }
    }
}

/// A refusal that another try does not cure.
fn failure(error: &Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::InvalidInput => FailureKind::Malformed,
        // No permission, no stream: no other page will fare better.
        _ => FailureKind::Config,
    };
    Failure::new(kind, format!("the stream refuses the page: {error}"))
}
