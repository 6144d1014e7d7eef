//! Models in SQL.
//!
//! - `parse` reads one SELECT, and which tables it names;
//! - `portability` is the list of what gives other answers on other engines, [`lint`](lint()) holds a model against it, against its own
//!   contract and those of its tables: `scope` knows which columns an expression can name, `kind` what comes out of it, `expressions`,
//!   `windows` and `queries` find what is on the list;
//! - `input` gives tables to [`DataFusion`], which computes the rows.

mod engine;
mod input;
mod parse;

pub use engine::DataFusion;
pub use parse::tables_of;
