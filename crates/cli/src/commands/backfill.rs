//! `quotelake backfill`: much history from a slow vendor, planned first, resumed where it stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quotelake_core::time::parse_zone;
use quotelake_core::{Context as _, Error, Finding, Result};
use quotelake_fetch::{Day, Watchlist};
use quotelake_local::SystemClock;
use quotelake_platform::connect;
use quotelake_sources::{DatasetName, Instrument, Job};
use serde::Serialize;

use super::run::{findings_text, undelivered_text};
use crate::args::{AskArgs, BackfillArgs, default_lake};
use crate::backfill::estimate::{Estimate, Tariff, estimate};
use crate::backfill::{Backfill, Backfilled, Plan, WhenFinished};
use crate::collect::Checked;
use crate::files::read_text;
use crate::laptop::{Laptop, Settled};
use crate::left_behind::LeftBehind;
use crate::number::{counted, thousands};
use crate::output::{Exit, Output};
use crate::pipeline::{checked_since, dead_letters, quality_versions};
use crate::run_config::RunConfig;
use crate::undelivered::{self, Undelivered};

/// What a backfill costs, and what it came to; with `--dry-run` the first only.
#[derive(Debug, Serialize)]
struct BackfillReport {
    source: String,
    plan: Estimate,
    #[serde(flatten)]
    done: Option<Done>,
}

/// What was asked for and what came of it.
#[derive(Debug, Serialize)]
pub struct Done {
    /// The asking.
    pub backfill: Backfilled,
    /// What was delivered and handled.
    pub settled: Settled,
    /// The pages that could not be delivered, each with its reason.
    pub undelivered: Vec<Undelivered>,
    /// What was checked.
    pub checked: Checked,
    /// Dead letters that wait, over all queues.
    pub dead_letters: u64,
    /// Accepted work that is damaged.
    pub findings: Vec<Finding>,
}

impl Done {
    /// How it ended.
    pub fn exit(&self) -> Exit {
        let Backfilled { left, failed, stopped, quarantined, .. } = &self.backfill;
        let unfinished = left + self.dead_letters + self.settled.waiting + self.settled.undelivered;
        // A unit that failed is not done because somebody purged its letter.
        if unfinished > 0 || !failed.is_empty() || stopped.is_some() || !self.findings.is_empty() {
            Exit::SomeFailed
        } else if self.checked.has_faults() || *quarantined > 0 {
            // Also where an earlier call set them aside: its rows are in no table because it is repeated.
            Exit::QualityFailure
        } else {
            Exit::Done
        }
    }
}

/// Runs the command.
pub async fn run(args: BackfillArgs, output: Output) -> Result<Exit> {
    let config = RunConfig::load(&args.config)?;
    let laptop = Laptop::open(&lake(args.lake.as_deref(), &config), Arc::new(SystemClock)).await?;
    let plan = plan(&args, &config, &laptop)?;
    let costs = estimate(&plan, tariff(&args.ask, &config, &plan.source)?);
    let done = if args.dry_run {
        None
    } else {
        output.say(plan_text(&plan.source, &costs))?;
        let when = if args.restart { WhenFinished::Restart } else { WhenFinished::Keep };
        Some(ask(&laptop, &config, &plan, when, args.ask.stop_after, output).await?)
    };
    let exit = done.as_ref().map_or(Exit::Done, Done::exit);
    let report = BackfillReport { source: plan.source, plan: costs, done };
    output.finish(&report, || match &report.done {
        None => plan_text(&report.source, &report.plan),
        Some(done) => done_text(done),
    })?;
    Ok(exit)
}

/// The lake: the argument's, else the configuration's.
pub fn lake(argument: Option<&Path>, config: &RunConfig) -> PathBuf {
    let folder = argument.or(config.lake.as_deref());
    folder.map_or_else(default_lake, Path::to_owned)
}

/// Carries a plan through, and what it brought to the tables.
pub async fn ask(
    laptop: &Laptop,
    config: &RunConfig,
    plan: &Plan,
    when_finished: WhenFinished,
    stop_after: Option<u64>,
    output: Output,
) -> Result<Done> {
    config.read_keys([plan.source.as_str()], connect::secrets().as_ref()).await?;
    let before = quality_versions(laptop).await?;
    let (sources, options) = config.sources()?;
    let context = laptop.fetch_context(sources, options, config.watchlists()?)?;
    let time_left = stop_after.map(Duration::from_secs);
    let mut backfill = Backfill::open(laptop, plan, when_finished).await?;
    backfill.carry_through(&context, time_left, output).await?;
    let mut settled = laptop.settle(Some(context), None).await?;
    let late = undelivered::of_objects(laptop.lake().as_ref(), &settled.undelivered_objects).await?;
    let (backfill, delivered) = backfill.finish(&late).await?;
    settled.count(&delivered.report);
    let mut undelivered = delivered.pages;
    undelivered.extend(late);
    Ok(Done {
        backfill,
        settled,
        undelivered,
        checked: checked_since(laptop, &before).await?,
        dead_letters: dead_letters(laptop).await?,
        findings: LeftBehind::damaged(laptop).await?.findings(),
    })
}

/// What a call costs.
pub fn tariff(ask: &AskArgs, config: &RunConfig, source: &str) -> Result<Tariff> {
    let (_, options) = config.sources()?;
    let price_per_call =
        ask.price_per_call.as_deref().map(str::parse).transpose().context("--price-per-call")?;
    Ok(Tariff {
        min_interval: options.get(source).map_or(Duration::ZERO, |options| options.min_interval),
        page_rows: config.page_rows(source)?,
        price_per_call,
    })
}

fn plan(args: &BackfillArgs, config: &RunConfig, laptop: &Laptop) -> Result<Plan> {
    let instruments = match (&args.watchlist, args.symbols.as_slice()) {
        (Some(name), []) => config.watchlists()?.get(name)?.instruments.clone(),
        (None, symbols) if !symbols.is_empty() => instruments(&config.watchlists, symbols)?,
        _ => return Err(Error::config("say what to ask for: --watchlist NAME, or --symbols A,B,...")),
    };
    let zone = instruments.first().map_or(Ok(chrono_tz::UTC), |first| parse_zone(&first.exchange_tz))?;
    let day = |text: &str| text.parse::<Day>()?.resolve(laptop.clock().now(), zone);
    let job = Job {
        instruments,
        datasets: args.datasets.iter().map(|name| dataset(name)).collect::<Result<_>>()?,
        intraday_interval: args.interval.as_deref().map(str::parse).transpose()?,
        from: day(&args.from).context("--from")?,
        to: day(&args.to).context("--to")?,
    };
    let (sources, _) = config.sources()?;
    Ok(Plan { source: args.source.clone(), units: sources.get(&args.source)?.plan(&job)? })
}

/// A dataset that a source can deliver, by its name.
pub fn dataset(name: &str) -> Result<DatasetName> {
    serde_json::from_value(serde_json::Value::String(name.to_owned()))
        .map_err(|e| Error::invalid(format!("no source delivers {name:?}")).with_source(e))
}

/// The symbols' instruments, from whichever watchlist has them.
fn instruments(paths: &[PathBuf], symbols: &[String]) -> Result<Vec<Instrument>> {
    let mut known: Vec<Instrument> = Vec::new();
    for path in paths {
        known.extend(watchlist(path)?.instruments);
    }
    symbols
        .iter()
        .map(|symbol| {
            known.iter().find(|instrument| instrument.symbol == *symbol).cloned().ok_or_else(|| {
                Error::config(format!(
                    "{symbol} is in none of the configuration's watchlists, which say its exchange and currency"
                ))
            })
        })
        .collect()
}

fn watchlist(path: &Path) -> Result<Watchlist> {
    Watchlist::parse(&read_text(path)?).with_context(|| path.display().to_string())
}

/// The plan, for people.
pub fn plan_text(source: &str, plan: &Estimate) -> String {
    let mut text = format!(
        "{source}: {}, {}, {} at the vendor's rate, about {} of bars",
        counted(plan.units, "unit", "units"),
        counted(plan.calls, "call", "calls"),
        duration_text(plan.seconds),
        counted(plan.rows, "row", "rows"),
    );
    if let Some(money) = plan.money {
        text.push_str(&format!(", {money} to pay"));
    }
    if plan.without_calendar > 0 {
        text.push_str(&format!("\n{} units have no calendar: counted by weekdays", plan.without_calendar));
    }
    text
}

fn duration_text(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// What came of it, for people.
pub fn done_text(done: &Done) -> String {
    let Backfilled {
        units,
        resumed,
        asked,
        requests,
        rows,
        failed,
        handed_back,
        undelivered,
        left,
        quarantined,
        stopped,
        id,
    } = &done.backfill;
    let mut text = format!(
        "backfill   {id}: {} of {}, {} now and {} before; {}, {}\n",
        thousands(resumed + asked),
        counted(*units, "unit", "units"),
        thousands(*asked),
        thousands(*resumed),
        counted(*requests, "request", "requests"),
        counted(*rows, "row", "rows"),
    );
    text.push_str(&format!("checked    {}\n", done.checked.sum()));
    for (what, units) in [("failed", failed), ("handed back", handed_back), ("not delivered", undelivered)] {
        for unit in units {
            text.push_str(&format!("  {what} {unit}\n"));
        }
    }
    text.push_str(&undelivered_text(done.settled.undelivered, &done.undelivered));
    if let Some(stopped) = stopped {
        text.push_str(&format!("the source refuses: {stopped}\n"));
    }
    if *left > 0 {
        text.push_str(&format!("{} units are left: the same command goes on with them\n", thousands(*left)));
    } else if *asked == 0 && failed.is_empty() {
        text.push_str("it was done before: --restart asks again\n");
        if *quarantined > 0 {
            text.push_str(&format!("{} rows of it are in quarantine\n", thousands(*quarantined)));
        }
    }
    if done.checked.quarantined + quarantined > 0 {
        text.push_str("rows in quarantine: see `quotelake quarantine ls`\n");
    }
    if done.dead_letters > 0 {
        text.push_str(&format!("{} dead letters: see `quotelake dlq ls`\n", done.dead_letters));
    }
    text.push_str(&findings_text(&done.findings));
    text
}
