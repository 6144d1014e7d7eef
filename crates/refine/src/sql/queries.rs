//! Queries, their tables and their clauses.

use std::collections::BTreeMap;

use quotelake_contract::Contract;
use sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, JoinConstraint, JoinOperator, LimitClause, NamedWindowExpr,
    OrderByKind, Query, Select, SelectItem, SetExpr, Spanned as _, TableAlias, TableFactor, TableWithJoins,
};

use super::kind::{Kind, Value};
use super::lint::{At, Linter};
use super::scope::{Column, Output, Relation, Rows, Scope, plain_name};
use crate::sql_text::{Position, name_of, table_name};

impl Linter<'_> {
    /// A query, and what comes out of it.
    pub(super) fn query(&mut self, query: &Query, outer: Option<&Scope<'_>>) -> Output {
        self.named.push(BTreeMap::new());
        for named in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = name_of(&named.alias.name);
            if self.contracts.get(&name).is_ok() {
                let message = format!("{name:?} is a table: name the query otherwise");
                self.fault(&At(named.alias.name.span), "shadowed_table", message);
            }
            let output = self.query(&named.query, outer);
            let rows = self.renamed(output.rows, &named.alias);
            if let Some(innermost) = self.named.last_mut() {
                innermost.insert(name, rows);
            }
        }
        if query.fetch.is_some() {
            self.listed(query, "limit_before_offset");
        }
        let is_odd = !query.locks.is_empty()
            || query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        if is_odd {
            self.dialect(&*query.body, "a clause that only some engines have");
        }
        let output = self.body(&query.body, outer);
        self.ordered(query, &output, outer);
        self.named.pop();
        output
    }

    /// ORDER BY, LIMIT and OFFSET of a query.
    fn ordered(&mut self, query: &Query, output: &Output, outer: Option<&Scope<'_>>) {
        let is_cut = query.limit_clause.is_some() || query.fetch.is_some();
        match query.order_by.as_ref().map(|order| &order.kind) {
            None if is_cut => self.listed(&*query.body, "limit_without_order"),
            None => {}
            Some(OrderByKind::All(_)) => self.dialect(query, "ORDER BY ALL"),
            Some(OrderByKind::Expressions(order)) => {
                let scope = Scope {
                    relations: vec![Relation { name: None, rows: output.rows.clone(), nullable: false }],
                    outer,
                    ..Scope::default()
                };
                for item in order {
                    // What is no column of the output may be one of its tables: those were looked at by their SELECT.
                    if plain_name(&item.expr).is_some_and(|name| output.has(&name)) {
                        self.expr(&item.expr, &scope);
                    }
                    if is_cut && item.options.nulls_first.is_none() {
                        self.listed(&item.expr, "nulls_order");
                    }
                }
            }
        }
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit: Some(limit), offset: Some(offset), limit_by }) => {
                if limit.span().start < offset.value.span().start {
                    self.listed(limit, "limit_before_offset");
                }
                if !limit_by.is_empty() {
                    self.dialect(limit, "LIMIT BY");
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, .. }) => self.dialect(offset, "LIMIT with a comma"),
            Some(LimitClause::LimitOffset { .. }) | None => {}
        }
    }

    fn body(&mut self, body: &SetExpr, outer: Option<&Scope<'_>>) -> Output {
        match body {
            SetExpr::Select(select) => self.select(select, outer),
            SetExpr::Query(query) => self.query(query, outer),
            SetExpr::SetOperation { left, right, .. } => {
                let left = self.body(left, outer);
                let right = self.body(right, outer);
                united(left, &right)
            }
            SetExpr::Values(values) => {
                let scope = Scope { outer, ..Scope::default() };
                let mut columns: Vec<Vec<Value>> = Vec::new();
                for row in &values.rows {
                    for (index, value) in row.content.iter().enumerate() {
                        let value = self.expr(value, &scope);
                        match columns.get_mut(index) {
                            Some(column) => column.push(value),
                            None => columns.push(vec![value]),
                        }
                    }
                }
                let column = |(index, values): (usize, Vec<Value>)| Column {
                    name: format!("column{}", index + 1),
                    value: Value::either(&values),
                };
                let columns: Vec<Column> = columns.into_iter().enumerate().map(column).collect();
                let places = vec![Position::START; columns.len()];
                Output { rows: Rows { columns: Some(columns), key: None }, places }
            }
            other => {
                self.fault(other, "not_a_select", "a model is a SELECT");
                Output::default()
            }
        }
    }

    fn select(&mut self, select: &Select, outer: Option<&Scope<'_>>) -> Output {
        self.pass(&select.select_token.0);
        self.odd_clauses(select);
        let mut scope = Scope { outer, aliases: aliases(select), ..Scope::default() };
        let mut conditions = Vec::new();
        for table in &select.from {
            self.tables(table, &mut scope, &mut conditions);
        }
        scope.fixed = select.selection.as_ref().map(fixed).unwrap_or_default();
        for condition in conditions.into_iter().chain(&select.selection).chain(&select.having) {
            self.expr(condition, &scope);
        }
        let grouped = self.group_by(select, &scope);
        for window in &select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &window.1 {
                self.window_parts(spec, &scope);
            }
        }
        let mut output = Output { rows: Rows { columns: Some(Vec::new()), key: None }, places: Vec::new() };
        for item in &select.projection {
            self.item(item, &scope, &mut output);
        }
        output.rows.key = match grouped {
            Some(grouped) => key_of_groups(select, &grouped),
            None if select.distinct.is_some() || select.from.len() != 1 => None,
            None => key_of_rows(select, &scope),
        };
        output
    }

    /// Clauses that only some engines have.
    fn odd_clauses(&mut self, select: &Select) {
        let place = &select.select_token.0;
        match &select.distinct {
            Some(Distinct::On(_)) => self.listed(place, "distinct_on"),
            Some(Distinct::Distinct | Distinct::All) | None => {}
        }
        if let Some(qualify) = &select.qualify {
            self.listed(qualify, "qualify");
        }
        if select.exclude.is_some() {
            self.listed(place, "exclude");
        }
        let odd = [
            (select.top.is_some(), "TOP"),
            (select.into.is_some(), "INTO"),
            (!select.lateral_views.is_empty(), "LATERAL VIEW"),
            (select.prewhere.is_some(), "PREWHERE"),
            (!select.connect_by.is_empty(), "CONNECT BY"),
            (!select.cluster_by.is_empty(), "CLUSTER BY"),
            (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
            (!select.sort_by.is_empty(), "SORT BY"),
            (select.value_table_mode.is_some(), "AS STRUCT"),
            (select.select_modifiers.is_some(), "a modifier of SELECT"),
        ];
        for (_, clause) in odd.into_iter().filter(|(is_there, _)| *is_there) {
            self.dialect(place, clause);
        }
    }

    /// What is grouped by, each as it is written or by its number; `None` where nothing is.
    fn group_by(&mut self, select: &Select, scope: &Scope<'_>) -> Option<Vec<String>> {
        match &select.group_by {
            GroupByExpr::All(_) => {
                self.listed(&select.select_token.0, "group_by_all");
                None
            }
            GroupByExpr::Expressions(by, modifiers) => {
                if !modifiers.is_empty() {
                    self.dialect(&select.select_token.0, "a modifier of GROUP BY");
                }
                for expr in by {
                    if !matches!(expr, Expr::Value(_)) {
                        self.expr(expr, scope);
                    }
                }
                (!by.is_empty()).then(|| by.iter().map(ToString::to_string).collect())
            }
        }
    }

    /// Rows under an alias, where they have one.
    fn called(&mut self, rows: Rows, alias: Option<&TableAlias>) -> Rows {
        match alias {
            Some(alias) => self.renamed(rows, alias),
            None => rows,
        }
    }

    /// The names that an alias gives to columns.
    fn renamed(&mut self, mut rows: Rows, alias: &TableAlias) -> Rows {
        self.named_so(&alias.name);
        if !alias.columns.is_empty() {
            rows.key = None;
        }
        for (index, given) in alias.columns.iter().enumerate() {
            self.named_so(&given.name);
            if let Some(column) = rows.columns.as_mut().and_then(|columns| columns.get_mut(index)) {
                column.name = name_of(&given.name);
            }
        }
        rows
    }

    fn item(&mut self, item: &SelectItem, scope: &Scope<'_>, output: &mut Output) {
        let (expr, alias) = match item {
            SelectItem::UnnamedExpr(expr) => (expr, None),
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias)),
            SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
                let is_plain = options.opt_exclude.is_none()
                    && options.opt_except.is_none()
                    && options.opt_replace.is_none()
                    && options.opt_rename.is_none()
                    && options.opt_ilike.is_none();
                self.listed(item, if is_plain { "star" } else { "exclude" });
                output.rows.columns = None;
                return;
            }
            SelectItem::ExprWithAliases { .. } => return self.dialect(item, "several names for one column"),
        };
        let value = self.expr(expr, scope);
        if let Some(alias) = alias {
            self.named_so(alias);
        }
        let name = alias.map(name_of).or_else(|| plain_name(expr));
        let span = alias.map_or_else(|| expr.span(), |alias| alias.span);
        let start = if span.start.line > 0 { span.start } else { item.span().start };
        output.places.push(Position { line: start.line.max(1), column: start.column.max(1) });
        if let Some(columns) = &mut output.rows.columns {
            columns.push(Column { name: name.unwrap_or_else(|| expr.to_string()), value });
        }
    }

    /// The tables of one item of FROM.
    fn tables<'q>(
        &mut self,
        tables: &'q TableWithJoins,
        scope: &mut Scope<'_>,
        conditions: &mut Vec<&'q Expr>,
    ) {
        self.table(&tables.relation, scope, conditions, false);
        for join in &tables.joins {
            let (constraint, left_may_miss, right_may_miss) = match &join.join_operator {
                JoinOperator::Join(on) | JoinOperator::Inner(on) => (Some(on), false, false),
                JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (Some(on), false, true),
                JoinOperator::Right(on) | JoinOperator::RightOuter(on) => (Some(on), true, false),
                JoinOperator::FullOuter(on) => (Some(on), true, true),
                JoinOperator::CrossJoin(on) => (Some(on), false, false),
                JoinOperator::AsOf { match_condition, .. } => {
                    self.listed(match_condition, "asof_join");
                    (None, false, true)
                }
                _ => {
                    self.dialect(&join.relation, "this kind of join");
                    (None, false, true)
                }
            };
            if left_may_miss {
                scope.relations.iter_mut().for_each(|relation| relation.nullable = true);
            }
            self.table(&join.relation, scope, conditions, right_may_miss);
            match constraint {
                Some(JoinConstraint::On(condition)) => conditions.push(condition),
                Some(JoinConstraint::Natural) => self.listed(&join.relation, "natural_join"),
                Some(JoinConstraint::Using(_) | JoinConstraint::None) | None => {}
            }
        }
    }

    fn table<'q>(
        &mut self,
        table: &'q TableFactor,
        scope: &mut Scope<'_>,
        conditions: &mut Vec<&'q Expr>,
        nullable: bool,
    ) {
        let relation = match table {
            TableFactor::Table { name, alias, args, sample, version, .. } => {
                if args.is_some() || sample.is_some() || version.is_some() {
                    return self.dialect(name, "more than a table's name");
                }
                let known = table_name(name);
                let rows = self.rows_of(&known, name);
                let rows = self.called(rows, alias.as_ref());
                let called = alias.as_ref().map_or(known, |alias| name_of(&alias.name));
                Relation { name: Some(called), rows, nullable }
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let rows = if *lateral {
                    self.query_of_value(subquery, scope).rows
                } else {
                    self.query(subquery, scope.outer).rows
                };
                let name = alias.as_ref().map(|alias| name_of(&alias.name));
                let rows = self.called(rows, alias.as_ref());
                Relation { name, rows, nullable }
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                return self.tables(table_with_joins, scope, conditions);
            }
            other => {
                self.dialect(other, "this in the place of a table");
                Relation { name: None, rows: Rows::default(), nullable }
            }
        };
        scope.relations.push(relation);
    }

    /// The rows of a query named by WITH, or of a table.
    fn rows_of(&mut self, name: &str, place: &sqlparser::ast::ObjectName) -> Rows {
        if let Some(rows) = self.named.iter().rev().find_map(|named| named.get(name)) {
            return rows.clone();
        }
        match self.contracts.get(name) {
            Ok(dataset) => rows_of(&dataset.contract),
            Err(_) => {
                let known: Vec<&str> = self.contracts.names().collect();
                let message = format!("there is no table {name:?}; there are {}", known.join(", "));
                self.fault(place, "unknown_table", message);
                Rows::default()
            }
        }
    }

    /// Notes what only some engines have, and is on no list.
    pub(super) fn dialect(&mut self, place: &impl sqlparser::ast::Spanned, what: &str) {
        self.fault(place, "dialect", format!("{what}: not every engine has it"));
    }
}

/// The rows of a table by its contract. Partition columns are columns too.
fn rows_of(contract: &Contract) -> Rows {
    let columns = contract.columns.iter().map(|column| {
        let kind = Kind::of_column(column.ty);
        let value = Value { kind, nullable: column.nullable, floated: column.floating_point };
        Column { name: column.name.clone(), value }
    });
    let partitions =
        contract.partitions.iter().filter(|partition| contract.index_of(&partition.name).is_none());
    let partitions = partitions.map(|partition| {
        let value = Value::of(Kind::of_column(partition.ty)).or_null();
        Column { name: partition.name.clone(), value }
    });
    let key = contract.key.iter().map(|index| contract.columns[*index].name.clone()).collect();
    Rows { columns: Some(columns.chain(partitions).collect()), key: Some(key) }
}

/// The columns of both, by the names of the first.
fn united(left: Output, right: &Output) -> Output {
    let columns = left.rows.columns.zip(right.rows.columns.as_ref()).map(|(left, right)| {
        let both = left.into_iter().enumerate().map(|(index, column)| {
            let other = right.get(index).map_or(Value::UNKNOWN, |other| other.value);
            Column { value: Value::either(&[column.value, other]), ..column }
        });
        both.collect()
    });
    Output { rows: Rows { columns, key: None }, places: left.places }
}

fn aliases(select: &Select) -> Vec<String> {
    let alias = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(name_of(alias)),
        _ => None,
    };
    select.projection.iter().filter_map(alias).collect()
}

/// Columns that a condition holds at one value.
fn fixed(condition: &Expr) -> Vec<String> {
    match condition {
        Expr::Nested(inner) => fixed(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut both = fixed(left);
            both.extend(fixed(right));
            both
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (&**left, &**right) {
            (column, Expr::Value(_) | Expr::TypedString(_))
            | (Expr::Value(_) | Expr::TypedString(_), column) => plain_name(column).into_iter().collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The key of grouped rows: what is grouped by, where all of it is selected.
fn key_of_groups(select: &Select, grouped: &[String]) -> Option<Vec<String>> {
    let name = |by: &String| {
        let by_number = by.parse::<usize>().ok().and_then(|number| select.projection.get(number - 1));
        let selected = by_number.or_else(|| {
            select.projection.iter().find(|item| match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    expr.to_string() == *by
                }
                _ => false,
            })
        });
        selected.and_then(name_of_item)
    };
    grouped.iter().map(name).collect()
}

/// The key of rows that are those of one table: its own, where all of it is selected as it is.
fn key_of_rows(select: &Select, scope: &Scope<'_>) -> Option<Vec<String>> {
    let [relation] = scope.relations.as_slice() else { return None };
    let key = relation.rows.key.as_ref()?;
    let selected = |column: &String| {
        let item = select.projection.iter().find(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                plain_name(expr).as_ref() == Some(column)
            }
            _ => false,
        });
        item.and_then(name_of_item)
    };
    let rest = key.iter().filter(|column| !scope.fixed.contains(column));
    rest.map(selected).collect()
}

fn name_of_item(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(name_of(alias)),
        SelectItem::UnnamedExpr(expr) => plain_name(expr),
        _ => None,
    }
}
