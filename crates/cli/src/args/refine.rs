//! `quotelake refine`.

use chrono::NaiveDate;
use clap::Args;

use super::LakeArg;

/// `quotelake refine`
#[derive(Debug, Args)]
pub struct RefineArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub lake: LakeArg,

    /// Compute all rows, not only those that are stale; without --model, of every model. What is computed is switched on.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    pub all: bool,

    /// Only this model, and what is stale of those that it reads; several may be named. It is switched on.
    #[arg(long = "model", value_name = "NAME")]
    pub models: Vec<String>,

    /// Compute the partitions from this date on, whether they are stale or not.
    #[arg(long, value_name = "DATE")]
    pub from: Option<NaiveDate>,

    /// Compute the partitions up to this date, whether they are stale or not.
    #[arg(long, value_name = "DATE")]
    pub to: Option<NaiveDate>,

    /// Say what would be computed, and compute nothing.
    #[arg(long)]
    pub dry_run: bool,
}
