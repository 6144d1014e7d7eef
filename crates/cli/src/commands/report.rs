//! `quotelake report`: the page.

use std::path::Path;

use chrono::{DateTime, Utc};
use quotelake_core::{Error, Result};
use serde::Serialize;

use crate::args::ReportArgs;
use crate::collect::collect;
use crate::commands::open_existing;
use crate::laptop::Laptop;
use crate::output::{Exit, Output};
use crate::report::render;

#[derive(Debug, Serialize)]
struct Written<'a> {
    report: &'a Path,
}

/// Runs the command.
pub async fn run(args: ReportArgs, output: Output) -> Result<Exit> {
    let laptop = open_existing(&args.lake.lake).await?;
    let now = laptop.clock().now();
    write_report(&laptop, now, &args.out).await?;
    output.finish(&Written { report: &args.out }, || format!("report     {}", args.out.display()))?;
    Ok(Exit::Done)
}

/// Writes the report as of `now`; an older page is replaced in one step.
pub async fn write_report(laptop: &Laptop, now: DateTime<Utc>, out: &Path) -> Result<()> {
    let lake_name = laptop.root().display().to_string();
    let data = collect(laptop.lake().as_ref(), &laptop.contracts, now, &lake_name).await?;
    let failed = |e| Error::unavailable(format!("cannot write {}", out.display())).with_source(e);
    let unfinished = out.with_extension("html.unfinished");
    std::fs::write(&unfinished, render(&data)).map_err(failed)?;
    std::fs::rename(&unfinished, out).map_err(failed)
}
