//! One dropped file after the other, on a lake in memory: what lands, what is skipped, what is rejected, and what a crash
//! leaves behind.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use quotelake_contract::Contracts;
use quotelake_core::ports::{Clock, Event, Events, FixedClock, Lake, Message, Precondition, Queue};
use quotelake_core::{ErrorKind, Result, check_id, sha256_hex};
use quotelake_ingest::file::PART_BYTES;
use quotelake_ingest::{Context, Outcome, Receipt, take_drop};
use quotelake_local::MemoryLake;
use quotelake_testkit::{CallPlan, Faulty, Moment};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples")
}

fn contracts(orders_version: &str) -> Contracts {
    let mut contracts = Contracts::built_in().unwrap();
    for name in ["orders", "reviews", "shipments"] {
        let yaml = std::fs::read_to_string(samples().join(format!("contracts/{name}.yaml"))).unwrap();
        let version = if name == "orders" { orders_version } else { "1.0.0" };
        contracts.add(&yaml.replace("version: 1.0.0", &format!("version: {version}")), None).unwrap();
    }
    contracts
}

/// Events and notifications, kept.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

#[async_trait]
impl Events for Told {
    async fn publish(&self, event: Event) -> Result<()> {
        self.0.lock().unwrap().push(event.detail_type);
        Ok(())
    }

    async fn notify(&self, subject: &str, _: &str) -> Result<()> {
        self.0.lock().unwrap().push(subject.to_owned());
        Ok(())
    }
}

#[derive(Debug)]
struct NoQueue;

#[async_trait]
impl Queue for NoQueue {
    async fn send(&self, _: Message) -> Result<()> {
        Ok(())
    }
}

struct World {
    lake: MemoryLake,
    told: Arc<Told>,
    clock: Arc<dyn Clock>,
}

impl World {
    fn new() -> Self {
        Self { lake: MemoryLake::new(), told: Arc::default(), clock: at("2026-11-26T12:00:00Z") }
    }

    async fn with_shipments(key: &str) -> Self {
        let world = Self::new();
        world.put(key, sample("shipments.csv")).await;
        world
    }

    fn context(&self, plan: &CallPlan) -> Context {
        let lake: Arc<dyn Lake> = Arc::new(Faulty::new(Arc::new(self.lake.clone()) as Arc<dyn Lake>, plan));
        let events: Arc<dyn Events> = Arc::new(Faulty::new(Arc::clone(&self.told) as Arc<dyn Events>, plan));
        Context {
            inbox: Arc::clone(&lake),
            lake,
            dead_letters: Arc::new(NoQueue),
            hand_back: None,
            events,
            contracts: contracts("1.0.0"),
            clock: Arc::clone(&self.clock),
        }
    }

    async fn put(&self, key: &str, bytes: impl Into<Bytes>) {
        self.lake.put(key, bytes.into(), Precondition::None).await.unwrap();
    }

    async fn take(&self, key: &str) -> Result<Receipt> {
        take_drop(&self.context(&CallPlan::new()), key).await
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        self.lake.list(prefix).await.unwrap().into_iter().map(|meta| meta.key).collect()
    }

    /// The lines of every landing object, in order.
    async fn landed(&self) -> String {
        let mut text = String::new();
        for key in self.keys("landing/").await {
            let bytes = self.lake.get(&key).await.unwrap().bytes;
            MultiGzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
        }
        text
    }

    fn told(&self) -> Vec<String> {
        self.told.0.lock().unwrap().clone()
    }
}

fn at(text: &str) -> Arc<dyn Clock> {
    Arc::new(FixedClock(text.parse().unwrap()))
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(samples().join("csv").join(name)).unwrap()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn files_in_pt_br_and_files_with_placeholder_dates() {
    let world = World::new();
    world.put("inbox/reviews/r.csv", sample("reviews.csv")).await;
    world.put("inbox/shipments/s.csv.gz", gzip(&sample("shipments.csv"))).await;
    let reviews = world.take("inbox/reviews/r.csv").await.unwrap();
    assert_eq!((reviews.rows, reviews.unreadable), (6, 1));
    let shipments = world.take("inbox/shipments/s.csv.gz").await.unwrap();
    assert_eq!((shipments.rows, shipments.unreadable), (8, 1));
    insta::assert_snapshot!(world.landed().await);
}

#[tokio::test]
async fn the_same_content_lands_once_whatever_it_is_called() {
    let world = World::new();
    for key in ["inbox/orders/a.csv", "inbox/orders/sub folder/b.csv", "inbox/orders/c.csv"] {
        world.put(key, sample("orders.csv")).await;
    }
    let first = world.take("inbox/orders/a.csv").await.unwrap();
    assert_eq!(first.outcome, Outcome::Landed);
    assert_eq!(world.take("inbox/orders/a.csv").await.unwrap(), first, "the first one's receipt");
    assert_eq!(world.take("inbox/orders/sub folder/b.csv").await.unwrap().outcome, Outcome::SameContent);
    assert_eq!(world.keys("landing/").await.len(), 1);
    let told = [
        "File Ingested",
        "inbox/orders/a.csv is in",
        "File Skipped",
        "inbox/orders/sub folder/b.csv is skipped",
    ];
    assert_eq!(world.told(), told);
    // Another version of the contract may read the same bytes in another way.
    let context = Context { contracts: contracts("1.1.0"), ..world.context(&CallPlan::new()) };
    assert_eq!(take_drop(&context, "inbox/orders/c.csv").await.unwrap().outcome, Outcome::Landed);
}

#[tokio::test]
async fn one_file_of_a_name_a_day_by_the_contracts_zone() {
    let mut world = World::new();
    let key = "inbox/shipments/export.csv";
    let file = String::from_utf8(sample("shipments.csv")).unwrap();
    // A file that is rejected uses nothing up.
    world.put(key, "Tracking ID\n1\n").await;
    assert_eq!(world.take(key).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    world.put(key, file.clone()).await;
    assert_eq!(world.take(key).await.unwrap().outcome, Outcome::Landed);
    // Past midnight in UTC it is the same evening in Sao Paulo.
    world.clock = at("2026-11-27T02:59:00Z");
    world.put(key, file.replace("T-9001", "T-8001")).await;
    let refused = world.take(key).await.unwrap();
    assert_eq!(refused.outcome, Outcome::OverLimit);
    assert_eq!(
        refused.reason.unwrap(),
        "a file of this name landed at 2026-11-26 12:00:00 UTC, and the contract allows one a day"
    );
    world.put("inbox/shipments/another.csv", file.replace("T-9001", "T-7001")).await;
    assert_eq!(world.take("inbox/shipments/another.csv").await.unwrap().outcome, Outcome::Landed);
    world.clock = at("2026-11-27T03:00:00Z");
    world.put(key, file.replace("T-9001", "T-6001")).await;
    assert_eq!(world.take(key).await.unwrap().outcome, Outcome::Landed);
    assert_eq!(world.keys("landing/").await.len(), 3);
}

#[tokio::test]
async fn a_claim_of_a_file_that_never_landed_is_taken_over() {
    let key = "inbox/shipments/export.csv";
    let counting = CallPlan::new();
    take_drop(&World::with_shipments(key).await.context(&counting), key).await.unwrap();
    let log = counting.log();
    let claim = log.iter().position(|call| call.contains("put") && call.contains("day-")).unwrap() + 1;
    let world = World::with_shipments(key).await;
    take_drop(&world.context(&CallPlan::crash_at(claim, Moment::After)), key).await.unwrap_err();
    assert!(world.keys("landing/").await.is_empty());
    assert_eq!(world.keys("ingested/dataset=shipments/day-").await.len(), 1);
    let other = String::from_utf8(sample("shipments.csv")).unwrap().replace("T-9001", "T-8001");
    world.put(key, other).await;
    assert_eq!(world.take(key).await.unwrap().outcome, Outcome::Landed);
}

#[tokio::test]
async fn what_is_wrong_with_a_whole_file_is_said_and_nothing_of_it_lands() {
    let world = World::new();
    let orders = sample("orders.csv");
    let packed = gzip(&orders);
    let mut open_quote = orders.clone();
    open_quote.extend(b"A-9,1,\"");
    open_quote.resize(6 << 20, b'x');
    let positional = b"A-1001,1,Pencil,12,0.45,GBP,2026-10-30,2026-10-31,2026-10-31\n".to_vec();
    for (name, bytes, says) in [
        ("positional.csv", positional, "header does not fit contract orders@1.0.0: lacks \"Order ID\""),
        ("cut.csv.gz", packed[..packed.len() - 9].to_vec(), "gzip cannot be read to its end"),
        ("empty.csv", Vec::new(), "is empty: there is no header"),
        ("quote.csv", open_quote, "the record that begins on line 11 is longer than 4 MiB"),
        ("notes.txt", orders.clone(), "the name \"notes.txt\" does not say what kind of file it is"),
    ] {
        let key = format!("inbox/orders/{name}");
        world.put(&key, bytes).await;
        let error = world.take(&key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
        assert!(error.to_string().contains(says), "{name}: {error}");
    }
    assert!(world.keys("landing/").await.is_empty());
    assert_eq!(world.keys("inbox/").await.len(), 5, "the files stay");
    assert_eq!(world.keys("ingested/").await.len(), 5, "each has a receipt");
    assert_eq!(world.told().iter().filter(|told| *told == "File Rejected").count(), 5);
    assert_eq!(world.take("inbox/orders/gone.csv").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_large_file_lands_in_parts_and_no_row_is_lost() {
    let world = World::new();
    let mut text =
        String::from("Order ID,Line,Product,Quantity,Unit price,Currency,Ordered on,Shipped on,Updated at\n");
    let rows = 2 * PART_BYTES / 190;
    for row in 0..rows {
        let fields = "1,\"Pencil, HB\",12,0.45,GBP,2026-10-30,9999-12-31,2026-10-31 08:15:00";
        text.push_str(&format!("A-{row},{fields}\n"));
    }
    world.put("inbox/orders/large.csv.gz", gzip(text.as_bytes())).await;
    let receipt = world.take("inbox/orders/large.csv.gz").await.unwrap();
    assert_eq!(receipt.rows, rows as u64);
    assert!(receipt.landing_keys.len() >= 2, "{:?}", receipt.landing_keys);
    let landed = world.landed().await;
    let origins: Vec<&str> = landed.lines().filter(|line| line.starts_with("{\"ingest_origin\"")).collect();
    // Each part says again where its first row is.
    assert_eq!(origins.len(), receipt.landing_keys.len());
    assert_eq!(landed.lines().count(), rows + origins.len());
    assert!(landed.lines().last().unwrap().contains(&format!("\"A-{}\"", rows - 1)));
}

#[tokio::test]
async fn a_crash_at_every_call_before_and_after_its_effect() {
    let key = "inbox/shipments/s.csv";
    let healthy = World::with_shipments(key).await;
    let counting = CallPlan::new();
    take_drop(&healthy.context(&counting), key).await.unwrap();
    let expected = (healthy.keys("").await, healthy.landed().await);
    assert!(counting.calls() >= 10, "{:?}", counting.log());
    for call in 1..=counting.calls() {
        for moment in [Moment::Before, Moment::After] {
            let world = World::with_shipments(key).await;
            let plan = CallPlan::crash_at(call, moment);
            assert!(take_drop(&world.context(&plan), key).await.is_err(), "{moment:?} {call}");
            let receipt = world.take(key).await.unwrap();
            assert_eq!(receipt.outcome, Outcome::Landed, "{moment:?} {call}");
            assert_eq!((world.keys("").await, world.landed().await), expected, "{moment:?} {call}");
            assert!(world.told().contains(&"File Ingested".to_owned()), "{moment:?} {call}");
        }
    }
}

/// An earlier version told the rows of packed files without a key apart by the hash of the packed file: such rows keep it, or they would be
/// in the table twice.
#[tokio::test]
async fn a_packed_file_that_landed_by_its_packed_hash_keeps_it() {
    let yaml = "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: clicks\n    customProperties: [{property: key, value: none}, {property: partitionBy, value: none}]\n    properties: [{name: s, logicalType: string, physicalType: string}]\n";
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(yaml, None).unwrap();
    let world = World::new();
    let context = || Context { contracts: contracts.clone(), ..world.context(&CallPlan::new()) };
    let file = gzip(b"s\nx\nx\n");
    let (packed, unpacked) = (sha256_hex(&file), sha256_hex(b"s\nx\nx\n"));
    world.put("inbox/clicks/a.csv.gz", file.clone()).await;
    assert_eq!(take_drop(&context(), "inbox/clicks/a.csv.gz").await.unwrap().content, Some(unpacked.clone()));
    // As the earlier version left it.
    let content_key = |content: &str| {
        quotelake_core::ObjectKey::ingested("clicks", &format!("content-{}", check_id("1.0.0", content)))
            .to_string()
    };
    for key in world.keys("ingested/").await {
        let text = String::from_utf8(world.lake.get(&key).await.unwrap().bytes.to_vec()).unwrap();
        let old =
            text.replace(&format!("\"content\": \"{unpacked}\""), &format!("\"content\": \"{packed}\""));
        assert_ne!(text, old);
        let key = if key == content_key(&unpacked) {
            world.lake.delete(&key).await.unwrap();
            content_key(&packed)
        } else {
            key
        };
        world.put(&key, old.into_bytes()).await;
    }
    for key in world.keys("landing/").await {
        world.lake.delete(&key).await.unwrap();
    }
    world.put("inbox/clicks/b.csv.gz", file.clone()).await;
    assert_eq!(take_drop(&context(), "inbox/clicks/b.csv.gz").await.unwrap().outcome, Outcome::SameContent);
    let meta = world.lake.head("inbox/clicks/a.csv.gz").await.unwrap().unwrap();
    quotelake_ingest::forget_drop(&world.lake, &contracts, &meta).await.unwrap();
    let again = take_drop(&context(), "inbox/clicks/a.csv.gz").await.unwrap();
    assert_eq!((again.outcome, again.content.as_ref()), (Outcome::Landed, Some(&packed)));
    assert_eq!(world.landed().await.matches(&packed).count(), 2);
}
