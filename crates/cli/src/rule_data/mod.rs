//! A ruleset held against data that is not on its way through the lake: Parquet files as they lie there, or rows by a
//! contract. Rows are streamed; what stays in memory is what the rules have to remember.

mod derived;
mod folder_files;
mod parquet_writer;
mod pieces;
mod rows;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use chrono::{DateTime, Utc};
use dqdl::{CompositeEvaluation, Options, Outcome, Plan, References, Report, Ruleset};
use quotelake_contract::Contracts;
use quotelake_core::{Error, Result};

use crate::args::{DatasetArgs, RuleDataArgs};
use crate::files;
use crate::parquet_files::{self, ParquetFiles};
pub use pieces::Example;
use pieces::{Piece, Place, for_each_piece};
pub use rows::Rows;

/// Failing rows that are named for each rule.
const EXAMPLES: usize = 3;

/// Data that rules are held against.
#[derive(Debug)]
pub enum RuleData {
    /// Parquet files of one table.
    Parquet(ParquetFiles),
    /// Rows read by a contract.
    Rows(Rows),
}

/// What a ruleset is evaluated with.
#[derive(Debug)]
pub struct Evaluation {
    /// Tables that reference rules compare with.
    pub references: References,
    /// `now()` in rules.
    pub now: DateTime<Utc>,
    /// Whether composites are judged row by row.
    pub by_row: bool,
    /// Whether columns that no rule names are read as well: for [`RuleData::write_row_outcomes`].
    pub whole_rows: bool,
}

/// What an evaluation found.
#[derive(Debug)]
pub struct Evaluated {
    /// The report.
    pub report: Report,
    /// For each rule, the first rows that fail it.
    pub examples: Vec<Vec<Example>>,
    /// The plan, for a second pass that labels rows.
    pub plan: Plan,
}

impl RuleData {
    /// Opens the paths: Parquet as it is, other files by the dataset that the arguments name. `Config` when they mix.
    pub async fn open(args: &RuleDataArgs) -> Result<Self> {
        let files = parquet_files::find(&args.data)?;
        if names_dataset(args) {
            if !files.is_empty() {
                return Err(Error::config(
                    "Parquet files have a schema of their own: leave --dataset and --contract out",
                ));
            }
            return Ok(Self::Rows(Rows::open(args).await?));
        }
        if files.is_empty() {
            return Err(Error::config(
                "no .parquet file there; for rows in NDJSON or CSV name their --dataset or --contract",
            ));
        }
        Ok(Self::Parquet(ParquetFiles::open(files)?))
    }

    /// The same, but rows in other files than Parquet need no contract: one is proposed and read by.
    pub async fn open_any(args: &RuleDataArgs) -> Result<Self> {
        if !names_dataset(args) && parquet_files::find(&args.data)?.is_empty() {
            return Ok(Self::Rows(Rows::open_unknown(args).await?));
        }
        Self::open(args).await
    }

    /// Columns that say where a row comes from, where a contract says so.
    pub fn provenance(&self) -> &[String] {
        match self {
            Self::Parquet(_) => &[],
            Self::Rows(rows) => rows.provenance(),
        }
    }

    /// The columns.
    pub fn schema(&self) -> SchemaRef {
        match self {
            Self::Parquet(files) => files.schema(),
            Self::Rows(rows) => rows.schema(),
        }
    }

    /// The files, or the folders that they were found in.
    fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Parquet(files) => files.paths(),
            Self::Rows(rows) => rows.paths(),
        }
    }

    /// Leaves out the columns that only folders name (`month=2024-01`): what is proposed about them does not hold for the next one.
    pub fn leave_out_folder_columns(&mut self) {
        if let Self::Parquet(files) = self {
            files.leave_out_folder_columns();
        }
    }

    /// Lines that are no row by the contract: file, line, what is wrong.
    pub fn unreadable(&self) -> &[(String, u64, String)] {
        match self {
            Self::Parquet(_) => &[],
            Self::Rows(rows) => rows.unreadable(),
        }
    }

    /// The columns that identify a row, where a contract says so.
    pub fn key(&self) -> &[String] {
        match self {
            Self::Parquet(_) => &[],
            Self::Rows(rows) => rows.key(),
        }
    }

    /// Hands every batch to `take`, in order.
    pub fn for_each_batch(&self, mut take: impl FnMut(&RecordBatch)) -> Result<()> {
        match self {
            Self::Parquet(files) => {
                for group in files.row_groups() {
                    for batch in files.read(&group)? {
                        take(&batch?);
                    }
                }
            }
            Self::Rows(rows) => rows.batches().for_each(|(_, batch)| take(batch)),
        }
        Ok(())
    }

    /// Reads only the columns that the ruleset may need from now on.
    fn keep_columns_of(&mut self, ruleset: &Ruleset) {
        if let Self::Parquet(files) = self
            && let Some(columns) = columns_read(ruleset, &files.schema())
        {
            files.project(&columns);
        }
    }

    /// Adds the columns that are derived from other rows. The data is held in memory from then on: any row may be beside any other.
    fn derive(&mut self, kind: derived::Kind, now: DateTime<Utc>) -> Result<()> {
        if let Self::Parquet(files) = self {
            *self = Self::Rows(Rows::of_parquet(files)?);
        }
        if let Self::Rows(rows) = self {
            rows.derive(kind, now)?;
        }
        Ok(())
    }

    /// Whether the ruleset reads columns that are derived from other rows, and that this computes from those that it has.
    pub fn derives(&self, ruleset: &Ruleset) -> bool {
        derived::wanted(ruleset, &self.schema()).is_some()
    }

    /// Whether the contract wants composites judged row by row.
    pub fn composites_by_row(&self) -> bool {
        match self {
            Self::Parquet(_) => false,
            Self::Rows(rows) => rows.composites_by_row(),
        }
    }

    /// Evaluates a ruleset on all rows, composites as the contract says. Columns that no rule names are not read, unless the rows are
    /// `wanted_whole`: for [`RuleData::write_row_outcomes`].
    pub fn evaluate(
        &mut self,
        ruleset: &Ruleset,
        references: References,
        now: DateTime<Utc>,
        wanted_whole: bool,
    ) -> Result<Evaluated> {
        let by_row = self.composites_by_row();
        self.evaluate_with(ruleset, Evaluation { references, now, by_row, whole_rows: wanted_whole })
    }

    /// Evaluates a ruleset on all rows.
    pub fn evaluate_with(&mut self, ruleset: &Ruleset, evaluation: Evaluation) -> Result<Evaluated> {
        let Evaluation { references, now, by_row, whole_rows } = evaluation;
        let derives = derived::wanted(ruleset, &self.schema());
        if !whole_rows && derives.is_none() {
            self.keep_columns_of(ruleset);
        }
        if let Some(kind) = derives {
            self.derive(kind, now)?;
        }
        let options = Options {
            references,
            composites: if by_row { CompositeEvaluation::Row } else { CompositeEvaluation::Column },
            sql: sql_engine(),
            files: Some(std::sync::Arc::new(folder_files::FolderFiles::new(self.paths()))),
            // There are no earlier runs: dynamic rules are not tried, and say so.
            history: Some(std::sync::Arc::new(dqdl::MemoryHistory::default())),
            ..Options::new(now)
        };
        let plan = Plan::compile(ruleset, self.schema(), &options);
        let mut run = plan.start();
        let mut examples: Vec<Vec<Example>> = vec![Vec::new(); plan.rules().len()];
        let mut places: Vec<Place> = Vec::new();
        for_each_piece(self, &plan, |Piece { place, batch, masks }| {
            for (rule, examples) in examples.iter_mut().enumerate() {
                let wanted = EXAMPLES - examples.len();
                if let (true, Some(failed)) = (wanted > 0, masks.failed(rule)) {
                    examples.extend(failed.set_indices().take(wanted).map(|row| place.of(row)));
                }
            }
            run.observe(&batch, &masks, None);
            places.push(place);
            Ok(())
        })?;
        let report = run.finish();
        // A rule that a later row made an ERROR judged none of them.
        for (result, examples) in report.results.iter().zip(&mut examples) {
            if result.outcome == Outcome::Error {
                examples.clear();
            }
        }
        for late in &report.late_failures {
            if let (Some(examples), Some(place)) = (examples.get_mut(late.rule), places.get(late.batch))
                && examples.len() < EXAMPLES
            {
                examples.push(place.of(late.row));
            }
        }
        Ok(Evaluated { report, examples, plan })
    }

    /// Writes every row, whole, with the rules that it passed, failed and skipped, in Glue's four columns, as Parquet. Reads the data
    /// a second time.
    pub fn write_row_outcomes(&self, evaluated: &Evaluated, path: &Path) -> Result<()> {
        let mut writer: Option<parquet_writer::Writer> = None;
        let mut ordinal = 0;
        for_each_piece(self, &evaluated.plan, |Piece { batch, masks, .. }| {
            let outcomes = evaluated.plan.row_outcomes(&masks, ordinal, &evaluated.report);
            ordinal += 1;
            let labelled = outcomes.append_to(&batch)?;
            let writer = match &mut writer {
                Some(writer) => writer,
                None => writer.insert(parquet_writer::Writer::create(path, labelled.schema())?),
            };
            writer.write(&labelled)
        })?;
        writer.ok_or_else(|| Error::invalid("there are no rows to write"))?.close()
    }
}

/// Answers SQL beyond one table, in builds that have an engine.
fn sql_engine() -> Option<std::sync::Arc<dyn dqdl::SqlEngine>> {
    #[cfg(feature = "sql")]
    return Some(std::sync::Arc::new(dqdl::DataFusionEngine));
    #[cfg(not(feature = "sql"))]
    None
}

/// The columns that a ruleset reads; `None` when a rule may be about all of them. More may be named than are read.
fn columns_read(ruleset: &Ruleset, schema: &Schema) -> Option<BTreeSet<String>> {
    let read = ruleset.columns();
    let names = schema.fields().iter().map(|field| field.name());
    (!read.is_all()).then(|| names.filter(|name| read.names(name)).cloned().collect())
}

/// Reference tables, each read whole: `alias=PATH`.
pub fn references(arguments: &[String]) -> Result<References> {
    let mut references = References::default();
    for argument in arguments {
        let (alias, path) = argument
            .split_once('=')
            .ok_or_else(|| Error::config(format!("--reference {argument:?} wants alias=PATH")))?;
        let files = ParquetFiles::open(parquet_files::find(&[PathBuf::from(path)])?)?;
        references.insert(alias, files.read_all()?);
    }
    Ok(references)
}

/// Refuses to write over what is read: an output that is there already, and is one of the inputs or lies in a folder of them.
/// `Config` names both.
pub fn refuse_to_overwrite(out: &Path, inputs: &[&Path]) -> Result<()> {
    let Ok(existing) = out.canonicalize() else { return Ok(()) };
    let hit = inputs.iter().find(|input| input.canonicalize().is_ok_and(|input| existing.starts_with(input)));
    match hit {
        None => Ok(()),
        Some(input) => Err(Error::config(format!(
            "{} would be overwritten, and it is read: it is, or lies in, {}",
            out.display(),
            input.display()
        ))),
    }
}

/// Whether rows are read by a contract.
fn names_dataset(args: &RuleDataArgs) -> bool {
    args.dataset.is_some() || args.contract.is_some()
}

/// The dataset that the arguments name, and the contracts, with the one that they bring.
fn contracts_of(args: &RuleDataArgs) -> Result<(String, Contracts)> {
    let mut contracts = Contracts::built_in()?;
    let RuleDataArgs { dataset, contract, layout, .. } = args;
    let named = DatasetArgs { dataset: dataset.clone(), contract: contract.clone(), rules: None };
    let (dataset, _) = files::add_dataset(&mut contracts, &named)?;
    files::lay_out(&mut contracts, &dataset, layout)?;
    Ok((dataset, contracts))
}
