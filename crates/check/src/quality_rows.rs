//! What a check found as rows of the tables `rule_results` and `statistics`: one Parquet file of each for every object and
//! dataset, named by the check, so that checking again replaces it.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use dqdl::{RuleResult, Statistic};
use quotelake_contract::QualityTables;
use quotelake_core::{ObjectKey, Result};
use quotelake_platform::runs::parquet_of;
use serde::Serialize;

use crate::result::{Decision, ResultDocument};

/// What a check measured, before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) results: Vec<RuleResult>,
    pub(crate) statistics: Vec<Statistic>,
    pub(crate) keeps_history: bool,
}

#[derive(Serialize)]
struct Check<'a> {
    checked_at: String,
    dataset: &'a str,
    context: &'a str,
    check_id: &'a str,
}

#[derive(Serialize)]
struct RuleRow<'a> {
    #[serde(flatten)]
    check: &'a Check<'a>,
    source: &'a str,
    decision: Decision,
    ruleset: &'a str,
    ruleset_sha256: &'a str,
    rule_number: usize,
    rule: &'a str,
    reason: Option<&'a str>,
    severity: &'static str,
    result: &'static str,
    rows_passed: Option<u64>,
    rows_failed: Option<u64>,
    rows_skipped: Option<u64>,
    message: Option<&'a str>,
}

#[derive(Serialize)]
struct StatisticRow<'a> {
    #[serde(flatten)]
    check: &'a Check<'a>,
    metric: &'a str,
    scope: Option<&'a str>,
    value: f64,
    anomalous: bool,
    excluded: bool,
}

/// The objects of one check: keys and Parquet files. A table without rows has none.
pub(crate) fn objects(
    tables: &QualityTables,
    document: &ResultDocument,
    measured: &Measured,
    checked_at: DateTime<Utc>,
) -> Result<Vec<(String, Bytes)>> {
    let lineage = &document.lineage;
    let check = Check {
        checked_at: checked_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        dataset: &lineage.dataset,
        context: &lineage.context,
        check_id: &lineage.check_id,
    };
    let rules = measured.results.iter().enumerate().map(|(at, result)| {
        let rows = |rows: u64| result.row_level.then_some(rows);
        RuleRow {
            check: &check,
            source: &lineage.source,
            decision: document.gate.decision,
            ruleset: &lineage.ruleset,
            ruleset_sha256: &lineage.ruleset_sha256,
            rule_number: at + 1,
            rule: &result.rule,
            reason: result.labels.get("reason").map(String::as_str),
            severity: result.severity.as_str(),
            result: result.outcome.as_str(),
            rows_passed: rows(result.rows_passed),
            rows_failed: rows(result.rows_failed),
            rows_skipped: rows(result.rows_skipped),
            message: result.message.as_deref(),
        }
    });
    let statistics = measured.statistics.iter().map(|statistic| StatisticRow {
        check: &check,
        metric: &statistic.key.metric,
        scope: statistic.key.scope.as_deref(),
        value: statistic.value,
        anomalous: statistic.anomalous,
        excluded: document.gate.decision == Decision::Block,
    });
    let files = [
        (&tables.rule_results, parquet_of(&tables.rule_results, rules)?),
        (&tables.statistics, parquet_of(&tables.statistics, statistics)?),
    ];
    let day = checked_at.format("%Y-%m-%d").to_string();
    let key =
        |table: &str| ObjectKey::quality_rows(table, &day, &lineage.dataset, &lineage.check_id).to_string();
    Ok(files.into_iter().filter_map(|(table, file)| Some((key(&table.name), file?))).collect())
}
