//! The Data Quality Definition Language.

mod ast;
mod display;
mod error;
mod lexer;
mod number;
mod parser;
mod rule_types;

pub use ast::*;
pub use error::ParseError;
pub use number::Number;
pub use parser::parse;
pub use rule_types::{Returns, RuleType};
