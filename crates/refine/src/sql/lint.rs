//! A model's SQL held against its own contract, those of its tables, and the list of what is not portable.

use std::collections::BTreeMap;
use std::fmt;

use quotelake_contract::{Contract, Contracts};
use sqlparser::ast::Spanned;
use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::kind::{Kind, Value};
use super::portability;
use super::scope::{Column, Output, Rows};
use crate::sql_text::{self, NoQuery, Position};

/// Something that is wrong with a model's SQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1, in characters.
    pub column: u64,
    /// A name: one of the list of what is not portable, or of a fault.
    pub code: &'static str,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} [{}]", self.line, self.column, self.message, self.code)
    }
}

/// What is wrong with a model's SELECT, in the order of the text; empty where nothing is.
///
/// A line with the comment `-- lint: ignore CODE` may have what is called so.
pub fn lint(sql: &str, contract: &Contract, contracts: &Contracts) -> Vec<Finding> {
    let mut linter = Linter::new(contracts);
    match sql_text::query(sql) {
        Ok(query) => {
            linter.tokens(sql);
            let output = linter.query(&query, None);
            linter.output(&output, contract);
        }
        Err(error) => linter.no_query(sql, error),
    }
    let mut findings = linter.findings;
    findings.retain(|finding| !is_ignored(sql, finding));
    findings.sort();
    findings.dedup();
    findings
}

/// What is on the list of a SELECT that reads no table, whatever its columns are.
#[cfg(test)]
pub(super) fn lint_text(sql: &str) -> Vec<Finding> {
    let contracts = Contracts::built_in().unwrap();
    let mut linter = Linter::new(&contracts);
    match sql_text::query(sql) {
        Ok(query) => {
            linter.tokens(sql);
            linter.query(&query, None);
        }
        Err(error) => linter.no_query(sql, error),
    }
    linter.findings
}

fn is_ignored(sql: &str, finding: &Finding) -> bool {
    let line = usize::try_from(finding.line).ok().and_then(|line| sql.lines().nth(line.saturating_sub(1)));
    let comment = line.and_then(|line| line.rsplit_once("-- lint: ignore "));
    comment.is_some_and(|(_, codes)| codes.split([' ', ',']).any(|code| code == finding.code))
}

/// A place that is known by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct At(pub(super) Span);

impl At {
    /// Where the last one was.
    const SAME: Self =
        Self(Span { start: Location { line: 0, column: 0 }, end: Location { line: 0, column: 0 } });
}

impl Spanned for At {
    fn span(&self) -> Span {
        self.0
    }
}

/// Goes through a query and collects.
#[derive(Debug)]
pub(super) struct Linter<'c> {
    pub(super) contracts: &'c Contracts,
    /// The queries that WITH names, the innermost last.
    pub(super) named: Vec<BTreeMap<String, Rows>>,
    /// For each query in the place of a value that is being gone through: the depth of the scope around it.
    pub(super) values_at: Vec<usize>,
    /// Whether the innermost of them names a column of what is around it.
    pub(super) correlated: bool,
    findings: Vec<Finding>,
    /// The last place that was known: what has none of its own is there.
    at: Position,
}

impl<'c> Linter<'c> {
    fn new(contracts: &'c Contracts) -> Self {
        Self {
            contracts,
            named: Vec::new(),
            values_at: Vec::new(),
            correlated: false,
            findings: Vec::new(),
            at: Position::START,
        }
    }
}

impl Linter<'_> {
    /// Notes a fault of a place.
    pub(super) fn fault(&mut self, place: &impl Spanned, code: &'static str, message: impl Into<String>) {
        self.pass(place);
        let Position { line, column } = self.at;
        self.findings.push(Finding { line, column, code, message: message.into() });
    }

    /// Notes what is on the list.
    pub(super) fn listed(&mut self, place: &impl Spanned, code: &'static str) {
        self.listed_because(place, code, "");
    }

    /// The same, with what it is in this case.
    pub(super) fn listed_because(&mut self, place: &impl Spanned, code: &'static str, because: &str) {
        let message = portability::named(code).map_or_else(
            || code.to_owned(),
            |entry| {
                let because = if because.is_empty() { String::new() } else { format!(" ({because})") };
                format!("{}{because}: {}; instead {}", entry.what, entry.why, entry.instead)
            },
        );
        self.fault(place, code, message);
    }

    /// Remembers a place, where it is known.
    pub(super) fn pass(&mut self, place: &impl Spanned) {
        let start = place.span().start;
        if start.line > 0 {
            self.at = Position { line: start.line, column: start.column };
        }
    }

    /// What shows in the text's words alone.
    fn tokens(&mut self, sql: &str) {
        for TokenWithSpan { token, span } in words(sql) {
            if let Token::Word(word) = token
                && word.quote_style.is_some()
            {
                self.at = Position { line: span.start.line, column: span.start.column };
                self.listed(&At::SAME, "quoted_identifier");
            }
        }
    }

    fn no_query(&mut self, sql: &str, error: NoQuery) {
        let here = At::SAME;
        match error {
            NoQuery::Several(count) => {
                self.fault(&here, "several_statements", format!("{count} statements; a model is one SELECT"));
            }
            NoQuery::NoSelect => self.fault(&here, "not_a_select", "a model is a SELECT"),
            NoQuery::Syntax(position, what) => {
                self.at = position;
                // DuckDB's form of it does not parse at all.
                let words = words(sql);
                let is = |token: &TokenWithSpan, wanted: &str| matches!(&token.token, Token::Word(word) if word.value.eq_ignore_ascii_case(wanted));
                let as_of = words.windows(2).find(|two| is(&two[0], "asof") && is(&two[1], "join"));
                if let Some(two) = as_of {
                    self.at = Position { line: two[0].span.start.line, column: two[0].span.start.column };
                    return self.listed(&here, "asof_join");
                }
                self.fault(&here, "syntax", what);
            }
        }
    }

    /// Holds the columns that come out against those of the contract.
    fn output(&mut self, output: &Output, contract: &Contract) {
        let Some(columns) = &output.rows.columns else { return };
        for (index, Column { name, value }) in columns.iter().enumerate() {
            self.at = output.places.get(index).copied().unwrap_or(Position::START);
            let here = At::SAME;
            let Some(declared) = contract.index_of(name).map(|index| &contract.columns[index]) else {
                let hint = match contract.partitions.iter().any(|partition| partition.name == *name) {
                    true => "; a partition's value is computed from its column",
                    false => "",
                };
                self.fault(&here, "extra_column", format!("the contract has no column {name:?}{hint}"));
                continue;
            };
            if columns[..index].iter().any(|earlier| earlier.name == *name) {
                self.fault(&here, "extra_column", format!("column {name:?} comes twice"));
            }
            if value.floated && !declared.floating_point {
                let message = format!(
                    "column {name:?} goes through floating point: its digits may differ between engines; calculate with decimals, or \
                     mark it floatingPoint: true in the contract"
                );
                self.fault(&here, "floating_point", message);
            }
            let wanted = Kind::of_column(declared.ty);
            if !fits(*value, wanted) {
                let message = format!("column {name:?} is {} in the contract; write a cast", declared.ty);
                self.fault(&here, "wrong_type", message);
            }
        }
        self.at = Position::START;
        let here = At::SAME;
        for declared in &contract.columns {
            if !columns.iter().any(|column| column.name == declared.name) {
                let message = format!("the contract's column {:?} is not selected", declared.name);
                self.fault(&here, "missing_column", message);
            }
        }
    }
}

/// Whether values can become those of a column without a doubt about how.
fn fits(value: Value, wanted: Kind) -> bool {
    match (value.kind, wanted) {
        (Kind::Unknown, _) => true,
        (Kind::Integer, Kind::Decimal(_) | Kind::Float) | (Kind::Decimal(_), Kind::Decimal(_)) => true,
        (kind, wanted) => kind == wanted,
    }
}

/// The text's tokens without white space; none where it has no tokens.
fn words(sql: &str) -> Vec<TokenWithSpan> {
    let dialect = GenericDialect {};
    let mut tokens = Tokenizer::new(&dialect, sql).tokenize_with_location().unwrap_or_default();
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    tokens
}

#[cfg(test)]
mod tests;
