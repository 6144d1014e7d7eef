//! A lake of prices, models over them that are code of the tests, and a queue that a test empties itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, AsArray as _, Date32Array, Decimal128Array, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, Decimal64Type};
use async_trait::async_trait;
use chrono::NaiveDate;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use quotelake_contract::{Contracts, QualityTables};
use quotelake_core::ports::{Catalog, Events, FixedClock, Lake, Message, Precondition, Queue};
use quotelake_core::time::{date_from_days, days_since_epoch};
use quotelake_core::{Error, Result, Zone};
use quotelake_local::{JsonCatalog, LogEvents, MemoryLake};
use quotelake_platform::sqs::{SqsEvent, SqsMessage};
use quotelake_refine::Context;
use quotelake_refine::dates::Dates;
use quotelake_refine::engine::{Computed, NoSql};
use quotelake_refine::models::Models;
use quotelake_refine::native::NativeModel;
use quotelake_refine::plan::Reach;
use quotelake_refine::run::refine;
use quotelake_refine::stale::stale;
use quotelake_refine::tables::Tables;
use quotelake_table::{PartitionKey, RowDecoder, parquet_file};
use quotelake_testkit::{CallPlan, Faulty, build};

/// Days that a sum reaches back.
pub(crate) const BACK: u64 = 10;

const PRICES: &str = "apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: prices
    properties:
      - {name: symbol, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: day, logicalType: date, physicalType: date, required: true, primaryKey: true, primaryKeyPosition: 2}
      - {name: close, logicalType: number, physicalType: \"decimal(18,4)\", required: true}
      - {name: month, logicalType: string, physicalType: string, required: true, partitioned: true, partitionKeyPosition: 1, transformLogic: \"strftime(day, '%Y-%m')\"}
";

fn model(name: &str, refine: &str) -> String {
    let head = PRICES.replace(
        "name: prices",
        &format!("name: {name}\n    customProperties:\n      - {{property: refine, value: {refine}}}"),
    );
    head.replace(
        "{name: close, logicalType: number, physicalType: \"decimal(18,4)\", required: true}",
        "{name: total, logicalType: number, physicalType: \"decimal(12,2)\", required: true}",
    )
}

/// The contract of a table of days and totals, a model's where `refine` says so, parted by this format of the day.
#[cfg(feature = "sql")]
pub(crate) fn totals(name: &str, refine: &str, partition: &str, format: &str) -> String {
    let refine = match refine {
        "" => String::new(),
        refine => format!("    customProperties:\n      - {{property: refine, value: {refine}}}\n"),
    };
    format!(
        "apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: {name}
{refine}    properties:
      - {{name: day, logicalType: date, physicalType: date, required: true, primaryKey: true}}
      - {{name: total, logicalType: integer, physicalType: bigint, required: true}}
      - {{name: {partition}, logicalType: string, physicalType: string, required: true, partitioned: true, partitionKeyPosition: 1, transformLogic: \"strftime(day, '{format}')\"}}
"
    )
}

/// Rules of every model: a row rule, and one about all rows.
const RULES: &str = r#"Rules = [ ColumnValues "total" >= 0 with threshold >= 0.0, RowCount >= 0 ]"#;

/// The dataset and three models: sums of prices, sums of those, and one that fails.
pub(crate) fn contracts() -> Contracts {
    contracts_with(RULES)
}

/// The same with other rules of `sums`.
pub(crate) fn contracts_with(rules: &str) -> Contracts {
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(PRICES, None).unwrap();
    let lookback =
        |table: &str| format!("{{engine: native, from: [{table}], lookback: {{{table}: {{days: {BACK}}}}}}}");
    contracts.add(&model("sums", &lookback("prices")), Some(("sums.dqdl", rules))).unwrap();
    contracts.add(&model("scattered", &lookback("prices")), None).unwrap();
    contracts.add(&model("sums_of_sums", &lookback("sums")), None).unwrap();
    contracts.add(&model("fails", &lookback("prices")), None).unwrap();
    contracts
}

/// For each row the sum of the symbol's values of the days before, scattered or a month at a time.
#[derive(Debug)]
struct Sums {
    name: &'static str,
    from: &'static str,
    column: &'static str,
    is_scattered: bool,
}

static MODELS: [&dyn NativeModel; 4] = [
    &Sums { name: "sums", from: "prices", column: "close", is_scattered: false },
    &Sums { name: "scattered", from: "prices", column: "close", is_scattered: true },
    &Sums { name: "sums_of_sums", from: "sums", column: "total", is_scattered: false },
    &Fails,
];

pub(crate) fn natives(name: &str) -> Option<&'static dyn NativeModel> {
    MODELS.iter().copied().find(|model| model.name() == name)
}

#[async_trait]
impl NativeModel for Sums {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        1
    }

    async fn compute<'a>(&self, tables: Tables<'a>, dates: Dates) -> Result<BoxStream<'a, Result<Computed>>> {
        let read = dates.with_days_before(BACK as u32);
        let mut rows: BTreeMap<(NaiveDate, String), i128> = BTreeMap::new();
        let mut batches = tables.scan(self.from, &["symbol", "day", self.column], read).await?;
        while let Some(batch) = batches.try_next().await? {
            let symbols = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8)?;
            let (days, values) = (
                batch.column(1).as_primitive::<Date32Type>(),
                batch.column(2).as_primitive::<Decimal64Type>(),
            );
            for row in 0..batch.num_rows() {
                let day = date_from_days(days.value(row)).ok_or_else(|| Error::bug("a day"))?;
                rows.insert(
                    (day, symbols.as_string::<i32>().value(row).to_owned()),
                    values.value(row).into(),
                );
            }
        }
        let sum = |(day, symbol): &(NaiveDate, String)| -> i128 {
            let first = *day - chrono::Days::new(BACK);
            let before = rows.range((first, String::new())..=(*day, symbol.clone()));
            before.filter(|((_, other), _)| other == symbol).map(|(_, value)| value).sum()
        };
        let sums: Vec<((NaiveDate, String), i128)> =
            rows.keys().filter(|(day, _)| dates.contains(*day)).map(|key| (key.clone(), sum(key))).collect();
        let size = if self.is_scattered { 3 } else { usize::MAX };
        let mut parts: Vec<Result<Computed>> = Vec::new();
        let mut of_month: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for row in sums {
            let month = if self.is_scattered { String::new() } else { row.0.0.format("%Y-%m").to_string() };
            of_month.entry(month).or_default().push(row);
        }
        for mut rows in of_month.into_values() {
            if self.is_scattered {
                rows.sort_by_key(|((day, symbol), _)| (days_since_epoch(*day) % 7, symbol.clone()));
            }
            for rows in rows.chunks(size.min(rows.len())) {
                parts.push(Ok(Computed { rows: batch(rows)?, is_complete: !self.is_scattered }));
            }
        }
        Ok(stream::iter(parts).boxed())
    }
}

/// In other types than the contract's: four digits behind the point, plain texts.
fn batch(rows: &[((NaiveDate, String), i128)]) -> Result<RecordBatch> {
    let totals: Decimal128Array = rows.iter().map(|(_, total)| Some(*total)).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("total", Arc::new(totals.with_precision_and_scale(38, 4)?)),
        (
            "symbol",
            Arc::new(rows.iter().map(|((_, symbol), _)| Some(symbol.as_str())).collect::<StringArray>()),
        ),
        (
            "day",
            Arc::new(rows.iter().map(|((day, _), _)| Some(days_since_epoch(*day))).collect::<Date32Array>()),
        ),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

#[derive(Debug)]
struct Fails;

#[async_trait]
impl NativeModel for Fails {
    fn name(&self) -> &'static str {
        "fails"
    }

    fn version(&self) -> u32 {
        1
    }

    async fn compute<'a>(&self, _: Tables<'a>, _: Dates) -> Result<BoxStream<'a, Result<Computed>>> {
        Err(Error::invalid("a division by zero"))
    }
}

/// The prices of a lake: every row, so that any of them can be restated, added or taken away.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prices(pub BTreeMap<(NaiveDate, String), i64>);

impl Prices {
    /// Two symbols with a price every third day from 2009 on, for so many days.
    pub(crate) fn every_third_day(days: i64) -> Self {
        let first = date("2009-01-01");
        let rows = (0..days).step_by(3).flat_map(|day| {
            ["A", "B"]
                .map(|symbol| ((first + chrono::Days::new(day as u64), symbol.to_owned()), 10_000 + day * 7))
        });
        Self(rows.collect())
    }

    /// Sets or removes a price, and gives the month that changed.
    pub(crate) fn set(&mut self, day: NaiveDate, symbol: &str, close: Option<i64>) -> String {
        let key = (day, symbol.to_owned());
        match close {
            Some(close) => drop(self.0.insert(key, close)),
            None => drop(self.0.remove(&key)),
        }
        day.format("%Y-%m").to_string()
    }

    fn months(&self) -> std::collections::BTreeSet<String> {
        self.0.keys().map(|(day, _)| day.format("%Y-%m").to_string()).collect()
    }

    /// Publishes every month.
    pub(crate) async fn publish_all(&self, lake: &dyn Lake) {
        for month in self.months() {
            self.publish(lake, &month).await;
        }
    }

    /// Publishes a month as it is.
    pub(crate) async fn publish(&self, lake: &dyn Lake, month: &str) {
        let contracts = contracts();
        let contract = &contracts.get("prices").unwrap().contract;
        let mut decoder = RowDecoder::new(Arc::clone(contract));
        for ((day, symbol), close) in &self.0 {
            if day.format("%Y-%m").to_string() == month {
                let close = format!("{}.{:04}", close / 10_000, close % 10_000);
                let line = serde_json::json!({"symbol": symbol, "day": day.to_string(), "close": close});
                decoder.push(&line.to_string()).unwrap();
            }
        }
        let bytes = parquet_file::write(contract, &decoder.take_batch().unwrap()).unwrap();
        let partition: PartitionKey = format!("month={month}").parse().unwrap();
        let key = partition.object_key(Zone::Bronze, "prices").to_string();
        lake.put(&key, bytes, Precondition::None).await.unwrap();
    }
}

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// What `publish` tells of a month.
pub(crate) fn change(month: &str) -> String {
    serde_json::json!({"zone": "bronze", "table": "prices", "partition": format!("month={month}"), "changed": true}).to_string()
}

/// A queue that a test empties itself.
#[derive(Debug, Default)]
pub(crate) struct Waiting(pub Mutex<VecDeque<Message>>);

#[async_trait]
impl Queue for Waiting {
    async fn send(&self, message: Message) -> Result<()> {
        self.0.lock().unwrap().push_back(message);
        Ok(())
    }
}

impl Waiting {
    pub(crate) fn take(&self) -> Vec<Message> {
        self.0.lock().unwrap().drain(..).collect()
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|message| message.body.clone()).collect()
    }
}

/// A lake with its models and queues.
pub(crate) struct World {
    pub(crate) lake: Arc<dyn Lake>,
    pub(crate) changes: Arc<Waiting>,
    pub(crate) dead_letters: Arc<Waiting>,
    pub(crate) contracts: Contracts,
    folder: Arc<tempfile::TempDir>,
}

impl World {
    pub(crate) fn new(lake: Arc<dyn Lake>) -> Self {
        Self {
            lake,
            changes: Arc::default(),
            dead_letters: Arc::default(),
            contracts: contracts(),
            folder: Arc::new(tempfile::tempdir().unwrap()),
        }
    }

    /// Prices with all models computed.
    pub(crate) async fn computed(prices: &Prices) -> Self {
        let world = Self::new(Arc::new(MemoryLake::new()));
        prices.publish_all(world.lake.as_ref()).await;
        world.compute_all().await;
        world.changes.take();
        world
    }

    /// The same, once more.
    pub(crate) async fn copied(&self) -> Self {
        let world = Self::new(copy(self.lake.as_ref(), "").await);
        Self { contracts: self.contracts.clone(), ..world }
    }

    pub(crate) fn context(&self, plan: &CallPlan) -> Context {
        let clock = Arc::new(FixedClock(build::instant()));
        let catalog: Arc<dyn Catalog> =
            Arc::new(JsonCatalog::open(self.folder.path().join("catalog")).unwrap());
        let events: Arc<dyn Events> =
            Arc::new(LogEvents::new(self.folder.path().join("events"), clock.clone()));
        Context {
            lake: Arc::new(Faulty::new(Arc::clone(&self.lake), plan)),
            catalog: Arc::new(Faulty::new(catalog, plan)),
            events: Arc::new(Faulty::new(events, plan)),
            changes: Some(Arc::new(Faulty::new(Arc::clone(&self.changes), plan))),
            dead_letters: Arc::new(Faulty::new(Arc::clone(&self.dead_letters), plan)),
            hand_back: None,
            contracts: self.contracts.clone(),
            quality_tables: QualityTables::built_in().unwrap(),
            clock,
            engine: &NoSql,
            natives,
            parallelism: 2,
        }
    }

    /// Computes every model whole, but the one that fails.
    pub(crate) async fn compute_all(&self) -> usize {
        let context = self.context(&CallPlan::new());
        let models = Models::with(&context.contracts, natives).unwrap();
        let mut changed = 0;
        for model in models.all().iter().filter(|model| ours(model.name())) {
            let report = refine(context.ports(), model, &Reach::Everything).await.unwrap();
            changed += report.changed().count();
        }
        changed
    }

    /// Handles messages until none is left; those that are to come again do.
    pub(crate) async fn settle(&self, plan: &CallPlan) {
        for _ in 0..50 {
            let messages = self.changes.take();
            if messages.is_empty() {
                return;
            }
            self.deliver(plan, messages).await;
        }
        panic!("the queue is never empty");
    }

    /// Delivers messages as one batch; those that are handed back wait again.
    pub(crate) async fn deliver(&self, plan: &CallPlan, messages: Vec<Message>) {
        let context = self.context(plan);
        let answer = quotelake_refine::handle(event(&messages), None, &context).await;
        for failure in answer.batch_item_failures {
            let at: usize = failure.item_identifier.parse().unwrap();
            self.changes.0.lock().unwrap().push_back(messages[at].clone());
        }
    }

    /// Computes what is stale, as `quotelake refine` does.
    pub(crate) async fn compute_stale(&self) {
        let context = self.context(&CallPlan::new());
        let models = Models::with(&context.contracts, natives).unwrap();
        for model in models.all().iter().filter(|model| ours(model.name())) {
            if let Some(stale) = stale(model, context.ports().tables(), &NoSql).await.unwrap() {
                refine(context.ports(), model, &stale.reach).await.unwrap();
            }
        }
    }

    /// The tables that a full computation gives.
    pub(crate) async fn expected(&self) -> BTreeMap<String, bytes::Bytes> {
        let fresh = Self::new(copy(self.lake.as_ref(), "bronze/").await);
        let fresh = Self { contracts: self.contracts.clone(), ..fresh };
        fresh.compute_all().await;
        silver(fresh.lake.as_ref()).await
    }

    /// That every model is what computing it now would give, to the byte, and knows that it is.
    pub(crate) async fn assert_up_to_date(&self, what: &str) {
        self.assert_is(&self.expected().await, what).await;
    }

    /// That every model is these tables, to the byte, and knows that it is up to date.
    pub(crate) async fn assert_is(&self, expected: &BTreeMap<String, bytes::Bytes>, what: &str) {
        let context = self.context(&CallPlan::new());
        let models = Models::with(&context.contracts, natives).unwrap();
        for model in models.all().iter().filter(|model| ours(model.name())) {
            let stale = stale(model, context.ports().tables(), &NoSql).await.unwrap();
            assert_eq!(stale, None, "{what}: {}", model.name());
        }
        let here = silver(self.lake.as_ref()).await;
        for key in here.keys().chain(expected.keys()) {
            match (here.get(key), expected.get(key)) {
                (Some(a), Some(b)) => assert!(a == b, "{what}: {key} is other bytes"),
                // What lost all its rows is left empty.
                (Some(empty), None) => assert_eq!(parquet_file::row_count(empty), Some(0), "{what}: {key}"),
                _ => panic!("{what}: {key} is missing"),
            }
        }
    }
}

/// Whether a model of these tests is one that can be computed.
pub(crate) fn ours(name: &str) -> bool {
    natives(name).is_some() && name != "fails"
}

pub(crate) fn event(messages: &[Message]) -> SqsEvent {
    let records = messages.iter().enumerate().map(|(at, message)| SqsMessage {
        message_id: at.to_string(),
        receipt_handle: None,
        body: message.body.clone(),
        attributes: Default::default(),
        message_attributes: Default::default(),
    });
    SqsEvent { records: records.collect() }
}

pub(crate) fn message(body: String) -> Message {
    Message { body, ..Message::default() }
}

pub(crate) async fn copy(lake: &dyn Lake, prefix: &str) -> Arc<dyn Lake> {
    let copy = MemoryLake::new();
    for meta in lake.list(prefix).await.unwrap() {
        let bytes = lake.get(&meta.key).await.unwrap().bytes;
        copy.put(&meta.key, bytes, Precondition::None).await.unwrap();
    }
    Arc::new(copy)
}

/// The tables of models that can be computed, by key.
pub(crate) async fn silver(lake: &dyn Lake) -> BTreeMap<String, bytes::Bytes> {
    let mut files = BTreeMap::new();
    for meta in lake.list("silver/").await.unwrap() {
        files.insert(meta.key.clone(), lake.get(&meta.key).await.unwrap().bytes);
    }
    files
}
