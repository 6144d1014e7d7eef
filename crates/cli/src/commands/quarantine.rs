//! `quotelake quarantine`: rows that failed the rules.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use quotelake_check::QuarantinedRow;
use quotelake_core::{Result, Zone};
use serde_json::value::RawValue;

use crate::args::{QuarantineArgs, QuarantineCommand};
use crate::collect::{quarantined_rows, warn_of};
use crate::commands::open_existing;
use crate::output::{Exit, Output, Text, table, visible};

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
            return Text::from("no row is in quarantine");
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
            vec![row.dataset.clone(), row.place(), reasons.join("\n"), readable(row)]
        });
        let shown = table(&["dataset", "where", "why", "row"], &[], lines);
        let mut text = Text::from(shown);
        text.push_str(&format!("\n{} of {all} rows", rows.len()));
        text
    })?;
    Ok(Exit::Done)
}

/// Characters of a row that are shown.
const SHOWN: usize = 160;

/// A row as people read it: the values that it has, by name and in its order; what is no JSON as it was.
fn readable(row: &QuarantinedRow) -> String {
    let unpacked = row.raw_base64.as_deref().and_then(|coded| BASE64.decode(coded).ok());
    let raw = match (&row.raw, &unpacked) {
        (Some(raw), _) => raw.as_str().into(),
        (None, Some(bytes)) => String::from_utf8_lossy(bytes),
        (None, None) => row.raw_base64.as_deref().unwrap_or_default().into(),
    };
    let fields: Option<Fields> = serde_json::from_str(&raw).ok();
    let text = match fields {
        None => raw.into_owned(),
        Some(Fields(fields)) => {
            let told = fields.iter().filter(|(name, value)| name != "dataset" && value.get() != "null");
            // Numbers as they are written: no digit is lost.
            let pairs: Vec<String> = told
                .map(|(name, value)| match serde_json::from_str::<String>(value.get()) {
                    Ok(text) => format!("{name}={text}"),
                    Err(_) => format!("{name}={}", value.get()),
                })
                .collect();
            pairs.join(" ")
        }
    };
    let shown = visible(&text);
    let mut short: String = shown.chars().take(SHOWN).collect();
    if short.len() < shown.len() {
        short.push_str("...");
    }
    short
}

/// The fields of a JSON object, in its order.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: serde::de::MapAccess<'de>>(
                self,
                mut map: M,
            ) -> std::result::Result<Fields, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}
