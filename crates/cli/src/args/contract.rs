//! `quotelake contract`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::LakeArg;

/// `quotelake contract`
#[derive(Debug, Subcommand)]
pub enum ContractCommand {
    /// Look at files and propose a contract and a ruleset by which they load, with comments on what was seen.
    Suggest(ContractSuggestArgs),
    /// Print a dataset's contract for tools that know only the standard (ODCS): with the lake's Parquet under `servers`, and the
    /// rules that the standard has a form for under `quality`.
    Export {
        /// The dataset.
        #[arg(long, value_name = "NAME")]
        dataset: String,

        /// Its contract (ODCS YAML), where it is neither a shipped one nor kept in the lake.
        #[arg(long, value_name = "FILE")]
        contract: Option<PathBuf>,

        #[command(flatten)]
        #[allow(missing_docs)]
        lake: LakeArg,
    },
    /// What is wrong with a contract, and what is worth a second look, by line.
    Lint {
        /// The contract (ODCS YAML).
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// `quotelake contract suggest`
#[derive(Debug, Args)]
pub struct ContractSuggestArgs {
    /// CSV, NDJSON, .xlsx or Parquet files of one table, packed or not.
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<PathBuf>,

    /// The dataset's name; by the first file's name where it is not given.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,

    /// Where to write the contract; the ruleset goes beside it. Without it, the contract is printed.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Write over a contract or a ruleset that is there.
    #[arg(long)]
    pub force: bool,
}
