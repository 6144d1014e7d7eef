//! `quotelake repair`: what was left behind is asked for again.

use std::sync::Arc;

use quotelake_core::ports::{Lake, Queue};
use quotelake_core::{Error, Result, Zone};
use quotelake_fetch::Destination;
use quotelake_local::QueueNotifier;
use quotelake_platform::connect;
use quotelake_platform::settings::Settings;
use quotelake_sources::Sources;
use serde::Serialize;

use super::open_existing;
use crate::args::RepairArgs;
use crate::laptop::{Laptop, QUEUES};
use crate::left_behind::LeftBehind;
use crate::output::{Exit, Output};
use crate::undelivered;

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
    /// Objects of `undelivered/` that it does not read: `status` names their pages.
    pages_left: u64,
}

/// Runs the command.
pub async fn run(args: RepairArgs, output: Output) -> Result<Exit> {
    let repaired = match args.lake.contains("://") {
        true => of_bucket(&args).await?,
        false => of_folder(&args, &open_existing(args.lake.as_ref()).await?).await?,
    };
    output.finish(&repaired, || text(&repaired))?;
    let nothing = repaired.found.is_empty() && repaired.pages_again.is_empty();
    let left = !repaired.applied && !nothing;
    Ok(if left || repaired.pages_left > 0 { Exit::SomeFailed } else { Exit::Done })
}

async fn of_folder(args: &RepairArgs, laptop: &Laptop) -> Result<Repaired> {
    let found = LeftBehind::of_laptop(laptop).await?;
    let lake = laptop.lake().as_ref();
    let objects = lake.list(Zone::Undelivered.prefix()).await?.len() as u64;
    let again = undelivered::readable(lake).await?;
    if args.apply {
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
        pages_left: objects - again.len() as u64,
        pages_again: again.into_iter().map(|object| object.key).collect(),
    })
}

async fn of_bucket(args: &RepairArgs) -> Result<Repaired> {
    let settings = Settings::from_lookup(|name| (name == "LAKE_URI").then(|| args.lake.clone()));
    let lake: Arc<dyn Lake> = connect::lake(&settings).await?;
    let clock = connect::clock();
    let found = LeftBehind::of_lake(lake.as_ref(), clock.now(), true).await?;
    if args.apply {
        let (check, publish) = (
            queue("--check-queue", &args.check_queue).await?,
            queue("--publish-queue", &args.publish_queue).await?,
        );
        let bucket = args.lake.split("://").last().unwrap_or_default();
        let check = QueueNotifier::new(bucket, check, Arc::clone(&clock));
        found.ask_again(lake.as_ref(), &check, publish.as_ref(), clock.now()).await?;
    }
    let pages_left = lake.list(Zone::Undelivered.prefix()).await?.len() as u64;
    Ok(Repaired { lake: args.lake.clone(), applied: args.apply, found, pages_again: Vec::new(), pages_left })
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
    let nothing = found.is_empty() && repaired.pages_again.is_empty();
    text.push_str(match (nothing, repaired.applied, repaired.lake.contains("://")) {
        (true, ..) => "nothing was left behind",
        (false, false, _) => "nothing was changed: --apply does it",
        (false, true, false) => "the next `quotelake run` or `quotelake inbox run` handles it",
        (false, true, true) => "the functions handle it",
    });
    text
}
