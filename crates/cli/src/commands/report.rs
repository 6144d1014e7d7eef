//! `quotelake report`: the page.

use std::path::Path;

use quotelake_core::{Error, Result};
use serde::Serialize;

use crate::args::ReportArgs;
use crate::commands::open_existing;
use crate::laptop::Laptop;
use crate::output::{Exit, Output, Text};
use crate::report::render;
use crate::report_data::collect;

#[derive(Debug, Serialize)]
struct Written<'a> {
    report: &'a Path,
}

/// Runs the command.
pub async fn run(args: ReportArgs, output: Output) -> Result<Exit> {
    let laptop = open_existing(&args.lake.lake).await?;
    let out = args.out.unwrap_or_else(|| args.lake.lake.join("report.html"));
    write_report(&laptop, &out).await?;
    output.finish(&Written { report: &out }, || Text::verbatim(format!("report     {}", out.display())))?;
    Ok(Exit::Done)
}

/// Writes the report as of now; an older page is replaced in one step.
pub async fn write_report(laptop: &Laptop, out: &Path) -> Result<()> {
    let now = laptop.clock().now();
    let lake_name = laptop.root().display().to_string();
    let data = collect(laptop.lake().as_ref(), &laptop.contracts, now, &lake_name).await?;
    let failed = |e| Error::unavailable(format!("cannot write {}", out.display())).with_source(e);
    let unfinished = out.with_extension("html.unfinished");
    std::fs::write(&unfinished, render(&data)).map_err(failed)?;
    std::fs::rename(&unfinished, out).map_err(failed)
}
