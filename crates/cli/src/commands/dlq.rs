//! `quotelake dlq`: messages that no retry could help, of a lake on this machine or, with the feature `aws`, of a queue of SQS.

#[cfg(feature = "aws")]
mod sqs;

use chrono::{DateTime, SecondsFormat, Utc};
use quotelake_core::{Error, Result};
use quotelake_local::{Cause, Redrive, StoredMessage, dead_letters, redrive};
use serde::Serialize;

use crate::args::{DlqArgs, DlqCommand, DlqFilter, PurgeArgs, RedriveArgs};
use crate::commands::open_existing;
use crate::laptop::{Laptop, QUEUES};
use crate::number::counted;
use crate::output::{Exit, Output, Text, table};

/// Runs the command.
pub async fn run(command: DlqCommand, output: Output) -> Result<Exit> {
    match command {
        DlqCommand::Ls(args) => ls(args, output).await,
        DlqCommand::Show(filter) => show(filter, output).await,
        DlqCommand::Redrive(args) => send_back(args, output).await,
        DlqCommand::Purge(args) => purge(args, output).await,
    }
}

/// Stands in where this build cannot reach AWS.
#[cfg(not(feature = "aws"))]
mod sqs {
    use quotelake_core::ErrorKind;

    use super::{Cause, DlqFilter, Error, Letter, Result};

    fn unsupported<T>() -> Result<T> {
        Err(Error::new(ErrorKind::Unsupported, "--sqs needs a build with the feature aws: `make cli-aws`"))
    }

    pub(super) async fn causes(_: &str) -> Result<Vec<Cause>> {
        unsupported()
    }

    pub(super) async fn look(_: &str, _: &DlqFilter) -> Result<Vec<Letter>> {
        unsupported()
    }

    pub(super) async fn redrive(_: &str, _: &str, _: &DlqFilter) -> Result<Vec<Letter>> {
        unsupported()
    }

    pub(super) async fn purge(_: &str, _: &DlqFilter) -> Result<Vec<Letter>> {
        unsupported()
    }
}

#[derive(Debug, Serialize)]
struct CauseRow {
    queue: String,
    error_code: Option<String>,
    count: usize,
    oldest: String,
    newest: String,
    #[serde(skip)]
    oldest_at: DateTime<Utc>,
    last_message: Option<String>,
}

impl CauseRow {
    fn new(queue: &str, cause: Cause) -> Self {
        Self {
            queue: queue.to_owned(),
            error_code: cause.error_code,
            count: cause.count,
            oldest: cause.oldest.to_rfc3339(),
            newest: cause.newest.to_rfc3339(),
            oldest_at: cause.oldest,
            last_message: cause.last_message,
        }
    }
}

async fn ls(args: DlqArgs, output: Output) -> Result<Exit> {
    let mut rows = Vec::new();
    if let Some(url) = &args.sqs.sqs {
        rows.extend(sqs::causes(url).await?.into_iter().map(|cause| CauseRow::new(name_of(url), cause)));
    } else {
        let laptop = open_existing(&args.lake.lake).await?;
        for queue in QUEUES {
            let causes = dead_letters(laptop.queue(&format!("{queue}-dlq"))?).await?;
            rows.extend(causes.into_iter().map(|cause| CauseRow::new(queue, cause)));
        }
    }
    output.finish(&rows, || {
        if rows.is_empty() {
            return "no dead letters".into();
        }
        let causes = table(
            &["queue", "cause", "count", "oldest", "last message"],
            &[2],
            rows.iter().map(|row| {
                vec![
                    row.queue.clone(),
                    row.error_code.clone().unwrap_or_default(),
                    row.count.to_string(),
                    row.oldest_at.to_rfc3339_opts(SecondsFormat::Secs, true),
                    row.last_message.clone().unwrap_or_default(),
                ]
            }),
        );
        Text::from(causes)
    })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct Letter {
    queue: String,
    id: String,
    sent_at: String,
    attributes: std::collections::BTreeMap<String, String>,
    body: String,
}

fn letter(queue: &'static str, stored: StoredMessage) -> Letter {
    Letter {
        queue: queue.to_owned(),
        id: stored.id,
        sent_at: stored.sent_at.to_rfc3339(),
        attributes: stored.message.attributes,
        body: stored.message.body,
    }
}

/// The name of a queue at the end of its URL.
fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// The queues that a filter names, all of them where it names none.
fn chosen(laptop: &Laptop, filter: &DlqFilter) -> Result<Vec<&'static str>> {
    match &filter.queue {
        None => Ok(QUEUES.to_vec()),
        Some(name) => {
            laptop.queue(name)?;
            Ok(QUEUES.iter().copied().filter(|queue| queue == name).collect())
        }
    }
}

/// Goes through the chosen queues until the limit is reached.
async fn each(laptop: &Laptop, filter: &DlqFilter, dry_run: bool) -> Result<(Vec<Letter>, usize)> {
    let mut letters = Vec::new();
    let mut moved = 0;
    for queue in chosen(laptop, filter)? {
        let limit = filter.max.map(|max| max - letters.len().min(max));
        let which = Redrive { error_code: filter.cause.clone(), limit, dry_run };
        let report = redrive(laptop.queue(&format!("{queue}-dlq"))?, laptop.queue(queue)?, &which).await?;
        moved += report.moved;
        letters.extend(report.chosen.into_iter().map(|stored| letter(queue, stored)));
    }
    Ok((letters, moved))
}

async fn show(filter: DlqFilter, output: Output) -> Result<Exit> {
    let letters = match &filter.sqs.sqs {
        Some(url) => sqs::look(url, &filter).await?,
        None => each(&open_existing(&filter.lake.lake).await?, &filter, true).await?.0,
    };
    output.finish(&letters, || {
        let texts: Vec<String> = letters
            .iter()
            .map(|letter| {
                let attributes: Vec<String> =
                    letter.attributes.iter().map(|(name, value)| format!("  {name}: {value}")).collect();
                format!(
                    "{} {} {}\n{}\n  {}",
                    letter.queue,
                    letter.id,
                    letter.sent_at,
                    attributes.join("\n"),
                    letter.body
                )
            })
            .collect();
        if texts.is_empty() { Text::from("no dead letters") } else { Text::verbatim(texts.join("\n\n")) }
    })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct Redriven {
    dry_run: bool,
    chosen: usize,
    moved: usize,
}

async fn send_back(args: RedriveArgs, output: Output) -> Result<Exit> {
    let filter = &args.filter;
    let (letters, moved) = match (&filter.sqs.sqs, &args.to) {
        (Some(url), _) if args.dry_run => (sqs::look(url, filter).await?, 0),
        (Some(url), Some(to)) => {
            let sent = sqs::redrive(url, to, filter).await?;
            let moved = sent.len();
            (sent, moved)
        }
        (Some(_), None) => {
            return Err(Error::config("--sqs wants --to as well: the queue that letters go back to"));
        }
        (None, _) => each(&open_existing(&filter.lake.lake).await?, filter, args.dry_run).await?,
    };
    let report = Redriven { dry_run: args.dry_run, chosen: letters.len(), moved };
    output.finish(&report, || match (args.dry_run, moved) {
        (true, _) => {
            format!("would send back {}", counted(letters.len() as u64, "dead letter", "dead letters"))
        }
        (false, 0) => "no dead letter was sent back".to_owned(),
        (false, moved) => {
            let next = if filter.sqs.sqs.is_some() {
                ""
            } else {
                "; the next `quotelake run` handles what was sent"
            };
            format!("sent back {}{next}", counted(moved as u64, "dead letter", "dead letters"))
        }
    })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct Purged {
    dry_run: bool,
    chosen: usize,
    removed: usize,
}

async fn purge(args: PurgeArgs, output: Output) -> Result<Exit> {
    let filter = &args.filter;
    let letters = match &filter.sqs.sqs {
        Some(url) if args.dry_run => sqs::look(url, filter).await?,
        Some(url) => sqs::purge(url, filter).await?,
        None => {
            let laptop = open_existing(&filter.lake.lake).await?;
            let (letters, _) = each(&laptop, filter, true).await?;
            for letter in letters.iter().filter(|_| !args.dry_run) {
                laptop.queue(&format!("{}-dlq", letter.queue))?.remove(&letter.id).await?;
            }
            letters
        }
    };
    let removed = if args.dry_run { 0 } else { letters.len() };
    output.finish(&Purged { dry_run: args.dry_run, chosen: letters.len(), removed }, || {
        if args.dry_run {
            format!("would remove {}", counted(letters.len() as u64, "dead letter", "dead letters"))
        } else {
            format!("removed {}", counted(removed as u64, "dead letter", "dead letters"))
        }
    })?;
    Ok(Exit::Done)
}
