//! `quotelake check` and `quotelake rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{DatasetArgs, LayoutArgs, ProfileArgs};

/// `quotelake check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The dataset; by its contract where that is given. Parquet files are checked without one, by --rules.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["rules", "contract"])]
    pub dataset: Option<String>,

    /// Its contract, where it is not a shipped one (ODCS YAML). The ruleset that it names is taken from beside it.
    #[arg(long, value_name = "FILE")]
    pub contract: Option<PathBuf>,

    /// The ruleset (DQDL), instead of the contract's.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,

    /// How rules joined by `and` and `or` are judged, in place of what the contract says.
    #[arg(long, value_enum, value_name = "METHOD")]
    pub composites: Option<Composites>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub layout: LayoutArgs,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub profile: ProfileArgs,

    /// Files, or folders of .csv, .tsv, .ndjson, .jsonl, .json and .xlsx files (.gz, .zst, .bz2, .zip or not); without a
    /// dataset .parquet files.
    #[arg(required = true, value_name = "PATHS")]
    pub paths: Vec<PathBuf>,
}

/// Data that a ruleset is held against.
#[derive(Debug, Args)]
pub struct RuleDataArgs {
    /// Parquet files or folders of them; with --dataset files of rows, as `load` takes them.
    #[arg(long, required = true, num_args = 1.., value_name = "PATHS")]
    pub data: Vec<PathBuf>,

    /// The dataset by whose contract NDJSON and CSV files are read; by the contract where that is given.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,

    /// Its contract, where it is not a shipped one (ODCS YAML).
    #[arg(long, value_name = "FILE")]
    pub contract: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub layout: LayoutArgs,
}

/// `quotelake rules`
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// What is wrong with a ruleset, what is probably not meant, and what another engine would refuse or ignore.
    Lint {
        /// The ruleset (DQDL).
        #[arg(value_name = "FILE")]
        file: PathBuf,

        /// The engine that the ruleset is to run on as well.
        #[arg(long, value_enum, default_value_t = LintTarget::GlueEtl)]
        target: LintTarget,

        #[command(flatten)]
        #[allow(missing_docs)]
        columns: LintColumns,
    },
    /// Hold a ruleset against data: which rules fail, and which rows.
    #[command(after_help = super::examples::RULES_TEST)]
    Test {
        /// The ruleset (DQDL).
        #[arg(value_name = "FILE")]
        file: PathBuf,

        #[command(flatten)]
        #[allow(missing_docs)]
        data: RuleDataArgs,

        /// A table that reference rules compare with, by its alias.
        #[arg(long, value_name = "ALIAS=PATH")]
        reference: Vec<String>,

        /// How rules joined by `and` and `or` are judged, in place of what the contract says.
        #[arg(long, value_enum, value_name = "METHOD")]
        composites: Option<Composites>,

        /// Write every row with the rules that it passed, failed and skipped, in AWS Glue's four columns (Parquet).
        #[arg(long, value_name = "FILE")]
        rows: Option<PathBuf>,
    },
    /// Look at data and propose a ruleset that it passes.
    Suggest {
        #[command(flatten)]
        #[allow(missing_docs)]
        data: RuleDataArgs,

        /// Where to write the ruleset; without it, it is printed.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// What each rule of a dataset judges, and what its failure does.
    Explain {
        #[command(flatten)]
        #[allow(missing_docs)]
        dataset: DatasetArgs,
    },
}

/// How a composite rule is judged: AWS Glue's `compositeRuleEvaluation.method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Composites {
    /// By the outcomes of its parts, each over all rows.
    Column,
    /// Row by row: each row passes all (`and`) or any (`or`) of its parts.
    Row,
}

/// The columns that a ruleset is to judge.
#[derive(Debug, Args)]
pub struct LintColumns {
    /// The dataset whose columns the rules are to judge: names, types and SQL are looked at as well.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,

    /// Its contract, where it is not a shipped one (ODCS YAML).
    #[arg(long, value_name = "FILE")]
    pub contract: Option<PathBuf>,
}

/// An engine that runs rulesets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LintTarget {
    /// AWS Glue Data Quality in ETL jobs.
    GlueEtl,
    /// AWS Glue Data Quality in the Data Catalog.
    GlueCatalog,
    /// The open Deequ.
    Deequ,
}
