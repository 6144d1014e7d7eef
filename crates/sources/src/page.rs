//! From a sealed page to its canonical lines, the same wherever it is done: in `transform` for the stream, in `fetch` for a page that
//! the stream cannot carry, on the command line to say why one was refused.

use std::panic::{AssertUnwindSafe, catch_unwind};

use quotelake_core::{Envelope, Error, Result};

use crate::{Mapped, Source, Sources};

/// What a bar's line takes, for a buffer's first size.
const LINE_BYTES: usize = 768;

/// Warnings of a page that its log line shows.
const LOGGED: usize = 5;

/// What a page's lines are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageLines {
    /// How many.
    pub rows: u64,
    /// [`Mapped::warnings`].
    pub warnings: Vec<String>,
    /// [`Mapped::skipped`].
    pub skipped: u64,
}

impl PageLines {
    /// Logs what is wrong with rows of the page, and how many came along unasked.
    pub fn log(&self, envelope: &Envelope) {
        if !self.warnings.is_empty() {
            tracing::warn!(
                unit_id = envelope.unit.id,
                page = envelope.unit.page,
                run_id = envelope.run_id,
                count = self.warnings.len(),
                first = ?&self.warnings[..self.warnings.len().min(LOGGED)],
                "rows of a page are incomplete"
            );
        }
        if self.skipped > 0 && self.rows == 0 {
            tracing::warn!(
                unit_id = envelope.unit.id,
                page = envelope.unit.page,
                run_id = envelope.run_id,
                rows = self.skipped,
                "no row of a page is one that was asked for: all are left out"
            );
        } else if self.skipped > 0 {
            tracing::info!(
                unit_id = envelope.unit.id,
                page = envelope.unit.page,
                rows = self.skipped,
                "rows that come along whatever is asked for are left out"
            );
        }
    }
}

/// Writes a page's lines behind what `text` holds. `InvalidInput` for a source that is not known and for a page that cannot be read
/// or must not be believed; `Bug` when the mapper panicked. Nothing is written then.
pub fn write_lines(sources: &Sources, envelope: &Envelope, text: &mut Vec<u8>) -> Result<PageLines> {
    let mapped = map(sources.get(&envelope.source)?.as_ref(), envelope)?;
    text.reserve(mapped.records.len() * LINE_BYTES);
    for row in &mapped.records {
        row.write_line(text);
    }
    Ok(PageLines { rows: mapped.records.len() as u64, warnings: mapped.warnings, skipped: mapped.skipped })
}

/// A page's records. A panic of the mapper is an error of this page like any other.
pub fn map(source: &dyn Source, envelope: &Envelope) -> Result<Mapped> {
    // Nothing is shared with the mapper but what it can only read.
    catch_unwind(AssertUnwindSafe(|| source.transform(envelope))).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no text");
        Err(Error::bug(format!("the mapper panicked: {text}")))
    })
}
