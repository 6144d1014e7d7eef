//! Models in SQL.
//!
//! - [`sql_text`](crate::sql_text) reads one SELECT, and which tables it names;
//! - `portability` is the list of what gives other answers on other engines, [`lint`](lint()) holds a model against it, against its own
//!   contract and those of its tables: `scope` knows which columns an expression can name, `kind` what comes out of it, `expressions`, `functions`,
//!   `windows`, `queries` and `reserved` find what is on the list;
//! - `input` gives tables to [`DataFusion`], which computes the rows; `stored` are their partitions, decoded where a plan computes.

mod engine;
mod expressions;
mod functions;
mod input;
mod kind;
mod lint;
mod portability;
mod portable_functions;
mod queries;
mod reserved;
mod scope;
mod stored;
mod windows;

pub use engine::{DataFusion, check_plan, with_substring};
pub use lint::{Finding, lint};
pub use portability::{PORTABILITY, Portability};
pub use portable_functions::FUNCTIONS;
