//! An object's lines, each handed to the checker of its dataset.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, Utc};
use quotelake_contract::Contracts;
use quotelake_core::{Error, ObjectKey, Result};
use quotelake_landing::{IngestFault, IngestOrigin, Origins, dataset_of};

use crate::dataset_checker::DatasetChecker;
use crate::landing_reader::Chunk;
use crate::quarantine::{Quarantine, Reason};

/// The dataset of rows that name none, or none that is known.
pub(crate) const UNKNOWN: &str = "unknown";

/// How lines begin that `ingest` writes of its own.
const INGEST_LINE: &str = "{\"ingest_";
/// The most rows of an object and dataset that may fail one by one.
const MAX_FAILING_ROWS: u64 = 1_000_000;
/// The most bytes that they may take, packed: they are held until the object's end.
const MAX_FAILING_BYTES: usize = 64 << 20;

/// Routes an object's lines to the checkers of their datasets.
pub(crate) struct DatasetRouter<'c> {
    contracts: &'c Contracts,
    key: &'c str,
    check_id: &'c str,
    source_sha256: &'c str,
    now: DateTime<Utc>,
    /// The checker of every line, where the object's key names the dataset.
    whole: Option<DatasetChecker>,
    /// The number of the line that was taken last, from 1.
    line: u64,
    /// Where the lines come from in the file that a person dropped.
    origins: Origins,
    /// Those of datasets that lines name.
    named: BTreeMap<String, DatasetChecker>,
    unknown: Quarantine,
}

impl<'c> DatasetRouter<'c> {
    pub(crate) fn new(
        contracts: &'c Contracts,
        key: &'c str,
        check_id: &'c str,
        source_sha256: &'c str,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let whole = match ObjectKey::parse(key) {
            Ok(ObjectKey::Landing { dataset, .. }) => Some(dataset),
            _ => None,
        };
        let unknown = Quarantine::new(UNKNOWN, key, check_id);
        let mut router = Self {
            contracts,
            key,
            check_id,
            source_sha256,
            now,
            whole: None,
            line: 0,
            origins: Origins::default(),
            named: BTreeMap::new(),
            unknown,
        };
        // Even an object without a line has a result; an unknown dataset here is a fault of the one who wrote the key.
        router.whole = whole.map(|dataset| router.new_checker(&dataset)).transpose()?;
        Ok(router)
    }

    fn new_checker(&self, name: &str) -> Result<DatasetChecker> {
        let dataset = self.contracts.get(name)?.clone();
        let mut quarantine = Quarantine::new(name, self.key, self.check_id);
        quarantine.origins.clone_from(&self.origins);
        DatasetChecker::new(dataset, self.now, quarantine, self.source_sha256)
    }

    fn checker(&mut self, name: &str) -> Result<&mut DatasetChecker> {
        if !self.named.contains_key(name) {
            self.named.insert(name.to_owned(), self.new_checker(name)?);
        }
        self.named.get_mut(name).ok_or_else(|| Error::bug("a checker was just added"))
    }

    fn checkers(&self) -> impl Iterator<Item = &DatasetChecker> {
        self.whole.iter().chain(self.named.values())
    }

    fn checkers_mut(&mut self) -> impl Iterator<Item = &mut DatasetChecker> {
        self.whole.iter_mut().chain(self.named.values_mut())
    }

    /// The checkers by dataset, and the lines of none.
    pub(crate) fn into_parts(self) -> (BTreeMap<String, DatasetChecker>, Quarantine) {
        let whole = self.whole.map(|checker| (checker.dataset.contract.name.clone(), checker));
        (self.named.into_iter().chain(whole).collect(), self.unknown)
    }

    pub(crate) fn read(&mut self, chunk: Chunk) -> Result<()> {
        match chunk {
            Chunk::Lines(text) => self.read_lines(&text),
            Chunk::LongLine { beginning, bytes, sha256 } => {
                self.line += 1;
                let detail = format!("is {bytes} bytes long (sha256 {sha256}); kept is its beginning");
                self.quarantine_line(&beginning, Reason::fault("line_too_long", None, detail))
            }
            Chunk::Broken { error } => Err(Error::damaged(format!("{} is damaged: {error}", self.key))),
        }
    }

    fn read_lines(&mut self, text: &[u8]) -> Result<()> {
        let valid = simdutf8::basic::from_utf8(text).ok();
        for span in line_spans(text) {
            self.line += 1;
            let raw = &text[span.clone()];
            if raw.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let row = match valid {
                Some(valid) => valid.get(span.clone()),
                None => std::str::from_utf8(raw).ok(),
            };
            match row {
                Some(row) => self.route_row(row, span)?,
                None => self.quarantine_line(raw, Reason::fault("invalid_utf8", None, "is not UTF-8"))?,
            }
        }
        self.checkers_mut().try_for_each(|checker| checker.end_window(text))?;
        self.check_bound()
    }

    /// Rows that fail one by one are kept with their text and reasons until the object's end.
    fn check_bound(&self) -> Result<()> {
        let mut failing = self.checkers().map(|checker| &checker.quarantine).chain([&self.unknown]);
        let is_full = |quarantine: &&Quarantine| {
            quarantine.rows > MAX_FAILING_ROWS || quarantine.bytes() > MAX_FAILING_BYTES
        };
        let Some(quarantine) = failing.find(is_full) else { return Ok(()) };
        let reasons = quarantine.by_reason.iter().max_by_key(|(_, rows)| **rows);
        let reason = reasons.map_or("no reason", |(reason, _)| reason.as_str());
        let bound = match quarantine.rows > MAX_FAILING_ROWS {
            true => format!("more than {MAX_FAILING_ROWS} of its rows fail"),
            false => format!("{} of its rows fail, which is more than 64 MiB packed", quarantine.rows),
        };
        Err(Error::invalid(format!("{}: {bound}, most for {reason}: the object is refused whole", self.key)))
    }

    #[inline]
    fn route_row(&mut self, row: &str, span: Range<usize>) -> Result<()> {
        let line = self.line;
        if row.starts_with(INGEST_LINE) {
            if let Some(fault) = IngestFault::from_line(row) {
                let reason = Reason::fault(&fault.reason, None, fault.detail);
                return self.quarantine_line(fault.raw.as_bytes(), reason);
            }
            if let Some(origin) = IngestOrigin::from_line(row) {
                return self.note_origin(&origin);
            }
        }
        if let Some(checker) = &mut self.whole {
            return checker.push(line, row, span);
        }
        match dataset_of(row) {
            Some(name) if self.contracts.get(name).is_ok() => {
                let name = name.to_owned();
                self.checker(&name)?.push(line, row, span)
            }
            Some(name) => {
                let detail = format!("dataset {name:?} is unknown");
                self.unknown.push(line, row.as_bytes(), vec![Reason::fault("unknown_dataset", None, detail)])
            }
            None if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(row).is_ok() => {
                let reason = Reason::fault("dataset_missing", None, "the row names no dataset");
                self.unknown.push(line, row.as_bytes(), vec![reason])
            }
            None => {
                let reason = Reason::fault("malformed_json", None, "is not a JSON object");
                self.unknown.push(line, row.as_bytes(), vec![reason])
            }
        }
    }

    /// Notes what a line says of those after it: it is no row itself.
    fn note_origin(&mut self, origin: &IngestOrigin) -> Result<()> {
        let line = self.line;
        self.origins.add(line, origin.clone());
        self.unknown.origins.add(line, origin.clone());
        self.checkers_mut().for_each(|checker| checker.quarantine.origins.add(line, origin.clone()));
        Ok(())
    }

    fn quarantine_line(&mut self, raw: &[u8], reason: Reason) -> Result<()> {
        let line = self.line;
        if let Some(checker) = &mut self.whole {
            return checker.push_fault(line, raw, reason);
        }
        self.unknown.push(line, raw, vec![reason])
    }
}

/// The lines of a text, without their line feeds.
pub(crate) fn line_spans(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        (start < text.len()).then(|| {
            let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |at| start + at);
            let span = start..end;
            start = end + 1;
            span
        })
    })
}
