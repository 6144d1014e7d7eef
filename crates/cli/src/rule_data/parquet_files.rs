//! Parquet files of one schema, read row group by row group.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use quotelake_core::{Context as _, Error, Result};

/// Rows of a batch: small enough for a core's cache, large enough that batches do not count.
const BATCH_ROWS: usize = 16 * 1024;

/// Parquet files of one schema.
#[derive(Debug)]
pub struct ParquetFiles {
    files: Vec<OpenFile>,
    /// All columns of the first file, texts dictionary-coded where the file has them so.
    whole: SchemaRef,
    /// Columns that are read, as indices of `whole`.
    columns: Vec<usize>,
}

/// A row group of one of the files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowGroup {
    /// Its place among all row groups.
    pub(super) place: usize,
    file: usize,
    in_file: usize,
    /// The number of its first row in the file, from 1.
    pub(super) first_row: u64,
}

#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

/// The Parquet files among paths and in the folders among them, in order.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let metadata = std::fs::metadata(path)
            .map_err(|e| Error::not_found(format!("cannot read {}", path.display())).with_source(e))?;
        if metadata.is_dir() {
            walk(path, &mut found)?;
        } else if is_parquet(path) {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable =
        |e| Error::unavailable(format!("cannot read folder {}", folder.display())).with_source(e);
    let entries = std::fs::read_dir(folder).map_err(unreadable)?.collect::<Result<Vec<_>, _>>();
    let mut paths: Vec<PathBuf> =
        entries.map_err(unreadable)?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, found)?;
        } else if is_parquet(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

impl ParquetFiles {
    /// Opens the files. `InvalidInput` for one that is no Parquet, or whose columns differ from the first file's.
    pub(crate) fn open(paths: Vec<PathBuf>) -> Result<Self> {
        let mut files: Vec<OpenFile> = Vec::with_capacity(paths.len());
        let mut whole: Option<SchemaRef> = None;
        for path in paths {
            let name = || path.display().to_string();
            let file = File::open(&path)
                .map_err(|e| Error::not_found("cannot read the file").with_source(e))
                .with_context(name)?;
            let not_parquet = |e| Error::invalid("not a readable Parquet file").with_source(e);
            let found = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
                .map_err(not_parquet)
                .with_context(name)?;
            let schema = match &whole {
                Some(schema) => {
                    check_columns(schema, found.schema()).with_context(name)?;
                    Arc::clone(schema)
                }
                None => Arc::clone(whole.insert(coded(&found))),
            };
            let options = ArrowReaderOptions::new().with_schema(schema);
            let metadata = ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options)
                .map_err(not_parquet)
                .with_context(name)?;
            files.push(OpenFile { path, metadata });
        }
        let whole = whole.ok_or_else(|| Error::not_found("there is no Parquet file"))?;
        Ok(Self { files, columns: (0..whole.fields().len()).collect(), whole })
    }

    /// The columns that are read.
    pub(crate) fn schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|at| Arc::clone(&self.whole.fields()[*at]));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Reads only these columns from now on.
    pub(super) fn project(&mut self, columns: &BTreeSet<String>) {
        self.columns.retain(|at| columns.contains(self.whole.field(*at).name()));
    }

    /// Every row group, in order.
    pub(crate) fn row_groups(&self) -> Vec<RowGroup> {
        let mut groups = Vec::new();
        for (file, open) in self.files.iter().enumerate() {
            let mut first_row = 1;
            for (in_file, group) in open.metadata.metadata().row_groups().iter().enumerate() {
                groups.push(RowGroup { place: groups.len(), file, in_file, first_row });
                first_row += u64::try_from(group.num_rows()).unwrap_or(0);
            }
        }
        groups
    }

    /// The name of a row group's file.
    pub(super) fn name(&self, group: &RowGroup) -> String {
        self.files[group.file].path.display().to_string()
    }

    /// The batches of a row group.
    pub(super) fn read(
        &self,
        group: &RowGroup,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<'_>> {
        let open = &self.files[group.file];
        let name = move || open.path.display().to_string();
        let reader = File::open(&open.path)
            .map_err(|e| Error::unavailable("cannot read the file").with_source(e))
            .with_context(name)?;
        let damaged = |e| Error::invalid("a row group cannot be read").with_source(e);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(reader, open.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), self.columns.iter().copied());
        let reader = builder
            .with_row_groups(vec![group.in_file])
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(damaged)
            .with_context(name)?;
        Ok(reader.map(move |batch| {
            batch.map_err(|e| Error::invalid("a row group cannot be read").with_source(e)).with_context(name)
        }))
    }

    /// All rows, for tables that are small; at least one batch.
    pub(crate) fn read_all(&self) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        for group in self.row_groups() {
            batches.extend(self.read(&group)?.collect::<Result<Vec<_>>>()?);
        }
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(self.schema()));
        }
        Ok(batches)
    }
}

/// The file's columns, its dictionary-coded texts kept so: rules look at each value once.
fn coded(found: &ArrowReaderMetadata) -> SchemaRef {
    let first = found.metadata().row_groups().first();
    let fields = found.schema().fields().iter().map(|field| {
        // By its path: behind a nested column, leaves and fields are not at the same places.
        let is_leaf = |path: &[String]| matches!(path, [only] if only == field.name());
        let has_dictionary = first
            .and_then(|group| group.columns().iter().find(|column| is_leaf(column.column_path().parts())))
            .is_some_and(|column| column.dictionary_page_offset().is_some());
        match field.data_type() {
            DataType::Utf8 if has_dictionary => {
                let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                Arc::new(Field::new(field.name(), coded, field.is_nullable()))
            }
            _ => Arc::clone(field),
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Whether another file has the same columns in the same order.
fn check_columns(wanted: &Schema, found: &Schema) -> Result<()> {
    let plain = |data_type: &DataType| match data_type {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        other => other.clone(),
    };
    let names = |schema: &Schema| {
        let fields = schema.fields().iter().map(|f| format!("{} {}", f.name(), plain(f.data_type())));
        fields.collect::<Vec<_>>()
    };
    let (wanted, found) = (names(wanted), names(found));
    match wanted.iter().zip(&found).find(|(wanted, found)| wanted != found) {
        Some((wanted, found)) => {
            Err(Error::invalid(format!("its column `{found}` stands where other files have `{wanted}`")))
        }
        None if wanted.len() != found.len() => {
            Err(Error::invalid(format!("it has {} columns, other files have {}", found.len(), wanted.len())))
        }
        None => Ok(()),
    }
}

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
