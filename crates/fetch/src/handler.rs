//! From an invocation to its answer.

use std::time::Duration;

use quotelake_core::{Error, Result};
use quotelake_platform::sqs::dead_letter;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::event::{QueueRecord, UrlRequest, read};
use crate::{Context, FetchReport, FetchRequest, Invocation, UnitOutcome, UnitsMessage, run, run_units};

/// Answers an invocation in the shape that its maker expects: a report, an HTTP response, or the failed messages.
///
/// `Err` fails the invocation, for Lambda to try again or to send to its failure destination: a request that nobody waits for and
/// that cannot be read or planned, or units that could not be queued.
pub async fn handle(
    event: &RawValue,
    time_left: Option<Duration>,
    context: &Context,
) -> Result<Box<RawValue>> {
    match Invocation::parse(event.get())? {
        Invocation::Direct(request) => answer(&run(context, &request, time_left).await?),
        Invocation::Units(message) => answer(&resume(context, message, time_left).await?),
        Invocation::FunctionUrl(request) => answer(&function_url(context, &request, time_left).await?),
        Invocation::Queue(records) => answer(&queue(context, &records, time_left).await?),
    }
}

async fn resume(
    context: &Context,
    message: UnitsMessage,
    time_left: Option<Duration>,
) -> Result<FetchReport> {
    run_units(context, &message.source, &message.run_id, message.units, time_left).await
}

/// A Function URL's answer.
/// See <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload>.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UrlResponse {
    status_code: u16,
    headers: UrlHeaders,
    body: String,
    is_base64_encoded: bool,
}

#[derive(Debug, Serialize)]
struct UrlHeaders {
    #[serde(rename = "content-type")]
    content_type: &'static str,
}

#[derive(Debug, Serialize)]
struct UrlFault<'a> {
    error: &'a str,
    message: String,
}

/// 200 when no unit failed or waits, 207 when some did, 502 when none came through, 400 for a request that is wrong.
async fn function_url(
    context: &Context,
    request: &UrlRequest,
    time_left: Option<Duration>,
) -> Result<UrlResponse> {
    if request.method != "POST" {
        return fault(405, &Error::invalid(format!("{} is not answered, POST is", request.method)));
    }
    let report = match read::<FetchRequest>(&request.body) {
        Ok(request) => run(context, &request, time_left).await,
        Err(error) => return fault(400, &error),
    };
    match report {
        Ok(report) => {
            let bad = report.counts.failed + report.counts.handed_back;
            let status = match bad {
                0 => 200,
                bad if bad == report.counts.total() => 502,
                _ => 207,
            };
            response(status, &report)
        }
        Err(error) if !error.kind().is_retryable() => fault(400, &error),
        Err(error) => Err(error),
    }
}

fn fault(status: u16, error: &Error) -> Result<UrlResponse> {
    response(status, &UrlFault { error: error.kind().code(), message: error.to_string() })
}

fn response(status_code: u16, body: &impl Serialize) -> Result<UrlResponse> {
    let body = serde_json::to_string(body).map_err(|e| Error::bug("cannot write a body").with_source(e))?;
    let headers = UrlHeaders { content_type: "application/json" };
    Ok(UrlResponse { status_code, headers, body, is_base64_encoded: false })
}

/// The messages to deliver again.
/// See <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchAnswer {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

/// A message that can never be read is a dead letter at once; one whose units could not be settled comes again by itself.
async fn queue(
    context: &Context,
    records: &[QueueRecord],
    time_left: Option<Duration>,
) -> Result<BatchAnswer> {
    let start = Instant::now();
    let mut batch_item_failures = Vec::new();
    for record in records {
        let time_left = time_left.map(|left| left.saturating_sub(start.elapsed()));
        if let Err(error) = message(context, record, time_left).await {
            tracing::error!(message_id = record.message_id, error = %error, "message is to be delivered again");
            batch_item_failures.push(ItemFailure { item_identifier: record.message_id.clone() });
        }
    }
    Ok(BatchAnswer { batch_item_failures })
}

async fn message(context: &Context, record: &QueueRecord, time_left: Option<Duration>) -> Result<()> {
    let done = match read::<UnitsMessage>(&record.body) {
        Ok(message) => resume(context, message, time_left).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(report) => {
            let waiting =
                report.units.iter().any(|unit| matches!(unit.outcome, UnitOutcome::HandedBack { .. }));
            if waiting && context.units.is_none() {
                return Err(Error::unavailable("units are handed back and there is no queue for them"));
            }
            Ok(())
        }
        Err(error) if error.kind().is_retryable() => Err(error),
        Err(error) => {
            tracing::warn!(message_id = record.message_id, error = %error, "message can never be handled");
            context.dead_letters.send(dead_letter(record.body.clone(), &error)).await
        }
    }
}

fn answer(value: &impl Serialize) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(|e| Error::bug("cannot write the answer").with_source(e))
}
