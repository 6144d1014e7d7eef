//! What a month of the AWS stack costs, from `infra/prices.json`: prices with their sources, what AWS gives for nothing, the
//! sizes of installations, and the assumptions. The formula is written out in `docs/guides/cost.md`.
//!
//! These are estimates of a bill in dollars, made of measured and assumed figures: floating point, unlike prices in the lake.

use std::collections::BTreeMap;

use quotelake_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// The price file, built into the program.
const PRICES: &str = include_str!("../../../infra/prices.json");

/// `infra/prices.json`.
#[derive(Debug, Deserialize)]
pub struct PriceFile {
    /// The region that the prices are of.
    pub region: String,
    /// Prices by name.
    pub prices: BTreeMap<String, Price>,
    always_free: BTreeMap<String, Free>,
    profiles: BTreeMap<String, Profile>,
    stack: Stack,
    model: Model,
}

/// One price.
#[derive(Debug, Deserialize)]
pub struct Price {
    /// US dollars.
    pub usd: f64,
    /// For how much.
    pub per: String,
    /// Where it was read.
    pub source: String,
    /// `read` in the source on that day, or `recalled`.
    pub confirmed: String,
    /// The day, YYYY-MM-DD.
    pub checked_on: String,
}

/// What AWS gives every month.
#[derive(Debug, Deserialize)]
struct Free {
    amount: f64,
}

/// A size of installation.
#[derive(Debug, Clone, Deserialize)]
struct Profile {
    about: String,
    daily_tickers: f64,
    daily_runs: f64,
    datasets_per_daily_run: f64,
    intraday_tickers: f64,
    intraday_runs_per_day: f64,
    trading_days: f64,
    stored_gb: f64,
    queries: f64,
}

/// What the default profile of the infrastructure makes.
#[derive(Debug, Deserialize)]
struct Stack {
    alarm_metrics: f64,
    custom_metrics: f64,
    dashboards: f64,
    queues_standard: f64,
    queues_fifo: f64,
}

/// Assumptions.
#[derive(Debug, Deserialize)]
struct Model {
    page_kb: f64,
    seconds_per_page: f64,
    fetch_memory_gb: f64,
    seconds_per_transform: f64,
    pages_per_transform: f64,
    transform_memory_gb: f64,
    stream_seconds: f64,
    datasets_per_object: f64,
    seconds_per_check: f64,
    check_memory_gb: f64,
    seconds_per_publish: f64,
    publish_memory_gb: f64,
    partitions_per_publish: f64,
    requests_per_message: f64,
    polls_per_queue: f64,
    log_kb_per_invocation: f64,
    log_bytes_per_page: f64,
    query_scan_mb: f64,
    query_files: f64,
    alert_emails: f64,
}

/// What a month costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// The profile's name.
    pub profile: String,
    /// What it stands for.
    pub about: String,
    /// The region that the prices are of.
    pub region: String,
    /// The oldest day on which one of the prices used was checked.
    pub checked_on: String,
    /// Dollars at list price.
    pub list_usd: f64,
    /// Dollars after what AWS gives every month: the bill of an account that runs nothing else.
    pub bill_usd: f64,
    /// What it is made of.
    pub lines: Vec<Line>,
}

/// One line of an estimate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What is paid for.
    pub item: &'static str,
    /// How much of it, in the price's own units.
    pub quantity: f64,
    /// The price's unit.
    pub unit: String,
    /// Dollars at list price.
    pub list_usd: f64,
    /// Dollars after what AWS gives.
    pub bill_usd: f64,
}

/// What is used of a price: its name, how many single units it is for, and what AWS gives of them.
struct Use {
    item: &'static str,
    price: &'static str,
    units_per_price: f64,
    free: Option<&'static str>,
    units: f64,
}

impl PriceFile {
    /// The file that is built in.
    pub fn built_in() -> Result<Self> {
        serde_json::from_str(PRICES).map_err(|e| Error::bug("infra/prices.json").with_source(e))
    }

    /// The profiles' names.
    pub fn profiles(&self) -> Vec<&str> {
        self.profiles.keys().map(String::as_str).collect()
    }

    /// What a month of a profile costs. `NotFound` for an unknown profile.
    pub fn estimate(&self, name: &str) -> Result<Estimate> {
        let profile = self.profiles.get(name).ok_or_else(|| {
            Error::not_found(format!(
                "there is no profile {name:?}; there are {}",
                self.profiles().join(", ")
            ))
        })?;
        let uses = self.uses(profile);
        let lines: Vec<Line> = uses.iter().map(|used| self.line(used)).collect::<Result<_>>()?;
        Ok(Estimate {
            profile: name.to_owned(),
            about: profile.about.clone(),
            region: self.region.clone(),
            checked_on: self.prices.values().map(|price| price.checked_on.clone()).min().unwrap_or_default(),
            list_usd: cents(lines.iter().map(|line| line.list_usd).sum()),
            bill_usd: cents(lines.iter().map(|line| line.bill_usd).sum()),
            lines,
        })
    }

    fn line(&self, used: &Use) -> Result<Line> {
        let lacks = |what: &str| Error::bug(format!("infra/prices.json has no {what}"));
        let price = self.prices.get(used.price).ok_or_else(|| lacks(used.price))?;
        let free = match used.free {
            Some(name) => self.always_free.get(name).ok_or_else(|| lacks(name))?.amount,
            None => 0.0,
        };
        let usd = |units: f64| units / used.units_per_price * price.usd;
        Ok(Line {
            item: used.item,
            quantity: used.units / used.units_per_price,
            unit: price.per.clone(),
            list_usd: usd(used.units),
            bill_usd: usd((used.units - free).max(0.0)),
        })
    }

    /// What a month of a profile uses: `docs/guides/cost.md` in code.
    fn uses(&self, profile: &Profile) -> Vec<Use> {
        let (model, stack) = (&self.model, &self.stack);
        let flow = Flow::of(profile, model);
        let of =
            |item, price, units_per_price, free, units| Use { item, price, units_per_price, free, units };
        vec![
            of("Lambda, time", "lambda_arm64_gb_second", 1.0, Some("lambda_gb_seconds"), flow.gb_seconds),
            of("Lambda, requests", "lambda_request", 1e6, Some("lambda_requests"), flow.invocations),
            of("Firehose", "firehose_gb", 1.0, None, flow.pages * (model.page_kb / 5.0).ceil() * 5.0 / 1e6),
            of("S3, storage", "s3_gb_month", 1.0, None, profile.stored_gb),
            of("S3, writes and lists", "s3_put", 1e3, None, flow.puts),
            of("S3, reads", "s3_get", 1e3, None, flow.gets + profile.queries * model.query_files),
            // One allowance for both kinds of queue: the standard ones take it.
            of(
                "SQS, standard",
                "sqs_standard",
                1e6,
                Some("sqs_requests"),
                stack.queues_standard * model.polls_per_queue + flow.objects * model.requests_per_message,
            ),
            of(
                "SQS, FIFO",
                "sqs_fifo",
                1e6,
                None,
                stack.queues_fifo * model.polls_per_queue + flow.checks * model.requests_per_message,
            ),
            of("EventBridge, events", "eventbridge_custom", 1e6, None, flow.events),
            of("EventBridge, schedules", "scheduler", 1e6, Some("scheduler_invocations"), flow.runs),
            of(
                "Glue Data Catalog",
                "glue_request",
                1e6,
                Some("glue_requests"),
                flow.published + profile.queries * 3.0,
            ),
            of("Athena", "athena_tb", 1e6, None, profile.queries * model.query_scan_mb.max(10.0)),
            of(
                "CloudWatch, logs",
                "logs_gb",
                1.0,
                Some("logs_gb"),
                (flow.invocations * model.log_kb_per_invocation
                    + flow.pages * model.log_bytes_per_page / 1e3)
                    / 1e6,
            ),
            of("CloudWatch, alarm metrics", "alarm_metric", 1.0, Some("alarm_metrics"), stack.alarm_metrics),
            of("CloudWatch, metrics", "custom_metric", 1.0, Some("custom_metrics"), stack.custom_metrics),
            of("CloudWatch, dashboards", "dashboard", 1.0, Some("dashboards"), stack.dashboards),
            of("SNS, emails", "sns_email", 1.0, Some("sns_emails"), model.alert_emails),
        ]
    }
}

/// What flows through a lake in a month.
struct Flow {
    runs: f64,
    pages: f64,
    objects: f64,
    checks: f64,
    published: f64,
    invocations: f64,
    gb_seconds: f64,
    puts: f64,
    gets: f64,
    events: f64,
}

impl Flow {
    fn of(profile: &Profile, model: &Model) -> Self {
        let intraday_runs = profile.intraday_runs_per_day * profile.trading_days;
        let runs = profile.daily_runs + intraday_runs;
        let pages = profile.daily_tickers * profile.daily_runs * profile.datasets_per_daily_run
            + profile.intraday_tickers * intraday_runs;
        let fetch_seconds = pages * model.seconds_per_page;
        // The stream writes at least one object for each run, and one for each time that its buffer is due.
        let objects = runs + fetch_seconds / model.stream_seconds;
        let checks = objects * model.datasets_per_object;
        let published = checks * model.partitions_per_publish;
        let transforms = pages / model.pages_per_transform + runs;
        let gb_seconds = fetch_seconds * model.fetch_memory_gb
            + transforms * model.seconds_per_transform * model.transform_memory_gb
            + objects * model.seconds_per_check * model.check_memory_gb
            + checks * model.seconds_per_publish * model.publish_memory_gb;
        Self {
            runs,
            pages,
            objects,
            checks,
            published,
            // Fetch hands over to itself every 300 seconds.
            invocations: runs + fetch_seconds / 300.0 + transforms + objects + checks,
            gb_seconds,
            // landing and raw; then for each dataset quarantine, staged rows, result, a list of what is staged; the partitions; what each
            // run of fetch, check and publish did.
            puts: objects * 2.0 + checks * 4.0 + published + runs + objects + checks,
            gets: objects + checks + published,
            events: checks + published,
        }
    }
}

/// Rounded to a cent.
fn cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_profile_costs_less_than_five_dollars() {
        let estimate = PriceFile::built_in().unwrap().estimate("s").unwrap();
        assert!(estimate.bill_usd < 5.0, "{estimate:#?}");
        assert!(estimate.bill_usd <= estimate.list_usd);
        insta::assert_snapshot!(format!("{:.2} {:.2}", estimate.bill_usd, estimate.list_usd), @"2.30 10.46");
    }

    #[test]
    fn a_larger_lake_costs_more() {
        let prices = PriceFile::built_in().unwrap();
        let bills: Vec<f64> =
            ["s", "m", "l"].iter().map(|name| prices.estimate(name).unwrap().bill_usd).collect();
        assert!(bills.is_sorted_by(|a, b| a < b), "{bills:?}");
    }

    #[test]
    fn each_price_says_where_it_was_read() {
        for (name, price) in PriceFile::built_in().unwrap().prices {
            assert!(price.usd > 0.0 && !price.source.is_empty() && !price.per.is_empty(), "{name}");
            assert!(["read", "recalled"].contains(&price.confirmed.as_str()), "{name}");
            assert!(chrono::NaiveDate::parse_from_str(&price.checked_on, "%Y-%m-%d").is_ok(), "{name}");
        }
    }

    #[test]
    fn what_aws_gives_is_taken_off_once() {
        let prices = PriceFile::built_in().unwrap();
        let line = |units| {
            let used = Use {
                item: "alarms",
                price: "alarm_metric",
                units_per_price: 1.0,
                free: Some("alarm_metrics"),
                units,
            };
            prices.line(&used).unwrap()
        };
        assert_eq!(line(4.0).bill_usd, 0.0);
        assert_eq!(cents(line(12.0).bill_usd), 0.2);
        assert_eq!(cents(line(12.0).list_usd), 1.2);
    }

    #[test]
    fn an_unknown_profile_is_named() {
        let error = PriceFile::built_in().unwrap().estimate("xl").unwrap_err();
        assert_eq!(error.to_string(), "there is no profile \"xl\"; there are l, m, s");
    }
}
