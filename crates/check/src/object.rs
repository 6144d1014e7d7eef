//! One landing object, judged and written.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use dqdl::GlueContext;
use quotelake_core::contract::Contracts;
use quotelake_core::ports::{Event, Lake, Message, Precondition};
use quotelake_core::table::{IngestFault, dataset_of, run_ids, staged};
use quotelake_core::{Context as _, Error, ObjectKey, Result, check_id, sha256_hex};
use quotelake_platform::sqs::correlation;
use serde_json::json;

use crate::Context;
use crate::judge::{Judge, Verdict};
use crate::quarantine::{Quarantine, Reason};
use crate::result::{Decision, Lineage, QuarantineSummary, ResultDocument, RowCounts};
use crate::windows::{Piece, Windows};

/// The dataset of rows that name none, or none that is known.
const UNKNOWN: &str = "unknown";

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
}

#[derive(Debug)]
struct Output {
    dataset: String,
    quarantine: Option<(String, Bytes)>,
    staged: Option<(String, Bytes)>,
    /// The report's document of this dataset; none for rows of no dataset.
    document: Option<usize>,
}

/// Checks one landing object and writes what comes of it: quarantine, staged rows, result, event, publish request, in this
/// order. Checking the same object again writes the same keys,
/// quarantine and staged rows with the same bytes.
///
/// `delivery_id` names the delivery that asked for it. `NotFound` when the object is gone; otherwise only the kinds of the
/// lake, the queue and the event bus: no content of an object is an error.
pub async fn check_object(context: &Context, key: &str, delivery_id: &str) -> Result<CheckReport> {
    let Evaluation { report, outputs } =
        evaluate_object(context.landing.as_ref(), &context.contracts, context.clock.now(), key).await?;
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
        if let Some(document) = output.document.map(|index| &report.documents[index]) {
            let bytes =
                serde_json::to_vec_pretty(document).map_err(|e| Error::bug("result").with_source(e))?;
            put(ObjectKey::quality(&output.dataset, &report.check_id).to_string(), bytes.into()).await?;
            context.events.publish(event(document)).await?;
        }
        if has_staged {
            let body = json!({"dataset": output.dataset}).to_string();
            let runs = output.document.map(|index| &report.documents[index].lineage.run_ids);
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
    Ok(report)
}

/// Judges one landing object without writing anything.
pub async fn evaluate_object(
    landing: &dyn Lake,
    contracts: &Contracts,
    now: DateTime<Utc>,
    key: &str,
) -> Result<Evaluation> {
    let object = landing.get(key).await.with_context(|| format!("reading {key}"))?.bytes;
    let source_sha256 = sha256_hex(&object);
    let id = check_id(key, &source_sha256);
    let mut sorting = Sorting::new(contracts, key, &id, now)?;
    for piece in Windows::open(object.clone()) {
        sorting.take(piece)?;
    }
    let Sorting { judges, mut unknown, .. } = sorting;
    let mut verdicts: Vec<Verdict> = judges.into_values().map(Judge::finish).collect::<Result<_>>()?;
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
        outputs.push(Output { dataset: UNKNOWN.into(), quarantine, staged: None, document: None });
    }
    Ok(Evaluation { report, outputs })
}

/// Sorts an object's lines by dataset.
struct Sorting<'c> {
    contracts: &'c Contracts,
    key: &'c str,
    check_id: &'c str,
    now: DateTime<Utc>,
    /// The dataset of every line, where the object's key names it.
    whole: Option<String>,
    judges: BTreeMap<String, Judge>,
    unknown: Quarantine,
}

impl<'c> Sorting<'c> {
    fn new(contracts: &'c Contracts, key: &'c str, check_id: &'c str, now: DateTime<Utc>) -> Result<Self> {
        let whole = match ObjectKey::parse(key) {
            Ok(ObjectKey::Landing { dataset, .. }) => Some(dataset),
            _ => None,
        };
        let unknown = Quarantine::new(UNKNOWN, key, check_id);
        let mut sorting =
            Self { contracts, key, check_id, now, whole: whole.clone(), judges: BTreeMap::new(), unknown };
        if let Some(dataset) = whole {
            // Even an object without a line has a result; an unknown dataset here is a fault of the one who wrote the key.
            sorting.judge(&dataset)?;
        }
        Ok(sorting)
    }

    fn judge(&mut self, name: &str) -> Result<&mut Judge> {
        if !self.judges.contains_key(name) {
            let dataset = self.contracts.get(name)?.clone();
            let judge = Judge::new(dataset, self.now, Quarantine::new(name, self.key, self.check_id))?;
            self.judges.insert(name.to_owned(), judge);
        }
        self.judges.get_mut(name).ok_or_else(|| Error::bug("a judge was just added"))
    }

    /// The judge of every line, where the object's key names the dataset.
    #[inline]
    fn whole_judge(&mut self) -> Option<&mut Judge> {
        self.judges.get_mut(self.whole.as_deref()?)
    }

    fn take(&mut self, piece: Piece) -> Result<()> {
        match piece {
            Piece::Lines { first_line, text } => self.take_lines(first_line, &text),
            Piece::LongLine { line, beginning, bytes, sha256 } => {
                let detail = format!("is {bytes} bytes long (sha256 {sha256}); kept is its beginning");
                self.take_fault(line, &beginning, Reason::fault("line_too_long", None, detail))
            }
            Piece::Broken { line, rest, error } => {
                let detail = format!("the object ends before it should: {error}");
                self.take_fault(line, &rest, Reason::fault("truncated_object", None, detail))
            }
        }
    }

    fn take_lines(&mut self, first_line: u64, text: &[u8]) -> Result<()> {
        let valid = simdutf8::basic::from_utf8(text).ok();
        for (index, span) in line_spans(text).enumerate() {
            let line = first_line + index as u64;
            let raw = &text[span.clone()];
            if raw.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let row = match valid {
                Some(valid) => valid.get(span.clone()),
                None => std::str::from_utf8(raw).ok(),
            };
            match row {
                Some(row) => self.take_row(line, row, span)?,
                None => self.take_fault(line, raw, Reason::fault("invalid_utf8", None, "is not UTF-8"))?,
            }
        }
        self.judges.values_mut().try_for_each(|judge| judge.end_window(text))
    }

    #[inline]
    fn take_row(&mut self, line: u64, row: &str, span: Range<usize>) -> Result<()> {
        if let Some(fault) = IngestFault::from_line(row) {
            let reason = Reason::fault(&fault.reason, None, fault.detail);
            return self.take_fault(line, fault.raw.as_bytes(), reason);
        }
        if let Some(judge) = self.whole_judge() {
            return judge.push(line, row, span);
        }
        match dataset_of(row) {
            Some(name) if self.contracts.get(name).is_ok() => {
                let name = name.to_owned();
                self.judge(&name)?.push(line, row, span)
            }
            Some(name) => {
                let detail = format!("dataset {name:?} is unknown");
                self.unknown.push(line, row.as_bytes(), vec![Reason::fault("unknown_dataset", None, detail)])
            }
            None if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(row).is_ok() => {
                let reason = Reason::fault("dataset_missing", None, "the row names no dataset");
                self.unknown.push(line, row.as_bytes(), vec![reason])
            }
            None => {
                let reason = Reason::fault("malformed_json", None, "is not a JSON object");
                self.unknown.push(line, row.as_bytes(), vec![reason])
            }
        }
    }

    fn take_fault(&mut self, line: u64, raw: &[u8], reason: Reason) -> Result<()> {
        if let Some(judge) = self.whole_judge() {
            return judge.push_fault(line, raw, reason);
        }
        self.unknown.push(line, raw, vec![reason])
    }
}

fn line_spans(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        (start < text.len()).then(|| {
            let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |at| start + at);
            let span = start..end;
            start = end + 1;
            span
        })
    })
}

/// Reads the object once more for the text of rows that turned out bad only at the end. Rare, so nothing is kept for it.
fn quarantine_late_rows(object: Bytes, verdicts: &mut [Verdict]) -> Result<()> {
    if verdicts.iter().all(|verdict| verdict.late.is_empty()) {
        return Ok(());
    }
    for piece in Windows::open(object) {
        let Piece::Lines { first_line, text } = piece else { continue };
        for (index, span) in line_spans(&text).enumerate() {
            let line = first_line + index as u64;
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
        staged: batches,
        duplicates,
        unknown_fields,
        rows_in,
        mut quarantine,
        dataset,
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
        schema: "dq-result/1",
        glue,
        gate,
        rows,
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
            run_ids: run_ids(&batches),
            unknown_fields,
        },
    };
    Ok((document, Output { dataset: name, quarantine: quarantined, staged, document: Some(index) }))
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
            "completedOn": document.glue.completed_on,
        }),
    }
}
