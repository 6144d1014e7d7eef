//! Every port with failures at chosen calls, before or after the call took effect, by plan or by seed. A test repeats a run
//! with a failure at each of its calls and looks at what is left.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use quotelake_core::ports::{
    Catalog, Event, Events, Lake, Message, Object, ObjectMeta, Partition, Precondition, PutOutcome, Queue,
    RecordStream, Secret, Secrets, Version,
};
use quotelake_core::{Error, Result, Zone};

use crate::random::Coin;

/// Where in a call the failure strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing happened.
    Before,
    /// The effect happened and the caller does not learn of it: the crash between doing and saying so.
    After,
}

/// Counts the calls of every [`Faulty`] port that shares it, and says which of them fail.
///
/// ```
/// # use std::sync::Arc;
/// use quotelake_testkit::{CallPlan, Moment};
/// # async fn handler(_: &CallPlan) -> Result<(), quotelake_core::Error> { Ok(()) }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// // How many calls does it make when all goes well?
/// let counting = CallPlan::new();
/// handler(&counting).await.unwrap();
/// // Crash at each of them, start again, and look at the world.
/// for call in 1..=counting.calls() {
///     for moment in [Moment::Before, Moment::After] {
///         let plan = CallPlan::crash_at(call, moment);
///         assert!(handler(&plan).await.is_err());
///         plan.restart();
///         handler(&plan).await.unwrap();
///     }
/// }
/// # });
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallPlan {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    log: Vec<String>,
    plan: Plan,
    dead: bool,
    refuses_runs: bool,
}

#[derive(Debug, Default)]
enum Plan {
    #[default]
    Healthy,
    At {
        call: usize,
        moment: Moment,
        dies: bool,
    },
    Random {
        coin: Coin,
        probability: f64,
    },
}

impl CallPlan {
    /// No call fails; calls are counted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Call number `call`, from 1, fails, and so does every later one until [`restart`](Self::restart): a process that died.
    pub fn crash_at(call: usize, moment: Moment) -> Self {
        Self::with(Plan::At { call, moment, dies: true })
    }

    /// Call number `call`, from 1, fails and no other: a passing fault.
    pub fn fail_at(call: usize, moment: Moment) -> Self {
        Self::with(Plan::At { call, moment, dies: false })
    }

    /// Each call fails with this probability, half of them before and half after the effect; the same for the same seed.
    pub fn random(seed: u64, probability: f64) -> Self {
        Self::with(Plan::Random { coin: Coin::new(seed), probability })
    }

    /// No call fails but the writing of rows of the table `runs`.
    pub fn without_runs() -> Self {
        Self { state: Arc::new(Mutex::new(State { refuses_runs: true, ..State::default() })) }
    }

    fn with(plan: Plan) -> Self {
        Self { state: Arc::new(Mutex::new(State { plan, ..State::default() })) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls there were, failed ones included.
    pub fn calls(&self) -> usize {
        self.state().log.len()
    }

    /// What was called, in order, e.g. `put quality/dataset=orders/0a.json`.
    pub fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// The process lives again and no call fails any more; the count goes on.
    pub fn restart(&self) {
        let mut state = self.state();
        state.dead = false;
        state.plan = Plan::Healthy;
    }

    /// Counts a call and decides when it fails.
    fn enter(&self, call: &str) -> Option<(Moment, Error)> {
        let mut state = self.state();
        state.log.push(call.to_owned());
        let number = state.log.len();
        if state.dead {
            return Some((
                Moment::Before,
                Error::unavailable(format!("dead since an injected crash ({call})")),
            ));
        }
        let (moment, dies) = match &mut state.plan {
            Plan::At { call, moment, dies } if *call == number => (*moment, *dies),
            Plan::Random { coin, probability } => {
                if !coin.toss(*probability) {
                    return None;
                }
                (if coin.toss(0.5) { Moment::Before } else { Moment::After }, false)
            }
            Plan::Healthy | Plan::At { .. } => return None,
        };
        state.dead = dies;
        Some((moment, Error::unavailable(format!("injected crash at call {number} ({call})"))))
    }

    /// A call that is no part of the work, and whose failure is nobody's: it is not counted, and fails in a dead process alone, or
    /// in every one [`without_runs`](Self::without_runs).
    async fn aside<T>(&self, call: &str, effect: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let fails = {
            let state = self.state();
            state.dead || state.refuses_runs
        };
        if fails { Err(Error::unavailable(format!("refused ({call})"))) } else { effect.await }
    }

    async fn call<T>(&self, call: String, effect: impl Future<Output = Result<T>> + Send) -> Result<T> {
        match self.enter(&call) {
            None => effect.await,
            Some((Moment::Before, error)) => Err(error),
            Some((Moment::After, error)) => {
                // What it answers is lost, an error too.
                let _ = effect.await;
                Err(error)
            }
        }
    }
}

/// A port whose calls fail as a [`CallPlan`] says, and are the inner port's otherwise. It is every port that the inner
/// one is.
pub struct Faulty<P: ?Sized> {
    inner: Arc<P>,
    plan: CallPlan,
}

impl<P: ?Sized> Faulty<P> {
    /// Puts the plan before the port.
    pub fn new(inner: Arc<P>, plan: &CallPlan) -> Self {
        Self { inner, plan: plan.clone() }
    }
}

impl<P: ?Sized + fmt::Debug> fmt::Debug for Faulty<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faulty").field(&&*self.inner).finish()
    }
}

#[async_trait]
impl<P: Lake + ?Sized> Lake for Faulty<P> {
    async fn get(&self, key: &str) -> Result<Object> {
        self.plan.call(format!("get {key}"), self.inner.get(key)).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.plan.call(format!("get_range {key}"), self.inner.get_range(key, range)).await
    }

    async fn get_unchecked(&self, key: &str) -> Result<Object> {
        self.plan.call(format!("get_unchecked {key}"), self.inner.get_unchecked(key)).await
    }

    async fn put(&self, key: &str, bytes: Bytes, when: Precondition) -> Result<Version> {
        let (call, put) = (format!("put {key}"), self.inner.put(key, bytes, when));
        if key.starts_with(Zone::Runs.prefix()) {
            return self.plan.aside(&call, put).await;
        }
        self.plan.call(call, put).await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.plan.call(format!("head {key}"), self.inner.head(key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        self.plan.call(format!("list {prefix}"), self.inner.list(prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.plan.call(format!("delete {key}"), self.inner.delete(key)).await
    }

    async fn missing(&self, prefix: &str) -> Result<Vec<String>> {
        self.plan.call(format!("missing {prefix}"), self.inner.missing(prefix)).await
    }
}

#[async_trait]
impl<P: RecordStream + ?Sized> RecordStream for Faulty<P> {
    async fn put(&self, records: &[Bytes]) -> Result<Vec<PutOutcome>> {
        self.plan.call(format!("put_records {}", records.len()), self.inner.put(records)).await
    }

    fn max_record_bytes(&self) -> usize {
        self.inner.max_record_bytes()
    }
}

#[async_trait]
impl<P: Queue + ?Sized> Queue for Faulty<P> {
    async fn send(&self, message: Message) -> Result<()> {
        let head: String = message.body.chars().take(80).collect();
        self.plan.call(format!("send {head}"), self.inner.send(message)).await
    }
}

#[async_trait]
impl<P: Catalog + ?Sized> Catalog for Faulty<P> {
    async fn ensure_partitions(&self, partitions: &[Partition]) -> Result<()> {
        let locations: Vec<&str> = partitions.iter().map(|partition| partition.location.as_str()).collect();
        let call = format!("ensure_partitions {}", locations.join(" "));
        self.plan.call(call, self.inner.ensure_partitions(partitions)).await
    }

    async fn forget_partitions(&self, partitions: &[Partition]) -> Result<()> {
        let locations: Vec<&str> = partitions.iter().map(|partition| partition.location.as_str()).collect();
        let call = format!("forget_partitions {}", locations.join(" "));
        self.plan.call(call, self.inner.forget_partitions(partitions)).await
    }

    async fn partitions(&self, table: &str) -> Result<Vec<Partition>> {
        self.plan.call(format!("partitions {table}"), self.inner.partitions(table)).await
    }
}

#[async_trait]
impl<P: Events + ?Sized> Events for Faulty<P> {
    async fn publish(&self, event: Event) -> Result<()> {
        self.plan.call(format!("publish {}", event.detail_type), self.inner.publish(event)).await
    }

    async fn notify(&self, subject: &str, text: &str) -> Result<()> {
        self.plan.call(format!("notify {subject}"), self.inner.notify(subject, text)).await
    }
}

#[async_trait]
impl<P: Secrets + ?Sized> Secrets for Faulty<P> {
    async fn read(&self, reference: &str) -> Result<Secret> {
        self.plan.call(format!("read {reference}"), self.inner.read(reference)).await
    }

    /// Counted; it cannot fail, but a dead process forgets nothing.
    async fn forget(&self, reference: &str) {
        if let Some((Moment::Before, _)) = self.plan.enter(&format!("forget {reference}")) {
            return;
        }
        self.inner.forget(reference).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Sent(Mutex<Vec<String>>);

    #[async_trait]
    impl Queue for Sent {
        async fn send(&self, message: Message) -> Result<()> {
            self.0.lock().unwrap().push(message.body);
            Ok(())
        }
    }

    async fn send(queue: &dyn Queue, body: &str) -> Result<()> {
        queue.send(crate::build::message(body)).await
    }

    #[tokio::test]
    async fn a_crash_before_has_no_effect_and_one_after_has() {
        for (moment, effect) in [(Moment::Before, vec!["a", "d"]), (Moment::After, vec!["a", "b", "d"])] {
            let (inner, plan) = (Arc::new(Sent::default()), CallPlan::crash_at(2, moment));
            let queue: Arc<dyn Queue> = Arc::new(Faulty::<dyn Queue>::new(inner.clone(), &plan));
            send(&*queue, "a").await.unwrap();
            let error = send(&*queue, "b").await.unwrap_err();
            assert_eq!(error.to_string(), "injected crash at call 2 (send b)");
            assert!(error.kind().is_retryable());
            send(&*queue, "c").await.unwrap_err();
            plan.restart();
            send(&*queue, "d").await.unwrap();
            assert_eq!(*inner.0.lock().unwrap(), effect);
            assert_eq!(plan.calls(), 4);
            assert_eq!(plan.log()[3], "send d");
        }
    }

    #[tokio::test]
    async fn a_passing_fault_strikes_once_and_random_ones_repeat_by_seed() {
        let plan = CallPlan::fail_at(1, Moment::Before);
        let queue = Faulty::new(Arc::new(Sent::default()), &plan);
        send(&queue, "a").await.unwrap_err();
        send(&queue, "b").await.unwrap();

        let mut runs = Vec::new();
        for seed in [7, 7, 8] {
            let queue = Faulty::new(Arc::new(Sent::default()), &CallPlan::random(seed, 0.5));
            let mut results = Vec::new();
            for _ in 0..64 {
                results.push(send(&queue, "x").await.is_ok());
            }
            runs.push(results);
        }
        assert_eq!(runs[0], runs[1]);
        assert_ne!(runs[0], runs[2]);
        assert!((16..48).contains(&runs[0].iter().filter(|ok| **ok).count()));
    }
}
