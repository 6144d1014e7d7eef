//! Glue's names of metrics.

use super::{Context, reference_tables};
use crate::ast;
use crate::dynamic::Bound;
use crate::history::MetricKey;
use crate::rule_types::RuleType;

/// Glue's name of a metric of some columns.
pub(super) fn metric_name(columns: &[&str], metric: &str) -> String {
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
            [first, second] => Ok(reference_tables::aggregate_metric(first, second)),
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
