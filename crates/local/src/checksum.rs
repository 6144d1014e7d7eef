//! The checksum of what this crate writes: objects' records, sealed documents, batches of the journal.

use crc_fast::{CrcAlgorithm, checksum};

/// CRC-64/NVME.
pub(crate) fn crc(bytes: &[u8]) -> u64 {
    checksum(CrcAlgorithm::Crc64Nvme, bytes)
}
