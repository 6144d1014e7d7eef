//! What comes of a checked object, written in an order that a crash between any two does not harm.

use chrono::{DateTime, SecondsFormat, Utc};
use quotelake_contract::QualityTables;
use quotelake_core::ports::{Event, Events, Lake, Message, Precondition};
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result, sha256_hex};
use quotelake_platform::sqs::correlation;
use serde::Deserialize;
use serde_json::json;

use crate::context::Context;
use crate::evaluation::{CheckReport, Evaluation};
use crate::history::{self, Entry};
use crate::quality_rows::{self, Measured};
use crate::result::{Decision, ResultDocument};
use crate::run_rows::{self, Run};

/// Where the outcome of a check is written and told.
#[derive(Debug, Clone, Copy)]
pub struct Recorder<'a> {
    /// Takes `quality/` and `quarantine/`.
    pub lake: &'a dyn Lake,
    /// Takes the news of a check.
    pub events: &'a dyn Events,
    /// The tables of a check's rules and measures.
    pub quality_tables: &'a QualityTables,
}

impl Context {
    fn recorder(&self) -> Recorder<'_> {
        Recorder {
            lake: self.lake.as_ref(),
            events: self.events.as_ref(),
            quality_tables: &self.quality_tables,
        }
    }
}

/// Writes what comes of an object that was judged: quarantine, staged rows, result, event, publish request, in this order.
/// Checking the same object again writes the same keys, quarantine and staged rows with the same bytes. Last, what the run came to.
pub async fn record(context: &Context, evaluation: Evaluation, delivery_id: &str) -> Result<CheckReport> {
    let Evaluation { mut report, outputs, now, bytes } = evaluation;
    let mut first_checked_at = now;
    for output in outputs {
        if let Some((key, bytes)) = output.quarantine {
            put(context.lake.as_ref(), key, bytes).await?;
        }
        let has_staged = output.staged.is_some();
        if let Some((key, bytes)) = output.staged {
            put(context.lake.as_ref(), key, bytes).await?;
        }
        let mut run_ids = None;
        if let Some((index, measured)) = output.judged {
            let document = &mut report.documents[index];
            let checked_at = record_document(context.recorder(), document, measured, now).await?;
            first_checked_at = first_checked_at.min(checked_at);
            run_ids = Some(&document.lineage.run_ids);
        }
        if has_staged {
            let body = json!({"dataset": output.dataset}).to_string();
            let message = Message {
                body,
                attributes: correlation(run_ids.into_iter().flatten().map(String::as_str)),
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

pub(crate) async fn put(lake: &dyn Lake, key: String, bytes: bytes::Bytes) -> Result<()> {
    let put = lake.put(&key, bytes, Precondition::None).await;
    put.map(|_| ()).with_context(|| format!("writing {key}"))
}

/// Writes the result document, its rows of tables and what was measured, and announces it. Returns when the object was checked
/// first.
pub(crate) async fn record_document(
    recorder: Recorder<'_>,
    document: &mut ResultDocument,
    measured: Measured,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>> {
    let (dataset, check_id) = (document.lineage.dataset.clone(), document.lineage.check_id.clone());
    let key = ObjectKey::quality(&dataset, &check_id).to_string();
    let checked_at = earlier_check(recorder.lake, &key).await?.unwrap_or(now);
    document.glue.started_on = checked_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    // One line: query engines read these objects as JSON lines.
    let bytes = serde_json::to_vec(document).map_err(|e| Error::bug("result").with_source(e))?;
    put(recorder.lake, key, bytes.into()).await?;
    for (key, bytes) in quality_rows::objects(recorder.quality_tables, document, &measured, checked_at)? {
        put(recorder.lake, key, bytes).await?;
    }
    if measured.keeps_history {
        let entry = Entry {
            checked_at,
            check_id,
            excluded: document.gate.decision == Decision::Block,
            statistics: measured.statistics,
        };
        history::record(recorder.lake, &dataset, &document.lineage.context, &entry).await?;
    }
    recorder.events.publish(event(document)).await?;
    Ok(checked_at)
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
        // A document that cannot be read is written again.
        Err(error) if error.kind() == ErrorKind::Damaged => Ok(None),
        Ok(object) => {
            Ok(serde_json::from_slice(&object.bytes).ok().map(|document: Document| document.glue.started_on))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {key}")),
    }
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
