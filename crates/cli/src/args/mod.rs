//! The command line, as clap sees it. Doc comments here are the help texts.

mod backfill;
mod catalog;
mod compact;
mod contract;
mod dead_letters;
mod examples;
mod export;
mod inbox;
mod models;
mod refine;
mod repair;
mod rows;
mod rules;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use backfill::{AskArgs, BackfillArgs, GapsArgs};
pub use catalog::{CatalogCommand, CatalogRepairArgs};
pub use compact::CompactArgs;
pub use contract::{ContractCommand, ContractSuggestArgs};
pub use dead_letters::{DlqArgs, DlqCommand, DlqFilter, PurgeArgs, RedriveArgs, SqsArg};
pub use export::{ExportAdjustedArgs, ExportCommand};
pub use inbox::{InboxArgs, InboxCommand};
pub use models::{ModelsCommand, ViewEngine};
pub use refine::RefineArgs;
pub use repair::RepairArgs;
pub use rows::{QuarantineArgs, QuarantineCommand, RowFilter, WarningsArgs, WarningsCommand};
pub use rules::{CheckArgs, Composites, LintColumns, LintTarget, RuleDataArgs, RulesCommand};

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

    /// Show tables whole, however narrow the terminal is.
    #[arg(long, global = true)]
    pub wide: bool,

    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Carry thirteen years of real prices from recorded vendor pages to tables and a report.
    #[command(after_help = examples::DEMO)]
    Demo(DemoArgs),
    /// One pass over the configured sources: fetch, deliver, transform, check, publish.
    #[command(after_help = examples::RUN)]
    Run(RunArgs),
    /// Load files: NDJSON (.gz) of canonical rows, or CSV by a contract, through check and publish.
    #[command(after_help = examples::LOAD)]
    Load(LoadArgs),
    /// The profiles by which `load` reads price files of vendors.
    Profiles(ProfilesArgs),
    /// Contracts: have one proposed from files, look at one.
    #[command(subcommand)]
    Contract(ContractCommand),
    /// Files that people drop into the lake's inbox folder.
    #[command(subcommand)]
    Inbox(InboxCommand),
    /// Copy tables of a PostgreSQL database to the lake, and compare both sides.
    Migrate(MigrateArgs),
    /// Ask a source for much history: planned first, resumed where it stopped.
    Backfill(BackfillArgs),
    /// Make the tables once more from the vendors' answers in a lake's `raw/`, in a new lake, and compare both.
    Rebuild(RebuildArgs),
    /// List the sessions that a table of bars lacks, and ask for them.
    Gaps(GapsArgs),
    /// How fresh each table is by its exchanges' calendars, and what waits.
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
    /// What is misconfigured in a lake, a run's configuration or a deployed stack; changes nothing.
    #[command(after_help = examples::DOCTOR)]
    Doctor(DoctorArgs),
    /// Whether a lake is what was written: what is damaged, missing, misplaced, foreign or unverified.
    Verify(VerifyArgs),
    /// Ask again for work whose message is gone: unchecked landing objects, staged rows, undelivered pages. Says first what it would do.
    Repair(RepairArgs),
    /// The catalog that query engines read.
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Put the small files of `runs/` and `quality/` together by day, and remove what is too old.
    Compact(CompactArgs),
    /// Evaluate files against a dataset's contract and rules; writes nothing.
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Compute tables from published tables, by models: what is stale, or all of it.
    Refine(RefineArgs),
    /// Models: which there are, what is wrong with them, and their tests.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Ask the published tables in SQL.
    #[command(after_help = examples::QUERY)]
    Query(QueryArgs),
    /// Files for others.
    #[command(subcommand)]
    Export(ExportCommand),
    /// Write the report: one HTML page that needs no network.
    #[command(after_help = examples::REPORT)]
    Report(ReportArgs),
    /// Messages that no retry could help.
    #[command(subcommand, after_help = examples::DLQ)]
    Dlq(DlqCommand),
    /// Rows that failed the rules.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Rows that are published with a flag.
    #[command(subcommand)]
    Warnings(WarningsCommand),
    /// Rulesets: look at one, try it on data, have one proposed.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// What a month of the AWS stack costs, from pinned prices.
    Cost(CostArgs),
    /// Write the files that are made from contracts: Glue columns and the data dictionary.
    Generate(GenerateArgs),
    /// Print the script by which a shell completes this program's commands.
    #[command(after_help = examples::COMPLETIONS)]
    Completions(CompletionsArgs),
}

/// The variable that names the lake where `--lake` does not.
pub(crate) const LAKE_VARIABLE: &str = "QUOTELAKE_LAKE";
const DEFAULT_LAKE: &str = "quotelake-data";

/// The lake where neither `--lake` nor a configuration names it.
pub fn default_lake() -> PathBuf {
    std::env::var_os(LAKE_VARIABLE).map_or_else(|| PathBuf::from(DEFAULT_LAKE), PathBuf::from)
}

/// Where the lake is.
#[derive(Debug, Args)]
pub struct LakeArg {
    /// The lake's folder.
    #[arg(long, value_name = "DIR", env = LAKE_VARIABLE, hide_env_values = true, default_value = DEFAULT_LAKE)]
    pub lake: PathBuf,
}

/// `quotelake demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    /// The recording to replay, in place of the one that is part of this program.
    #[arg(long, value_name = "DIR")]
    pub recording: Option<PathBuf>,

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

/// `quotelake status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The lake: a folder, or `s3://bucket` with a build for AWS.
    #[arg(long, value_name = "LAKE", env = LAKE_VARIABLE, hide_env_values = true, default_value = DEFAULT_LAKE)]
    pub lake: String,

    /// Only series of these symbols, the lake's or the vendor's.
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub symbols: Vec<String>,
}

/// `quotelake doctor`
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct DoctorArgs {
    /// A lake's folder.
    #[arg(long, value_name = "DIR")]
    pub lake: Option<PathBuf>,

    /// A run's configuration, and its lake where it names one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// A deployed stack: what `terraform output -json stack` printed. Needs a build for AWS.
    #[arg(long, value_name = "FILE")]
    pub stack: Option<PathBuf>,
}

/// `quotelake verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The lake. Its folder may be read-only.
    #[command(flatten)]
    pub lake: LakeArg,

    /// Take an object for what it is now, or as gone, where somebody changed or removed it by hand and meant it; with a slash at
    /// the end, everything below that has no record or does not fit it.
    #[arg(long, value_name = "KEY")]
    pub accept: Vec<String>,
}

/// `quotelake rebuild`
#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// The lake whose `raw/` is read, which is not changed: else the variable QUOTELAKE_LAKE's, else quotelake-data.
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,

    /// The new lake's folder, empty or not there yet; with --partition the lake itself, which is found as --from is.
    #[arg(long, value_name = "DIR", required_unless_present = "partition")]
    pub lake: Option<PathBuf>,

    /// Make one published file again, where it is: by its key, as `verify` prints it. What lies there is set aside
    /// under `undelivered/`, and every object of `landing/` is checked and published once more.
    #[arg(long, value_name = "KEY", conflicts_with = "from")]
    pub partition: Option<String>,

    /// Make the table of this contract again from its own rows, as rows of the new contract, and take everything else along as it is.
    /// May be given more than once.
    #[arg(long = "contract", value_name = "FILE", conflicts_with = "partition")]
    pub contracts: Vec<PathBuf>,

    /// A column's new name, with --contract: `OLD=NEW`, or `DATASET.OLD=NEW`. May be given more than once.
    #[arg(long, value_name = "OLD=NEW", requires = "contracts")]
    pub rename: Vec<String>,
}

/// A dataset that is not shipped.
#[derive(Debug, Args)]
pub struct DatasetArgs {
    /// The dataset; by its contract where that is given.
    #[arg(long, value_name = "NAME", required_unless_present = "contract")]
    pub dataset: Option<String>,

    /// Its contract, where it is not a shipped one (ODCS YAML). The ruleset that it names is taken from beside it.
    #[arg(long, value_name = "FILE")]
    pub contract: Option<PathBuf>,

    /// Its ruleset (DQDL), instead of the contract's.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

/// What is said of files beside their contract.
#[derive(Debug, Clone, Default, Args)]
pub struct LayoutArgs {
    /// A column that has one value in all rows, in place of what the contract says: `--set exchange_mic=XLON`. May be given
    /// several times.
    #[arg(long = "set", value_name = "COLUMN=VALUE")]
    pub set: Vec<String>,

    /// Columns in the files' names, in place of what the contract says: `--file-name '{symbol}_*.csv'`.
    #[arg(long, value_name = "PATTERN")]
    pub file_name: Option<String>,

    /// What kind of files they are, whatever they are called: csv, ndjson or xlsx.
    #[arg(long, value_name = "FORMAT")]
    pub file_format: Option<String>,
}

/// Price files of a vendor.
#[derive(Debug, Clone, Default, Args)]
pub struct ProfileArgs {
    /// Price files by a vendor's profile: see `quotelake profiles`. For daily_bars, intraday_bars, dividends and splits; --set then says
    /// what the files do not, e.g. quote_unit=GBp.
    #[arg(long, value_name = "NAME", requires = "dataset", conflicts_with_all = ["contract", "rules", "file_name", "file_format"])]
    pub profile: Option<String>,

    /// Instruments whose files may be read by --profile, each with its own unit, exchange and class where it has them.
    #[arg(long, value_name = "FILE", requires = "profile")]
    pub watchlist: Option<PathBuf>,
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

    #[command(flatten)]
    #[allow(missing_docs)]
    pub layout: LayoutArgs,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub profile: ProfileArgs,

    /// Files, or folders of .csv, .tsv, .ndjson, .jsonl, .json, .xlsx (.gz, .zst, .bz2, .zip or not) and .parquet files.
    #[arg(required = true, value_name = "PATHS")]
    pub paths: Vec<PathBuf>,
}

/// `quotelake profiles`
#[derive(Debug, Args)]
pub struct ProfilesArgs {
    /// Only this one, with the headers that it reads and what can be set beside its files.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

/// `quotelake migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    /// Which table is which dataset, and which column is which; see docs/guides/migrate-a-database.md.
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,

    /// Where the connection string is: `env:NAME` or `file:PATH`. Never the string itself.
    #[arg(long, value_name = "REF")]
    pub database_url_secret: String,

    /// A contract (ODCS YAML) to keep in the lake first, with the ruleset that it names beside it. May be given several times.
    #[arg(long = "contract", value_name = "FILE")]
    pub contracts: Vec<PathBuf>,

    /// Forget the checkpoints of an earlier run and start over.
    #[arg(long)]
    pub restart: bool,

    /// Rows that the server hands over at once.
    #[arg(long, value_name = "ROWS", default_value_t = 10_000)]
    pub page_rows: usize,

    /// Rows of one landing object, and between two checkpoints.
    #[arg(long, value_name = "ROWS", default_value_t = 100_000)]
    pub part_rows: usize,

    /// List every symbol, not only those that differ.
    #[arg(long)]
    pub all: bool,
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

    /// Where to write the page: report.html in the lake's folder where it is not said.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `quotelake completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// `quotelake cost`
#[derive(Debug, Args)]
pub struct CostArgs {
    /// How large the installation is: s (500 daily tickers, 50 intraday), m or l.
    #[arg(long, value_name = "PROFILE", default_value = "s")]
    pub profile: String,

    /// With the tables that models compute.
    #[arg(long)]
    pub models: bool,
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

    /// Only this contract's Glue columns (ODCS YAML), as `<table>.columns.json` in --out: a table for Terraform.
    #[arg(long, value_name = "FILE", requires = "out", conflicts_with_all = ["root", "check"])]
    pub contract: Option<PathBuf>,

    /// Where the columns of --contract go.
    #[arg(long, value_name = "DIR", requires = "contract")]
    pub out: Option<PathBuf>,
}
