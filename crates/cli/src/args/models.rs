//! `quotelake models`.

use clap::{Subcommand, ValueEnum};

use super::LakeArg;

/// `quotelake models`
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// The models that there are: what computes each, what it reads, and whether it is on.
    Ls {
        #[command(flatten)]
        #[allow(missing_docs)]
        lake: LakeArg,
    },
    /// One model: its columns, what it reads and how far back, and its SELECT.
    Show {
        /// The model.
        #[arg(value_name = "NAME")]
        name: String,

        /// Only its SELECT, as a statement that makes a view of it.
        #[arg(long, value_enum, value_name = "ENGINE")]
        sql: Option<ViewEngine>,

        #[command(flatten)]
        #[allow(missing_docs)]
        lake: LakeArg,
    },
    /// Switch models on: they are computed by the next `refine`, and whenever their inputs change.
    Enable {
        /// The models.
        #[arg(value_name = "NAMES", required_unless_present = "all")]
        names: Vec<String>,

        /// Every model, those of later versions too.
        #[arg(long, conflicts_with = "names")]
        all: bool,

        #[command(flatten)]
        #[allow(missing_docs)]
        lake: LakeArg,
    },
    /// Switch models off. Their tables stay as they are.
    Disable {
        /// The models.
        #[arg(value_name = "NAMES", required = true)]
        names: Vec<String>,

        #[command(flatten)]
        #[allow(missing_docs)]
        lake: LakeArg,
    },
    /// What is wrong with models: with their files, against their contracts, and what gives other rows on other engines.
    Lint {
        /// Only these; without any, all of the lake's own.
        #[arg(value_name = "NAMES")]
        names: Vec<String>,

        /// The list of what SQL may not have, with what to write instead.
        #[arg(long, conflicts_with = "names")]
        list: bool,

        #[command(flatten)]
        #[allow(missing_docs)]
        lake: LakeArg,
    },
    /// Compute models from the rows that their tests give, and compare with the rows that they expect.
    Test {
        /// Only these; without any, all of the lake's own.
        #[arg(value_name = "NAMES")]
        names: Vec<String>,

        #[command(flatten)]
        #[allow(missing_docs)]
        lake: LakeArg,
    },
}

/// An engine that has views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ViewEngine {
    /// DuckDB.
    Duckdb,
    /// Amazon Athena, and Trino.
    Athena,
}
