//! Which columns an expression can name.

use sqlparser::ast::{Expr, Ident, UnaryOperator, Value as Literal, ValueWithSpan};

use super::kind::Value;
use crate::sql_text::{Position, name_of};

/// A column that comes out of a query or is in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) value: Value,
}

/// The rows of a table or a query.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// Its columns; `None` where they are not known.
    pub(super) columns: Option<Vec<Column>>,
    /// Columns by which no two rows are equal; `None` where none are known.
    pub(super) key: Option<Vec<String>>,
}

/// Rows under a name.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) name: Option<String>,
    pub(super) rows: Rows,
    /// Whether its columns may be missing: of an outer join.
    pub(super) nullable: bool,
}

/// What the expressions of one SELECT can name.
#[derive(Debug, Default)]
pub(super) struct Scope<'p> {
    pub(super) relations: Vec<Relation>,
    pub(super) outer: Option<&'p Scope<'p>>,
    /// Names that this SELECT gives.
    pub(super) aliases: Vec<String>,
    /// Columns that WHERE holds at one value.
    pub(super) fixed: Vec<String>,
}

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A column of this SELECT's tables.
    Here(Value),
    /// A column of a query around it: of the one at this depth.
    Outside(Value, usize),
    /// Nothing.
    Nowhere,
    /// What there is, is not known.
    Unknown,
}

impl Scope<'_> {
    /// Looks a column up, by the table that it is said to be of.
    pub(super) fn find(&self, table: Option<&str>, column: &str) -> Found {
        let mut is_known = true;
        for relation in &self.relations {
            if table.is_some_and(|table| relation.name.as_deref() != Some(table)) {
                continue;
            }
            match &relation.rows.columns {
                None => is_known = false,
                Some(columns) => {
                    if let Some(found) = columns.iter().find(|known| known.name == column) {
                        let nullable = found.value.nullable || relation.nullable;
                        return Found::Here(Value { nullable, ..found.value });
                    }
                }
            }
        }
        if !is_known {
            return Found::Unknown;
        }
        match self.outer.map(|outer| outer.find(table, column)) {
            Some(Found::Here(value)) => Found::Outside(value, self.depth() - 1),
            Some(other) => other,
            None => Found::Nowhere,
        }
    }

    /// How many queries are around it, and itself.
    pub(super) fn depth(&self) -> usize {
        1 + self.outer.map_or(0, Scope::depth)
    }

    /// Columns by which no two rows of a partition of these columns are equal; `None` where none are known.
    pub(super) fn rest_of_key(&self, named: &[String]) -> Option<Vec<String>> {
        let [relation] = self.relations.as_slice() else { return None };
        let key = relation.rows.key.as_ref()?;
        let rest = key.iter().filter(|column| !named.contains(column) && !self.fixed.contains(column));
        Some(rest.cloned().collect())
    }
}

/// A column by its plain name, or by its table's and its own.
pub(super) fn column_of(expr: &Expr) -> Option<(Option<String>, String, &Ident)> {
    match expr {
        Expr::Identifier(ident) => Some((None, name_of(ident), ident)),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, column] => Some((Some(name_of(table)), name_of(column), table)),
            _ => None,
        },
        Expr::Nested(inner) => column_of(inner),
        _ => None,
    }
}

/// The column's own name.
pub(super) fn plain_name(expr: &Expr) -> Option<String> {
    column_of(expr).map(|(_, column, _)| column)
}

/// What comes out of a query, and where each column is written.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) rows: Rows,
    pub(super) places: Vec<Position>,
}

impl Output {
    /// Whether there is a column of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.rows.columns.iter().flatten().any(|column| column.name == name)
    }
}

/// Whether a number is 0 or below, as it is written.
pub(super) fn is_below_one(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_below_one(inner),
        Expr::Value(ValueWithSpan { value: Literal::Number(text, _), .. }) => text == "0",
        Expr::UnaryOp { op: UnaryOperator::Minus, .. } => true,
        _ => false,
    }
}
