//! The rows of a file as they are in it, by no contract: for profiles of price files, and for proposals of contracts.

use quotelake_contract::{FileFormat, FileLayout};
use quotelake_core::ports::{Lake, ObjectMeta};
use quotelake_core::{Context as _, Error, Result};

use crate::mapping::is_undecoded_in;
use crate::names;
use crate::records::{Record, Records};
use crate::sheet::{self, MAX_BYTES, MAX_UNPACKED_BYTES};
use crate::source::Source;

/// A row, header rows among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawRow {
    /// The line on which it begins, from 1; of a sheet the row.
    pub line: u64,
    /// Its cells.
    pub cells: Vec<String>,
    /// As it is in the file.
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

/// Reads the rows of a file of CSV or of a workbook, all of them into memory, with its header and whatever is above. Of the layout
/// what says how the file is cut counts. `InvalidInput` for one that cannot be read to its end, or is no text of the encoding.
pub async fn raw_rows(inbox: &dyn Lake, meta: &ObjectMeta, layout: &FileLayout) -> Result<RawRows> {
    let name = meta.key.rsplit('/').next().unwrap_or(&meta.key);
    let format = layout.format.or_else(|| names::format_of(name));
    let mut source = Source::open(inbox, meta, format == Some(FileFormat::Xlsx)).await?;
    let mut rows = Vec::new();
    if format == Some(FileFormat::Xlsx) {
        let bytes = source.workbook(MAX_BYTES, MAX_UNPACKED_BYTES).await?;
        sheet::for_each_row(bytes, layout, &mut |row| {
            let cells = row.cells.iter().map(|cell| cell.text()).collect();
            rows.push(RawRow { line: row.line, cells, raw: row.raw() });
            Ok(())
        })?;
        return Ok(RawRows { rows, sha256: source.sha256() });
    }
    source.decode(layout.encoding);
    let inner = source.inner_name().unwrap_or(name);
    let mut records = Records::new(layout, layout.delimiter.unwrap_or_else(|| names::delimiter_of(inner)));
    let mut take = |record: Record<'_>| {
        let line = record.line;
        if let Some(fault) = record.fault() {
            return Err(Error::invalid(format!("line {line}, {fault}")));
        }
        let text = |bytes: &[u8]| {
            let text = std::str::from_utf8(bytes).map_err(|e| {
                let name = record.decoded.map_or_else(|| "UTF-8".to_owned(), |encoding| encoding.name());
                Error::invalid(format!("line {line} is not {name}")).with_source(e)
            })?;
            if record.decoded.is_some_and(|encoding| text.chars().any(|c| is_undecoded_in(encoding, c))) {
                return Err(Error::invalid(format!(
                    "line {line} is not in the encoding that the file is read by"
                )));
            }
            Ok(text.to_owned())
        };
        let cells = record.cells().map(|(cell, _)| text(cell)).collect::<Result<_>>()?;
        rows.push(RawRow { line, cells, raw: text(record.raw)? });
        Ok(())
    };
    while let Some(text) = source.next().await.with_context(|| format!("reading {}", meta.key))? {
        records.decoded = source.decoded();
        records.push(&text, &mut take)?;
    }
    records.finish(&mut take)?;
    Ok(RawRows { rows, sha256: source.sha256() })
}
