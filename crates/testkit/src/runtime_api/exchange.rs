//! Invocations between a test and the binary under test: queued by the test, handed to the binary's poll, answered by id. Also
//! what became of the process itself: first poll, failed start, exit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::FunctionError;

type Answer = Result<Bytes, FunctionError>;

/// An event that the function has not asked for yet.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) deadline_ms: u128,
}

/// Invocations on their way: queued by the test, taken by the binary's poll, answered under their id.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    state: Mutex<State>,
    /// An event was queued.
    queued: Notify,
    /// The function polled for the first time, or it never will.
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    number: u64,
    queue: VecDeque<Invocation>,
    /// Who waits for which answer.
    waiting: BTreeMap<String, oneshot::Sender<Answer>>,
    first_poll: Option<Instant>,
    init_error: Option<FunctionError>,
    exit: Option<FunctionError>,
}

impl Exchange {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn invoke(&self, event: Bytes, timeout: Duration) -> Answer {
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut state = self.state();
            if let Some(exit) = &state.exit {
                return Err(exit.clone());
            }
            state.number += 1;
            // Shaped like a request id of Lambda, and easy to tell apart in a log.
            let id = format!("00000000-0000-4000-8000-{:012}", state.number);
            state.queue.push_back(Invocation {
                id: id.clone(),
                event,
                deadline_ms: unix_ms() + timeout.as_millis(),
            });
            state.waiting.insert(id.clone(), sender);
            id
        };
        self.queued.notify_one();
        match tokio::time::timeout(timeout, receiver).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(FunctionError::new("Runtime.ExitError", "the Runtime API was stopped")),
            Err(_) => {
                let mut state = self.state();
                state.waiting.remove(&id);
                state.queue.retain(|invocation| invocation.id != id);
                let what = format!("{id} timed out after {timeout:?}");
                Err(FunctionError::new("Sandbox.Timedout", what))
            }
        }
    }

    /// The next event; waits until there is one. A poll that is given up (its connection broke) takes none.
    pub(super) async fn next(&self) -> Invocation {
        {
            let mut state = self.state();
            if state.first_poll.is_none() {
                state.first_poll = Some(Instant::now());
                self.settled.notify_waiters();
            }
        }
        loop {
            // Asked for before the queue is looked at, so that an event queued in between wakes this.
            let queued = self.queued.notified();
            if let Some(invocation) = self.state().queue.pop_front() {
                return invocation;
            }
            queued.await;
        }
    }

    /// Answers an invocation. False when nobody waits under this id.
    pub(super) fn answer(&self, id: &str, answer: Answer) -> bool {
        let waiting = self.state().waiting.remove(id);
        waiting.is_some_and(|sender| sender.send(answer).is_ok())
    }

    pub(super) fn fail_init(&self, error: FunctionError) {
        self.state().init_error = Some(error);
        self.settled.notify_waiters();
    }

    pub(super) fn init_error(&self) -> Option<FunctionError> {
        self.state().init_error.clone()
    }

    /// A new process: what an earlier one did counts no more.
    pub(super) fn started(&self) {
        let mut state = self.state();
        (state.first_poll, state.init_error, state.exit) = (None, None, None);
    }

    /// The process is gone: those who wait learn it, and so do those who ask later.
    pub(super) fn exited(&self, status: &str) {
        let waiting = {
            let mut state = self.state();
            let error = state.init_error.clone();
            let error =
                error.unwrap_or_else(|| FunctionError::new("Runtime.ExitError", format!("exited: {status}")));
            state.exit = Some(error.clone());
            state.queue.clear();
            std::mem::take(&mut state.waiting)
                .into_values()
                .map(|sender| (sender, error.clone()))
                .collect::<Vec<_>>()
        };
        for (sender, error) in waiting {
            // Who gave up waiting does not listen.
            let _ = sender.send(Err(error));
        }
        self.settled.notify_waiters();
    }

    /// When the function polled for the first time; waits for it. An error when it exits or reports one instead.
    pub(super) async fn first_poll(&self) -> Result<Instant, FunctionError> {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            {
                let state = self.state();
                if let Some(at) = state.first_poll {
                    return Ok(at);
                }
                if let Some(error) = state.init_error.as_ref().or(state.exit.as_ref()) {
                    return Err(error.clone());
                }
            }
            settled.await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a deadline is compared with the function's own wall clock")]
fn unix_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}
