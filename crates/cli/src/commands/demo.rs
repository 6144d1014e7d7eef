//! `quotelake demo`: the whole pipeline on recorded vendor pages, served by a real HTTP server on this machine.

mod recording;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use quotelake_core::{Error, Result, Zone};
use quotelake_local::{Chaos, SystemClock};
use quotelake_sources::polygon;
use quotelake_sources::replay::{Recording, ReplayServer};
use quotelake_sources::settings::SourcesSettings;
use quotelake_table::published::table_prefix;
use serde::Serialize;

use crate::args::DemoArgs;
use crate::commands::report::write_report;
use crate::commands::run::text;
use crate::laptop::Laptop;
use crate::output::{Exit, Output};
use crate::pipeline::{self, RunReport};
use crate::run_config::{Job, RunConfig};

/// The recording's instruments and window.
const WATCHLIST: &str = "../watchlists/us_samples.json";
const FROM: &str = "2000-03-01";
const TO: &str = "2013-03-01";

#[derive(Debug, Serialize)]
struct DemoReport {
    #[serde(flatten)]
    run: RunReport,
    report: PathBuf,
}

/// Runs the command.
pub async fn run(args: DemoArgs, output: Output) -> Result<Exit> {
    let (_unpacked, folder) = match args.recording {
        Some(folder) => (None, folder),
        None => {
            let (unpacked, folder) = recording::unpack()?;
            (Some(unpacked), folder)
        }
    };
    let index = folder.join("recording.json");
    if !index.is_file() {
        return Err(Error::not_found(format!("there is no recording at {}", index.display())));
    }
    let recording = Recording::load(&index)?;
    let recorded_at = recording.recorded_at;
    let server = ReplayServer::start(recording).await?;
    let mut laptop = Laptop::open(&args.lake.lake, Arc::new(SystemClock)).await?;
    laptop.switch_on_native().await?;
    let config = config(&folder, server.base_url().to_string(), recorded_at)?;
    let chaos = args.chaos.map(|seed| Chaos { seed, duplicate: 0.67, reorder: 0.5, fail: 0.2 });
    let report = pipeline::run(&laptop, &config, output, chaos).await;
    server.stop().await;
    let report = report?;
    let out = args.out.unwrap_or_else(|| args.lake.lake.join("report.html"));
    write_report(&laptop, &out).await?;
    let exit = report.exit();
    let report = DemoReport { run: report, report: out };
    output.finish(&report, || {
        let report_path = std::path::absolute(&report.report).unwrap_or_else(|_| report.report.clone());
        let lake = args.lake.lake.display();
        let mut shown = text(&report.run);
        shown.push_verbatim(&format!(
            "\n\nlake       {lake}\nreport     {}\n\nnext       duckdb -c \"select symbol, max(close) from '{lake}/{}**/*.parquet' group by symbol\"",
            report_path.display(),
            table_prefix(Zone::Bronze, "daily_bars")
        ));
        shown
    })?;
    Ok(exit)
}

/// One job for all the recording holds. Its run id and instants are the recording's, so that every demo gives the same bytes.
pub fn config(recording: &Path, base_url: String, recorded_at: DateTime<Utc>) -> Result<RunConfig> {
    let asked = polygon::Settings {
        base_url,
        secret: None,
        min_interval_ms: 0,
        replay: true,
        ..polygon::Settings::default()
    };
    Ok(RunConfig {
        watchlists: vec![recording.join(WATCHLIST)],
        sources: SourcesSettings::default().with(polygon::NAME, asked)?,
        jobs: vec![Job {
            source: polygon::NAME.into(),
            watchlist: "us_samples".into(),
            datasets: vec!["daily_bars".into(), "splits".into(), "dividends".into()],
            interval: None,
            from: FROM.into(),
            to: TO.into(),
            run_id: Some(format!("recording-{}", recorded_at.format("%Y%m%dT%H%M%SZ"))),
        }],
        ..RunConfig::default()
    })
}
