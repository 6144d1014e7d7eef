//! `quotelake dlq`: messages that no retry could help.

use quotelake_core::Result;
use quotelake_local::{Redrive, StoredMessage, dead_letters, redrive};
use serde::Serialize;

use crate::args::{DlqArgs, DlqCommand, DlqFilter, RedriveArgs};
use crate::commands::open_existing;
use crate::laptop::{Laptop, QUEUES};
use crate::output::{Exit, Output, table};

/// Runs the command.
pub async fn run(command: DlqCommand, output: Output) -> Result<Exit> {
    match command {
        DlqCommand::Ls(args) => ls(args, output).await,
        DlqCommand::Show(filter) => show(filter, output).await,
        DlqCommand::Redrive(args) => send_back(args, output).await,
    }
}

#[derive(Debug, Serialize)]
struct CauseRow {
    queue: &'static str,
    error_code: Option<String>,
    count: usize,
    oldest: String,
    newest: String,
    last_message: Option<String>,
}

async fn ls(args: DlqArgs, output: Output) -> Result<Exit> {
    let laptop = open_existing(&args.lake.lake).await?;
    let mut rows = Vec::new();
    for queue in QUEUES {
        for cause in dead_letters(laptop.queue(&format!("{queue}-dlq"))?).await? {
            rows.push(CauseRow {
                queue,
                error_code: cause.error_code,
                count: cause.count,
                oldest: cause.oldest.to_rfc3339(),
                newest: cause.newest.to_rfc3339(),
                last_message: cause.last_message,
            });
        }
    }
    output.finish(&rows, || {
        if rows.is_empty() {
            return "no dead letters".into();
        }
        table(
            &["queue", "cause", "count", "oldest", "last message"],
            &[2],
            rows.iter().map(|row| {
                vec![
                    row.queue.to_owned(),
                    row.error_code.clone().unwrap_or_default(),
                    row.count.to_string(),
                    row.oldest.clone(),
                    row.last_message.clone().unwrap_or_default(),
                ]
            }),
        )
    })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct Letter {
    queue: &'static str,
    id: String,
    sent_at: String,
    attributes: std::collections::BTreeMap<String, String>,
    body: String,
}

fn letter(queue: &'static str, stored: StoredMessage) -> Letter {
    Letter {
        queue,
        id: stored.id,
        sent_at: stored.sent_at.to_rfc3339(),
        attributes: stored.message.attributes,
        body: stored.message.body,
    }
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
    let laptop = open_existing(&filter.lake.lake).await?;
    let (letters, _) = each(&laptop, &filter, true).await?;
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
        if texts.is_empty() { "no dead letters".into() } else { texts.join("\n\n") }
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
    let laptop = open_existing(&args.filter.lake.lake).await?;
    let (letters, moved) = each(&laptop, &args.filter, args.dry_run).await?;
    let report = Redriven { dry_run: args.dry_run, chosen: letters.len(), moved };
    output.finish(&report, || match (args.dry_run, moved) {
        (true, _) => format!("would send back {} dead letters", letters.len()),
        (false, 0) => "no dead letter was sent back".into(),
        (false, _) => format!("sent back {moved} dead letters; the next `quotelake run` handles them"),
    })?;
    Ok(Exit::Done)
}
