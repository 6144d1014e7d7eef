//! Packed bytes, unpacked into a buffer of a fixed size: whatever a few bytes unpack to, it comes in pieces.

use std::io::Write as _;

use bzip2::Status as Bzip2Status;
use flate2::write::MultiGzDecoder;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use quotelake_core::{Error, Result};
use zstd::stream::raw::{Decoder as ZstdDecoder, InBuffer, Operation as _, OutBuffer};

use super::zip::Entry;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What a frame that is passed over begins with, behind a byte of 0x50 to 0x5F.
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// `BZh`, the size of a block, and the first block's own magic. See <https://en.wikipedia.org/wiki/Bzip2#File_format>.
const BZIP2_MAGIC: [u8; 3] = *b"BZh";
const BZIP2_BLOCK: [u8; 6] = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
/// Bytes of gzip unpacked at once: a thousandfold expansion, the most that it can do, stays below 64 MB.
const GZIP_BYTES: usize = 64 << 10;

/// What one step read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) written: usize,
}

/// Takes off one packing.
pub(super) enum Unpack {
    Gzip {
        decoder: Box<MultiGzDecoder<Vec<u8>>>,
        /// Unpacked, not yet handed out: how far it is.
        handed_out: usize,
        ended: bool,
    },
    Zstd {
        decoder: Box<ZstdDecoder<'static>>,
        /// Whether the last frame is whole.
        whole: bool,
    },
    Bzip2 {
        decoder: Box<bzip2::Decompress>,
        whole: bool,
    },
    /// The one file of an archive: deflated, or stored as it is.
    Zip {
        inflate: Option<Box<Decompress>>,
        crc: Crc,
        wanted_crc: u32,
        whole: bool,
    },
}

impl Unpack {
    /// The packing of a file, by its first bytes; `None` where it has none.
    pub(super) fn by_magic(beginning: &[u8]) -> Result<Option<Self>> {
        if beginning.starts_with(&GZIP_MAGIC) {
            let decoder = Box::new(MultiGzDecoder::new(Vec::new()));
            return Ok(Some(Self::Gzip { decoder, handed_out: 0, ended: false }));
        }
        let is_skippable = matches!(beginning, [0x50..=0x5f, rest @ ..] if rest.starts_with(&ZSTD_SKIPPABLE));
        if beginning.starts_with(&ZSTD_MAGIC) || is_skippable {
            let decoder = ZstdDecoder::new().map_err(|e| Error::bug("zstd").with_source(e))?;
            return Ok(Some(Self::Zstd { decoder: Box::new(decoder), whole: false }));
        }
        let block = beginning.get(4..10).is_some_and(|block| block == BZIP2_BLOCK);
        if beginning.starts_with(&BZIP2_MAGIC) && block {
            return Ok(Some(Self::Bzip2 { decoder: Box::new(bzip2::Decompress::new(false)), whole: false }));
        }
        Ok(None)
    }

    /// The file of an archive.
    pub(super) fn entry(entry: &Entry) -> Self {
        let inflate = entry.is_deflated.then(|| Box::new(Decompress::new(false)));
        Self::Zip { inflate, crc: Crc::new(), wanted_crc: entry.crc, whole: entry.data.is_empty() }
    }

    /// Unpacks some of `input` into `output`. Neither read nor written means that it needs more input, or is at the end.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step> {
        match self {
            Self::Gzip { decoder, handed_out, ended } => {
                let mut read = 0;
                if decoder.get_ref().len() == *handed_out {
                    decoder.get_mut().clear();
                    *handed_out = 0;
                    read = input.len().min(GZIP_BYTES);
                    if read > 0 {
                        decoder.write_all(&input[..read]).map_err(|e| damaged("gzip", e))?;
                    } else if !*ended {
                        *ended = true;
                        decoder.try_finish().map_err(|e| damaged("gzip", e))?;
                    }
                }
                let ready = &decoder.get_ref()[*handed_out..];
                let written = ready.len().min(output.len());
                output[..written].copy_from_slice(&ready[..written]);
                *handed_out += written;
                Ok(Step { read, written })
            }
            Self::Zstd { decoder, whole } => {
                let (mut from, mut to) = (InBuffer::around(input), OutBuffer::around(output));
                // Whole, and nothing follows: asked once more it would begin a frame.
                if !(*whole && input.is_empty()) {
                    let hint = decoder.run(&mut from, &mut to).map_err(|e| damaged("zstd", e))?;
                    *whole = hint == 0;
                }
                Ok(Step { read: from.pos(), written: to.pos() })
            }
            Self::Bzip2 { decoder, whole } => {
                if *whole {
                    if input.is_empty() {
                        return Ok(Step::default());
                    }
                    // Another stream follows, as of files that were put together.
                    **decoder = bzip2::Decompress::new(false);
                    *whole = false;
                }
                let (read, written) = (decoder.total_in(), decoder.total_out());
                let status = decoder.decompress(input, output).map_err(|e| damaged("bzip2", e))?;
                *whole = status == Bzip2Status::StreamEnd;
                Ok(Step {
                    read: (decoder.total_in() - read) as usize,
                    written: (decoder.total_out() - written) as usize,
                })
            }
            Self::Zip { inflate: None, crc, whole, .. } => {
                let size = input.len().min(output.len());
                output[..size].copy_from_slice(&input[..size]);
                crc.update(&output[..size]);
                *whole = true;
                Ok(Step { read: size, written: size })
            }
            Self::Zip { inflate: Some(inflate), crc, whole, .. } => {
                if *whole {
                    // What is behind the end of the deflated data, within the archive's own measure, is padding.
                    return Ok(Step { read: input.len(), written: 0 });
                }
                let (read, written) = (inflate.total_in(), inflate.total_out());
                let status = inflate
                    .decompress(input, output, FlushDecompress::None)
                    .map_err(|e| damaged("zip", e))?;
                *whole = status == Status::StreamEnd;
                let written = (inflate.total_out() - written) as usize;
                crc.update(&output[..written]);
                Ok(Step { read: (inflate.total_in() - read) as usize, written })
            }
        }
    }

    /// Says that there is no more input. `InvalidInput` where it ends before it should.
    pub(super) fn finish(&self) -> Result<()> {
        let whole = match self {
            Self::Gzip { ended, .. } => *ended,
            Self::Zstd { whole, .. } | Self::Bzip2 { whole, .. } => *whole,
            Self::Zip { crc, wanted_crc, whole, .. } => *whole && crc.sum() == *wanted_crc,
        };
        if whole { Ok(()) } else { Err(self.damaged()) }
    }

    pub(super) fn damaged(&self) -> Error {
        let name = match self {
            Self::Gzip { .. } => "gzip",
            Self::Zstd { .. } => "zstd",
            Self::Bzip2 { .. } => "bzip2",
            Self::Zip { .. } => "zip",
        };
        Error::invalid(format!("{name} cannot be read to its end"))
    }
}

fn damaged(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::invalid(format!("{name} cannot be read to its end")).with_source(error)
}
