//! `quotelake export`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::LakeArg;

/// `quotelake export`
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Daily bars adjusted for splits and dividends, as CSV.
    Adjusted(ExportAdjustedArgs),
}

/// `quotelake export adjusted`
#[derive(Debug, Args)]
pub struct ExportAdjustedArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    /// What a dividend takes from earlier prices: `previous_close` as most charts do, or `ex_close`, total return.
    #[arg(long, value_name = "METHOD", default_value = "previous_close", value_parser = ["previous_close", "ex_close"])]
    pub method: String,

    /// Adjust to this date: later splits and dividends do not count. Without it, to the newest.
    #[arg(long, value_name = "DATE")]
    pub base: Option<NaiveDate>,

    /// Only these symbols, the lake's or the vendor's; all where none are named.
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub symbols: Vec<String>,

    /// Only the series of this provider. Without it, of each symbol the one that the lake prefers.
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,

    /// Where to write; standard output where it is left out.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
