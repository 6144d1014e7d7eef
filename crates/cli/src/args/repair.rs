//! `quotelake repair`.

use clap::Args;

/// `quotelake repair`
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// The lake: a folder, or `s3://bucket` with a build for AWS.
    #[arg(long, value_name = "LAKE", env = super::LAKE_VARIABLE, hide_env_values = true, default_value = super::DEFAULT_LAKE)]
    pub lake: String,

    /// Ask for it; without, it is only said what would be asked for.
    #[arg(long)]
    pub apply: bool,

    /// The URL of the queue of `check`, for a lake on S3.
    #[arg(long, value_name = "URL")]
    pub check_queue: Option<String>,

    /// The URL of the queue of `publish`, for a lake on S3.
    #[arg(long, value_name = "URL")]
    pub publish_queue: Option<String>,
}
