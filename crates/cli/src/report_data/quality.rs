//! What the result documents say, by dataset and by day.

use std::collections::BTreeMap;

use dqdl::Severity;
use quotelake_check::Decision;
use quotelake_check::result::{ResultDocument, RowCounts};
use quotelake_core::ports::Lake;
use quotelake_core::{Finding, Result};

use crate::collect::{read_document, readable, result_documents};
use crate::report::data::{DatasetScore, FailingRule, QualityDay};

/// Days that are shown, those on which something was checked.
const DAYS: usize = 90;

/// Every result document that can be read.
pub(super) async fn documents(lake: &dyn Lake, unreadable: &mut Vec<Finding>) -> Result<Vec<ResultDocument>> {
    let mut documents = Vec::new();
    for meta in result_documents(lake).await? {
        documents.extend(readable(read_document(lake, &meta.key).await, &meta.key, unreadable)?);
    }
    Ok(documents)
}

/// What the checks of each dataset came to.
pub(super) fn scorecard(documents: &[ResultDocument]) -> Vec<DatasetScore> {
    let mut by_dataset: BTreeMap<&str, Vec<&ResultDocument>> = BTreeMap::new();
    for document in documents {
        by_dataset.entry(&document.lineage.dataset).or_default().push(document);
    }
    by_dataset.into_iter().map(|(dataset, documents)| score(dataset, &documents)).collect()
}

/// The same day by day, the newest first.
pub(super) fn by_day(documents: &[ResultDocument]) -> Vec<QualityDay> {
    let mut days: BTreeMap<(&str, &str), Vec<&ResultDocument>> = BTreeMap::new();
    for document in documents {
        let day = document.glue.completed_on.split('T').next().unwrap_or_default();
        days.entry((day, &document.lineage.dataset)).or_default().push(document);
    }
    let day = |((day, dataset), documents): ((&str, &str), Vec<&ResultDocument>)| {
        let (rules, passed) = rules(&documents);
        let blocked = documents.iter().filter(|document| document.gate.decision == Decision::Block);
        QualityDay {
            day: day.to_owned(),
            dataset: dataset.to_owned(),
            checks: documents.len() as u64,
            blocked: blocked.count() as u64,
            rows_in: documents.iter().map(|document| document.rows.rows_in).sum(),
            quarantined: documents.iter().map(|document| document.rows.quarantined).sum(),
            score: (rules > 0).then(|| passed as f64 / rules as f64),
        }
    };
    let mut newest: Vec<&str> = days.keys().map(|(day, _)| *day).collect();
    newest.dedup();
    let oldest = newest.iter().rev().nth(DAYS - 1).copied().unwrap_or_default();
    let mut shown: Vec<QualityDay> =
        days.into_iter().filter(|((day, _), _)| *day >= oldest).map(day).collect();
    // Newest first, the datasets of a day by name.
    shown.sort_by(|a, b| (&b.day, &a.dataset).cmp(&(&a.day, &b.dataset)));
    shown
}

/// How many rules ran, and how many of them passed.
fn rules(documents: &[&ResultDocument]) -> (u64, u64) {
    let results = documents.iter().flat_map(|document| &document.glue.rule_results);
    results.fold((0, 0), |(rules, passed), result| (rules + 1, passed + u64::from(result.result == "PASS")))
}

fn score(dataset: &str, documents: &[&ResultDocument]) -> DatasetScore {
    let (rules, passed) = rules(documents);
    let newest = documents.iter().max_by(|a, b| a.glue.completed_on.cmp(&b.glue.completed_on));
    let sum = |field: fn(&RowCounts) -> u64| documents.iter().map(|document| field(&document.rows)).sum();
    DatasetScore {
        dataset: dataset.to_owned(),
        objects: documents.len() as u64,
        rows_in: sum(|rows| rows.rows_in),
        staged: sum(|rows| rows.staged),
        quarantined: sum(|rows| rows.quarantined),
        duplicates: sum(|rows| rows.duplicates),
        score: (rules > 0).then(|| passed as f64 / rules as f64),
        last_decision: newest.map(|document| document.gate.decision),
        failing_rules: failing_rules(documents),
    }
}

/// The rules that failed, the last failure first.
fn failing_rules(documents: &[&ResultDocument]) -> Vec<FailingRule> {
    let mut failing: BTreeMap<&str, FailingRule> = BTreeMap::new();
    for document in documents {
        for result in document.glue.rule_results.iter().filter(|result| result.result != "PASS") {
            let rule = result.description.as_str();
            let entry = failing.entry(rule).or_insert_with(|| FailingRule {
                reason: result.labels.get("reason").cloned(),
                rule: rule.to_owned(),
                last: None,
                rows: 0,
                runs: 0,
                severity: Severity::from_labels(&result.labels),
            });
            entry.rows += result.rule_metrics.get("RowsFailed").map_or(0, |rows| *rows as u64);
            entry.runs += 1;
            entry.last = entry.last.take().max(Some(document.glue.completed_on.clone()));
        }
    }
    let mut failing: Vec<FailingRule> = failing.into_values().collect();
    failing.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.rule.cmp(&b.rule)));
    failing
}
