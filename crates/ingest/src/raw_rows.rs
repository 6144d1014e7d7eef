//! The rows of a file as they stand in it, by no contract: for profiles of price files, and for proposals of contracts.

use quotelake_core::contract::TextEncoding;
use quotelake_core::ports::{Lake, ObjectMeta};
use quotelake_core::{Context as _, Error, Result};

use crate::records::{Record, Records};
use crate::source::Source;

/// A row, header rows among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawRow {
    /// The line on which it begins, from 1; of a sheet the row.
    pub line: u64,
    /// Its cells.
    pub cells: Vec<String>,
    /// As it stands in the file.
    pub raw: String,
}

/// What was read of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawRows {
    /// The rows.
    pub rows: Vec<RawRow>,
    /// SHA-256 of the file as it is stored, lowercase hex.
    pub sha256: String,
}

/// Reads a file's rows, all of them into memory. `InvalidInput` for one that cannot be read to its end, or is no text of the
/// encoding: of ISO-8859-1 control characters are none.
pub async fn raw_rows(
    inbox: &dyn Lake,
    meta: &ObjectMeta,
    delimiter: u8,
    encoding: TextEncoding,
) -> Result<RawRows> {
    let mut source = Source::new(inbox, meta);
    let mut records = Records::new(delimiter);
    let mut rows = Vec::new();
    let mut take = |record: Record<'_>| {
        let text = |bytes: &[u8]| match encoding {
            TextEncoding::Utf8 => std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|e| Error::invalid(format!("line {} is not UTF-8", record.line)).with_source(e)),
            TextEncoding::Iso8859_1 => {
                let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                if text.chars().any(|c| ('\u{80}'..='\u{9f}').contains(&c)) {
                    return Err(Error::invalid(format!(
                        "line {} is neither UTF-8 nor ISO-8859-1, perhaps windows-1252",
                        record.line
                    )));
                }
                Ok(text)
            }
        };
        let cells = record.fields().map(text).collect::<Result<_>>()?;
        rows.push(RawRow { line: record.line, cells, raw: text(record.raw)? });
        Ok(())
    };
    while let Some(text) = source.next().await.with_context(|| format!("reading {}", meta.key))? {
        records.push(&text, &mut take)?;
    }
    records.finish(&mut take)?;
    Ok(RawRows { rows, sha256: source.sha256() })
}
