//! `quotelake catalog`.

use clap::{Args, Subcommand};

/// `quotelake catalog`
#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// Make the catalog list what the lake's files are. Says first what it would do.
    Repair(CatalogRepairArgs),
}

/// `quotelake catalog repair`
#[derive(Debug, Args)]
pub struct CatalogRepairArgs {
    /// The lake: a folder, or `s3://bucket` with a build for AWS.
    #[arg(long, value_name = "LAKE", env = super::LAKE_VARIABLE, hide_env_values = true, default_value = super::DEFAULT_LAKE)]
    pub lake: String,

    /// The catalog of a lake on S3: `glue://database`.
    #[arg(long, value_name = "URI")]
    pub catalog: Option<String>,

    /// Do it; without, it is only said what would be done.
    #[arg(long)]
    pub apply: bool,

    /// Take partitions out of the catalog that have no file; without, they stay, as the trace of files that are to be restored.
    #[arg(long)]
    pub forget: bool,
}
