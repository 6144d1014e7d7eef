//! Gzip as every stage writes it: no time and no name in its header, so that equal content has equal bytes.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use quotelake_core::{Error, Result};

/// Packs in memory, piece by piece.
pub fn encoder() -> GzEncoder<Vec<u8>> {
    GzBuilder::new().mtime(0).write(Vec::new(), Compression::default())
}

/// Packs a whole object. `Bug` when memory cannot be written to.
pub fn pack(content: &[u8]) -> Result<Bytes> {
    let mut encoder = encoder();
    encoder
        .write_all(content)
        .and_then(|()| encoder.finish())
        .map(Bytes::from)
        .map_err(|error| Error::bug("cannot compress in memory").with_source(error))
}

/// What a gzip object holds, all of its members. `InvalidInput` when it is none, or was cut off.
pub fn unpack(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes)
        .read_to_end(&mut unpacked)
        .map_err(|e| Error::invalid("is no gzip file, or one that was cut off").with_source(e))?;
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn equal_content_has_equal_bytes() {
        let (first, second) = (pack(b"one\ntwo\n").unwrap(), pack(b"one\ntwo\n").unwrap());
        assert_eq!(first, second);
        assert_eq!(first[4..8], [0; 4], "no time of writing");
        assert_eq!(first[3], 0, "no name");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&first[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }
}
