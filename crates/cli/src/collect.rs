//! Reads the lake and adds up what the report says.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use dqdl::Severity;
use quotelake_check::result::{ResultDocument, RowCounts};
use quotelake_check::{Decision, QuarantinedRow};
use quotelake_contract::Contracts;
use quotelake_core::ports::{Lake, ObjectMeta};
use quotelake_core::{Context as _, Error, ErrorKind, Finding, ObjectKey, Result, Zone};
use quotelake_landing::gzip;
use quotelake_platform::models;
use serde::Serialize;

use crate::closes::{read_closes, read_splits};
use crate::report::ReportData;
use crate::report::data::{
    ActionCounts, DatasetScore, DateRange, FailingRule, FlaggedRows, Freshness, QuarantineExample,
    QuarantineReason, Totals,
};
use crate::tables::{TableSummary, flagged, summaries, table_read};

const LATE_AFTER_DAYS: u32 = 4;

/// Everything the report shows, as of `now`.
pub async fn collect(
    lake: &dyn Lake,
    contracts: &Contracts,
    now: DateTime<Utc>,
    lake_name: &str,
) -> Result<ReportData> {
    let mut unreadable = Vec::new();
    let tables = summaries(lake, contracts, &mut unreadable).await?;
    let splits = read_splits(lake, contracts).await;
    let splits = table_read(splits, &contracts.get("splits")?.contract, &mut unreadable)?.unwrap_or_default();
    let closes = read_closes(lake, contracts, &splits).await;
    let closes = table_read(closes, &contracts.get("daily_bars")?.contract, &mut unreadable)?;
    let (closes, pivot) = closes.unwrap_or_default();
    let bars: Vec<&TableSummary> = tables.iter().filter(|table| table.table.ends_with("_bars")).collect();
    let first = bars.iter().filter_map(|table| table.first).min();
    let last = bars.iter().filter_map(|table| table.last).max();
    let symbols: BTreeSet<&String> = tables.iter().flat_map(|table| table.by_symbol.keys()).collect();
    let scorecard = scorecard(lake, &mut unreadable).await?;
    let quarantined = quarantined_rows(lake, Zone::Quarantine.prefix(), &mut unreadable).await?;
    Ok(ReportData {
        title: "Quotelake".into(),
        generated_at: now.to_rfc3339_opts(SecondsFormat::Secs, true),
        lake: lake_name.to_owned(),
        range: first
            .zip(last)
            .map(|(first, last)| DateRange { first: first.to_string(), last: last.to_string() }),
        totals: Totals {
            rows: tables.iter().map(|table| table.rows).sum(),
            symbols: symbols.len() as u64,
            partitions: tables.iter().map(|table| table.partitions).sum(),
            files: tables.iter().map(|table| table.partitions).sum(),
            bytes: tables.iter().map(|table| table.bytes).sum(),
        },
        closes,
        pivot,
        scorecard,
        flags: flags(lake, contracts, &mut unreadable).await?,
        freshness: freshness(&tables, now),
        late_after_days: LATE_AFTER_DAYS,
        quarantine: quarantine_reasons(&quarantined),
        actions: actions(&tables),
        unreadable: unreadable.into_iter().map(|finding| finding.found).collect(),
    })
}

fn freshness(tables: &[TableSummary], now: DateTime<Utc>) -> Vec<Freshness> {
    let mut rows = Vec::new();
    for table in tables {
        let is_bars = table.table.ends_with("_bars");
        for (symbol, (count, last)) in &table.by_symbol {
            rows.push(Freshness {
                dataset: table.table.clone(),
                symbol: symbol.clone(),
                last_trading_date: last.map(|date| date.to_string()),
                rows: *count,
                days_behind: last.filter(|_| is_bars).map(|date| (now.date_naive() - date).num_days()),
            });
        }
    }
    rows
}

fn actions(tables: &[TableSummary]) -> Vec<ActionCounts> {
    let mut counts: BTreeMap<&String, ActionCounts> = BTreeMap::new();
    for table in tables {
        for (symbol, (rows, last)) in &table.by_symbol {
            let (splits, dividends) = match table.table.as_str() {
                "splits" => (*rows, 0),
                "dividends" => (0, *rows),
                _ => continue,
            };
            let entry = counts.entry(symbol).or_insert_with(|| ActionCounts {
                symbol: symbol.clone(),
                splits: 0,
                dividends: 0,
                last_ex_date: None,
            });
            entry.splits += splits;
            entry.dividends += dividends;
            entry.last_ex_date = entry.last_ex_date.take().max(last.map(|date| date.to_string()));
        }
    }
    counts.into_values().collect()
}

/// What a set of result documents adds up to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Result documents.
    pub documents: u64,
    /// Rows that came in.
    pub rows_in: u64,
    /// Rows that went on to publishing.
    pub staged: u64,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// Copies and older revisions.
    pub duplicates: u64,
    /// Batches that were blocked.
    pub blocked: u64,
    /// Rows that models computed and that are in quarantine. No other count has rows of models: they did not come in.
    #[serde(skip_serializing_if = "is_zero")]
    pub computed_quarantined: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Checked {
    /// Whether a row is in quarantine, or a batch is blocked.
    pub fn has_faults(&self) -> bool {
        self.blocked + self.quarantined + self.computed_quarantined > 0
    }
}

/// The result documents of the lake; the other objects of `quality/` are made from them.
pub async fn result_documents(lake: &dyn Lake) -> Result<Vec<ObjectMeta>> {
    let mut objects = lake.list(Zone::Quality.prefix()).await?;
    objects.retain(|meta| matches!(ObjectKey::parse(&meta.key), Ok(ObjectKey::Quality { .. })));
    Ok(objects)
}

/// Adds up the result documents under these keys.
pub async fn checked_documents(lake: &dyn Lake, keys: &[String]) -> Result<Checked> {
    let (mut checked, mut unreadable) = (Checked::default(), Vec::new());
    for key in keys {
        let Some(document) = readable(read_document(lake, key).await, key, &mut unreadable)? else {
            continue;
        };
        if document.lineage.source.starts_with(models::PREFIX) {
            checked.computed_quarantined += document.rows.quarantined;
            continue;
        }
        checked.documents += 1;
        checked.rows_in += document.rows.rows_in;
        checked.staged += document.rows.staged;
        checked.quarantined += document.rows.quarantined;
        checked.duplicates += document.rows.duplicates;
        checked.blocked += u64::from(document.gate.decision == Decision::Block);
    }
    warn_of(&unreadable);
    Ok(checked)
}

/// A dataset's newest check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastCheck {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// `publish`, `publish_with_quarantine` or `block`.
    pub decision: String,
    /// Share of rules that passed, from 0 to 1; `None` where no rule ran.
    pub score: Option<f64>,
}

/// The newest check of each of these datasets, by its result documents, which are all read.
///
/// A document that cannot be read is passed over and added to `unreadable`.
pub async fn last_checks(
    lake: &dyn Lake,
    datasets: &BTreeSet<&str>,
    unreadable: &mut Vec<Finding>,
) -> Result<BTreeMap<String, LastCheck>> {
    let mut checks: BTreeMap<String, LastCheck> = BTreeMap::new();
    for dataset in datasets {
        let documents = lake.list(&ObjectKey::dataset_prefix(Zone::Quality, dataset)).await?;
        for meta in documents {
            let read = last_check(lake, &meta.key).await;
            let Some(check) = readable(read, &meta.key, unreadable)? else { continue };
            if checks.get(*dataset).is_none_or(|known| known.at <= check.at) {
                checks.insert((*dataset).to_owned(), check);
            }
        }
    }
    Ok(checks)
}

async fn last_check(lake: &dyn Lake, key: &str) -> Result<LastCheck> {
    let document = read_document(lake, key).await?;
    let at = document.completed_at().with_context(|| key.to_owned())?;
    let (decision, score) = (document.gate.decision.as_str().to_owned(), document.score());
    Ok(LastCheck { at, decision, score })
}

/// Adds the result documents that cannot be read to `unreadable`.
pub async fn look_through_results(lake: &dyn Lake, unreadable: &mut Vec<Finding>) -> Result<()> {
    for meta in result_documents(lake).await? {
        readable(last_check(lake, &meta.key).await, &meta.key, unreadable)?;
    }
    Ok(())
}

/// What was read of an object. Nothing where the object itself is to blame: then it is added to `unreadable`, for one damaged
/// document must not hide the others. Nothing as well where it is gone by now.
pub fn readable<T>(read: Result<T>, key: &str, unreadable: &mut Vec<Finding>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind().is_retryable() || error.kind() == ErrorKind::Unauthorized => Err(error),
        Err(error) => {
            unreadable.push(Finding::warning(
                key,
                error.to_string(),
                "restore it from a backup, or check its source again",
            ));
            Ok(None)
        }
    }
}

/// The landing objects that the result documents name.
pub async fn checked_sources(lake: &dyn Lake) -> Result<BTreeSet<String>> {
    let mut sources = BTreeSet::new();
    for meta in result_documents(lake).await? {
        let document = readable(read_document(lake, &meta.key).await, &meta.key, &mut Vec::new())?;
        sources.extend(document.map(|document| document.lineage.source));
    }
    Ok(sources)
}

/// A result document, by its key. An error names it.
pub async fn read_document(lake: &dyn Lake, key: &str) -> Result<ResultDocument> {
    ResultDocument::parse(&lake.get(key).await?.bytes).with_context(|| key.to_owned())
}

async fn scorecard(lake: &dyn Lake, unreadable: &mut Vec<Finding>) -> Result<Vec<DatasetScore>> {
    let mut documents: BTreeMap<String, Vec<ResultDocument>> = BTreeMap::new();
    for meta in result_documents(lake).await? {
        let Some(document) = readable(read_document(lake, &meta.key).await, &meta.key, unreadable)? else {
            continue;
        };
        documents.entry(document.lineage.dataset.clone()).or_default().push(document);
    }
    Ok(documents.into_iter().map(|(dataset, documents)| score(dataset, &documents)).collect())
}

/// Labels as `name: value`; the severity has a place of its own.
fn named_labels(labels: &BTreeMap<String, String>) -> Vec<String> {
    let others = labels.iter().filter(|(name, _)| !Severity::is_label(name));
    others.map(|(name, value)| format!("{name}: {value}")).collect()
}

fn score(dataset: String, documents: &[ResultDocument]) -> DatasetScore {
    let mut failing: BTreeMap<String, FailingRule> = BTreeMap::new();
    let (mut rules, mut passed) = (0u64, 0u64);
    for result in documents.iter().flat_map(|document| &document.glue.rule_results) {
        rules += 1;
        if result.result == "PASS" {
            passed += 1;
            continue;
        }
        let rule = result.description.clone();
        let entry = failing.entry(rule.clone()).or_insert_with(|| FailingRule {
            rule,
            labels: named_labels(&result.labels),
            rows: 0,
            runs: 0,
            severity: Severity::from_labels(&result.labels),
        });
        entry.rows += result.rule_metrics.get("RowsFailed").map_or(0, |rows| *rows as u64);
        entry.runs += 1;
    }
    let newest = documents.iter().max_by(|a, b| a.glue.completed_on.cmp(&b.glue.completed_on));
    let sum = |field: fn(&RowCounts) -> u64| documents.iter().map(|document| field(&document.rows)).sum();
    DatasetScore {
        dataset,
        objects: documents.len() as u64,
        rows_in: sum(|rows| rows.rows_in),
        staged: sum(|rows| rows.staged),
        quarantined: sum(|rows| rows.quarantined),
        duplicates: sum(|rows| rows.duplicates),
        score: (rules > 0).then(|| passed as f64 / rules as f64),
        last_decision: newest.map(|document| document.gate.decision),
        failing_rules: failing.into_values().collect(),
    }
}

/// Every row in quarantine under a prefix, in order of its key and line.
///
/// An object that cannot be read is passed over and added to `unreadable`.
pub async fn quarantined_rows(
    lake: &dyn Lake,
    prefix: &str,
    unreadable: &mut Vec<Finding>,
) -> Result<Vec<QuarantinedRow>> {
    let objects = lake.list(prefix).await?;
    quarantined_in(lake, &objects.into_iter().map(|meta| meta.key).collect::<Vec<_>>(), unreadable).await
}

/// The rows of these objects of quarantine; see [`quarantined_rows`].
pub async fn quarantined_in(
    lake: &dyn Lake,
    keys: &[String],
    unreadable: &mut Vec<Finding>,
) -> Result<Vec<QuarantinedRow>> {
    let mut rows = Vec::new();
    for key in keys {
        let read = quarantined_object(lake, key).await;
        rows.extend(readable(read, key, unreadable)?.unwrap_or_default());
    }
    Ok(rows)
}

/// Adds the objects of quarantine that cannot be read to `unreadable`.
pub async fn look_through_quarantine(lake: &dyn Lake, unreadable: &mut Vec<Finding>) -> Result<()> {
    for meta in lake.list(Zone::Quarantine.prefix()).await? {
        readable(quarantined_object(lake, &meta.key).await, &meta.key, unreadable)?;
    }
    Ok(())
}

async fn quarantined_object(lake: &dyn Lake, key: &str) -> Result<Vec<QuarantinedRow>> {
    let bytes = lake.get(key).await?.bytes;
    let damaged = || format!("{key} cannot be read");
    let text = gzip::unpack(&bytes).map_err(|e| Error::invalid(damaged()).with_source(e))?;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).map_err(|e| Error::invalid(damaged()).with_source(e)))
        .collect()
}

/// Says on standard error what was passed over, where a command's answer has no place for it.
pub fn warn_of(unreadable: &[Finding]) {
    for finding in unreadable {
        tracing::warn!(key = finding.subject, reason = finding.found, "passed over: it cannot be read");
    }
}

/// The flags of every table's rows.
async fn flags(
    lake: &dyn Lake,
    contracts: &Contracts,
    unreadable: &mut Vec<Finding>,
) -> Result<Vec<FlaggedRows>> {
    let mut all = Vec::new();
    for dataset in contracts.all()? {
        let flags = flagged(lake, &dataset.contract).await;
        for (flag, flagged) in table_read(flags, &dataset.contract, unreadable)?.unwrap_or_default() {
            let table = dataset.contract.name.clone();
            all.push(FlaggedRows { table, flag, rows: flagged.rows, newest: flagged.newest });
        }
    }
    Ok(all)
}

fn quarantine_reasons(rows: &[QuarantinedRow]) -> Vec<QuarantineReason> {
    let mut reasons: BTreeMap<(&str, &str), QuarantineReason> = BTreeMap::new();
    for row in rows {
        let entry = reasons.entry((&row.dataset, &row.reason)).or_insert_with(|| QuarantineReason {
            dataset: row.dataset.clone(),
            reason: row.reason.clone(),
            rows: 0,
            example: Some(QuarantineExample {
                source: row.source.clone(),
                line: Some(row.line),
                raw: row.raw.clone().or_else(|| row.raw_base64.clone()).unwrap_or_default(),
            }),
        });
        entry.rows += 1;
    }
    reasons.into_values().collect()
}
