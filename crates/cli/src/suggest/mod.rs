//! A look at files, and a contract and a ruleset by which they load.
//!
//! `table` reads a file as texts, and `frame` finds the table in them; `column` and `typed` say what the texts of a column are, `formats` which forms of dates they fit, `numbers` which of numbers;
//! `quotes` decides what quotes mean in a file;
//! `keys` finds the smallest sets of columns that tell rows apart; `draft` puts a contract together and writes it with comments on
//! what was seen. [`propose`] holds the proposal against the files by the same code that loads them: a column that does not pass is
//! proposed as text, and what is given out has been loaded.

mod column;
mod draft;
mod formats;
mod frame;
mod json_table;
mod keys;
mod numbers;
mod parquet_table;
mod prove;
mod quotes;
mod table;
mod typed;

use std::path::PathBuf;

use quotelake_core::{Error, Result};

pub use prove::Proposal;

use column::{FileHints, Kind};
use draft::Draft;
use table::Table;

/// How often a proposal is held against the files before it is given up: each time at least one more column is text.
const ATTEMPTS: usize = 8;

/// Proposes a contract and a ruleset for files of one table. `InvalidInput` says why there is none: no rows, columns that differ from
/// file to file, a header that names a column twice.
pub async fn propose(files: &[PathBuf], dataset: Option<&str>) -> Result<Proposal> {
    let table = Table::read(files).await?;
    if table.rows.is_empty() {
        return Err(Error::invalid("there are no rows to look at"));
    }
    let name = match dataset {
        Some(name) => name.to_owned(),
        None => draft::snake_case(&table.name, "dataset"),
    };
    let hints = FileHints::of(&table);
    let mut kinds: Vec<Kind> =
        (0..table.headers.len()).map(|at| column::kind_of(&table, at, &hints)).collect();
    for _ in 0..ATTEMPTS {
        let draft = Draft::new(&name, &table, &kinds);
        match prove::prove(&draft, files).await? {
            prove::Verdict::Loads(proposal) => return Ok(proposal),
            prove::Verdict::Misfits(columns) => {
                for (column, detail) in columns {
                    let at = draft.place(&column).ok_or_else(|| {
                        Error::bug(format!("column {column:?} of the proposal is in no file"))
                    })?;
                    kinds[at] = kinds[at].as_text(&detail)?;
                }
            }
        }
    }
    Err(Error::bug("no proposal loads its own files"))
}
