//! In the place of the crate `crc-fast`, which `aws-smithy-checksums` asks for (`[patch.crates-io]` in the workspace's manifest).
//!
//! That crate computes a hundred checksums, and its tables for processors without carry-less multiplication, 0.6 MB that do not
//! compress, end up in every function, since the algorithm is chosen while the program runs. The SDK names three of them. Here are
//! these three with the interface that the SDK uses, each computed by a crate made for it. A version of the SDK that names a fourth
//! does not compile: then it is added here.

/// A checksum that the SDK names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrcAlgorithm {
    /// CRC-32 of zip and Ethernet, S3's `CRC32`.
    Crc32IsoHdlc,
    /// CRC-32C of iSCSI, S3's `CRC32C`.
    Crc32Iscsi,
    /// CRC-64 of NVM Express, S3's `CRC64NVME`.
    Crc64Nvme,
}

/// A checksum of bytes that come in parts.
#[derive(Debug, Clone)]
pub struct Digest(State);

#[derive(Clone)]
enum State {
    Crc32IsoHdlc(crc32fast::Hasher),
    Crc32Iscsi(u32),
    Crc64Nvme(crc64fast_nvme::Digest),
}

impl std::fmt::Debug for State {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Crc32IsoHdlc(_) => "Crc32IsoHdlc",
            Self::Crc32Iscsi(_) => "Crc32Iscsi",
            Self::Crc64Nvme(_) => "Crc64Nvme",
        })
    }
}

impl Digest {
    /// Of no bytes yet.
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        Self(match algorithm {
            CrcAlgorithm::Crc32IsoHdlc => State::Crc32IsoHdlc(crc32fast::Hasher::new()),
            CrcAlgorithm::Crc32Iscsi => State::Crc32Iscsi(0),
            CrcAlgorithm::Crc64Nvme => State::Crc64Nvme(crc64fast_nvme::Digest::new()),
        })
    }

    /// Takes the bytes that follow.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Crc32IsoHdlc(hasher) => hasher.update(bytes),
            State::Crc32Iscsi(sum) => *sum = crc32c::crc32c_append(*sum, bytes),
            State::Crc64Nvme(digest) => digest.write(bytes),
        }
    }

    /// The checksum; one of 32 bits in the lower half.
    pub fn finalize(&self) -> u64 {
        match &self.0 {
            State::Crc32IsoHdlc(hasher) => u64::from(hasher.clone().finalize()),
            State::Crc32Iscsi(sum) => u64::from(*sum),
            State::Crc64Nvme(digest) => digest.sum64(),
        }
    }
}

/// The checksum of these bytes, as [`Digest::finalize`] gives it.
pub fn checksum(algorithm: CrcAlgorithm, bytes: &[u8]) -> u64 {
    let mut digest = Digest::new(algorithm);
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests;
