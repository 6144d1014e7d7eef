//! `quotelake gaps`: the sessions that a table of bars lacks, and the asking for exactly those.

use std::collections::BTreeMap;

use quotelake_core::time::parse_zone;
use quotelake_core::{Context as _, Error, Result};
use quotelake_fetch::Day;
use quotelake_sources::{Instrument, Job};
use serde::Serialize;

use super::backfill::{Done, ask, dataset, done_text, lake, plan_text, tariff};
use super::open_existing;
use crate::args::GapsArgs;
use crate::backfill::estimate::{Estimate, estimate};
use crate::backfill::{Plan, WhenFinished};
use crate::gaps::{Question, Series, find, tell_quarantine};
use crate::laptop::Laptop;
use crate::number::thousands;
use crate::output::{Exit, Output, Text, table};
use crate::run_config::RunConfig;

/// What a table lacks, and with `--fix` what asking for it came to.
#[derive(Debug, Serialize)]
struct GapsReport {
    dataset: String,
    /// Series that were looked at.
    series: u64,
    /// Missing sessions, over all series; with `--fix` those that are still missing.
    missing: u64,
    /// Sessions that came and are in quarantine.
    quarantined: u64,
    /// Series that lack a session, hold one that is none, or have no calendar.
    gaps: Vec<Series>,
    /// With `--fix`, what was asked for.
    fixed: Vec<Fixed>,
}

#[derive(Debug, Serialize)]
struct Fixed {
    source: String,
    plan: Estimate,
    #[serde(flatten)]
    done: Option<Done>,
}

/// Runs the command.
pub async fn run(args: GapsArgs, output: Output) -> Result<Exit> {
    let config = args.config.as_deref().map(RunConfig::load).transpose()?;
    let root = lake(args.lake.as_deref(), config.as_ref().unwrap_or(&RunConfig::default()));
    let laptop = open_existing(&root).await?;
    let question = question(&args, &laptop)?;
    let series = look(&laptop, &args.dataset, &question).await?;
    let mut fixed = Vec::new();
    let mut exit = Exit::Done;
    if args.fix {
        let Some(config) = &config else {
            return Err(Error::config("--fix asks the vendor: say how with --config FILE"));
        };
        for plan in plans(config, &args.dataset, &series)? {
            let costs = estimate(&plan, tariff(&args.ask, config, &plan.source)?);
            let done = if args.dry_run {
                None
            } else {
                output.say(plan_text(&plan.source, &costs))?;
                // What is missing again is asked for again.
                let stop_after = args.ask.stop_after;
                Some(ask(&laptop, config, &plan, WhenFinished::Repeat, stop_after, output).await?)
            };
            match done.as_ref().map_or(Exit::Done, Done::exit) {
                Exit::Done => {}
                Exit::QualityFailure if exit == Exit::SomeFailed => {}
                worse => exit = worse,
            }
            fixed.push(Fixed { source: plan.source, plan: costs, done });
        }
    }
    let asked = fixed.iter().any(|fixed| fixed.done.is_some());
    let series = if asked { look(&laptop, &args.dataset, &question).await? } else { series };
    let report = GapsReport {
        dataset: args.dataset,
        series: series.len() as u64,
        missing: series.iter().map(|series| series.missing.len() as u64).sum(),
        quarantined: series.iter().map(|series| series.quarantined.len() as u64).sum(),
        gaps: series
            .into_iter()
            .filter(|s| {
                !(s.missing.is_empty() && s.quarantined.is_empty() && s.unexpected.is_empty() && s.calendar)
            })
            .collect(),
        fixed,
    };
    if exit == Exit::Done && report.missing + report.quarantined > 0 {
        exit = Exit::QualityFailure;
    }
    output.finish(&report, || text(&report))?;
    Ok(exit)
}

fn question(args: &GapsArgs, laptop: &Laptop) -> Result<Question> {
    let now = laptop.clock().now();
    let until = args.until.as_deref().map(|text| text.parse::<Day>()?.resolve(now, chrono_tz::UTC));
    let closures = args.closures.iter().map(|text| {
        text.parse().map_err(|_| Error::invalid(format!("--closures: {text:?} is no date (YYYY-MM-DD)")))
    });
    Ok(Question {
        symbols: args.symbols.clone(),
        until: until.transpose().context("--until")?,
        closures: closures.collect::<Result<_>>()?,
        now,
    })
}

async fn look(laptop: &Laptop, dataset: &str, question: &Question) -> Result<Vec<Series>> {
    let (lake, contract) = (laptop.lake().as_ref(), &laptop.contracts.get(dataset)?.contract);
    let mut series = find(lake, contract, question).await?;
    tell_quarantine(lake, contract, &mut series).await?;
    Ok(series)
}

/// One plan for each source, of exactly the missing windows.
fn plans(config: &RunConfig, dataset_name: &str, series: &[Series]) -> Result<Vec<Plan>> {
    let (sources, _) = config.sources()?;
    let mut plans: BTreeMap<String, Plan> = BTreeMap::new();
    for series in series {
        let windows = series.windows();
        if windows.is_empty() {
            continue;
        }
        let source = sources.get(&series.provider).with_context(|| series.symbol.clone())?;
        parse_zone(&series.exchange_tz).with_context(|| series.symbol.clone())?;
        for (from, to) in windows {
            let job = Job {
                instruments: vec![Instrument {
                    symbol: series.provider_symbol.clone(),
                    mic: series.exchange_mic.clone(),
                    exchange_tz: series.exchange_tz.clone(),
                    currency: Some(series.quote_unit.clone()),
                    asset_class: series.asset_class.clone(),
                }],
                datasets: vec![dataset(dataset_name)?],
                intraday_interval: Some(series.interval.parse()?),
                from,
                to,
            };
            let units = source.plan(&job)?;
            let plan = Plan { source: series.provider.clone(), units: Vec::new() };
            plans.entry(series.provider.clone()).or_insert(plan).units.extend(units);
        }
    }
    Ok(plans.into_values().collect())
}

fn text(report: &GapsReport) -> Text {
    let mut text = Text::default();
    for fixed in &report.fixed {
        match &fixed.done {
            None => text.push_str(&format!("{}\n", plan_text(&fixed.source, &fixed.plan))),
            Some(done) => text.push_str(&done_text(done)),
        }
    }
    let rows = report.gaps.iter().filter(|series| !series.missing.is_empty()).map(|series| {
        let dates: Vec<String> = series.missing.iter().map(ToString::to_string).collect();
        vec![
            series.symbol.clone(),
            series.provider.clone(),
            series.first.to_string(),
            series.last.to_string(),
            thousands(series.sessions),
            thousands(series.missing.len() as u64),
            shortened(&dates),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        let header = ["symbol", "provider", "first", "last", "sessions", "missing", "dates"];
        text.push(table(&header, &[4, 5], rows).optional(&["provider", "sessions", "first"]));
        text.push_str("\n");
    }
    for series in &report.gaps {
        let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for session in &series.quarantined {
            by_reason.entry(&session.reason).or_default().push(session.date.to_string());
        }
        for (reason, dates) in by_reason {
            text.push_str(&format!("{}: in quarantine: {reason}: {}\n", series.symbol, shortened(&dates)));
        }
        if !series.calendar {
            text.push_str(&format!("{}: no calendar that knows all of its dates\n", series.symbol));
        }
        if !series.unexpected.is_empty() {
            let dates: Vec<String> = series.unexpected.iter().map(ToString::to_string).collect();
            text.push_str(&format!(
                "{}: bars on dates that are no sessions: {}\n",
                series.symbol,
                shortened(&dates)
            ));
        }
    }
    if report.quarantined > 0 {
        text.push_str(&format!(
            "{} sessions came and are in quarantine, and are not asked for: see `quotelake quarantine ls`\n",
            thousands(report.quarantined)
        ));
    }
    text.push_str(&format!(
        "{}: {} sessions missing in {} series\n",
        report.dataset,
        thousands(report.missing),
        thousands(report.series)
    ));
    text
}

/// All dates where they are few; `--json` has them all.
fn shortened(dates: &[String]) -> String {
    match dates {
        [first, .., last] if dates.len() > 6 => format!("{first} ... {last}"),
        _ => dates.join(" "),
    }
}
