//! One reading of a dropped file, from its beginning to its end, whatever kind it is.

use quotelake_contract::{Contract, FileFormat};
use quotelake_core::Result;
use quotelake_core::ports::{Lake, ObjectMeta};
use quotelake_landing::Doubts;

use crate::json_lines::JsonLines;
use crate::mapping::Row;
use crate::names;
use crate::outside::Outside;
use crate::records::Records;
use crate::sheet::{self, MAX_BYTES, MAX_UNPACKED_BYTES};
use crate::source::Source;
use crate::table::{Table, TakeRows};

/// Reads a file.
pub(crate) struct Reading<'a> {
    contract: &'a Contract,
    source: Source<'a>,
    body: Body<'a>,
}

enum Body<'a> {
    Csv {
        records: Box<Records>,
        table: Table<'a>,
    },
    Json(JsonLines),
    /// Read at once.
    Sheet(Table<'a>),
}

impl<'a> Reading<'a> {
    /// Opens a file of this name, of whose texts `doubts` is known. `InvalidInput` where its kind is not known, or its name does not fit the contract.
    pub(crate) async fn open(
        lake: &'a dyn Lake,
        meta: &'a ObjectMeta,
        name: &str,
        contract: &'a Contract,
        doubts: Doubts,
    ) -> Result<Self> {
        let layout = &contract.layout;
        let outside = Outside::of(contract, name)?;
        let said = layout.format.or_else(|| names::format_of(name));
        let workbook = said == Some(FileFormat::Xlsx) && !names::is_archive(name);
        let mut source = Source::open(lake, meta, workbook).await?;
        // Of an archive the file in it is what is read.
        let inner = match source.inner_name() {
            Some(inner) if names::format_of(name).is_none() => inner.to_owned(),
            _ => name.to_owned(),
        };
        let kind = names::kind(layout.format, &inner)?;
        if kind != FileFormat::Xlsx {
            source.decode(layout.encoding);
        }
        let body = match kind {
            FileFormat::Csv => {
                let delimiter = layout.delimiter.unwrap_or_else(|| names::delimiter_of(&inner));
                Body::Csv {
                    records: Box::new(Records::new(layout, delimiter)),
                    table: Table::new(contract, outside, doubts),
                }
            }
            FileFormat::Ndjson => Body::Json(JsonLines::new(outside)),
            FileFormat::Xlsx => Body::Sheet(Table::new(contract, outside, doubts)),
        };
        Ok(Self { contract, source, body })
    }

    /// Reads on and hands out rows. False when all is read.
    pub(crate) async fn step(&mut self, to: &mut (dyn TakeRows + Send)) -> Result<bool> {
        if let Body::Sheet(table) = &mut self.body {
            let bytes = self.source.workbook(MAX_BYTES, MAX_UNPACKED_BYTES).await?;
            let take = &mut |row| table.take(Row::Sheet(&row), to);
            sheet::for_each_row(bytes, &self.contract.layout, take)?;
            return table.finish().map(|()| false);
        }
        let text = self.source.next().await?;
        match (&mut self.body, &text) {
            (Body::Csv { records, table }, Some(text)) => {
                records.decoded = self.source.decoded();
                records.push(text, &mut |record| table.take(Row::Record(record), to))?;
            }
            (Body::Csv { records, table }, None) => {
                records.finish(&mut |record| table.take(Row::Record(record), to))?;
                table.finish()?;
            }
            (Body::Json(lines), Some(text)) => lines.push(text, to)?,
            (Body::Json(lines), None) => lines.finish(to)?,
            (Body::Sheet(_), _) => {}
        }
        Ok(text.is_some())
    }

    /// See [`Source::verify`].
    pub(crate) async fn verify(&self) -> Result<()> {
        self.source.verify().await
    }

    /// See [`Source::content_sha256`].
    pub(crate) fn content_sha256(&self) -> String {
        self.source.content_sha256()
    }

    /// See [`Source::sha256`].
    pub(crate) fn sha256(&self) -> String {
        self.source.sha256()
    }
}
