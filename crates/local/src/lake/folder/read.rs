//! Reading an object, checked against its record.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use quotelake_core::ports::Version;
use quotelake_core::{Error, Result};

use super::Shared;
use crate::files::Lock;
use crate::lake::record::{self, Mismatch, Record};
use crate::lake::{read_error, read_range, version_of};

/// How often an object is looked at again where its lock cannot be had, and after which time.
const LOOKS_WITHOUT_LOCK: u32 = 3;
const WAIT_WITHOUT_LOCK: Duration = Duration::from_millis(5);

impl Shared {
    /// Bytes of an object, its version, and whether they were checked against its record. `range` is clipped; `None` is all of it.
    pub(super) fn read(&self, key: &str, range: Option<&Range<u64>>) -> Result<(Bytes, Version, bool)> {
        let mut lock = None;
        let mut looks = 0;
        loop {
            let (read, mismatch) = self.read_once(key, range)?;
            let Some(mismatch) = mismatch else { return Ok(read) };
            if lock.is_some() || looks == LOOKS_WITHOUT_LOCK {
                return Err(Error::damaged(format!("{key} is damaged: {mismatch}")));
            }
            // Somebody may have swapped object and record between our looks at them: under the key's lock nobody does. Where that
            // cannot be had, in a folder that may only be read, it is looked at again.
            lock = Lock::shared_existing(&self.lock_file(key));
            if lock.is_none() {
                looks += 1;
                std::thread::sleep(WAIT_WITHOUT_LOCK);
            }
        }
    }

    fn read_once(
        &self,
        key: &str,
        range: Option<&Range<u64>>,
    ) -> Result<((Bytes, Version, bool), Option<Mismatch>)> {
        // A file is never changed once it has its name, so what is read belongs to the version asked for first.
        let (path, mut file, metadata) = self.open(key)?;
        let (size, version) = (metadata.len(), version_of(&metadata));
        let mut read = |range: &Range<u64>| {
            read_range(&mut file, size, range).map_err(|error| read_error(key, &path, error))
        };
        let wanted = range.cloned().unwrap_or(0..size);
        let (contents, or_unknown) = match Record::read(&record::path_of(&path))? {
            Record::Contents { contents, or_unknown } => (contents, or_unknown),
            Record::None => (Vec::new(), true),
        };
        let mut mismatch = None;
        // Contents of one size have the same blocks; one of another size cannot be this.
        if let Some(alike) = contents.iter().find(|sums| sums.size() == size) {
            let around = alike.around(&wanted);
            let bytes = read(&around)?;
            let mut mismatches = contents.iter().map(|sums| sums.mismatch(around.start, &bytes, size));
            mismatch = mismatches.next().flatten();
            if mismatch.is_none() || mismatches.any(|mismatch| mismatch.is_none()) {
                return Ok(((part(&bytes, around.start, &wanted), version, true), None));
            }
        } else if let Some(sums) = contents.first() {
            mismatch = Some(Mismatch::Size { expected: sums.size(), found: size });
        }
        Ok(((read(&wanted)?, version, false), mismatch.filter(|_| !or_unknown)))
    }
}

/// The bytes of `wanted` in those that begin at `start`. A part that is not most of them is copied: it would keep all of them in memory.
fn part(bytes: &Bytes, start: u64, wanted: &Range<u64>) -> Bytes {
    let at = |place: u64| usize::try_from(place.saturating_sub(start)).unwrap_or(usize::MAX).min(bytes.len());
    let (begin, end) = (at(wanted.start), at(wanted.end));
    match bytes.get(begin..end) {
        Some(part) if part.len() < bytes.len() / 4 * 3 => Bytes::copy_from_slice(part),
        Some(_) => bytes.slice(begin..end),
        None => Bytes::new(),
    }
}
