//! What is not done goes to a queue: what will fail again to the dead letters, what can succeed later to the units queue.

use std::time::Duration;

use quotelake_core::ports::Message;
use quotelake_core::{Error, Result};
use quotelake_platform::sqs::{CORRELATION_ID, attribute_text};
use quotelake_sources::Failure;
use quotelake_sources::http::{FetchTask, TaskOutcome};

use crate::{Context, UnitsMessage};

/// Units in one message of the units queue: they share one rhythm, and some 40 KB of the 256 KB that a message takes.
const UNITS_PER_MESSAGE: usize = 100;
/// The longest delay that SQS takes.
/// See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html>.
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// Sends dead letters and units that are handed back. Goes on after a failure, so that one bad send costs one message.
pub(crate) async fn queue_unfinished(
    context: &Context,
    source: &str,
    run_id: &str,
    hops: u32,
    units: &[(FetchTask, TaskOutcome)],
) -> Result<()> {
    let mut lost = Vec::new();
    for (task, outcome) in units {
        if let TaskOutcome::Failed(failure) = outcome {
            let sent = send_dead_letter(context, source, run_id, task, failure).await;
            lost.extend(
                sent.err().map(|error| error.context(format!("dead letter of unit {}", task.unit.id))),
            );
        }
    }
    let handed_back: Vec<(&FetchTask, Duration)> = units
        .iter()
        .filter_map(|(_, outcome)| match outcome {
            TaskOutcome::HandedBack { task, delay, .. } => Some((task.as_ref(), *delay)),
            _ => None,
        })
        .collect();
    for chunk in handed_back.chunks(UNITS_PER_MESSAGE) {
        let sent = hand_back(context, source, run_id, hops + 1, chunk).await;
        lost.extend(sent.err().map(|error| error.context(format!("handing {} units back", chunk.len()))));
    }
    first_of(lost)
}

/// From its start: which of its pages arrived does not matter to a merge.
async fn send_dead_letter(
    context: &Context,
    source: &str,
    run_id: &str,
    task: &FetchTask,
    failure: &Failure,
) -> Result<()> {
    let unit_id = task.unit.id.as_str();
    let error_code = failure.kind.code();
    tracing::warn!(
        run_id,
        source,
        unit_id,
        error_code,
        status = failure.status,
        reason = failure.message,
        "unit failed for good"
    );
    let mut unit = task.unit.clone();
    unit.page = 0;
    let message = UnitsMessage {
        source: source.to_owned(),
        run_id: run_id.to_owned(),
        units: vec![FetchTask::new(unit)],
        hops: 0,
        failure: Some(failure.clone()),
    };
    let attributes = [
        (CORRELATION_ID, run_id),
        ("error_code", error_code),
        ("error_message", &attribute_text(&failure.message)),
        ("source", source),
        ("unit_id", unit_id),
    ];
    context.dead_letters.send(message_of(&message, &attributes)?).await
}

/// One message of units that can succeed later. Where there is no queue for them, the report alone has them.
async fn hand_back(
    context: &Context,
    source: &str,
    run_id: &str,
    hops: u32,
    units: &[(&FetchTask, Duration)],
) -> Result<()> {
    let Some(queue) = &context.units else { return Ok(()) };
    let delay = units.iter().map(|(_, delay)| *delay).max().unwrap_or_default().min(LONGEST_DELAY);
    let message = UnitsMessage {
        source: source.to_owned(),
        run_id: run_id.to_owned(),
        units: units.iter().map(|(task, _)| FetchTask::clone(task)).collect(),
        hops,
        failure: None,
    };
    let message = message_of(&message, &[(CORRELATION_ID, run_id), ("source", source)])?;
    let delay_seconds = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX);
    queue.send(Message { delay_seconds, ..message }).await
}

/// The first error, with how many there were.
fn first_of(errors: Vec<Error>) -> Result<()> {
    let count = errors.len();
    match errors.into_iter().next() {
        None => Ok(()),
        Some(error) => Err(error.context(format!("{count} messages could not be sent, the first"))),
    }
}

fn message_of(message: &UnitsMessage, attributes: &[(&str, &str)]) -> Result<Message> {
    let body = serde_json::to_string(message)
        .map_err(|e| Error::bug("cannot write a message of units").with_source(e))?;
    let attributes =
        attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ok(Message { body, attributes, ..Message::default() })
}
