//! `quotelake compact`.

use clap::Args;

/// `quotelake compact`
#[derive(Debug, Args)]
pub struct CompactArgs {
    /// The lake: a folder, or `s3://bucket` with a build for AWS.
    #[arg(long, value_name = "LAKE", env = super::LAKE_VARIABLE, hide_env_values = true, default_value = super::DEFAULT_LAKE)]
    pub lake: String,

    /// Leave the files of so many days alone, today's included: a message may be delivered again as long as its queue keeps it.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    pub open_days: u32,

    /// Remove what is older than so many days: runs, rule results, statistics and result documents. Without, all is kept.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep_days: Option<u32>,
}
