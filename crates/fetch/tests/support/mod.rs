//! The fetch function in a world where every port can fail.
#![allow(unreachable_pub, reason = "a module of tests")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use quotelake_core::ports::{FixedClock, Message, PutOutcome, Queue, RecordStream, Secret, Secrets};
use quotelake_core::{Envelope, Error, Result};
use quotelake_fetch::{Context, FetchReport, Watchlists, handle};
use quotelake_sources::http::{Options, ReqwestHttp};
use quotelake_sources::polygon::{Polygon, PolygonConfig};
use quotelake_sources::replay::{Recording, ReplayServer};
use quotelake_sources::{Source as _, Sources};
use quotelake_testkit::{CallPlan, Faulty};
use serde_json::value::RawValue;
use serde_json::{Value, json};

pub fn samples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../samples")
}

pub fn sample_event(name: &str) -> Box<RawValue> {
    let text = std::fs::read_to_string(samples().join("events/fetch").join(name)).unwrap();
    RawValue::from_string(text).unwrap()
}

pub fn raw(value: Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(&value).unwrap()
}

/// What a put does.
#[derive(Debug, Clone, Copy)]
pub enum Put {
    /// Every second record is throttled.
    Half,
    /// Nothing arrives: the service is away.
    Away,
    /// Every record is refused for good.
    Refused,
    /// The role may not write.
    Forbidden,
}

/// A stream that does as it is told, then takes everything.
#[derive(Debug)]
pub struct FakeStream {
    pub script: Mutex<VecDeque<Put>>,
    pub accepted: Mutex<Vec<Bytes>>,
    pub max_record_bytes: usize,
}

#[async_trait]
impl RecordStream for FakeStream {
    async fn put(&self, records: &[Bytes]) -> Result<Vec<PutOutcome>> {
        let told = self.script.lock().unwrap().pop_front();
        let rejected = |error| PutOutcome::Rejected(error);
        match told {
            Some(Put::Away) => return Err(Error::unavailable("the stream is away")),
            Some(Put::Forbidden) => {
                return Err(Error::new(quotelake_core::ErrorKind::Unauthorized, "the role may not write"));
            }
            _ => {}
        }
        let mut accepted = self.accepted.lock().unwrap();
        let outcome = |(n, record): (usize, &Bytes)| match told {
            Some(Put::Half) if n % 2 == 1 => rejected(Error::unavailable("throttled")),
            Some(Put::Refused) => rejected(Error::invalid("refused")),
            _ => {
                accepted.push(record.clone());
                PutOutcome::Accepted
            }
        };
        Ok(records.iter().enumerate().map(outcome).collect())
    }

    fn max_record_bytes(&self) -> usize {
        self.max_record_bytes
    }
}

/// A queue that remembers, or is away.
#[derive(Debug, Default)]
pub struct FakeQueue {
    pub sent: Mutex<Vec<Message>>,
    pub away: Mutex<bool>,
}

impl FakeQueue {
    pub fn bodies(&self) -> Vec<Value> {
        self.sent.lock().unwrap().iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }

    pub fn attribute(&self, name: &str) -> Vec<String> {
        self.sent.lock().unwrap().iter().filter_map(|message| message.attributes.get(name).cloned()).collect()
    }
}

#[async_trait]
impl Queue for FakeQueue {
    async fn send(&self, message: Message) -> Result<()> {
        if *self.away.lock().unwrap() {
            return Err(Error::unavailable("the queue is away"));
        }
        self.sent.lock().unwrap().push(message);
        Ok(())
    }
}

#[derive(Debug)]
pub struct NoSecrets;

#[async_trait]
impl Secrets for NoSecrets {
    async fn read(&self, reference: &str) -> Result<Secret> {
        Err(Error::not_found(format!("no secret {reference}")))
    }
    async fn forget(&self, _: &str) {}
}

pub struct Setting {
    pub server: ReplayServer,
    pub stream: Arc<FakeStream>,
    pub dead_letters: Arc<FakeQueue>,
    pub units: Arc<FakeQueue>,
    pub context: Context,
}

impl Setting {
    pub async fn new() -> Self {
        let recording = Recording::load(&samples().join("polygon/recording.json")).unwrap();
        let server = ReplayServer::start(recording).await.unwrap();
        let stream = Arc::new(FakeStream {
            script: Mutex::default(),
            accepted: Mutex::default(),
            max_record_bytes: 1_024_000,
        });
        let (dead_letters, units) = (Arc::new(FakeQueue::default()), Arc::new(FakeQueue::default()));
        let mut watchlists = Watchlists::default();
        watchlists
            .add(&std::fs::read_to_string(samples().join("watchlists/us_samples.json")).unwrap())
            .unwrap();
        let options = Options {
            replay: true,
            backoff: Duration::from_millis(2),
            reserve: Duration::ZERO,
            longest_wait: Duration::from_millis(500),
            ..Options::default()
        };
        let context = Context {
            stream: stream.clone(),
            dead_letters: dead_letters.clone(),
            units: Some(units.clone()),
            hand_back: None,
            secrets: Arc::new(NoSecrets),
            clock: Arc::new(FixedClock("2013-03-02T02:00:00Z".parse().unwrap())),
            http: Arc::new(ReqwestHttp::new()),
            sources: Sources::default()
                .with(Arc::new(Polygon::new(PolygonConfig::with_base_url(server.base_url())).unwrap())),
            pacing: None,
            lake: None,
            sent: None,
            options: BTreeMap::from([("polygon".to_owned(), options)]),
            watchlists,
            max_attempts: 3,
            max_hops: 4,
        };
        Self { server, stream, dead_letters, units, context }
    }

    pub async fn handle(&self, event: &RawValue) -> Result<Box<RawValue>> {
        handle(event, None, &self.context).await
    }

    pub async fn report(&self, symbols: &[&str], datasets: &[&str]) -> FetchReport {
        serde_json::from_str(self.handle(&request(symbols, datasets)).await.unwrap().get()).unwrap()
    }

    /// What `transform` makes of what the stream took: rows by dataset.
    pub fn rows(&self) -> HashMap<&'static str, usize> {
        let mut rows = HashMap::new();
        for record in self.stream.accepted.lock().unwrap().iter() {
            let envelope = Envelope::from_record(record).unwrap();
            for row in Polygon::default().transform(&envelope).unwrap().records {
                *rows.entry(row.dataset()).or_default() += 1;
            }
        }
        rows
    }
}

pub fn request(symbols: &[&str], datasets: &[&str]) -> Box<RawValue> {
    let symbols: Vec<Value> =
        symbols.iter().map(|symbol| json!({ "symbol": symbol, "mic": "XNAS" })).collect();
    raw(json!({
        "source": "polygon",
        "watchlist": {
            "exchange_tz": "America/New_York", "currency": "USD", "asset_class": "equity", "symbols": symbols,
        },
        "datasets": datasets, "from": "2000-03-01", "to": "2013-03-01", "run_id": "run-1",
    }))
}

pub fn sqs(bodies: &[String]) -> Box<RawValue> {
    let record = |(n, body): (usize, &String)| {
        json!({
            "messageId": format!("message-{n}"), "receiptHandle": "x", "body": body, "attributes": {},
            "messageAttributes": {}, "md5OfBody": "x", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:units", "awsRegion": "us-east-1",
        })
    };
    raw(json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() }))
}

/// The same context, every port of which follows a plan.
pub struct Planned(pub Context);

impl Setting {
    pub fn faulty(&self, plan: &CallPlan) -> Planned {
        let mut context = self.context.clone();
        context.stream = Arc::new(Faulty::new(self.stream.clone(), plan));
        context.dead_letters = Arc::new(Faulty::new(self.dead_letters.clone(), plan));
        context.units = Some(Arc::new(Faulty::new(self.units.clone(), plan)));
        Planned(context)
    }
}

impl Planned {
    pub async fn run(&self, event: &RawValue) -> Result<FetchReport> {
        let answer = handle(event, None, &self.0).await?;
        Ok(serde_json::from_str(answer.get()).unwrap())
    }
}
