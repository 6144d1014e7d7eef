//! A Parquet file that is written beside its place.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use quotelake_core::{Error, Result};

/// A Parquet file that is written batch by batch, beside its place until it is whole.
#[derive(Debug)]
pub(super) struct Writer {
    /// Gone once the file is in its place.
    writer: Option<ArrowWriter<File>>,
    part: PathBuf,
    path: PathBuf,
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            // What was broken off is of no use; that it cannot be removed changes nothing.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

impl Writer {
    pub(super) fn create(path: &Path, schema: SchemaRef) -> Result<Self> {
        let failed = |e| Error::unavailable(format!("cannot write {}", path.display())).with_source(e);
        let mut name = path.file_name().unwrap_or(path.as_os_str()).to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(name);
        let file = File::create(&part).map_err(failed)?;
        let level = ZstdLevel::try_new(3).map_err(|e| Error::bug("zstd level").with_source(e))?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties))
            .map_err(|e| Error::invalid("cannot be written as Parquet").with_source(e))?;
        Ok(Self { writer: Some(writer), part, path: path.to_owned() })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let failed = |e| Error::unavailable(format!("cannot write {}", self.path.display())).with_source(e);
        let writer = self.writer.as_mut().ok_or_else(|| Error::bug("the file is closed"))?;
        writer.write(batch).map_err(failed)
    }

    /// Ends the file and puts it in its place.
    pub(super) fn close(mut self) -> Result<()> {
        let what = || format!("cannot write {}", self.path.display());
        let writer = self.writer.as_mut().ok_or_else(|| Error::bug("the file is closed"))?;
        writer.finish().map_err(|e| Error::unavailable(what()).with_source(e))?;
        std::fs::rename(&self.part, &self.path).map_err(|e| Error::unavailable(what()).with_source(e))?;
        self.writer = None;
        Ok(())
    }
}
