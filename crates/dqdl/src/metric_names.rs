//! Glue's names of metrics.

use std::sync::LazyLock;

use regex::Regex;

use crate::ast;
use crate::check::Context;
use crate::history::MetricKey;
use crate::rule_types::RuleType;

/// Glue's name of a metric of some columns.
pub(crate) fn metric_name(columns: &[&str], metric: &str) -> String {
    match columns {
        [column] => format!("Column.{column}.{metric}"),
        columns => format!("Multicolumn.{}.{metric}", columns.join(",")),
    }
}

/// What a metric is scoped by: `where`, or the SQL of CustomSql.
pub(crate) fn scope(
    rule_type: RuleType,
    parameters: &[ast::Parameter],
    filter: Option<&str>,
) -> Option<String> {
    match (rule_type, parameters) {
        (RuleType::CustomSql, [sql]) => Some(sql.value.clone()),
        (RuleType::DetectAnomalies, [rule_type, rest @ ..]) => {
            scope(RuleType::from_any_case(&rule_type.value)?, rest, filter)
        }
        _ => filter.map(str::to_owned),
    }
}

/// The metric whose history `last(k)` of an operand is.
pub(crate) fn dynamic_metric(
    check: &ast::Check,
    bound: Bound,
    context: &Context<'_>,
) -> Result<MetricKey, String> {
    let names: Vec<String> = check
        .parameters
        .iter()
        .map(|parameter| match context.column(&parameter.value) {
            Ok(column) => column.name,
            Err(_) => parameter.value.clone(),
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let of_column = |metric: &str| Ok(metric_name(&names, metric));
    let metric = match (check.rule_type, bound) {
        (RuleType::CustomSql, Bound::Share) => Ok("Dataset.*.CustomSQL.Compliance".to_owned()),
        (RuleType::CustomSql, _) => Ok("Dataset.*.CustomSQL".to_owned()),
        (rule_type @ (RuleType::ColumnValues | RuleType::ColumnDataType), Bound::Share) => {
            of_column(&format!("{rule_type}.Compliance"))
        }
        (RuleType::ColumnValues, Bound::Lower) => of_column("Minimum"),
        (RuleType::ColumnValues, Bound::Upper) => of_column("Maximum"),
        (RuleType::ColumnLength, Bound::Lower) => of_column("MinimumLength"),
        (RuleType::ColumnLength, Bound::Upper) => of_column("MaximumLength"),
        (
            rule_type @ (RuleType::Completeness
            | RuleType::Uniqueness
            | RuleType::UniqueValueRatio
            | RuleType::DistinctValuesCount
            | RuleType::Mean
            | RuleType::Sum
            | RuleType::StandardDeviation
            | RuleType::Variance
            | RuleType::Entropy
            | RuleType::ColumnCorrelation),
            _,
        ) => of_column(rule_type.name()),
        (RuleType::AggregateMatch, _) => match names[..] {
            [first, second] => Ok(aggregate_metric(first, second)),
            _ => Err("AggregateMatch takes two parameters".to_owned()),
        },
        (rule_type @ RuleType::ReferentialIntegrity, _) => {
            let alias =
                names.get(1).and_then(|text| text.split_once('.')).map_or("", |(alias, _)| alias.trim());
            Ok(format!("Column.{alias}.{rule_type}"))
        }
        (rule_type @ (RuleType::DatasetMatch | RuleType::RowCountMatch | RuleType::SchemaMatch), _) => {
            Ok(format!("Dataset.{}.{rule_type}", names.first().unwrap_or(&"")))
        }
        (rule_type @ (RuleType::RowCount | RuleType::ColumnCount), _) => Ok(format!("Dataset.*.{rule_type}")),
        (rule_type, _) => Err(format!("last(k) has no history under this condition of {rule_type}")),
    }?;
    Ok(MetricKey { metric, scope: scope(check.rule_type, &check.parameters, check.filter.as_deref()) })
}

/// What an operand bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Lower,
    Upper,
    /// Neither, or both.
    Exact,
    /// The share of rows that pass.
    Share,
}

/// `Column.a.AggregateMatch`, or `Column.a,b.AggregateMatch` of columns of different names.
pub(crate) fn aggregate_metric(first: &str, second: &str) -> String {
    let (first, second) = (column_of(&plain(first)), column_of(&plain(second)));
    if first == second {
        format!("Column.{first}.AggregateMatch")
    } else {
        format!("Column.{first},{second}.AggregateMatch")
    }
}

/// The alias in `sum(alias.column)`.
pub(crate) fn alias_of(expression: &str) -> Option<&str> {
    static QUALIFIED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"([A-Za-z_][A-Za-z0-9_]*)\s*\.\s*[A-Za-z_"`]"#).ok());
    Some(QUALIFIED.as_ref()?.captures(expression)?.get(1)?.as_str())
}

/// The column in `sum(alias.column)`, without its alias and quotes.
fn column_of(expression: &str) -> String {
    let inside = expression.split_once('(').map_or(expression, |(_, rest)| rest);
    let inside = inside.rsplit_once(')').map_or(inside, |(inside, _)| inside).trim();
    let column = match alias_of(inside) {
        Some(alias) => {
            inside.strip_prefix(alias).map_or(inside, |rest| rest.trim_start().trim_start_matches('.'))
        }
        None => inside,
    };
    column.trim().trim_matches(['"', '`']).to_owned()
}

/// The SQL of a parameter.
pub(crate) fn plain(parameter: &str) -> String {
    parameter.replace("\\\"", "\"")
}
