//! `quotelake doctor`: what is misconfigured, in a lake's folder, a run's configuration or a deployed stack. Changes nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::SecondsFormat;
use quotelake_contract::Contracts;
use quotelake_core::{Finding, FindingLevel, Result, Zone};
use quotelake_local::{Durability, FolderLake, JsonCatalog, PRIVATE_FOLDER, SystemClock};
use quotelake_market::calendar::Calendar;
use quotelake_platform::{connect, contracts};
use quotelake_refine::models::Models;
use quotelake_sources::http::{Options, PaceStatus};

use crate::args::DoctorArgs;
use crate::collect::{look_through_quarantine, look_through_results};
use crate::files::columns_of_rules;
use crate::laptop::{Laptop, QUEUES};
use crate::left_behind::LeftBehind;
use crate::misfits::misfits;
use crate::number::counted;
use crate::output::{Exit, Output, Text, table};
use crate::run_config::RunConfig;
use crate::verify;

/// Runs the command.
pub async fn run(args: DoctorArgs, output: Output) -> Result<Exit> {
    let config = args.config.as_deref().map(RunConfig::load).transpose();
    let mut findings = Vec::new();
    let folder = match (&args.lake, &config) {
        (Some(lake), _) => Some(lake.clone()),
        (None, Ok(Some(config))) => config.lake.clone(),
        (None, _) => None,
    };
    if let Some(folder) = &folder {
        findings.extend(lake(folder).await);
        let settings = config.as_ref().ok().and_then(Option::as_ref).map(|config| config.sources.clone());
        if let (true, Ok((_, options))) = (folder.is_dir(), settings.unwrap_or_default().build()) {
            findings.extend(paces(folder, &options).await);
        }
    }
    match &config {
        Ok(Some(config)) => findings.extend(run_config(config).await),
        Ok(None) => {}
        Err(error) => {
            findings.push(Finding::error("run configuration", error.to_string(), "correct the file"))
        }
    }
    if let Some(file) = &args.stack {
        findings.extend(stack::inspect(file, &known_contracts(folder.as_deref()).await?).await?);
    }
    output.finish(&findings, || text(&findings))?;
    Ok(match findings.iter().map(|finding| finding.severity).max() {
        Some(FindingLevel::Error) => Exit::SomeFailed,
        Some(FindingLevel::Warning) => Exit::QualityFailure,
        Some(FindingLevel::Ok) | None => Exit::Done,
    })
}

/// The shipped contracts and a lake's own.
async fn known_contracts(folder: Option<&Path>) -> Result<Contracts> {
    match folder {
        Some(folder) if folder.is_dir() => {
            contracts::load(&FolderLake::open_with(folder, Durability::ProcessCrash)?).await
        }
        _ => Contracts::built_in(),
    }
}

#[cfg(feature = "aws")]
mod stack {
    use super::*;

    pub(super) async fn inspect(file: &Path, contracts: &Contracts) -> Result<Vec<Finding>> {
        use quotelake_aws::{Aws, Stack, inspect};
        let text = std::fs::read_to_string(file).map_err(|e| {
            quotelake_core::Error::config(format!("cannot read {}", file.display())).with_source(e)
        })?;
        let stack = Stack::from_json(&text)?;
        Ok(inspect(&Aws::load().await?, &stack, contracts).await)
    }
}

/// Stands in where this build cannot reach AWS.
#[cfg(not(feature = "aws"))]
mod stack {
    use quotelake_core::{Error, ErrorKind};

    use super::*;

    pub(super) async fn inspect(_: &Path, _: &Contracts) -> Result<Vec<Finding>> {
        Err(Error::new(ErrorKind::Unsupported, "--stack needs a build with the feature aws: `make cli-aws`"))
    }
}

/// Looks at a lake's folder.
async fn lake(folder: &Path) -> Vec<Finding> {
    if !folder.is_dir() {
        return vec![Finding::error(
            "lake",
            format!("there is no folder {}", folder.display()),
            "`quotelake demo`, `run` or `load` makes it; or name another with --lake",
        )];
    }
    let laptop = match Laptop::open(folder, Arc::new(SystemClock)).await {
        Ok(laptop) => laptop,
        Err(error) => {
            return vec![Finding::error(
                "lake",
                error.to_string(),
                "correct the contract or ruleset that it names, or the folder's permissions",
            )];
        }
    };
    let mut findings = vec![Finding::ok("lake", format!("{} can be opened", folder.display()))];
    for found in [
        rulesets(&laptop),
        models(&laptop).await,
        quick(&laptop).await,
        waiting(&laptop).await,
        kept(&laptop).await,
    ] {
        match found {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(Finding::error("lake", error.to_string(), "see that it can be read")),
        }
    }
    findings
}

/// Whether the rulesets of every dataset can be read.
fn rulesets(laptop: &Laptop) -> Result<Vec<Finding>> {
    let datasets = laptop.contracts.all()?;
    let found = datasets.into_iter().flat_map(|dataset| {
        let contract = &dataset.contract;
        let columns = columns_of_rules(contract);
        ruleset(&contract.name, &dataset.rules, contract.ruleset.is_some(), Some(&columns))
    });
    Ok(found.collect())
}

/// Whether the lake's models can be read and computed.
async fn models(laptop: &Laptop) -> Result<Vec<Finding>> {
    let fix = "`quotelake models lint` says what is wrong";
    let broken =
        quotelake_platform::models::load(laptop.lake().as_ref(), &mut laptop.contracts.clone()).await?;
    let broken = broken.into_iter().map(|model| Finding::warning(model.key, model.error.to_string(), fix));
    let all = Models::new(&laptop.contracts)?;
    let faulty = all.faults().iter();
    let faulty =
        faulty.map(|(name, fault)| Finding::warning(format!("model {name}"), fault.to_string(), fix));
    Ok(broken.chain(faulty).collect())
}

/// Whether what a lake keeps fits together, and whether somebody comes back to all of it.
async fn kept(laptop: &Laptop) -> Result<Vec<Finding>> {
    let lake = laptop.lake().as_ref();
    let catalog = (laptop.catalog().as_ref(), laptop.catalog_tables().await?);
    let mut findings = misfits(lake, &laptop.contracts, Some(catalog)).await?;
    findings.extend(LeftBehind::of_laptop(laptop).await?.findings());
    look_through_results(lake, &mut findings).await?;
    look_through_quarantine(lake, &mut findings).await?;
    Ok(findings)
}

/// The pace of the sources that a lake has asked, and when they could be asked next.
async fn paces(folder: &Path, options: &BTreeMap<String, Options>) -> Vec<Finding> {
    let now = connect::clock().now();
    let lake = match FolderLake::open_with(folder, Durability::ProcessCrash) {
        Ok(lake) => lake,
        // Told by the look at the lake.
        Err(_) => return Vec::new(),
    };
    let mut findings = Vec::new();
    for (source, options) in options {
        let subject = format!("pace of {source}");
        match options.pace_status(&lake, source, now).await {
            Ok(None) => {}
            Ok(Some(PaceStatus { rules, next_call, why, impossible })) => {
                let next = match next_call > now {
                    true => next_call.to_rfc3339_opts(SecondsFormat::Secs, true),
                    false => "now".to_owned(),
                };
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                findings.push(Finding::ok(subject.as_str(), format!("{rules}; next call {next}{why}")));
                findings.extend(impossible.map(|what| {
                    let fix = "set the clock; the next run drops it and begins after a pause";
                    Finding::warning(subject, format!("a clock was ahead: {what}"), fix)
                }));
            }
            Err(error) => {
                findings.push(Finding::warning(subject, error.to_string(), "the next run starts it over"))
            }
        }
    }
    findings
}

/// A ruleset that does not parse stops every check of its dataset.
/// A ruleset that cannot be read, or that cannot be evaluated on the dataset's columns.
fn ruleset(dataset: &str, rules: &str, named: bool, columns: Option<&SchemaRef>) -> Option<Finding> {
    let subject = format!("rules of {dataset}");
    let unfit = columns.and_then(|columns| {
        dqdl::lint_for(rules, dqdl::Target::GlueEtl, columns).into_iter().find(|lint| lint.error)
    });
    match dqdl::parse_strict(rules) {
        Err(error) => Some(Finding::error(subject, error.to_string(), "correct the ruleset")),
        Ok(_) if unfit.is_some() => {
            let found = unfit.map(|lint| format!("{}:{}: {}", lint.line, lint.column, lint.message));
            Some(Finding::error(
                subject,
                found.unwrap_or_default(),
                "correct the ruleset; until then every batch is blocked",
            ))
        }
        Ok(ruleset) if ruleset.rules.is_empty() && named => {
            Some(Finding::warning(subject, "there is no rule: every row passes", "`quotelake rules suggest`"))
        }
        Ok(_) => None,
    }
}

/// The quick part of `quotelake verify`: names and sizes, no content.
async fn quick(laptop: &Laptop) -> Result<Vec<Finding>> {
    let lake = FolderLake::read_only(laptop.root());
    let catalog = JsonCatalog::read_only(laptop.root().join(PRIVATE_FOLDER).join("catalog"));
    let listed = verify::listed(&lake).await?;
    let mut verified = verify::Verified::default();
    verify::sizes(&lake, &listed, &mut verified).await?;
    verify::held_against_catalog(&catalog, &laptop.contracts, &listed, &mut verified).await?;
    let mut findings: Vec<Finding> = verified
        .take_findings()
        .into_iter()
        .map(|finding| {
            let found = format!("{}: {}", finding.wrong.name(), finding.found);
            match finding.wrong {
                verify::Wrong::Foreign => Finding::warning(finding.key, found, finding.fix),
                _ => Finding::error(finding.key, found, finding.fix),
            }
        })
        .collect();
    let unrecorded = lake.unrecorded("").await?;
    let unrecorded = unrecorded.iter().filter(|meta| verify::has_record(&meta.key)).count();
    if unrecorded > 0 {
        let found = format!("{unrecorded} objects have no record and are unverified: see `quotelake verify`");
        findings.push(Finding::ok("records", found));
    }
    Ok(findings)
}

/// Work that was left behind.
async fn waiting(laptop: &Laptop) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for name in QUEUES {
        let waiting = laptop.queue(name)?.list().await?.len();
        if waiting > 0 {
            findings.push(Finding::warning(
                format!("queue {name}"),
                format!("{} wait", counted(waiting as u64, "message", "messages")),
                "the next `quotelake run` handles them",
            ));
        }
        let letters = laptop.queue(&format!("{name}-dlq"))?.list().await?.len();
        if letters > 0 {
            findings.push(Finding::warning(
                format!("queue {name}"),
                format!("{} wait", counted(letters as u64, "dead letter", "dead letters")),
                "`quotelake dlq ls`, docs/runbooks/dead-letters.md",
            ));
        }
    }
    for (zone, what, fix) in [
        (
            Zone::Staged,
            "checked objects are not published yet",
            "the next `quotelake run` publishes those that a message asks for",
        ),
        (
            Zone::Undelivered,
            "objects of pages could not be delivered",
            "`quotelake status`, `quotelake repair`, docs/runbooks/undelivered-pages.md",
        ),
    ] {
        let objects = laptop.lake().list(zone.prefix()).await?.len();
        if objects > 0 {
            findings.push(Finding::warning(zone.prefix(), format!("{objects} {what}"), fix));
        }
    }
    Ok(findings)
}

/// Looks at a run's configuration: whether each job could be done.
async fn run_config(config: &RunConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    let watchlists = config.watchlists();
    let sources = config.sources();
    for (subject, error) in [("watchlists", watchlists.as_ref().err()), ("sources", sources.as_ref().err())] {
        if let Some(error) = error {
            findings.push(Finding::error(subject, error.to_string(), "correct the file that it names"));
        }
    }
    let (Ok(watchlists), Ok((sources, options))) = (watchlists, sources) else { return findings };
    if config.jobs.is_empty() {
        findings.push(Finding::warning("jobs", "there is none: nothing is fetched", "add one to `jobs`"));
    }
    let secrets = connect::secrets();
    for (number, job) in config.jobs.iter().enumerate() {
        let subject = format!("job {}", number + 1);
        let source = match sources.get(&job.source) {
            Ok(source) => source,
            Err(error) => {
                findings.push(Finding::error(subject, error.to_string(), "correct the job's `source`"));
                continue;
            }
        };
        let watchlist = match watchlists.get(&job.watchlist) {
            Ok(watchlist) => watchlist,
            Err(error) => {
                findings.push(Finding::error(subject, error.to_string(), "correct the job's `watchlist`"));
                continue;
            }
        };
        let known: Vec<&str> = source.capabilities().datasets.iter().map(|name| name.as_str()).collect();
        for dataset in job.datasets.iter().filter(|dataset| !known.contains(&dataset.as_str())) {
            findings.push(Finding::error(
                subject.as_str(),
                format!("{} has no {dataset}", job.source),
                format!("it has {}", known.join(", ")),
            ));
        }
        let strangers: Vec<&str> = watchlist
            .instruments
            .iter()
            .filter(|one| Calendar::of_instrument(Some(&one.asset_class), one.mic.as_deref()).is_none())
            .map(|one| one.symbol.as_str())
            .collect();
        if !strangers.is_empty() {
            findings.push(Finding::warning(
                subject.as_str(),
                format!("no calendar for {}", strangers.join(", ")),
                "gaps and freshness cannot be judged for them",
            ));
        }
        if let Some(reference) = options.get(&job.source).and_then(|options| options.secret.as_deref()) {
            findings.push(match secrets.read(reference).await {
                Ok(_) => Finding::ok(subject, format!("the key of {} can be read", job.source)),
                Err(error) => Finding::error(subject, error.to_string(), "set the key"),
            });
        }
    }
    findings
}

fn text(findings: &[Finding]) -> Text {
    if findings.is_empty() {
        return "nothing to complain of".into();
    }
    let name = |severity| match severity {
        FindingLevel::Ok => "ok",
        FindingLevel::Warning => "warning",
        FindingLevel::Error => "error",
    };
    let findings = table(
        &["", "what", "found", "do"],
        &[],
        findings.iter().map(|finding| {
            vec![
                name(finding.severity).to_owned(),
                finding.subject.clone(),
                finding.found.clone(),
                finding.fix.clone(),
            ]
        }),
    );
    findings.judged(&[""]).into()
}
