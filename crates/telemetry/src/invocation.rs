//! The event loop of a function on Lambda: one invocation at a time, in a span with its ids, with the time that is left. A
//! failed invocation is logged here and nowhere else.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::Utc;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;

/// One invocation of the function.
#[derive(Debug)]
pub struct Invocation<E> {
    /// What it is invoked with.
    pub event: E,
    /// Until Lambda ends it.
    pub time_left: Duration,
}

/// The event loop: every invocation to `handle`, one after the other. Ends only when Lambda's Runtime API does.
///
/// An error fails the invocation and is logged here, once. Each invocation runs in a span with the ids that Powertools names, and
/// an empty `correlation_id` for anyone who learns it.
pub async fn run<E, A, F, W, Fault>(handle: F) -> Result<(), Error>
where
    E: for<'de> Deserialize<'de>,
    A: Serialize,
    F: Fn(Invocation<E>) -> W,
    W: Future<Output = Result<A, Fault>>,
    Fault: Into<Error> + Display,
{
    let (handle, cold) = (&handle, &AtomicBool::new(true));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<E>| {
        let LambdaEvent { payload, context } = event;
        let span = tracing::info_span!(
            "invocation",
            cold_start = cold.swap(false, Ordering::Relaxed),
            function_arn = context.invoked_function_arn,
            function_request_id = context.request_id,
            xray_trace_id = context.xray_trace_id,
            correlation_id = tracing::field::Empty,
        );
        async move {
            let answer = handle(Invocation { event: payload, time_left: time_until(context.deadline) }).await;
            answer.map_err(|fault| {
                tracing::error!(error = %fault, "invocation failed");
                fault.into()
            })
        }
        .instrument(span)
    }))
    .await
}

/// From now to an instant in milliseconds of the epoch, nothing when it has passed.
#[expect(clippy::disallowed_methods, reason = "Lambda gives the deadline in wall-clock time")]
fn time_until(deadline_ms: u64) -> Duration {
    let now = u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0);
    Duration::from_millis(deadline_ms.saturating_sub(now))
}
