//! AWS in a folder: a lake with its delivery stream, queues, catalog and functions, wired as the infrastructure code wires
//! them. The functions are the Lambda handlers; they get the same JSON events.
//!
//! Like a function that lives for hours, those of a laptop read the lake's contracts with each event: a dataset that another
//! process added a moment ago is known.
//!
//! Everything is on disk, so a run that is killed goes on where it was: accepted records are in the stream's journal,
//! messages in the queues' folders.

mod functions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use quotelake_contract::{Contracts, QualityTables};
use quotelake_core::ports::{Catalog, Clock, Events, FixedClock, Lake, Queue, RecordStream, Secrets};
use quotelake_core::{Error, Result, Zone};
use quotelake_fetch::Watchlists;
use quotelake_local::{
    Binding, Chaos, Delivery, DeliveryReport, DeliverySettings, Durability, Fabric, FabricReport, FolderLake,
    FolderQueue, Function, JsonCatalog, LogEvents, NotifyingLake, PRIVATE_FOLDER, QueueNotifier, SpoolDepth,
    SpoolStream, Turn,
};
use quotelake_platform::runs::{self, RunOutcome, RunRow};
use quotelake_platform::{connect, contracts};
use quotelake_refine::enabled::Enabled;
use quotelake_refine::model::Kind;
use quotelake_refine::models::Models;
use quotelake_sources::Sources;
use quotelake_sources::http::{Options, ReqwestHttp};
use serde::Serialize;

use self::functions::{
    check_function, fetch_function, ingest_function, publish_function, refine_function, transform_function,
};
use crate::models;
use crate::output::{Output, visible};

/// The queues that have dead letters, by the function that reads them.
pub const QUEUES: [&str; 5] = ["fetch", "ingest", "check", "publish", "refine"];
const BUCKET: &str = "quotelake-local";
/// Changes of partitions that models follow together.
const CHANGES_AT_ONCE: usize = 1000;

/// Wraps ports before they are handed out: how tests make them fail.
pub trait PortWrapper: std::fmt::Debug + Send + Sync {
    /// The lake.
    fn lake(&self, port: Arc<dyn Lake>) -> Arc<dyn Lake> {
        port
    }
    /// A queue that a function sends to.
    fn queue(&self, port: Arc<dyn Queue>) -> Arc<dyn Queue> {
        port
    }
    /// The stream that `fetch` puts on.
    fn stream(&self, port: Arc<dyn RecordStream>) -> Arc<dyn RecordStream> {
        port
    }
    /// The catalog.
    fn catalog(&self, port: Arc<dyn Catalog>) -> Arc<dyn Catalog> {
        port
    }
    /// The event bus.
    fn events(&self, port: Arc<dyn Events>) -> Arc<dyn Events> {
        port
    }
}

/// Ports as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl PortWrapper for Plain {}

/// A lake folder, wired up.
#[derive(Debug)]
pub struct Laptop {
    root: PathBuf,
    lake: Arc<dyn Lake>,
    stream: SpoolStream,
    stream_port: Arc<dyn RecordStream>,
    catalog: Arc<dyn Catalog>,
    events: Arc<dyn Events>,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    queues: BTreeMap<String, FolderQueue>,
    wrapper: Arc<dyn PortWrapper>,
    /// Whether a model is on that this program computes: only then does anybody follow what is published.
    has_models: bool,
    /// The shipped contracts and those of this lake.
    pub contracts: Contracts,
}

/// What settling did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// Vendor pages transformed and delivered to landing.
    pub delivered: u64,
    /// Pages without rows.
    pub dropped: u64,
    /// Pages that could not be read and lie under `undelivered/`.
    pub undelivered: u64,
    /// The objects that those are in.
    #[serde(skip)]
    pub undelivered_objects: Vec<String>,
    /// Landing objects.
    pub objects: u64,
    /// Messages handled.
    pub handled: u64,
    /// Messages that wait for a later run.
    pub waiting: u64,
    /// Messages that became dead letters by failing too often.
    pub dead_lettered: u64,
}

impl Laptop {
    /// Opens the lake in a folder, which is made where there is none.
    pub async fn open(root: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_wrapped(root, clock, Arc::new(Plain)).await
    }

    /// The same for a load, whose source files stay with the user: objects and events are not flushed one by one to survive
    /// a power cut, since loading again is safe.
    pub async fn open_for_load(root: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_with(root, clock, Arc::new(Plain), Durability::ProcessCrash).await
    }

    /// The same with its ports wrapped.
    pub async fn open_wrapped(
        root: &Path,
        clock: Arc<dyn Clock>,
        wrapper: Arc<dyn PortWrapper>,
    ) -> Result<Self> {
        Self::open_with(root, clock, wrapper, Durability::PowerLoss).await
    }

    async fn open_with(
        root: &Path,
        clock: Arc<dyn Clock>,
        wrapper: Arc<dyn PortWrapper>,
        durability: Durability,
    ) -> Result<Self> {
        let folder = FolderLake::open_with(root, durability)?;
        let private = folder.private_folder();
        // Contracts are read before anything can be made to fail: a process that cannot read them does not start.
        let contracts = contracts::load(&folder).await?;
        let stream = SpoolStream::open(private.join("stream"), Arc::clone(&clock))?;
        let mut queues = BTreeMap::new();
        for name in QUEUES.iter().flat_map(|name| [(*name).to_owned(), format!("{name}-dlq")]) {
            let queue = FolderQueue::open(private.join("queues"), &name, Arc::clone(&clock))?;
            queues.insert(name, queue);
        }
        let has_models = models::any(&folder, &contracts).await;
        let events =
            LogEvents::with_durability(private.join("events.ndjson"), Arc::clone(&clock), durability);
        Ok(Self {
            root: root.to_owned(),
            lake: wrapper.lake(Arc::new(folder)),
            stream_port: wrapper.stream(Arc::new(stream.clone())),
            stream,
            catalog: wrapper.catalog(Arc::new(JsonCatalog::open(private.join("catalog"))?)),
            events: wrapper.events(Arc::new(events)),
            secrets: connect::secrets(),
            clock,
            queues,
            wrapper,
            has_models,
            contracts,
        })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The lake.
    pub fn lake(&self) -> &Arc<dyn Lake> {
        &self.lake
    }

    /// The time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The delivery stream.
    pub fn stream(&self) -> &Arc<dyn RecordStream> {
        &self.stream_port
    }

    /// The catalog.
    pub fn catalog(&self) -> &Arc<dyn Catalog> {
        &self.catalog
    }

    /// The tables that the catalog has.
    pub async fn catalog_tables(&self) -> Result<Vec<String>> {
        JsonCatalog::open(self.root.join(PRIVATE_FOLDER).join("catalog"))?.tables().await
    }

    /// A queue by name, e.g. `check` or `check-dlq`.
    pub fn queue(&self, name: &str) -> Result<&FolderQueue> {
        self.queues.get(name).ok_or_else(|| {
            Error::not_found(format!("there is no queue {name:?}; queues are {}", QUEUES.join(", ")))
        })
    }

    pub(crate) fn queue_port(&self, name: &str) -> Result<Arc<dyn Queue>> {
        Ok(self.wrapper.queue(Arc::new(self.queue(name)?.clone())))
    }

    /// The ports of `fetch`.
    pub fn fetch_context(
        &self,
        sources: Sources,
        options: BTreeMap<String, Options>,
        watchlists: Watchlists,
    ) -> Result<quotelake_fetch::Context> {
        Ok(quotelake_fetch::Context {
            stream: Arc::clone(&self.stream_port),
            dead_letters: self.queue_port("fetch-dlq")?,
            units: Some(self.queue_port("fetch")?),
            hand_back: None,
            secrets: Arc::clone(&self.secrets),
            clock: Arc::clone(&self.clock),
            http: Arc::new(ReqwestHttp::new()),
            pacing: Some(Arc::clone(&self.lake)),
            lake: Some(self.landing_lake()?),
            sent: None,
            sources,
            options,
            watchlists,
            max_attempts: quotelake_fetch::DEFAULT_MAX_ATTEMPTS,
            max_hops: quotelake_fetch::DEFAULT_MAX_HOPS,
        })
    }

    /// The ports of `ingest`.
    pub fn ingest_context(&self) -> Result<quotelake_ingest::Context> {
        Ok(quotelake_ingest::Context {
            inbox: Arc::clone(&self.lake),
            lake: self.landing_lake()?,
            dead_letters: self.queue_port("ingest-dlq")?,
            hand_back: None,
            events: Arc::clone(&self.events),
            contracts: self.contracts.clone(),
            clock: Arc::clone(&self.clock),
        })
    }

    /// The lake of those who write landing objects themselves: each is told to `check`.
    pub fn landing_lake(&self) -> Result<Arc<dyn Lake>> {
        let created = Arc::new(self.notifier("check")?);
        Ok(Arc::new(NotifyingLake::new(Arc::clone(&self.lake), Zone::Landing.prefix(), created)))
    }

    /// Waits until no other process loads this dataset.
    pub async fn turn_to_load(&self, dataset: &str, output: Output) -> Result<Turn> {
        let (folder, work) = (self.root.join(PRIVATE_FOLDER).join("turns"), format!("load {dataset}"));
        if let Some(turn) = Turn::try_take(folder.clone(), &work).await? {
            return Ok(turn);
        }
        output.say(format!("waiting    another process loads {}", visible(dataset)))?;
        Turn::take(folder, &work).await
    }

    /// What S3 does when an object was written: an event to the queue.
    pub fn notifier(&self, queue: &str) -> Result<QueueNotifier> {
        Ok(QueueNotifier::new(BUCKET, self.queue_port(queue)?, Arc::clone(&self.clock)))
    }

    /// The same of an object that was written at a known time, which is not later than now.
    pub fn notifier_at(&self, queue: &str, at: Option<DateTime<Utc>>) -> Result<QueueNotifier> {
        let now = self.clock.now();
        let at = at.map_or(now, |at| at.min(now));
        Ok(QueueNotifier::new(BUCKET, self.queue_port(queue)?, Arc::new(FixedClock(at))))
    }

    /// The ports of `check`, reading landing objects from `landing`.
    pub fn check_context(&self, landing: Arc<dyn Lake>) -> Result<quotelake_check::Context> {
        Ok(quotelake_check::Context {
            landing,
            lake: Arc::clone(&self.lake),
            publish_queue: self.queue_port("publish")?,
            dead_letters: self.queue_port("check-dlq")?,
            hand_back: None,
            own_queue: None,
            kept: None,
            events: Arc::clone(&self.events),
            contracts: self.contracts.clone(),
            quality_tables: QualityTables::built_in()?,
            clock: Arc::clone(&self.clock),
        })
    }

    /// The ports of `publish`.
    pub fn publish_context(&self) -> Result<quotelake_publish::Context> {
        Ok(quotelake_publish::Context {
            lake: Arc::clone(&self.lake),
            catalog: Arc::clone(&self.catalog),
            events: Arc::clone(&self.events),
            changes: if self.has_models { Some(self.queue_port("refine")?) } else { None },
            dead_letters: self.queue_port("publish-dlq")?,
            hand_back: None,
            contracts: self.contracts.clone(),
            freshness: None,
            // One more than the cores: while a partition is read or written, every core has another to merge.
            parallelism: std::thread::available_parallelism().map_or(1, usize::from) + 1,
        })
    }

    /// The ports of `refine`.
    pub fn refine_context(&self) -> Result<quotelake_refine::Context> {
        Ok(quotelake_refine::Context {
            lake: Arc::clone(&self.lake),
            catalog: Arc::clone(&self.catalog),
            events: Arc::clone(&self.events),
            changes: Some(self.queue_port("refine")?),
            dead_letters: self.queue_port("refine-dlq")?,
            hand_back: None,
            contracts: self.contracts.clone(),
            quality_tables: QualityTables::built_in()?,
            clock: Arc::clone(&self.clock),
            engine: quotelake_refine::built_in::engine(),
            natives: quotelake_refine::native::named,
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
        })
    }

    /// Switches models on, which are followed from now on.
    pub async fn switch_on(&mut self, names: impl IntoIterator<Item = &str>) -> Result<()> {
        Enabled::switch_on(self.lake.as_ref(), names).await?;
        self.has_models = models::any(self.lake.as_ref(), &self.contracts).await;
        Ok(())
    }

    /// Switches the models on that need no SQL engine.
    pub async fn switch_on_native(&mut self) -> Result<()> {
        let models = Models::new(&self.contracts)?;
        let native = models.all().iter().filter(|model| matches!(model.kind, Kind::Native(_)));
        self.switch_on(native.map(|model| model.name())).await
    }

    /// Lets models follow what was published, until nothing is left to do.
    pub async fn follow(&self) -> Result<Settled> {
        let mut settled = Settled::default();
        if self.follows().await? {
            settled.add(&DeliveryReport::default(), self.models(None)?.run_until_idle().await?);
        }
        Ok(settled)
    }

    /// Whether there is anything for models to do: most lakes have none, and what they need is not read for nothing.
    async fn follows(&self) -> Result<bool> {
        Ok(self.has_models || !self.queue("refine")?.list().await?.is_empty())
    }

    /// The models, as a function of their own: what is published meanwhile is one change.
    fn models(&self, chaos: Option<Chaos>) -> Result<Fabric> {
        let fabric = Fabric::new();
        let fabric = match chaos {
            Some(chaos) => fabric.with_chaos(chaos),
            None => fabric,
        };
        let binding = self.binding("refine", refine_function(self.refine_context()?))?;
        Ok(fabric.bind(Binding { batch_size: CHANGES_AT_ONCE, ..binding }))
    }

    /// Delivers everything that the stream accepted and handles every message, until nothing is left to do. `fetch` is the
    /// function that units which were handed back go to; without it they wait.
    pub async fn settle(
        &self,
        fetch: Option<quotelake_fetch::Context>,
        chaos: Option<Chaos>,
    ) -> Result<Settled> {
        let mut fabric = Fabric::new();
        let models = if self.follows().await? { Some(self.models(chaos)?) } else { None };
        if let Some(chaos) = chaos {
            fabric = fabric.with_chaos(chaos);
        }
        if let Some(context) = fetch {
            fabric = fabric.bind(self.binding("fetch", fetch_function(context))?);
        }
        fabric = fabric.bind(self.binding("ingest", ingest_function(self.ingest_context()?))?);
        let check = self.check_context(Arc::clone(&self.lake))?;
        fabric = fabric.bind(self.binding("check", check_function(check))?);
        fabric = fabric.bind(self.binding("publish", publish_function(self.publish_context()?))?);
        let delivery = self.delivery()?;
        let mut settled = Settled::default();
        loop {
            let delivered = self.flush(&delivery).await?;
            let handled = fabric.run_until_idle().await?;
            settled.add(&delivered, handled);
            if delivered.delivered + delivered.failed + delivered.dropped == 0 && handled.invocations == 0 {
                settled.waiting = handled.waiting;
                if let Some(models) = &models {
                    let followed = models.run_until_idle().await?;
                    settled.add(&DeliveryReport::default(), followed);
                    settled.waiting = handled.waiting + followed.waiting;
                }
                self.keep_few_runs().await;
                return Ok(settled);
            }
        }
    }

    /// Puts the small files together in which stages wrote down what they did today, where they are many. What cannot be is left for
    /// the next time: nothing depends on it.
    pub async fn keep_few_runs(&self) {
        if let Err(error) = crate::runs::keep_few(self.lake.as_ref(), self.clock.now().date_naive()).await {
            tracing::warn!(error = %error, "files of runs are not put together");
        }
    }

    /// Delivers what the stream accepted, and no more: pages are in `landing/` afterwards, or under `undelivered/`.
    pub async fn deliver(&self) -> Result<DeliveryReport> {
        self.flush(&self.delivery()?).await
    }

    /// Delivers, and writes down what `transform` did: it has no lake of its own.
    async fn flush(&self, delivery: &Delivery) -> Result<DeliveryReport> {
        let started_at = self.clock.now();
        let flushed = delivery.flush().await;
        let work = started_at.timestamp_micros().to_string();
        let row =
            RunRow { ended_at: self.clock.now(), ..RunRow::of("transform", "stream", &work, started_at) };
        let row = match &flushed {
            Ok(report) if report.delivered + report.dropped + report.failed == 0 => return flushed,
            Ok(report) => RunRow {
                outcome: match report.failed {
                    0 => RunOutcome::Succeeded,
                    _ if report.delivered + report.dropped == 0 => RunOutcome::Failed,
                    _ => RunOutcome::Partial,
                },
                rows_out: Some(report.rows),
                objects: Some(report.delivered + report.dropped + report.failed),
                bytes: Some(report.bytes),
                error_code: (report.failed > 0).then(|| "processing_failed".to_owned()),
                error: (report.failed > 0)
                    .then(|| format!("{} pages could not be read, see undelivered/", report.failed)),
                ..row
            },
            Err(error) => row.failed(error),
        };
        runs::record(self.lake.as_ref(), started_at, &[row]).await;
        flushed
    }

    /// Files of pages that the stream accepted, and could not read again.
    pub async fn damaged_pages(&self) -> Result<Vec<PathBuf>> {
        self.stream.damaged().await
    }

    /// What the stream accepted and did not deliver yet.
    pub async fn stream_depth(&self) -> Result<SpoolDepth> {
        self.stream.depth().await
    }

    fn binding(&self, name: &str, function: Arc<dyn Function>) -> Result<Binding> {
        Ok(Binding::new(self.queue(name)?.clone(), function, self.queue(&format!("{name}-dlq"))?.clone()))
    }

    fn delivery(&self) -> Result<Delivery> {
        let created = self.notifier("check")?;
        let settings = DeliverySettings {
            transform_buffer_bytes: quotelake_transform::RECOMMENDED_BUFFER_BYTES,
            ..DeliverySettings::default()
        };
        Delivery::new(
            &self.stream,
            transform_function(),
            Arc::clone(&self.lake),
            Arc::new(created),
            Arc::clone(&self.clock),
            settings,
        )
    }
}

impl Settled {
    fn add(&mut self, delivery: &DeliveryReport, fabric: FabricReport) {
        self.count(delivery);
        self.handled += fabric.handled;
        self.dead_lettered += fabric.dead_lettered;
    }

    /// Adds what the stream delivered.
    pub fn count(&mut self, delivery: &DeliveryReport) {
        self.delivered += delivery.delivered;
        self.dropped += delivery.dropped;
        self.undelivered += delivery.failed;
        self.undelivered_objects.extend(delivery.failed_objects.iter().cloned());
        self.objects += delivery.objects.len() as u64;
    }
}
