//! Files of JSON lines whose contract says how texts are written: made canonical before they are checked.

use std::path::Path;
use std::sync::Arc;

use quotelake_core::cell::{Readings, SourceLines};
use quotelake_core::{Contract, Error, Result};

use super::files::gunzip;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A file's lines, made canonical, and what its texts say about the contract's formats. `None` where its lines are canonical as
/// they are.
pub(super) fn canonical(contract: &Arc<Contract>, path: &Path) -> Result<Option<(Vec<u8>, Vec<String>)>> {
    let lines = SourceLines::new(Arc::clone(contract));
    if lines.is_plain() {
        return Ok(None);
    }
    let unreadable = |e| Error::unavailable(format!("cannot read {}", path.display())).with_source(e);
    let mut bytes = std::fs::read(path).map_err(unreadable)?;
    if bytes.starts_with(&GZIP_MAGIC) {
        bytes = gunzip(&bytes)?;
    }
    let mut readings = Readings::new(contract);
    if !readings.is_idle() {
        texts(&bytes).flatten().for_each(|line| lines.observe(line, &mut readings));
    }
    let doubts = readings.doubts();
    let mut out = Vec::with_capacity(bytes.len());
    for (line, text) in bytes.split_inclusive(|byte| *byte == b'\n').zip(texts(&bytes)) {
        match text {
            Some(text) if !text.is_empty() => {
                lines.rewrite(text, &doubts, &mut out)?;
                out.push(b'\n');
            }
            // Not UTF-8, or nothing: the check says so.
            _ => out.extend_from_slice(line),
        }
    }
    Ok(Some((out, readings.notes())))
}

/// The lines without their ends; `None` for one that is not UTF-8.
fn texts(bytes: &[u8]) -> impl Iterator<Item = Option<&str>> {
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| std::str::from_utf8(line).ok().map(str::trim_ascii_end))
}
