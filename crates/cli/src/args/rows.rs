//! `quotelake quarantine` and `quotelake warnings`: rows that were refused, and rows that were flagged.

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::{LakeArg, examples};

/// `quotelake quarantine`
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List quarantined rows, the newest first.
    #[command(after_help = examples::QUARANTINE)]
    Ls(QuarantineArgs),
}

/// `quotelake warnings`
#[derive(Debug, Subcommand)]
pub enum WarningsCommand {
    /// List published rows that have flags, the newest first.
    #[command(after_help = examples::WARNINGS)]
    Ls(WarningsArgs),
}

/// Which rows.
#[derive(Debug, Args)]
pub struct RowFilter {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    /// Only this dataset's.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,

    /// At most this many rows: 20 where it is not said, and all of them with --csv.
    #[arg(long, value_name = "N")]
    pub max: Option<usize>,

    /// Print the rows as CSV.
    #[arg(long)]
    pub csv: bool,
}

/// Rows that are listed where it is not said how many.
const LISTED: usize = 20;

impl RowFilter {
    /// How many rows are wanted.
    pub fn most(&self) -> usize {
        self.max.unwrap_or(if self.csv { usize::MAX } else { LISTED })
    }
}

/// Which refused rows.
#[derive(Debug, Args)]
pub struct QuarantineArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub rows: RowFilter,

    /// Only those whose first reason is this.
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,

    /// Only those that were refused on this day (UTC) or after it.
    #[arg(long, value_name = "DATE")]
    pub since: Option<NaiveDate>,
}

/// Which flagged rows.
#[derive(Debug, Args)]
pub struct WarningsArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub rows: RowFilter,

    /// Only those with this flag.
    #[arg(long, value_name = "FLAG")]
    pub flag: Option<String>,

    /// Only those of this date or after it.
    #[arg(long, value_name = "DATE")]
    pub since: Option<NaiveDate>,
}
