//! `quotelake inbox`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{LakeArg, LayoutArgs};

/// `quotelake inbox`
#[derive(Debug, Subcommand)]
pub enum InboxCommand {
    /// Take every new file of `<lake>/inbox/<dataset>/` once: ingest, check, publish.
    Run(InboxArgs),
    /// Do so again and again, until the process is stopped.
    Watch {
        #[command(flatten)]
        #[allow(missing_docs)]
        inbox: InboxArgs,

        /// Seconds between two looks.
        #[arg(long, value_name = "SECONDS", default_value_t = 5)]
        interval: u64,
    },
}

/// Which inbox.
#[derive(Debug, Args)]
pub struct InboxArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    /// A contract (ODCS YAML) to keep in the lake first, with the ruleset that it names beside it. May be given several times.
    #[arg(long = "contract", value_name = "FILE")]
    pub contracts: Vec<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub layout: LayoutArgs,

    /// Files of prices by a vendor's profile: see `quotelake profiles`. It reads those in the folders of daily_bars, intraday_bars,
    /// dividends and splits, in place of what the lake's contracts/price-files.json says; --set then says what the files do not, e.g.
    /// quote_unit=GBp.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["file_name", "file_format"])]
    pub profile: Option<String>,

    /// Take the files that lie in the inbox again, whatever became of them before: after their contract changed.
    #[arg(long)]
    pub again: bool,

    /// A file is taken when it did not change for this long: it may still be on its way.
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pub quiet_ms: u64,
}
