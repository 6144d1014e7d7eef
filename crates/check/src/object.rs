//! One landing object, judged and written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use dqdl::{GlueContext, History, MemoryHistory};
use quotelake_contract::Contracts;
use quotelake_core::ports::{Event, Lake, Message, Precondition};
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result, check_id, sha256_hex};
use quotelake_market::Neighbours;
use quotelake_platform::sqs::correlation;
use quotelake_table::{Columnar, run_ids, staged};
use serde::Deserialize;
use serde_json::json;

use crate::Context;
use crate::history::{self, Entry};
use crate::judge::{Beside, Judge, Verdict};
use crate::quality_rows::{self, Measured};
use crate::result::{Decision, Lineage, QuarantineSummary, ResultDocument, RowCounts, SCHEMA};
use crate::run_rows::{self, Run, record_failure};
use crate::sorting::{Sorting, UNKNOWN, line_spans};
use crate::surroundings::Surroundings;
use crate::windows::{Piece, Windows, is_gzip};

/// What checking one object led to.
#[derive(Debug)]
pub struct CheckReport {
    /// The landing object.
    pub key: String,
    /// Names every output.
    pub check_id: String,
    /// All rows of the object.
    pub rows: RowCounts,
    /// The result documents, by dataset.
    pub documents: Vec<ResultDocument>,
    /// Rows in quarantine because no known dataset is named, by reason.
    pub unknown: BTreeMap<String, u64>,
}

impl CheckReport {
    /// The runs that fetched the staged rows of all datasets.
    pub fn run_ids(&self) -> BTreeSet<&str> {
        self.documents.iter().flat_map(|document| &document.lineage.run_ids).map(String::as_str).collect()
    }

    /// Datasets whose good rows were held back with the bad ones.
    pub fn blocked(&self) -> usize {
        self.documents.iter().filter(|document| document.gate.decision == Decision::Block).count()
    }
}

/// One object, judged; nothing is written yet.
#[derive(Debug)]
pub struct Evaluation {
    /// The report.
    pub report: CheckReport,
    outputs: Vec<Output>,
    now: DateTime<Utc>,
    /// The object's size.
    bytes: u64,
}

impl Evaluation {
    /// Whether a row names a dataset that is not known, or none.
    pub fn names_unknown_datasets(&self) -> bool {
        !self.report.unknown.is_empty()
    }
}

#[derive(Debug)]
struct Output {
    dataset: String,
    quarantine: Option<(String, Bytes)>,
    staged: Option<(String, Bytes)>,
    /// The report's document of this dataset, and what was measured; none for rows of no dataset.
    judged: Option<(usize, Measured)>,
}

/// What objects are judged with.
#[derive(Debug, Clone, Copy)]
pub struct CheckInputs<'a> {
    /// Where the object is.
    pub landing: &'a dyn Lake,
    /// The lake whose published bars and earlier checks rules compare with. Without one an object is judged by what is in it,
    /// and a rule that compares with earlier checks passes untried.
    pub published: Option<&'a dyn Lake>,
    /// The datasets.
    pub contracts: &'a Contracts,
    /// `now()` in rules.
    pub now: DateTime<Utc>,
}

impl Context {
    /// What its objects are judged with, now.
    pub fn inputs(&self) -> CheckInputs<'_> {
        CheckInputs {
            landing: self.landing.as_ref(),
            published: Some(self.lake.as_ref()),
            contracts: &self.contracts,
            now: self.clock.now(),
        }
    }
}

/// Checks one landing object and writes what comes of it: [`evaluate_object`], then [`record`].
///
/// `delivery_id` names the delivery that asked for it. `NotFound` when the object is gone; otherwise only the kinds of the
/// lake, the queue and the event bus: no content of an object is an error. `Damaged` for an object that is not whole: nothing of
/// it is judged.
pub async fn check_object(context: &Context, key: &str, delivery_id: &str) -> Result<CheckReport> {
    let inputs = context.inputs();
    let checked = match evaluate_object(inputs, key).await {
        Ok(evaluation) => record(context, evaluation, delivery_id).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &checked {
        record_failure(context, key, delivery_id, inputs.now, error).await;
    }
    checked
}

/// Writes what comes of an object that was judged: quarantine, staged rows, result, event, publish request, in this order.
/// Checking the same object again writes the same keys, quarantine and staged rows with the same bytes. Last, what the run came to.
pub async fn record(context: &Context, evaluation: Evaluation, delivery_id: &str) -> Result<CheckReport> {
    let Evaluation { mut report, outputs, now, bytes } = evaluation;
    let mut first_checked_at = now;
    let put = |key: String, bytes: Bytes| async move {
        context.lake.put(&key, bytes, Precondition::None).await.with_context(|| format!("writing {key}"))
    };
    for output in outputs {
        if let Some((key, bytes)) = output.quarantine {
            put(key, bytes).await?;
        }
        let has_staged = output.staged.is_some();
        if let Some((key, bytes)) = output.staged {
            put(key, bytes).await?;
        }
        let mut runs = None;
        if let Some((index, measured)) = output.judged {
            let document = &mut report.documents[index];
            let key = ObjectKey::quality(&output.dataset, &report.check_id).to_string();
            let checked_at = earlier_check(context.lake.as_ref(), &key).await?.unwrap_or(now);
            first_checked_at = first_checked_at.min(checked_at);
            document.glue.started_on = checked_at.to_rfc3339_opts(SecondsFormat::Millis, true);
            // One line: query engines read these objects as JSON lines.
            let bytes = serde_json::to_vec(document).map_err(|e| Error::bug("result").with_source(e))?;
            put(key, bytes.into()).await?;
            for (key, bytes) in
                quality_rows::objects(&context.quality_tables, document, &measured, checked_at)?
            {
                put(key, bytes).await?;
            }
            if measured.keeps_history {
                let entry = Entry {
                    checked_at,
                    check_id: report.check_id.clone(),
                    excluded: document.gate.decision == Decision::Block,
                    statistics: measured.statistics,
                };
                history::record(context.lake.as_ref(), &output.dataset, &document.lineage.context, &entry)
                    .await?;
            }
            context.events.publish(event(document)).await?;
            runs = Some(&document.lineage.run_ids);
        }
        if has_staged {
            let body = json!({"dataset": output.dataset}).to_string();
            let message = Message {
                body,
                attributes: correlation(runs.into_iter().flatten().map(String::as_str)),
                group: Some(output.dataset.clone()),
                // One request per dataset and delivery: a redelivery stages again and must be published again.
                deduplication_id: Some(sha256_hex(
                    format!("{} {} {delivery_id}", output.dataset, report.check_id).as_bytes(),
                )),
                ..Message::default()
            };
            context.publish_queue.send(message).await?;
        }
    }
    let run = Run { first_checked_at, started_at: now, bytes, delivery_id };
    run_rows::record(context, &report, run).await;
    Ok(report)
}

/// When this object was checked first, from the result document that an earlier delivery left. What is written under a date
/// is found there again by the next delivery, even after midnight.
async fn earlier_check(lake: &dyn Lake, key: &str) -> Result<Option<DateTime<Utc>>> {
    #[derive(Deserialize)]
    struct Document {
        glue: Glue,
    }
    #[derive(Deserialize)]
    struct Glue {
        #[serde(rename = "StartedOn")]
        started_on: DateTime<Utc>,
    }
    match lake.get(key).await {
        // A document that cannot be read is written anew.
        Err(error) if error.kind() == ErrorKind::Damaged => Ok(None),
        Ok(object) => {
            Ok(serde_json::from_slice(&object.bytes).ok().map(|document: Document| document.glue.started_on))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {key}")),
    }
}

/// Whether an object that is called a gzip file, and is none, may be the text of one: clients and proxies unpack without a word.
fn is_text(object: &[u8]) -> bool {
    object.first().is_some_and(|first| *first != 0x1f) && std::str::from_utf8(object).is_ok()
}

/// Judges one landing object without writing anything. `Damaged` for a gzip file that was cut, changed or emptied: none of its
/// rows is judged, since those before the damage may be wrong and those behind it are lost.
pub async fn evaluate_object(inputs: CheckInputs<'_>, key: &str) -> Result<Evaluation> {
    let CheckInputs { landing, contracts, now, .. } = inputs;
    let object = landing.get(key).await.with_context(|| format!("reading {key}"))?.bytes;
    if key.to_ascii_lowercase().ends_with(".gz") && !is_gzip(&object) && !is_text(&object) {
        let what = if object.is_empty() { "it is empty" } else { "it is neither a gzip file nor text" };
        return Err(Error::damaged(format!("{key} is damaged: {what}")));
    }
    let (source_sha256, bytes) = (sha256_hex(&object), object.len() as u64);
    let id = check_id(key, &source_sha256);
    let mut sorting = Sorting::new(contracts, key, &id, &source_sha256, now)?;
    for piece in Windows::open(object.clone()) {
        sorting.take(piece)?;
    }
    let Sorting { judges, mut unknown, .. } = sorting;
    let own = own_neighbours(&judges, contracts)?;
    let mut verdicts = Vec::new();
    for judge in judges.into_values() {
        verdicts.push(judge_beside(inputs, judge, &own, &id).await?);
    }
    quarantine_late_rows(object, &mut verdicts)?;

    let mut report = CheckReport {
        key: key.to_owned(),
        check_id: id.clone(),
        rows: RowCounts::default(),
        documents: Vec::new(),
        unknown: std::mem::take(&mut unknown.by_reason),
    };
    let mut outputs = Vec::new();
    for verdict in verdicts {
        let (document, output) = conclude(verdict, key, &source_sha256, &id, now, report.documents.len())?;
        report.rows.add(&document.rows);
        report.documents.push(document);
        outputs.push(output);
    }
    if unknown.rows > 0 {
        report.rows.add(&RowCounts {
            rows_in: unknown.rows,
            quarantined: unknown.rows,
            ..RowCounts::default()
        });
        let quarantine = Some((ObjectKey::quarantine(UNKNOWN, &id).to_string(), unknown.finish()?));
        outputs.push(Output { dataset: UNKNOWN.into(), quarantine, staged: None, judged: None });
    }
    Ok(Evaluation { report, outputs, now, bytes })
}

/// What the object itself says about its neighbours: its splits, dividends and closes may not be published yet when its bars
/// and dividends are judged.
fn own_neighbours(judges: &BTreeMap<String, Judge>, contracts: &Contracts) -> Result<Surroundings> {
    let mut own = Surroundings::preferring(contracts.preference().clone());
    if let Some(judge) = judges.get("splits") {
        judge.passed_rows()?.iter().try_for_each(|rows| own.actions.add_splits(rows))?;
    }
    if let Some(judge) = judges.get("dividends") {
        judge.passed_rows()?.iter().try_for_each(|rows| own.actions.add_dividends(rows))?;
    }
    if let (Some(judge), true) = (judges.get("daily_bars"), judges.values().any(Judge::compares_dividends)) {
        judge.passed_rows()?.iter().try_for_each(|rows| own.closes.add(rows))?;
    }
    Ok(own)
}

/// Finishes a judge beside what its deferred rules need.
async fn judge_beside(
    inputs: CheckInputs<'_>,
    judge: Judge,
    own: &Surroundings,
    check_id: &str,
) -> Result<Verdict> {
    let mut around = own.clone();
    let series = judge.series()?;
    if let (Some(spans), Some(lake)) = (&series, inputs.published) {
        around.add_published_bars(lake, inputs.contracts, &judge.dataset, spans).await?;
    }
    if let (true, Some(lake)) = (judge.compares_dividends(), inputs.published) {
        around.add_published_dividends(lake, inputs.contracts, &judge.passed_rows()?).await?;
    }
    let mut history: Arc<dyn History> = Arc::new(MemoryHistory::default());
    if let (true, Some(lake)) = (judge.keeps_history(), inputs.published) {
        let name = &judge.dataset.contract.name;
        history = history::load(lake, name, &judge.context(), check_id).await?;
    }
    let neighbours = match &series {
        Some(spans) => Some(Neighbours::Bars(around.market(spans.fetched_at().unwrap_or(inputs.now)))),
        None => judge.compares_dividends().then(|| Neighbours::Dividends(around.dividends())),
    };
    judge.finish(&Beside { neighbours, history: Some(history) })
}

/// Reads the object once more for the text of rows that turned out bad only at the end. Rare, so nothing is kept for it.
fn quarantine_late_rows(object: Bytes, verdicts: &mut [Verdict]) -> Result<()> {
    if verdicts.iter().all(|verdict| verdict.late.is_empty()) {
        return Ok(());
    }
    let mut line = 0;
    for piece in Windows::open(object) {
        let Piece::Lines(text) = piece else {
            line += 1;
            continue;
        };
        for span in line_spans(&text) {
            line += 1;
            for verdict in verdicts.iter_mut() {
                if let Some(reasons) = verdict.late.remove(&line) {
                    verdict.quarantine.push(line, &text[span.clone()], reasons)?;
                }
            }
        }
    }
    if verdicts.iter().any(|verdict| !verdict.late.is_empty()) {
        return Err(Error::bug("a row that failed late was not found again"));
    }
    Ok(())
}

fn conclude(
    verdict: Verdict,
    key: &str,
    source_sha256: &str,
    id: &str,
    now: DateTime<Utc>,
    index: usize,
) -> Result<(ResultDocument, Output)> {
    let Verdict {
        report,
        gate,
        flags,
        staged: batches,
        duplicates,
        unknown_fields,
        rows_in,
        mut quarantine,
        dataset,
        context,
        keeps_history,
        ..
    } = verdict;
    let contract = &dataset.contract;
    let name = contract.name.clone();
    let rows = RowCounts {
        rows_in,
        staged: batches.iter().map(|batch| batch.num_rows() as u64).sum(),
        quarantined: quarantine.rows,
        duplicates,
    };
    if rows.rows_in != rows.staged + rows.quarantined + rows.duplicates {
        return Err(Error::bug(format!("rows of {name} do not add up: {rows:?}")));
    }
    let by_reason = std::mem::take(&mut quarantine.by_reason);
    let quarantined = if rows.quarantined > 0 {
        Some((ObjectKey::quarantine(&name, id).to_string(), quarantine.finish()?))
    } else {
        None
    };
    let staged = if batches.is_empty() {
        None
    } else {
        Some((ObjectKey::staged(&name, id).to_string(), staged::write(contract, &batches)?))
    };
    let glue = report.to_glue(&GlueContext {
        result_id: format!("dqresult-{id}"),
        ruleset_name: dataset.rules_name.clone(),
        evaluation_context: format!("{name}/{key}"),
        started_on: now,
        completed_on: now,
        job_name: "quotelake-check".into(),
        job_run_id: id.to_owned(),
    });
    let document = ResultDocument {
        schema: SCHEMA.into(),
        glue,
        gate,
        rows,
        flags,
        quarantine: QuarantineSummary { key: quarantined.as_ref().map(|(key, _)| key.clone()), by_reason },
        lineage: Lineage {
            dataset: name.clone(),
            contract_version: contract.version.clone(),
            ruleset: dataset.rules_name.clone(),
            ruleset_sha256: dataset.rules_sha256.clone(),
            source: key.to_owned(),
            source_sha256: source_sha256.to_owned(),
            check_id: id.to_owned(),
            staged: staged.as_ref().map(|(key, _)| key.clone()),
            context,
            run_ids: run_ids(contract, batches.iter().map(|batch| batch as &dyn Columnar))?,
            unknown_fields,
        },
    };
    let statistics = report.statistics().to_vec();
    let measured = Measured { statistics, results: report.results, keeps_history };
    Ok((document, Output { dataset: name, quarantine: quarantined, staged, judged: Some((index, measured)) }))
}

/// The event, in the shape of Glue's `Data Quality Evaluation Results Available`.
fn event(document: &ResultDocument) -> Event {
    let metrics = &document.glue.aggregated_metrics;
    let failed = metrics.total_rules_failed > 0.0;
    Event {
        source: "quotelake.check".into(),
        detail_type: "Data Quality Evaluation Results Available".into(),
        detail: json!({
            "resultID": document.glue.result_id,
            "context": {
                "contextType": "QUOTELAKE_CHECK",
                "dataset": document.lineage.dataset,
                "source": document.lineage.source,
            },
            "rulesetNames": [document.lineage.ruleset],
            "state": if failed { "FAILED" } else { "SUCCEEDED" },
            "score": document.glue.score,
            "rulesSucceeded": metrics.total_rules_passed,
            "rulesFailed": metrics.total_rules_failed,
            "rulesSkipped": 0,
            "decision": document.gate.decision,
            "blockedSeries": document.gate.blocked_series.iter().map(|blocked| &blocked.series).collect::<Vec<_>>(),
            "completedOn": document.glue.completed_on,
        }),
    }
}
