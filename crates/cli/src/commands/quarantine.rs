//! `quotelake quarantine`: rows that failed the rules.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::SecondsFormat;
use quotelake_check::QuarantinedRow;
use quotelake_core::ports::Lake;
use quotelake_core::{Finding, ObjectKey, Result, Zone};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::{QuarantineArgs, QuarantineCommand};
use crate::collect::{quarantined_rows, read_document, readable, warn_of};
use crate::commands::open_existing;
use crate::number::counted;
use crate::output::{Exit, Output, Text, csv, table, visible};
use crate::report::data::{Fault, RefusedRow};
use crate::report_data::{good_by_now, newest_refused};

/// Runs the command.
pub async fn run(command: QuarantineCommand, output: Output) -> Result<Exit> {
    match command {
        QuarantineCommand::Ls(args) => ls(args, output).await,
    }
}

/// A row, with what is known of it besides.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    row: QuarantinedRow,
    /// When its check ended, where that is known.
    checked_at: Option<String>,
    /// Whether a row of the same business key is published; nothing where its key cannot be read.
    good_by_now: Option<bool>,
    #[serde(skip)]
    readable: RefusedRow,
}

async fn ls(args: QuarantineArgs, output: Output) -> Result<Exit> {
    let QuarantineArgs { rows: filter, reason, since } = args;
    let laptop = open_existing(&filter.lake.lake).await?;
    let lake = laptop.lake().as_ref();
    let mut unreadable = Vec::new();
    let mut rows = quarantined_rows(lake, Zone::Quarantine.prefix(), &mut unreadable).await?;
    rows.retain(|row| filter.dataset.as_ref().is_none_or(|dataset| *dataset == row.dataset));
    rows.retain(|row| reason.as_ref().is_none_or(|reason| *reason == row.reason));
    let checked = checked_on(lake, &rows, &mut unreadable).await?;
    if let Some(since) = since.map(|since| since.to_string()) {
        rows.retain(|row| checked.get(&row.check_id).is_some_and(|at| at.as_str() >= since.as_str()));
    }
    let all = rows.len();
    let mut newest = newest_refused(&rows, &laptop.contracts, &checked);
    newest.truncate(filter.most());
    let shown: Vec<&QuarantinedRow> = newest.iter().map(|(at, _)| &rows[*at]).collect();
    let good = good_by_now(lake, &laptop.contracts, &shown, &mut unreadable).await?;
    warn_of(&unreadable);
    let listed: Vec<Listed> = newest
        .into_iter()
        .zip(good)
        .map(|((at, readable), good_by_now)| Listed {
            row: rows[at].clone(),
            checked_at: readable.at.clone(),
            good_by_now,
            readable,
        })
        .collect();
    output.finish(&listed, || match filter.csv {
        true => Text::verbatim(csv(&CSV, listed.iter().map(cells))),
        false => text(&listed, all),
    })?;
    Ok(if unreadable.is_empty() { Exit::Done } else { Exit::SomeFailed })
}

/// When the checks ended that refused these rows, by their ids: RFC 3339, to the second.
async fn checked_on(
    lake: &dyn Lake,
    rows: &[QuarantinedRow],
    unreadable: &mut Vec<Finding>,
) -> Result<BTreeMap<String, String>> {
    let checks: BTreeSet<(&str, &str)> =
        rows.iter().map(|row| (row.dataset.as_str(), row.check_id.as_str())).collect();
    let mut checked = BTreeMap::new();
    for (dataset, id) in checks {
        let key = ObjectKey::quality(dataset, id).to_string();
        let read = read_document(lake, &key).await.and_then(|document| document.completed_at());
        if let Some(at) = readable(read, &key, unreadable)? {
            checked.insert(id.to_owned(), at.to_rfc3339_opts(SecondsFormat::Secs, true));
        }
    }
    Ok(checked)
}

const CSV: [&str; 9] =
    ["refused at", "dataset", "symbol or key", "date", "reason", "value", "detail", "where", "good by now"];

fn cells(listed: &Listed) -> Vec<String> {
    let of_faults = |text: fn(&Fault) -> Option<&str>| {
        listed.readable.faults.iter().filter_map(text).collect::<Vec<_>>().join("; ")
    };
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        or_none(&listed.checked_at),
        listed.row.dataset.clone(),
        or_none(&listed.readable.subject),
        or_none(&listed.readable.date),
        of_faults(|fault| Some(&fault.reason)),
        of_faults(|fault| fault.value.as_deref()),
        of_faults(|fault| fault.detail.as_deref()),
        listed.row.place(),
        good(listed).to_owned(),
    ]
}

fn good(listed: &Listed) -> &'static str {
    listed.good_by_now.map_or("", |good| if good { "yes" } else { "no" })
}

fn text(listed: &[Listed], all: usize) -> Text {
    if all == 0 {
        return "no such row is in quarantine".into();
    }
    let lines = listed.iter().map(|listed| {
        let why = |fault: &Fault| {
            let more = [&fault.value, &fault.detail].into_iter().flatten().map(String::as_str);
            std::iter::once(fault.reason.as_str()).chain(more).collect::<Vec<_>>().join(": ")
        };
        let row = &listed.readable;
        // What has no key is shown as it came.
        let what = row.subject.clone().unwrap_or_else(|| as_it_came(&listed.row));
        vec![
            listed.checked_at.clone().unwrap_or_default(),
            row.dataset.clone(),
            what,
            row.date.clone().unwrap_or_default(),
            row.faults.iter().map(why).collect::<Vec<_>>().join("\n"),
            row.place.clone(),
            good(listed).to_owned(),
        ]
    });
    let header = ["refused at", "dataset", "row", "date", "why", "where", "good by now"];
    let shown = table(&header, &[], lines).optional(&["refused at", "dataset", "date"]);
    let mut text = Text::from(shown.judged(&["good by now"]));
    text.push_str(&format!("\n{} of {}", listed.len(), counted(all as u64, "row", "rows")));
    text
}

/// Characters of a row that are shown.
const SHOWN: usize = 80;

/// A row as people read it: the values that it has, by name and in its order; what is no JSON as it was.
fn as_it_came(row: &QuarantinedRow) -> String {
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
        short.push('…');
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
