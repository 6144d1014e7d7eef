//! The text of a model: one query, and the tables that it names.

use std::ops::ControlFlow;

use quotelake_core::{Error, Result};
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart, Query, Statement, Visit as _, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};

/// A place in a model's text, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The line.
    pub(crate) line: u64,
    /// The column, in characters.
    pub(crate) column: u64,
}

impl Position {
    /// The beginning.
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// Why a text is no model's SELECT, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoQuery {
    /// It does not parse.
    Syntax(Position, String),
    /// It is several statements; where the second one is, is not known.
    Several(usize),
    /// It is something else than a SELECT.
    NoSelect,
}

/// The one query of a text. A semicolon behind it is left out.
pub(crate) fn query(sql: &str) -> Result<Box<Query>, NoQuery> {
    let dialect = GenericDialect {};
    let parsed = Parser::new(&dialect).try_with_sql(sql).and_then(|mut parser| parser.parse_statements());
    let mut statements = parsed.map_err(|error| syntax(&error))?;
    match (statements.pop(), statements.len()) {
        (Some(Statement::Query(query)), 0) => Ok(query),
        (Some(_), 0) | (None, _) => Err(NoQuery::NoSelect),
        (Some(_), before) => Err(NoQuery::Several(before + 1)),
    }
}

/// The parser writes the place at the end of its message: `... at Line: 2, Column: 7`.
fn syntax(error: &ParserError) -> NoQuery {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "it is nested too deep",
    };
    let placed = text.rsplit_once(" at Line: ").and_then(|(what, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        let position = Position { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? };
        Some((position, what))
    });
    let (position, what) = placed.unwrap_or((Position::START, text));
    NoQuery::Syntax(position, what.trim_start_matches("sql parser error: ").to_owned())
}

/// The tables that a model names in its FROMs and JOINs, each once, by name.
///
/// `Config` says what is wrong with a text that is not one SELECT, with line and column.
///
/// ```
/// let sql = "with closes as (select symbol, close from daily_bars) select c.symbol from closes c join splits s on s.symbol = c.symbol";
/// assert_eq!(quotelake_refine::sql_text::tables_of(sql)?, ["daily_bars", "splits"]);
/// # Ok::<(), quotelake_core::Error>(())
/// ```
pub fn tables_of(sql: &str) -> Result<Vec<String>> {
    let query = query(sql).map_err(|error| match error {
        NoQuery::Syntax(Position { line, column }, what) => Error::config(format!("{line}:{column}: {what}")),
        NoQuery::Several(count) => Error::config(format!("it is {count} statements, a model is one SELECT")),
        NoQuery::NoSelect => Error::config("it is no SELECT"),
    })?;
    let mut found = Tables::default();
    let _ = query.visit(&mut found);
    found.tables.sort_unstable();
    found.tables.dedup();
    Ok(found.tables)
}

/// Collects relations that are none of the queries named by WITH.
#[derive(Debug, Default)]
struct Tables {
    named: Vec<Vec<String>>,
    tables: Vec<String>,
}

impl Visitor for Tables {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let named =
            query.with.iter().flat_map(|with| &with.cte_tables).map(|named| name_of(&named.alias.name));
        self.named.push(named.collect());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.named.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let table = table_name(relation);
        if !self.named.iter().flatten().any(|named| *named == table) {
            self.tables.push(table);
        }
        ControlFlow::Continue(())
    }
}

/// A name as it is looked up: in lower case where it is not quoted.
pub(crate) fn name_of(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// A table's name.
pub(crate) fn table_name(name: &ObjectName) -> String {
    let parts = name.0.iter().map(|part| match part {
        ObjectNamePart::Identifier(ident) => name_of(ident),
        ObjectNamePart::Function(function) => function.to_string(),
    });
    parts.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_those_of_every_from_but_named_queries() {
        for (sql, tables) in [
            ("select 1", &[][..]),
            ("select a from T1 join \"T2\" on true", &["T2", "t1"]),
            (
                "select a from t where b in (select c from u) and exists (select 1 from v where v.x = t.x)",
                &["t", "u", "v"],
            ),
            (
                "with x as (select a from t), y as (select a from x) select a from y union all select a from t",
                &["t"],
            ),
            ("select (select max(a) from t) from (with x as (select 1 as a) select a from x) q", &["t"]),
            // Behind the query that names it, a name is a table's again.
            ("select a from (with x as (select a from t) select a from x) q, x", &["t", "x"]),
            (
                "select a from t left join lateral (select max(b) as b from u where u.a = t.a) w on true",
                &["t", "u"],
            ),
        ] {
            assert_eq!(tables_of(sql).unwrap(), tables, "{sql}");
        }
    }

    #[test]
    fn what_is_no_select_is_said_with_its_place() {
        for (sql, what) in [
            ("select a\nfrom t\nwhere = 1", "3:7: Expected: an expression"),
            ("select 'a", "1:8: Unterminated string literal"),
            ("select 1; select 2", "it is 2 statements"),
            ("drop table t", "it is no SELECT"),
            ("", "it is no SELECT"),
        ] {
            let error = tables_of(sql).unwrap_err();
            assert_eq!(error.kind(), quotelake_core::ErrorKind::Config);
            assert!(error.to_string().contains(what), "{sql:?}: {error}");
        }
    }
}
