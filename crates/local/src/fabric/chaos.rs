//! Faults on purpose: duplicates, another order, invocations that fail before or after their work. Repeatable by seed, for
//! tests and for `quotelake demo`.

use crate::function::FunctionError;
use crate::random::SplitMix64;

/// Faults on purpose, each with a probability from 0 to 1, the same for the same seed and the same messages.
///
/// Chaos does what SQS and Lambda may do and no worse: it delivers again, in another order, and fails invocations before or
/// after they took effect. The last delivery that a message is entitled to is left alone, so that chaos alone makes no
/// dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Chaos {
    /// Chooses the faults.
    pub seed: u64,
    /// A handled event's messages are delivered once more.
    pub duplicate: f64,
    /// A batch is taken from anywhere in the queue; order within a group stays.
    pub reorder: f64,
    /// An invocation fails: half of them before the function runs, half after, when it has done its work.
    pub fail: f64,
}

/// What chaos does to one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The function is not invoked.
    FailBefore,
    /// The function is invoked and its answer lost.
    FailAfter,
    /// The function is invoked and its messages delivered again.
    Duplicate,
}

/// A chaos and how far its dice have rolled.
#[derive(Debug)]
pub(super) struct Dice {
    chaos: Chaos,
    random: SplitMix64,
}

impl Dice {
    pub(super) fn new(chaos: Chaos) -> Self {
        Self { chaos, random: SplitMix64::new(chaos.seed) }
    }

    /// The seed of a shuffle, when the next receive is to be one.
    pub(super) fn reorder(&mut self) -> Option<u64> {
        self.random.happens(self.chaos.reorder).then(|| self.random.next_u64())
    }

    pub(super) fn fault(&mut self) -> Option<Fault> {
        if self.random.happens(self.chaos.fail) {
            return Some(if self.random.happens(0.5) { Fault::FailBefore } else { Fault::FailAfter });
        }
        self.random.happens(self.chaos.duplicate).then_some(Fault::Duplicate)
    }
}

pub(super) fn injected(moment: &str) -> FunctionError {
    FunctionError::new("chaos", format!("injected failure {moment} the invocation"))
}
