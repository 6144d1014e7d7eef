//! `quotelake profiles`: the profiles by which price files are loaded.

use quotelake_core::Result;
use quotelake_sources::profiles::{SETTINGS, all, find};
use serde::Serialize;

use crate::args::ProfilesArgs;
use crate::output::{Exit, Output, Table, Text, table};

#[derive(Debug, Serialize)]
struct Listed {
    name: &'static str,
    title: &'static str,
    datasets: Vec<Dataset>,
}

#[derive(Debug, Serialize)]
struct Dataset {
    dataset: &'static str,
    /// Columns that may be missing in brackets.
    headers: Vec<String>,
}

/// Runs the command.
pub fn run(args: &ProfilesArgs, output: Output) -> Result<Exit> {
    let profiles = match &args.name {
        Some(name) => std::slice::from_ref(find(name)?),
        None => all()?,
    };
    let listed: Vec<Listed> = profiles
        .iter()
        .map(|profile| Listed {
            name: &profile.name,
            title: &profile.title,
            datasets: profile
                .datasets()
                .into_iter()
                .map(|dataset| Dataset { dataset: dataset.as_str(), headers: profile.headers(dataset) })
                .collect(),
        })
        .collect();
    output.finish(&listed, || {
        if args.name.is_some() { Text::from(details(&listed)) } else { overview(&listed).into() }
    })?;
    Ok(Exit::Done)
}

fn overview(listed: &[Listed]) -> Table {
    let rows = listed.iter().map(|profile| {
        let datasets: Vec<&str> = profile.datasets.iter().map(|dataset| dataset.dataset).collect();
        vec![profile.name.to_owned(), datasets.join(", "), profile.title.to_owned()]
    });
    table(&["profile", "datasets", "files"], &[], rows)
}

fn details(listed: &[Listed]) -> String {
    let mut text = String::new();
    for profile in listed {
        text.push_str(&format!("{}: {}\n", profile.name, profile.title));
        for dataset in &profile.datasets {
            text.push_str(&format!("\n{}\n", dataset.dataset));
            dataset.headers.iter().for_each(|header| text.push_str(&format!("  {header}\n")));
        }
    }
    text.push_str("\n--set\n");
    SETTINGS.iter().for_each(|(name, what)| text.push_str(&format!("  {name}: {what}\n")));
    text
}
