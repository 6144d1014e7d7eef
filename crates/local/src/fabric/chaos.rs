//! Faults on purpose: duplicates, another order, invocations that fail before or after their work. Repeatable by seed, for
//! tests and for `quotelake demo`.

use fastrand::Rng;

use crate::function::FunctionError;

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

/// Chooses the faults, one after the other.
#[derive(Debug)]
pub(super) struct FaultInjector {
    chaos: Chaos,
    random: Rng,
}

impl FaultInjector {
    pub(super) fn new(chaos: Chaos) -> Self {
        Self { chaos, random: Rng::with_seed(chaos.seed) }
    }

    /// True with this probability.
    fn happens(&mut self, probability: f64) -> bool {
        self.random.f64() < probability
    }

    /// The seed of a shuffle, when the next receive is to be one.
    pub(super) fn reorder(&mut self) -> Option<u64> {
        self.happens(self.chaos.reorder).then(|| self.random.u64(..))
    }

    pub(super) fn fault(&mut self) -> Option<Fault> {
        if self.happens(self.chaos.fail) {
            return Some(if self.happens(0.5) { Fault::FailBefore } else { Fault::FailAfter });
        }
        self.happens(self.chaos.duplicate).then_some(Fault::Duplicate)
    }
}

pub(super) fn injected(moment: &str) -> FunctionError {
    FunctionError::new("chaos", format!("injected failure {moment} the invocation"))
}
