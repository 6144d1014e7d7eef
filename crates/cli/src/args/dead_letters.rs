//! `quotelake dlq`.

use clap::{Args, Subcommand};

use super::LakeArg;

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

    /// Only this queue's: fetch, ingest, check, publish or refine.
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
