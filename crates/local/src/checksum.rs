//! The checksum of what this crate writes: objects' records, sealed documents, batches of the journal.

use crc64fast_nvme::Digest;

/// CRC-64/NVME.
pub(crate) fn crc(bytes: &[u8]) -> u64 {
    let mut digest = Digest::new();
    digest.write(bytes);
    digest.sum64()
}
