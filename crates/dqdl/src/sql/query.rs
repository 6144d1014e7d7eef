//! The SELECT of CustomSql: `select ... from primary [where ...]`, and nothing more.
//!
//! A query of aggregates has one row and one number; any other query returns rows of `primary`. What the query holds
//! besides is named in the error.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use chrono::{DateTime, Utc};
use sqlparser::ast::{Expr, GroupByExpr, Query as Parsed, Select, SelectItem, SetExpr, TableFactor};
use sqlparser::tokenizer::Token;

use super::aggregate::{Aggregation, is_aggregate};
use super::compile::{Compiler, end, parser, unsupported};
use super::syntax::plain;
use super::{Expression, Predicate};

/// A compiled query.
#[derive(Debug)]
pub(crate) enum Query {
    /// `select count(*) ... from primary where ...`
    Number(Aggregation),
    /// `select a, b from primary where ...`: the rows for which the predicate is TRUE, all without one.
    Rows {
        /// The `where`.
        predicate: Option<Predicate>,
    },
}

impl Query {
    /// Compiles a query and tries it on no rows.
    pub(crate) fn compile(text: &str, schema: &Schema, now: DateTime<Utc>) -> Result<Self, String> {
        let mut parser = parser(text)?;
        let parsed = parser.parse_query().map_err(|error| plain(&error.to_string()))?;
        let _ = parser.consume_token(&Token::SemiColon);
        end(&parser)?;
        let select = plain_select(&parsed)?;
        let mut compiler = Compiler::new(schema, now);
        if let Some(alias) = table(select)? {
            compiler.qualifiers.push(alias);
        }
        let predicate = match &select.selection {
            Some(selection) => Some(Predicate::of(compiler.expression(selection)?)),
            None => None,
        };
        let empty = RecordBatch::new_empty(Arc::new(schema.clone()));
        if let Some(predicate) = &predicate {
            predicate.evaluate(&empty)?;
        }
        let items: Vec<Option<&Expr>> = select.projection.iter().map(item).collect::<Result<_, _>>()?;
        let aggregates = items.iter().flatten().any(|item| is_aggregate(item));
        match (items.as_slice(), aggregates) {
            ([Some(item)], true) => {
                Ok(Self::Number(Aggregation::compile(&mut compiler, item, predicate, &empty)?))
            }
            (_, true) => Err("a query of aggregates has one column".to_owned()),
            (items, false) => {
                for item in items.iter().flatten() {
                    compiler.expression(item)?.value(&empty)?;
                }
                Ok(Self::Rows { predicate })
            }
        }
    }
}

/// An item of the projection; `None` for `*`.
fn item(item: &SelectItem) -> Result<Option<&Expr>, String> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Ok(Some(expr)),
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => Ok(None),
        SelectItem::ExprWithAliases { .. } => Err(unsupported(item)),
    }
}

/// The SELECT, when the query is nothing but `select ... from ... [where ...]`.
fn plain_select(query: &Parsed) -> Result<&Select, String> {
    let refuse = |what: &str| Err(format!("{what} is not supported in CustomSql"));
    if query.with.is_some() {
        return refuse("WITH");
    }
    let select = match query.body.as_ref() {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { op, .. } => return refuse(&op.to_string()),
        _ => return refuse("a query that is not a SELECT"),
    };
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(by, modifiers) => !by.is_empty() || !modifiers.is_empty(),
    };
    let clauses = [
        (grouped, "GROUP BY"),
        (select.having.is_some(), "HAVING"),
        (select.distinct.is_some(), "SELECT DISTINCT"),
        (select.qualify.is_some() || !select.named_window.is_empty(), "a window"),
        (query.order_by.is_some(), "ORDER BY"),
        (query.limit_clause.is_some() || query.fetch.is_some() || select.top.is_some(), "LIMIT"),
    ];
    if let Some((_, clause)) = clauses.iter().find(|(found, _)| *found) {
        return refuse(clause);
    }
    if select.from.len() != 1 {
        return Err("CustomSql takes one table, `primary`".to_owned());
    }
    // Whatever else the grammar of the parser knows shows when the plain part is printed alone.
    let list = |items: Vec<String>| items.join(", ");
    let mut plain = format!(
        "SELECT {} FROM {}",
        list(select.projection.iter().map(ToString::to_string).collect()),
        list(select.from.iter().map(ToString::to_string).collect())
    );
    if let Some(selection) = &select.selection {
        plain.push_str(&format!(" WHERE {selection}"));
    }
    if plain == query.to_string() {
        Ok(select)
    } else {
        Err("CustomSql takes `select ... from primary [where ...]` and nothing more".to_owned())
    }
}

/// Checks that the only table is `primary`; its alias.
fn table(select: &Select) -> Result<Option<String>, String> {
    let [from] = select.from.as_slice() else {
        return Ok(None);
    };
    if !from.joins.is_empty() {
        return Err("JOIN is not supported in CustomSql".to_owned());
    }
    let TableFactor::Table { name, alias, .. } = &from.relation else {
        return Err(format!("`{}` is not supported in CustomSql: only the table `primary`", from.relation));
    };
    if !name.to_string().eq_ignore_ascii_case("primary") {
        return Err(format!("the table {name} is not supported: only `primary`"));
    }
    let plain = match alias {
        None => name.to_string(),
        Some(alias) if !alias.columns.is_empty() => return Err(unsupported(alias)),
        Some(alias) => {
            let with_as = if alias.explicit { " AS" } else { "" };
            format!("{name}{with_as} {}", alias.name)
        }
    };
    if plain != from.to_string() {
        return Err(unsupported(from));
    }
    Ok(alias.as_ref().map(|alias| alias.name.value.clone()))
}

impl Predicate {
    pub(super) fn of(expression: Expression) -> Self {
        Self { expression }
    }
}
