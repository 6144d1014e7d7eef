//! How a queue is bound to a function: batch size, concurrency, receives before a dead letter, visibility. What an event source
//! mapping and a redrive policy say on AWS; and [`FabricReport`], the counts of a run.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::function::Function;
use crate::queue::FolderQueue;

/// A queue and the function that handles its messages: an event source mapping with `ReportBatchItemFailures`, and the
/// queue's redrive policy.
#[derive(Debug, Clone)]
pub struct Binding {
    /// Where messages come from.
    pub queue: FolderQueue,
    /// What handles them.
    pub function: Arc<dyn Function>,
    /// Where a message goes that failed too often.
    pub dead_letters: FolderQueue,
    /// The most messages in one event.
    pub batch_size: usize,
    /// How many events are handled at the same time, groups of the queue permitting.
    pub concurrency: usize,
    /// A message that fails when it was received this often is a dead letter.
    pub max_receive_count: u32,
    /// How long a message is hidden while it is handled: longer than any invocation may take.
    pub visibility: TimeDelta,
    /// How long a message that failed stays hidden. Zero retries at once.
    pub retry_delay: TimeDelta,
}

impl Binding {
    /// Ten messages an event, one event at a time, five receives, retries at once.
    pub fn new(queue: FolderQueue, function: Arc<dyn Function>, dead_letters: FolderQueue) -> Self {
        Self {
            queue,
            function,
            dead_letters,
            batch_size: 10,
            concurrency: 1,
            max_receive_count: 5,
            visibility: TimeDelta::hours(1),
            retry_delay: TimeDelta::zero(),
        }
    }
}

/// What a run of the fabric did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FabricReport {
    /// Events handed to functions.
    pub invocations: u64,
    /// Messages handled and removed.
    pub handled: u64,
    /// Times that a message was given back to its queue.
    pub returned: u64,
    /// Messages moved to a dead letter queue.
    pub dead_lettered: u64,
    /// Messages that are still in a queue: delayed, or in the hands of another process.
    pub waiting: u64,
}
