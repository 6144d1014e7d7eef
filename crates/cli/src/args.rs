//! The command line, as clap sees it. Doc comments here are the help texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A market-data lake: fetch, transform, check, publish and query, with the handlers that run on AWS.
#[derive(Debug, Parser)]
#[command(
    name = "quotelake",
    version,
    after_help = "Exit codes: 0 done; 1 error; 2 rows are in quarantine or a batch is blocked; 3 some units or messages failed and wait as dead letters; 64 wrong usage."
)]
pub struct Cli {
    /// Print one JSON document on standard output instead of text.
    #[arg(long, global = true)]
    pub json: bool,

    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Carry thirteen years of real prices from recorded vendor pages to tables and a report.
    Demo(DemoArgs),
    /// One pass over the configured sources: fetch, deliver, transform, check, publish.
    Run(RunArgs),
    /// Load files: NDJSON (.gz) of canonical rows, or CSV by a contract, through check and publish.
    Load(LoadArgs),
    /// Evaluate files against a dataset's contract and rules; writes nothing.
    Check(CheckArgs),
    /// Ask the published tables in SQL.
    Query(QueryArgs),
    /// Write the report: one HTML page that needs no network.
    Report(ReportArgs),
    /// Messages that no retry could help.
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Rows that failed the rules.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Rulesets, looked at without data.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Write the files that are made from contracts: Glue columns and the data dictionary.
    Generate(GenerateArgs),
}

/// Where the lake is.
#[derive(Debug, Args)]
pub struct LakeArg {
    /// The lake's folder.
    #[arg(long, value_name = "DIR", default_value = "quotelake-data")]
    pub lake: PathBuf,
}

/// `quotelake demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    /// The recording to replay.
    #[arg(long, value_name = "DIR", default_value = "samples/polygon")]
    pub recording: PathBuf,

    /// Where to write the report.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Deliver events several times, out of order and with failures, by this seed: the tables come out the same.
    #[arg(long, value_name = "SEED")]
    pub chaos: Option<u64>,
}

/// `quotelake run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The run's configuration, YAML; see docs/reference/run-config.md.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// Overrides the configuration's lake folder.
    #[arg(long, value_name = "DIR")]
    pub lake: Option<PathBuf>,
}

/// A dataset that is not shipped.
#[derive(Debug, Args)]
pub struct DatasetArgs {
    /// The dataset.
    #[arg(long, value_name = "NAME")]
    pub dataset: String,

    /// Its contract, where it is not a shipped one (ODCS YAML). The ruleset that it names is taken from beside it.
    #[arg(long, value_name = "FILE")]
    pub contract: Option<PathBuf>,

    /// Its ruleset (DQDL), instead of the contract's.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

/// `quotelake load`
#[derive(Debug, Args)]
pub struct LoadArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub dataset: DatasetArgs,

    /// Files, or folders of .ndjson, .jsonl, .json and .csv files (.gz or not).
    #[arg(required = true, value_name = "PATHS")]
    pub paths: Vec<PathBuf>,
}

/// `quotelake check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub dataset: DatasetArgs,

    /// Files, or folders of .ndjson, .jsonl, .json and .csv files (.gz or not).
    #[arg(required = true, value_name = "PATHS")]
    pub paths: Vec<PathBuf>,
}

/// `quotelake query`
#[derive(Debug, Args)]
pub struct QueryArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    /// The query; every published dataset is a table.
    #[arg(value_name = "SQL")]
    pub sql: String,
}

/// `quotelake report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    /// Where to write the page.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `quotelake dlq`
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// Count the dead letters by queue and cause.
    Ls(DlqArgs),
    /// Print dead letters whole.
    Show(DlqFilter),
    /// Send dead letters back to their queue; the next run handles them.
    Redrive(RedriveArgs),
    /// Remove dead letters for good.
    Purge(PurgeArgs),
}

/// Which lake, or which queue of AWS.
#[derive(Debug, Args)]
pub struct DlqArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub sqs: SqsArg,
}

/// A dead letter queue of AWS instead of the lake's.
#[derive(Debug, Args)]
pub struct SqsArg {
    /// The URL of a dead letter queue of SQS, instead of the lake's queues.
    #[arg(long, value_name = "URL")]
    pub sqs: Option<String>,
}

/// Which dead letters.
#[derive(Debug, Args)]
pub struct DlqFilter {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub sqs: SqsArg,

    /// Only this queue's: fetch, check or publish.
    #[arg(long, value_name = "NAME", conflicts_with = "sqs")]
    pub queue: Option<String>,

    /// Only those with this error_code.
    #[arg(long, value_name = "CODE")]
    pub cause: Option<String>,

    /// At most this many.
    #[arg(long, value_name = "N")]
    pub max: Option<usize>,
}

/// `quotelake dlq redrive`
#[derive(Debug, Args)]
pub struct RedriveArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub filter: DlqFilter,

    /// With --sqs: the URL of the queue that they go back to.
    #[arg(long, value_name = "URL", requires = "sqs")]
    pub to: Option<String>,

    /// Say what would be sent back, and send nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// `quotelake dlq purge`
#[derive(Debug, Args)]
pub struct PurgeArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub filter: DlqFilter,

    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// `quotelake quarantine`
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List quarantined rows.
    Ls(QuarantineArgs),
}

/// Which rows.
#[derive(Debug, Args)]
pub struct QuarantineArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    /// Only this dataset's.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,

    /// Only those whose first reason is this.
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,

    /// At most this many rows.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub max: usize,
}

/// `quotelake rules`
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// What another engine would refuse or ignore in a ruleset.
    Lint {
        /// The ruleset (DQDL).
        #[arg(value_name = "FILE")]
        file: PathBuf,

        /// The engine that the ruleset is to run on as well.
        #[arg(long, value_enum, default_value_t = LintTarget::GlueEtl)]
        target: LintTarget,
    },
    /// What each rule of a dataset judges, and what its failure does.
    Explain {
        #[command(flatten)]
        #[allow(missing_docs)]
        dataset: DatasetArgs,
    },
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

/// `quotelake generate`
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// The project's folder.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub root: PathBuf,

    /// Write nothing; fail when a file is not current.
    #[arg(long)]
    pub check: bool,
}
