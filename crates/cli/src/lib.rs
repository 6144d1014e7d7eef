//! Quotelake on the command line.
//!
//! The CLI links the Lambda libraries and drives their real handlers on the ports of `quotelake-local`.
//!
//! - [`args`]: the command line; [`output`]: what a person or a program sees; `commands/`: one file per command.
//! - [`laptop`]: a lake folder with its stream, queues, catalog and functions wired up: AWS in a folder.
//! - [`run_config`]: the YAML of `quotelake run`; [`pipeline`]: one pass over it.
//! - [`files`]: the files that a person names, as objects of a dataset; [`parquet_files`]: Parquet files of one table;
//!   [`parquet_rows`]: their rows as landing lines.
//! - [`rule_data`]: rulesets held against data that is not on its way through the lake.
//! - [`suggest`]: a contract and a ruleset proposed from files; [`contract_lint`]: what is wrong with a contract;
//!   `contract_export`: one for tools that know only the standard.
//! - [`backfill`]: much history, unit by unit; [`gaps`]: the sessions that a table lacks.
//! - [`reconcile`]: the lake added up, beside the database that it came from.
//! - [`memory`]: how the program keeps its heap small; [`models`]: which models of a lake are on, computed and up to date.
//! - [`left_behind`]: work that nobody would come back to; [`misfits`]: tables, contracts and catalog that do not fit.
//! - [`again`]: typed rows through `check` once more; [`catalog_repair`]: the catalog held against the files.
//! - [`sent`]: units that the stream took and that did not land.
//! - [`verify`]: a lake held against what is known of it.
//! - [`cost`]: what a month on AWS costs.
//! - [`tables`], [`collect`]: the lake read for people; [`lateness`]: how far a series is behind.
//! - [`report_data`]: what a report says, read from the lake; [`report`]: the page.
//! - [`undelivered`]: pages that got no further.

pub mod again;
pub mod args;
pub mod backfill;
pub mod catalog_repair;
pub mod collect;
pub mod commands;
pub mod contract_export;
pub mod contract_lint;
pub mod cost;
pub mod files;
pub mod gaps;
pub mod laptop;
pub mod lateness;
pub mod left_behind;
pub mod memory;
pub mod misfits;
pub mod models;
pub mod number;
pub mod output;
pub mod parquet_files;
pub mod parquet_rows;
pub mod pipeline;
pub mod reconcile;
pub mod report;
pub mod report_data;
pub mod rule_data;
pub mod run_config;
pub mod runs;
pub mod sent;
pub mod suggest;
pub mod tables;
pub mod undelivered;
pub mod verify;

use std::process::ExitCode;

use clap::Parser as _;
use quotelake_core::{Error, Result};

use args::{Cli, Command};
use output::{Exit, Output, Screen};

const USAGE: u8 = 64;

/// Parses the command line, runs the command and says how it ended.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    quotelake_platform::logging::init_terminal();
    let json = cli.json;
    match start(cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            complain(&error, json);
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> Result<Exit> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        // One more than the cores: work that keeps a core does not keep what waits for files and sockets from going on.
        builder.worker_threads(std::thread::available_parallelism().map_or(1, usize::from) + 1);
    }
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|e| Error::unavailable("cannot start the async runtime").with_source(e))?;
    runtime.block_on(run(cli))
}

/// Runs a command.
pub async fn run(cli: Cli) -> Result<Exit> {
    let output = Output::new(cli.json, Screen::of_stdout(cli.wide));
    match cli.command {
        Command::Demo(args) => commands::demo::run(args, output).await,
        Command::Run(args) => commands::run::run(args, output).await,
        Command::Load(args) => commands::load::run(args, output).await,
        Command::Profiles(args) => commands::profiles::run(&args, output),
        Command::Contract(command) => commands::contract::run(command, output).await,
        Command::Inbox(command) => commands::inbox::run(command, output).await,
        Command::Migrate(args) => commands::migrate::run(args, output).await,
        Command::Backfill(args) => commands::backfill::run(args, output).await,
        Command::Rebuild(args) => commands::rebuild::run(args, output).await,
        Command::Gaps(args) => commands::gaps::run(args, output).await,
        Command::Status(args) => commands::status::run(args, output).await,
        Command::Repair(args) => commands::repair::run(args, output).await,
        Command::Catalog(command) => commands::catalog::run(command, output).await,
        Command::Doctor(args) => commands::doctor::run(args, output).await,
        Command::Verify(args) => commands::verify::run(args, output).await,
        Command::Compact(args) => commands::compact::run(args, output).await,
        Command::Check(args) => commands::check::run(args, output).await,
        Command::Query(args) => commands::query::run(args, output).await,
        Command::Export(command) => commands::export::run(command, output).await,
        Command::Models(command) => commands::models::run(command, output).await,
        Command::Refine(args) => commands::refine::run(args, output).await,
        Command::Report(args) => commands::report::run(args, output).await,
        Command::Dlq(command) => commands::dlq::run(command, output).await,
        Command::Quarantine(command) => commands::quarantine::run(command, output).await,
        Command::Warnings(command) => commands::warnings::run(command, output).await,
        Command::Rules(command) => commands::rules::run(command, output).await,
        Command::Cost(args) => commands::cost::run(&args, output),
        Command::Generate(args) => commands::generate::run(&args, output),
        Command::Completions(args) => commands::completions::run(&args, output),
    }
}

#[expect(clippy::print_stderr, reason = "the one place where a failed command speaks")]
fn complain(error: &Error, json: bool) {
    eprintln!("{}", output::complaint(error, json));
}
