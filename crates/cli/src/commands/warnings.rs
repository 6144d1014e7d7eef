//! `quotelake warnings`: published rows that have flags.

use quotelake_core::Result;
use serde::Serialize;

use crate::args::{WarningsArgs, WarningsCommand};
use crate::collect::warn_of;
use crate::commands::open_existing;
use crate::number::counted;
use crate::output::{Exit, Output, Text, csv, table};
use crate::report::data::WarnedRow;
use crate::report_data::{Wanted, warned};

/// Runs the command.
pub async fn run(command: WarningsCommand, output: Output) -> Result<Exit> {
    match command {
        WarningsCommand::Ls(args) => ls(args, output).await,
    }
}

/// The rows, and how many there are.
#[derive(Debug, Serialize)]
struct Listed {
    rows: Vec<WarnedRow>,
    all: u64,
}

async fn ls(args: WarningsArgs, output: Output) -> Result<Exit> {
    let WarningsArgs { rows: filter, flag, since } = args;
    let laptop = open_existing(&filter.lake.lake).await?;
    let most = Some(filter.most());
    let wanted = Wanted { dataset: filter.dataset, flag, since, details: true, most };
    let mut unreadable = Vec::new();
    let (_, newest) = warned(laptop.lake().as_ref(), &laptop.contracts, &wanted, &mut unreadable).await?;
    warn_of(&unreadable);
    let listed = Listed { rows: newest.rows, all: newest.all };
    output.finish(&listed, || match filter.csv {
        true => Text::verbatim(csv(&CSV, listed.rows.iter().map(cells))),
        false => text(&listed),
    })?;
    Ok(if unreadable.is_empty() { Exit::Done } else { Exit::SomeFailed })
}

const CSV: [&str; 7] = ["date", "symbol", "dataset", "provider", "flags", "values", "source"];

fn cells(row: &WarnedRow) -> Vec<String> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        or_none(&row.date),
        or_none(&row.symbol),
        row.table.clone(),
        or_none(&row.provider),
        row.flags.join(", "),
        or_none(&row.values),
        or_none(&row.source),
    ]
}

fn text(listed: &Listed) -> Text {
    if listed.all == 0 {
        return "no published row has a flag".into();
    }
    let shown = table(&CSV, &[], listed.rows.iter().map(cells));
    let mut text = Text::from(shown.optional(&["provider", "dataset", "source"]));
    text.push_str(&format!("\n{} of {}", listed.rows.len(), counted(listed.all, "row", "rows")));
    text
}
