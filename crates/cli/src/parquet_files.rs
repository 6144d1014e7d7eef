//! Parquet files of one table, read row group by row group.
//!
//! Files may differ: the table has every column that a file has, by name, and a row has no value where its file has no such
//! column. Folders named `column=value` are columns too, see `hive.rs`; how types come together, see `columns.rs`.

mod columns;
mod hive;
mod packed_pages;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::record_batch::RecordBatchOptions;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use quotelake_core::{Context as _, Error, Result};

use columns::{common, conform, plain, read_as, seen_as};
use hive::FolderValues;
use packed_pages::{PackedGroup, is_packed};

/// Rows of a batch: small enough for a core's cache, large enough that batches do not count.
const BATCH_ROWS: usize = 16 * 1024;

/// Parquet files of one table.
#[derive(Debug)]
pub struct ParquetFiles {
    files: Vec<OpenFile>,
    /// All columns: the files', then those of their folders.
    whole: SchemaRef,
    /// How many of them are the folders'.
    of_folders: usize,
    /// Columns that are read, as indices of `whole`.
    columns: Vec<usize>,
}

/// A row group of one of the files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowGroup {
    /// Its place among all row groups.
    pub(crate) place: usize,
    file: usize,
    in_file: usize,
    /// The number of its first row in the file, from 1.
    pub(crate) first_row: u64,
}

#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    folders: FolderValues,
    /// Where each column of the whole is in the file.
    places: Vec<Option<usize>>,
}

/// The Parquet files among paths and in the folders among them, in order: by their ending, and those without one by what they begin
/// with. What is hidden in a folder (`_delta_log`, `.tmp`) is no part of a table, as Spark has it.
pub(crate) fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let metadata = std::fs::metadata(path)
            .map_err(|e| Error::not_found(format!("cannot read {}", path.display())).with_source(e))?;
        if metadata.is_dir() {
            walk(path, &mut found)?;
        } else if is_parquet(path) || has_magic(path) {
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
    paths.retain(|path| !is_hidden(path));
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, found)?;
        } else if is_parquet(&path) || (path.extension().is_none() && has_magic(&path)) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

/// `_x` and `.x`, but for a folder that is a column.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

/// Whether a file begins as Parquet does.
fn has_magic(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).is_ok_and(|mut file| file.read_exact(&mut magic).is_ok()) && magic == *b"PAR1"
}

fn not_parquet(error: parquet::errors::ParquetError) -> Error {
    Error::invalid("not a readable Parquet file").with_source(error)
}

impl ParquetFiles {
    /// Opens the files. `InvalidInput` for one that is no Parquet, or whose column of some name is of another type than that of
    /// the files before it.
    pub(crate) fn open(paths: Vec<PathBuf>) -> Result<Self> {
        let mut files: Vec<OpenFile> = Vec::with_capacity(paths.len());
        let mut columns = Columns::default();
        for path in paths {
            let name = || path.display().to_string();
            let (metadata, seen) = open_file(&path).with_context(name)?;
            let folders = FolderValues::of(&path).with_context(name)?;
            columns.add(&path, &seen).with_context(name)?;
            files.push(OpenFile { path, metadata, folders, places: Vec::new() });
        }
        if files.is_empty() {
            return Err(Error::not_found("there is no Parquet file"));
        }
        let mut fields = columns.into_fields(files.len());
        let folders = hive::fields(files.iter().map(|file| &file.folders), |name| {
            fields.iter().any(|f| f.name() == name)
        });
        let of_folders = folders.len();
        fields.extend(folders);
        for file in &mut files {
            let own = file.metadata.schema();
            file.places = fields.iter().map(|field| place(own.fields(), field.name())).collect();
        }
        let whole = Arc::new(Schema::new(fields));
        Ok(Self { files, columns: (0..whole.fields().len()).collect(), whole, of_folders })
    }

    /// The columns that are read.
    pub(crate) fn schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|at| Arc::clone(&self.whole.fields()[*at]));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The paths of the files.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// The names of columns that are no file's but its folders'.
    pub(crate) fn folder_columns(&self) -> impl Iterator<Item = &str> {
        let fields = self.whole.fields();
        fields.iter().skip(fields.len() - self.of_folders).map(|field| field.name().as_str())
    }

    /// Leaves out the columns of its folders from now on.
    pub(crate) fn leave_out_folder_columns(&mut self) {
        let own = self.whole.fields().len() - self.of_folders;
        self.columns.retain(|at| *at < own);
    }

    /// Reads only these columns from now on.
    pub(crate) fn project(&mut self, columns: &BTreeSet<String>) {
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
    pub(crate) fn name(&self, group: &RowGroup) -> String {
        self.files[group.file].path.display().to_string()
    }

    /// The batches of a row group.
    pub(crate) fn read(
        &self,
        group: &RowGroup,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<'_>> {
        let open = &self.files[group.file];
        let name = move || open.path.display().to_string();
        let file = File::open(&open.path)
            .map_err(|e| Error::unavailable("cannot read the file").with_source(e))
            .with_context(name)?;
        let metadata = open.metadata.metadata();
        let roots = self.columns.iter().filter_map(|at| open.places[*at]);
        let mask = ProjectionMask::roots(open.metadata.parquet_schema(), roots);
        let damaged = |e| Error::invalid("a row group cannot be read").with_source(e);
        let reader = if is_packed(metadata.row_group(group.in_file)) {
            let packed =
                PackedGroup { file: Arc::new(file), metadata: Arc::clone(metadata), group: group.in_file };
            packed.read(mask, open.metadata.schema().fields(), BATCH_ROWS)
        } else {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, open.metadata.clone())
                .with_row_groups(vec![group.in_file])
                .with_projection(mask)
                .with_batch_size(BATCH_ROWS)
                .build()
        };
        let schema = self.schema();
        Ok(reader.map_err(damaged).with_context(name)?.map(move |batch| {
            batch
                .map_err(|e| Error::invalid("a row group cannot be read").with_source(e))
                .and_then(|batch| self.table_rows(open, &batch, &schema))
                .with_context(name)
        }))
    }

    /// A file's batch with the columns of the table.
    fn table_rows(&self, file: &OpenFile, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let column = |(at, field): (&usize, &Arc<Field>)| -> Result<ArrayRef> {
            if *at >= self.whole.fields().len() - self.of_folders {
                return file.folders.column(field, rows);
            }
            let own = file.places[*at].map(|place| file.metadata.schema().field(place).name());
            match own.and_then(|own| batch.column_by_name(own)) {
                Some(column) => {
                    conform(column, field.data_type()).with_context(|| format!("column {:?}", field.name()))
                }
                None => Ok(new_null_array(field.data_type(), rows)),
            }
        };
        let columns = self.columns.iter().zip(schema.fields()).map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
            .map_err(|e| Error::invalid("a row group cannot be read").with_source(e))
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

/// A file, and its columns as rules see them.
fn open_file(path: &Path) -> Result<(ArrowReaderMetadata, Vec<FieldRef>)> {
    let file = File::open(path).map_err(|e| Error::not_found("cannot read the file").with_source(e))?;
    let found = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(not_parquet)?;
    let metadata = found.metadata();
    let first = metadata.row_groups().first();
    let has_dictionary = |name: &str| {
        // By its path: behind a nested column, leaves and fields are not at the same places.
        let is_leaf = |path: &[String]| matches!(path, [only] if only == name);
        let columns = first.into_iter().flat_map(|group| group.columns());
        let mut own = columns.filter(|column| is_leaf(column.column_path().parts()));
        own.next().is_some_and(|column| column.dictionary_page_offset().is_some())
    };
    let stored = metadata.file_metadata().schema_descr().root_schema().get_fields();
    let read: Vec<FieldRef> = found
        .schema()
        .fields()
        .iter()
        .zip(stored)
        .map(|(field, stored)| read_as(field, stored, has_dictionary(field.name())))
        .collect();
    let seen = read.iter().zip(stored).map(|(field, stored)| seen_as(field, stored)).collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(read)));
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata), options).map_err(not_parquet)?;
    Ok((metadata, seen))
}

/// Where a file has a column of that name, or else the only one of that name in other letters.
fn place(fields: &Fields, name: &str) -> Option<usize> {
    let exact = fields.iter().position(|field| field.name() == name);
    exact.or_else(|| {
        let alike = |field: &FieldRef| field.name().to_lowercase() == name.to_lowercase();
        let mut found = (0..fields.len()).filter(|at| alike(&fields[*at]));
        found.next().filter(|_| found.next().is_none())
    })
}

/// The columns of the files so far.
#[derive(Debug, Default)]
struct Columns {
    /// Each with the first file that has it, and how many do.
    all: Vec<(FieldRef, PathBuf, usize)>,
}

impl Columns {
    fn add(&mut self, path: &Path, seen: &[FieldRef]) -> Result<()> {
        for (at, field) in seen.iter().enumerate() {
            if seen[..at].iter().any(|before| before.name() == field.name()) {
                return Err(Error::invalid(format!("it has two columns named {:?}", field.name())));
            }
            // Another file may write it in other letters; two of one file are two.
            let alike = |other: &FieldRef| other.name().to_lowercase() == field.name().to_lowercase();
            let place = match self.all.iter().position(|(known, ..)| known.name() == field.name()) {
                Some(place) => Some(place),
                None if seen.iter().filter(|other| alike(other)).count() > 1 => None,
                None => place(&self.all.iter().map(|(known, ..)| Arc::clone(known)).collect(), field.name()),
            };
            let Some((known, first, files)) = place.and_then(|place| self.all.get_mut(place)) else {
                self.all.push((Arc::clone(field), path.to_owned(), 1));
                continue;
            };
            let data_type = common(known.data_type(), field.data_type()).ok_or_else(|| {
                Error::invalid(format!(
                    "its column {:?} is {}, and {} in {}",
                    field.name(),
                    plain(field.data_type()),
                    plain(known.data_type()),
                    first.display()
                ))
            })?;
            let nullable = known.is_nullable() || field.is_nullable();
            *known = Arc::new(Field::new(known.name().as_str(), data_type, nullable));
            *files += 1;
        }
        Ok(())
    }

    /// The columns; one that some file lacks may be missing in a row.
    fn into_fields(self, files: usize) -> Vec<FieldRef> {
        let field = |(field, _, having): (FieldRef, PathBuf, usize)| {
            if having == files { field } else { Arc::new(field.as_ref().clone().with_nullable(true)) }
        };
        self.all.into_iter().map(field).collect()
    }
}
