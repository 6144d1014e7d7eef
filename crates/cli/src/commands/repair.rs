//! `quotelake repair`: what was left behind is asked for again.

use std::sync::Arc;

use quotelake_contract::Contracts;
use quotelake_core::ports::{Lake, Queue};
use quotelake_core::{Error, Result, Zone};
use quotelake_fetch::Destination;
use quotelake_local::QueueNotifier;
use quotelake_platform::settings::Settings;
use quotelake_platform::{connect, contracts};
use quotelake_sources::Sources;
use serde::Serialize;

use super::open_existing;
use crate::args::RepairArgs;
use crate::laptop::{Laptop, QUEUES};
use crate::left_behind::LeftBehind;
use crate::output::{Exit, Output};
use crate::{again, undelivered};

/// What was found, and whether it was asked for.
#[derive(Debug, Serialize)]
struct Repaired {
    lake: String,
    /// Whether it was asked for, or only looked at.
    applied: bool,
    #[serde(flatten)]
    found: LeftBehind,
    /// Objects of `undelivered/` whose pages this version reads: they are put on the stream again. Nothing for a lake on S3.
    pages_again: Vec<String>,
    /// Staged objects that were set aside because their rows are none of the contract: their rows are checked again.
    rows_again: Vec<String>,
    /// Those of them that cannot be, each with the reason.
    failed: Vec<String>,
    /// Objects of `undelivered/` that it does not read: `status` names their pages.
    pages_left: u64,
}

impl Repaired {
    fn is_nothing(&self) -> bool {
        self.found.is_empty() && self.pages_again.is_empty() && self.rows_again.is_empty()
    }
}

/// Runs the command.
pub async fn run(args: RepairArgs, output: Output) -> Result<Exit> {
    let repaired = match args.lake.contains("://") {
        true => of_bucket(&args).await?,
        false => of_folder(&args, &open_existing(args.lake.as_ref()).await?).await?,
    };
    output.finish(&repaired, || text(&repaired))?;
    let left = !repaired.applied && !repaired.is_nothing();
    Ok(if left || repaired.pages_left > 0 || !repaired.failed.is_empty() {
        Exit::SomeFailed
    } else {
        Exit::Done
    })
}

async fn of_folder(args: &RepairArgs, laptop: &Laptop) -> Result<Repaired> {
    let found = LeftBehind::of_laptop(laptop).await?;
    let lake = laptop.lake().as_ref();
    let objects = lake.list(Zone::Undelivered.prefix()).await?.len() as u64;
    let again = undelivered::readable(lake).await?;
    let rows_again = again::unfit(lake).await?;
    let mut failed = Vec::new();
    if args.apply {
        failed = check_again(laptop.landing_lake()?.as_ref(), &laptop.contracts, &rows_again).await?;
        forget_letters(laptop, &rows_again).await?;
        let (check, publish) = (laptop.notifier("check")?, laptop.queue_port("publish")?);
        found.ask_again(lake, &check, publish.as_ref(), laptop.clock().now()).await?;
        for name in QUEUES.iter().flat_map(|name| [(*name).to_owned(), format!("{name}-dlq")]) {
            // Kept, for what a lake does not hold: units to fetch.
            laptop.queue(&name)?.set_damaged_aside().await?;
        }
        let (landing, sources) = (laptop.landing_lake()?, Sources::default());
        let to =
            Destination { stream: laptop.stream().as_ref(), lake: Some(landing.as_ref()), sources: &sources };
        for object in &again {
            undelivered::put_again(lake, to, object).await?;
        }
    }
    Ok(Repaired {
        lake: args.lake.clone(),
        applied: args.apply,
        found,
        failed,
        pages_left: objects - (again.len() + rows_again.len()) as u64,
        rows_again,
        pages_again: again.into_iter().map(|object| object.key).collect(),
    })
}

async fn of_bucket(args: &RepairArgs) -> Result<Repaired> {
    let settings = Settings::from_lookup(|name| (name == "LAKE_URI").then(|| args.lake.clone()));
    let lake: Arc<dyn Lake> = connect::lake(&settings).await?;
    let clock = connect::clock();
    let found = LeftBehind::of_lake(lake.as_ref(), clock.now(), true).await?;
    let rows_again = again::unfit(lake.as_ref()).await?;
    let objects = lake.list(Zone::Undelivered.prefix()).await?.len() as u64;
    let mut failed = Vec::new();
    if args.apply {
        let (check, publish) = (
            queue("--check-queue", &args.check_queue).await?,
            queue("--publish-queue", &args.publish_queue).await?,
        );
        let bucket = args.lake.split("://").last().unwrap_or_default();
        let check = QueueNotifier::new(bucket, check, Arc::clone(&clock));
        found.ask_again(lake.as_ref(), &check, publish.as_ref(), clock.now()).await?;
        // S3 tells `check` of what lands.
        let known = contracts::load(lake.as_ref()).await?;
        failed = check_again(lake.as_ref(), &known, &rows_again).await?;
    }
    Ok(Repaired {
        lake: args.lake.clone(),
        applied: args.apply,
        found,
        failed,
        pages_again: Vec::new(),
        pages_left: objects - rows_again.len() as u64,
        rows_again,
    })
}

/// Sends the rows of objects that were set aside through `check` again, and says which could not be sent.
async fn check_again(landing: &dyn Lake, known: &Contracts, objects: &[String]) -> Result<Vec<String>> {
    let mut failed = Vec::new();
    for key in objects {
        match again::check_again(landing, known, key).await {
            Ok(_) => {}
            Err(error) if error.kind().is_retryable() => return Err(error.context(key)),
            Err(error) => failed.push(format!("{key}: {error}")),
        }
    }
    Ok(failed)
}

/// Removes the dead letters of objects that are no longer set aside.
async fn forget_letters(laptop: &Laptop, objects: &[String]) -> Result<()> {
    let letters = laptop.queue("publish-dlq")?;
    for letter in letters.list().await? {
        let Some(object) = letter.message.attributes.get("object") else { continue };
        if objects.contains(object) && laptop.lake().head(object).await?.is_none() {
            letters.remove(&letter.id).await?;
        }
    }
    Ok(())
}

async fn queue(argument: &str, url: &Option<String>) -> Result<Arc<dyn Queue>> {
    let Some(url) = url else {
        return Err(Error::config(format!("--apply on a lake that is no folder needs {argument} URL")));
    };
    let uri = if url.starts_with("http") { format!("sqs:{url}") } else { url.clone() };
    const VARIABLE: &str = "PUBLISH_QUEUE_URI";
    let settings = Settings::from_lookup(|name| (name == VARIABLE).then(|| uri.clone()));
    connect::queue(&settings, VARIABLE).await.map_err(|error| error.context(argument))
}

fn text(repaired: &Repaired) -> String {
    let found = &repaired.found;
    let verb = if repaired.applied { "asked for" } else { "would ask for" };
    let mut text = String::new();
    for key in &found.landing {
        text.push_str(&format!("{verb} the check of {key}\n"));
    }
    for (dataset, objects) in &found.staged {
        text.push_str(&format!("{verb} the publishing of {dataset}: {objects} objects are staged\n"));
    }
    for key in &repaired.pages_again {
        let verb = if repaired.applied { "put" } else { "would put" };
        text.push_str(&format!("{verb} the pages of {key} on the stream again\n"));
    }
    for key in &repaired.rows_again {
        let verb = if repaired.applied { "sent" } else { "would send" };
        text.push_str(&format!("{verb} the rows of {key} through check again\n"));
    }
    for reason in &repaired.failed {
        text.push_str(&format!("failed {reason}\n"));
    }
    for file in &found.damaged_messages {
        let verb = if repaired.applied { "moved" } else { "would move" };
        text.push_str(&format!("{verb} the damaged message {file} to the folder damaged beside it\n"));
    }
    if repaired.pages_left > 0 {
        text.push_str(&format!(
            "{} objects of undelivered/ stay: `quotelake status` names their pages\n",
            repaired.pages_left
        ));
    }
    text.push_str(match (repaired.is_nothing(), repaired.applied, repaired.lake.contains("://")) {
        (true, ..) => "nothing was left behind",
        (false, false, _) => "nothing was changed: --apply does it",
        (false, true, false) => "the next `quotelake run` or `quotelake inbox run` handles it",
        (false, true, true) => "the functions handle it",
    });
    text
}
