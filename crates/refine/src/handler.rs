//! The SQS event: a batch of changes of partitions, taken together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use quotelake_contract::Contracts;
use quotelake_core::ports::Lake;
use quotelake_core::{Error, Result};
use quotelake_platform::contracts::ContractCache;
use quotelake_platform::function::SqsFunction;
use quotelake_platform::settings::Settings;
use quotelake_platform::sqs::{
    Origin, SqsBatchResponse, SqsEvent, SqsMessage, dead_letter, each_message, retries,
};
use quotelake_table::PartitionKey;
use serde::{Deserialize, Serialize};

use crate::Context;
use crate::enabled::Enabled;
use crate::engine;
use crate::model::Model;
use crate::models::Models;
use crate::plan::{Changes, Reach, reach};
use crate::run::refine_again;
use crate::stale::stale;

/// A partition that changed: of the event `Partition Published` the part that says which one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangedPartition {
    /// The table.
    pub table: String,
    /// The partition, e.g. `month=2009-03`; empty of a table that is one file.
    pub partition: String,
}

/// The body of a dead letter: a model that failed, and the changes that it has not followed. Sent back, it is computed for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefineRequest {
    /// The model.
    pub model: String,
    /// What changed of its inputs.
    pub changes: Vec<ChangedPartition>,
}

/// What a message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Request {
    /// That every model follows a change.
    Follow(ChangedPartition),
    /// That one does.
    Again(RefineRequest),
}

/// The event `Partition Published` as a rule of the bus hands it to a queue.
#[derive(Debug, Deserialize)]
struct Envelope {
    detail: ChangedPartition,
}

impl Request {
    /// Of a message: a request, the event in its envelope, or its detail alone.
    fn parse(message: &SqsMessage) -> Result<Self> {
        if let Ok(again) = serde_json::from_str(&message.body) {
            return Ok(Self::Again(again));
        }
        if let Ok(Envelope { detail }) = serde_json::from_str(&message.body) {
            return Ok(Self::Follow(detail));
        }
        serde_json::from_str(&message.body).map(Self::Follow).map_err(|e| {
            Error::invalid(format!("message {} is no change of a partition", message.message_id))
                .with_source(e)
        })
    }

    fn changes(&self) -> &[ChangedPartition] {
        match self {
            Self::Follow(change) => std::slice::from_ref(change),
            Self::Again(again) => &again.changes,
        }
    }

    /// Whether it is about a model.
    fn concerns(&self, model: &Model) -> bool {
        match self {
            Self::Follow(change) => model.follows.iter().any(|input| input.table == change.table),
            Self::Again(again) => again.model == model.name(),
        }
    }
}

/// Handles a batch of changes: each model that is on computes what all of them together reach of it.
///
/// Each model is for itself. One that fails in a way that trying again may help is why the messages about it come again; any other is
/// a dead letter of the model with those changes, and an error of the log. A message that is none is a dead letter, and so is one
/// that asks for a model that there is none of.
pub async fn handle(event: SqsEvent, time_left: Option<Duration>, context: &Context) -> SqsBatchResponse {
    let outcome = follow(&event, context).await;
    let origin = Origin {
        fifo: false,
        dead_letters: context.dead_letters.as_ref(),
        hand_back: context.hand_back.as_deref(),
    };
    each_message(event, origin, time_left, |message| {
        let answer = match &outcome {
            Ok(answers) => answers.of(&message),
            Err(error) => Err(same(error)),
        };
        std::future::ready(answer)
    })
    .await
}

/// The models for which messages have to come again, each with why.
#[derive(Debug, Default)]
struct Answers<'a> {
    waiting: Vec<(&'a Model, Error)>,
    faults: BTreeMap<String, Error>,
}

/// What is to be told of the messages.
#[derive(Debug, Default)]
struct Told {
    /// By message.
    again: BTreeMap<String, Error>,
}

impl Told {
    fn of(&self, message: &SqsMessage) -> Result<()> {
        match self.again.get(&message.message_id) {
            Some(error) => Err(same(error)),
            None => Ok(()),
        }
    }
}

/// An error once more, for another message.
fn same(error: &Error) -> Error {
    let again = Error::new(error.kind(), error.to_string());
    match error.retry_after() {
        Some(after) => again.with_retry_after(after),
        None => again,
    }
}

async fn follow(event: &SqsEvent, context: &Context) -> Result<Told> {
    let mut told = Told::default();
    let mut requests = Vec::new();
    for message in &event.records {
        match Request::parse(message) {
            Ok(request) => requests.push((message, request)),
            Err(error) => drop(told.again.insert(message.message_id.clone(), error)),
        }
    }
    if requests.is_empty() {
        return Ok(told);
    }
    let enabled = Enabled::load(context.lake.as_ref()).await?;
    let models = Models::with(&context.contracts, context.natives)?;
    let mut answers = Answers::default();
    for (name, fault) in models.faults() {
        if enabled.is_on(name) {
            tracing::warn!(model = name, error = %fault, "model is at fault and not computed");
        }
        answers.faults.insert(name.clone(), same(fault));
    }
    for model in models.all().iter().filter(|model| enabled.is_on(model.name())) {
        if engine::computes(model, context.engine) {
            let about: Vec<&(&SqsMessage, Request)> =
                requests.iter().filter(|(_, request)| request.concerns(model)).collect();
            if let Err(error) = one(context, model, &about).await {
                answers.waiting.push((model, error));
            }
        }
    }
    for (message, request) in &requests {
        if let Some(error) = answers.of(request, &models) {
            told.again.insert(message.message_id.clone(), error);
        }
    }
    Ok(told)
}

impl Answers<'_> {
    /// Why a message is not done; `None` where it is.
    fn of(&self, request: &Request, models: &Models) -> Option<Error> {
        let waiting = self.waiting.iter().find(|(model, _)| request.concerns(model));
        if let Some((_, error)) = waiting {
            return Some(same(error));
        }
        let Request::Again(again) = request else { return None };
        match self.faults.get(&again.model) {
            Some(fault) => Some(same(fault)),
            None => models.get(&again.model).err(),
        }
    }
}

/// One model. An error is one that trying again may help.
async fn one(context: &Context, model: &Model, about: &[&(&SqsMessage, Request)]) -> Result<()> {
    let read: BTreeSet<&str> = model.follows.iter().map(|input| input.table.as_str()).collect();
    let changed: BTreeSet<&ChangedPartition> = about
        .iter()
        .flat_map(|(_, request)| request.changes())
        .filter(|change| read.contains(change.table.as_str()))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let deliveries = about.iter().map(|(message, _)| retries(&message.delivery_id())).max().unwrap_or(0);
    let error = match compute(context, model, &changed, deliveries).await {
        Ok(()) => return Ok(()),
        Err(error) if error.kind().is_retryable() => {
            tracing::warn!(model = model.name(), error = %error, "model will be tried again");
            return Err(error);
        }
        Err(error) => error,
    };
    tracing::info!(target: "quotelake::metrics", models_failed = 1_u64);
    tracing::error!(model = model.name(), error_code = error.kind().code(), error = %error, "model failed, its last table stays");
    let request =
        RefineRequest { model: model.name().to_owned(), changes: changed.into_iter().cloned().collect() };
    let body = serde_json::to_string(&request).map_err(|e| Error::bug("request").with_source(e))?;
    context.dead_letters.send(dead_letter(body, &error)).await.map_err(|unsent| {
        // Whatever kept the letter back: the change is not followed, and must not be forgotten.
        Error::unavailable(format!("the dead letter of {} cannot be sent: {unsent}", model.name()))
    })?;
    tracing::info!(target: "quotelake::metrics", dead_letters = 1_u64);
    Ok(())
}

async fn compute(
    context: &Context,
    model: &Model,
    changed: &BTreeSet<&ChangedPartition>,
    deliveries: u64,
) -> Result<()> {
    let mut changes = Changes::default();
    for change in changed {
        let partition: PartitionKey = change.partition.parse()?;
        changes.add(&change.table, partition);
    }
    let ports = context.ports();
    let reached = reach(model, &changes, ports.tables())?;
    // An event is a hint, and comes twice, late, or of what somebody else computed by now: versions tell without reading a row.
    if reached == Reach::Nothing || stale(model, ports.tables(), ports.engine).await?.is_none() {
        return Ok(());
    }
    let report = refine_again(ports, model, &reached, deliveries).await?;
    let changed = report.changed().count();
    tracing::info!(target: "quotelake::metrics", partitions_changed = changed, rows_quarantined = report.quarantined);
    tracing::info!(
        model = report.model,
        partitions = report.partitions.len(),
        changed,
        quarantined = report.quarantined,
        "model is computed"
    );
    Ok(())
}

impl SqsFunction for Context {
    const SERVICE: &'static str = "quotelake-refine";
    const CONTRACTS_FRESH_FOR: Duration = Duration::ZERO;
    const READS_MODELS: bool = true;

    async fn connect(settings: &Settings) -> Result<Self> {
        Self::connect(settings).await
    }

    fn lake(&self) -> &dyn Lake {
        self.lake.as_ref()
    }

    fn with_contracts(&self, contracts: Contracts, _: &Arc<ContractCache>) -> Self {
        Self { contracts, ..self.clone() }
    }

    async fn handle(&self, event: SqsEvent, time_left: Duration) -> SqsBatchResponse {
        handle(event, Some(time_left), self).await
    }
}
