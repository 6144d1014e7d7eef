//! `quotelake quarantine`: rows that failed the rules.

use quotelake_core::{Result, Zone};

use crate::args::{QuarantineArgs, QuarantineCommand};
use crate::collect::{quarantined_rows, warn_of};
use crate::commands::open_existing;
use crate::output::{Exit, Output, table, visible};

/// Runs the command.
pub async fn run(command: QuarantineCommand, output: Output) -> Result<Exit> {
    match command {
        QuarantineCommand::Ls(args) => ls(args, output).await,
    }
}

async fn ls(args: QuarantineArgs, output: Output) -> Result<Exit> {
    let laptop = open_existing(&args.lake.lake).await?;
    let mut unreadable = Vec::new();
    let mut rows =
        quarantined_rows(laptop.lake().as_ref(), Zone::Quarantine.prefix(), &mut unreadable).await?;
    warn_of(&unreadable);
    rows.retain(|row| args.dataset.as_ref().is_none_or(|dataset| *dataset == row.dataset));
    rows.retain(|row| args.reason.as_ref().is_none_or(|reason| *reason == row.reason));
    let all = rows.len();
    rows.truncate(args.max);
    output.finish(&rows, || {
        if all == 0 {
            return "no row is in quarantine".into();
        }
        let lines = rows.iter().map(|row| {
            let reasons: Vec<String> = row
                .reasons
                .iter()
                .map(|reason| match (&reason.column, &reason.detail) {
                    (Some(column), Some(detail)) => format!("{}: {column} {detail}", reason.reason),
                    (None, Some(detail)) => format!("{}: {detail}", reason.reason),
                    _ => reason.reason.clone(),
                })
                .collect();
            let raw = row.raw.as_deref().or(row.raw_base64.as_deref()).unwrap_or_default();
            let raw: String = visible(raw).chars().take(80).collect();
            vec![row.dataset.clone(), row.place(), reasons.join("\n"), raw]
        });
        let shown = table(&["dataset", "where", "why", "row"], &[], lines);
        format!("{shown}\n{} of {all} rows", rows.len())
    })?;
    Ok(Exit::Done)
}
