//! The handler of `fetch`: what it is invoked with, a direct request, a Function URL or a queue's batch, to the answer in the
//! shape that each of them expects. The work is in `run`.

use std::time::Duration;

use quotelake_core::{Error, Result};
use quotelake_platform::sqs::{Origin, SqsBatchResponse, SqsEvent, each_message};
use quotelake_platform::sweep::SweepRequest;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::event::{UrlRequest, read};
use crate::refused::land_refused;
use crate::run::run_message;
use crate::{Context, FetchReport, FetchRequest, Invocation, UnitOutcome, UnitsMessage, run};

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
        Invocation::Queue(event) => answer(&queue(context, event, time_left).await),
    }
}

async fn resume(
    context: &Context,
    message: UnitsMessage,
    time_left: Option<Duration>,
) -> Result<FetchReport> {
    run_message(context, message, time_left).await
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

/// The messages to deliver again: those whose units could not be settled, at their own time. One that can never be read is a dead
/// letter at once.
async fn queue(context: &Context, event: SqsEvent, time_left: Option<Duration>) -> SqsBatchResponse {
    let start = Instant::now();
    let origin = Origin {
        fifo: false,
        dead_letters: context.dead_letters.as_ref(),
        hand_back: context.hand_back.as_deref(),
    };
    each_message(event, origin, time_left, |received| {
        let time_left = time_left.map(|left| left.saturating_sub(start.elapsed()));
        async move { message(context, &received.body, time_left).await }
    })
    .await
}

async fn message(context: &Context, body: &str, time_left: Option<Duration>) -> Result<()> {
    if SweepRequest::parse(body)?.is_some() {
        return land_refused(context).await.map(drop);
    }
    let report = resume(context, read(body)?, time_left).await?;
    let waiting = report.units.iter().any(|unit| matches!(unit.outcome, UnitOutcome::HandedBack { .. }));
    if waiting && context.units.is_none() {
        return Err(Error::unavailable("units are handed back and there is no queue for them"));
    }
    Ok(())
}

fn answer(value: &impl Serialize) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(|e| Error::bug("cannot write the answer").with_source(e))
}
