//! Pages that Brotli packed, for a reader that does not know it.
//!
//! The crate that reads Parquet can unpack Brotli too, but takes the packing side with it, a megabyte of program that nothing
//! calls. Pages are handed to it unpacked instead.

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowGroups};
use parquet::arrow::parquet_to_arrow_field_levels;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use arrow::datatypes::Fields;

/// A row group of a file.
#[derive(Debug)]
pub(super) struct PackedGroup {
    pub(super) file: Arc<File>,
    pub(super) metadata: Arc<ParquetMetaData>,
    pub(super) group: usize,
}

/// Whether a row group has a column that Brotli packed.
pub(super) fn is_packed(group: &RowGroupMetaData) -> bool {
    group.columns().iter().any(|column| matches!(column.compression(), Compression::BROTLI(_)))
}

impl PackedGroup {
    /// Its batches; `fields` as the whole file is to be read.
    pub(super) fn read(
        self,
        mask: ProjectionMask,
        fields: &Fields,
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader> {
        let columns = self.metadata.file_metadata().schema_descr();
        let levels = parquet_to_arrow_field_levels(columns, mask, Some(fields))?;
        ParquetRecordBatchReader::try_new_with_row_groups(&levels, &self, batch_rows, None)
    }

    fn row_group(&self) -> &RowGroupMetaData {
        self.metadata.row_group(self.group)
    }
}

impl RowGroups for PackedGroup {
    fn num_rows(&self) -> usize {
        usize::try_from(self.row_group().num_rows()).unwrap_or(0)
    }

    fn column_chunks(&self, column: usize) -> Result<Box<dyn PageIterator>> {
        let chunk = self.row_group().column(column);
        let reader = |chunk| SerializedPageReader::new(Arc::clone(&self.file), chunk, self.num_rows(), None);
        let pages: Box<dyn PageReader> = match chunk.compression() {
            Compression::BROTLI(_) => {
                let plain =
                    chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
                let limit = u64::try_from(chunk.uncompressed_size()).unwrap_or(0);
                Box::new(Unpacked { pages: reader(&plain)?, limit })
            }
            _ => Box::new(reader(chunk)?),
        };
        Ok(Box::new(Chunk(Some(pages))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.row_group()))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// The one chunk of a column.
struct Chunk(Option<Box<dyn PageReader>>);

impl Iterator for Chunk {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl PageIterator for Chunk {}

/// Pages that are unpacked as they come.
struct Unpacked {
    pages: SerializedPageReader<File>,
    /// Bytes of all of the chunk's pages, unpacked: no page is larger.
    limit: u64,
}

impl Unpacked {
    fn page(&self, page: Page) -> Result<Page> {
        Ok(match page {
            Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding,
                rep_level_encoding,
                statistics,
            } => {
                let buf = self.unpack(&buf, 0)?;
                Page::DataPage {
                    buf,
                    num_values,
                    encoding,
                    def_level_encoding,
                    rep_level_encoding,
                    statistics,
                }
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls,
                num_rows,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                statistics,
            } => {
                // Levels come before the values, never packed.
                let levels = u64::from(def_levels_byte_len) + u64::from(rep_levels_byte_len);
                let buf = match is_compressed {
                    true => self.unpack(&buf, usize::try_from(levels).unwrap_or(usize::MAX))?,
                    false => buf,
                };
                Page::DataPageV2 {
                    buf,
                    num_values,
                    encoding,
                    num_nulls,
                    num_rows,
                    def_levels_byte_len,
                    rep_levels_byte_len,
                    is_compressed: false,
                    statistics,
                }
            }
            Page::DictionaryPage { buf, num_values, encoding, is_sorted } => {
                Page::DictionaryPage { buf: self.unpack(&buf, 0)?, num_values, encoding, is_sorted }
            }
        })
    }

    /// What follows the first `kept` bytes, unpacked.
    fn unpack(&self, bytes: &Bytes, kept: usize) -> Result<Bytes> {
        let damaged = |what: &str| ParquetError::General(format!("a page packed by Brotli {what}"));
        let (levels, packed) = bytes.split_at_checked(kept).ok_or_else(|| damaged("ends in its levels"))?;
        let mut whole = levels.to_vec();
        if !packed.is_empty() {
            let mut source = Decompressor::new(packed, 4096).take(self.limit + 1);
            source.read_to_end(&mut whole).map_err(|_| damaged("cannot be unpacked"))?;
        }
        match whole.len() as u64 > self.limit {
            true => Err(damaged("is larger than its column says")),
            false => Ok(whole.into()),
        }
    }
}

impl Iterator for Unpacked {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Unpacked {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.map(|page| self.page(page)).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}
