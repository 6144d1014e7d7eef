//! What a month of the AWS stack costs, from `infra/prices.json`: prices with their sources, what AWS gives for nothing, the
//! sizes of installations, and the assumptions; and from the calls that were counted in a run ([`counted`]). The formula is written
//! out in `docs/guides/cost.md`.
//!
//! These are estimates of a bill in dollars, made of measured and assumed figures: floating point, unlike prices in the lake.

pub mod counted;
mod models;

use std::collections::BTreeMap;

use quotelake_core::{Error, Result};
use serde::{Deserialize, Serialize};

use counted::{CountedCalls, Driver};
use models::{Added, Models};

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
    models: Models,
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
    session_minutes: f64,
    trading_days: f64,
    stored_gb: f64,
    partition_kb: f64,
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
    noncurrent_days: f64,
    sweep_days: f64,
}

/// Assumptions.
#[derive(Debug, Deserialize)]
struct Model {
    page_kb: f64,
    pages_per_pace_write: f64,
    seconds_per_page: f64,
    fetch_memory_gb: f64,
    seconds_per_transform: f64,
    pages_per_transform: f64,
    transform_memory_gb: f64,
    stream_seconds: f64,
    stream_mb: f64,
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

    /// What a month of a profile costs, with models that are computed or without. `NotFound` for an unknown profile.
    pub fn estimate(&self, name: &str, with_models: bool) -> Result<Estimate> {
        let profile = self.profiles.get(name).ok_or_else(|| {
            Error::not_found(format!(
                "there is no profile {name:?}; there are {}",
                self.profiles().join(", ")
            ))
        })?;
        let flow = Flow::of(profile, &self.model);
        let added = match with_models {
            true => self.models.added(name, profile, &flow, &self.model)?,
            false => Added::default(),
        };
        let uses = self.uses(profile, &flow, &added, &CountedCalls::built_in()?)?;
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
    fn uses(&self, profile: &Profile, flow: &Flow, added: &Added, calls: &CountedCalls) -> Result<Vec<Use>> {
        let (model, stack) = (&self.model, &self.stack);
        let counted = |actions: &[&str]| {
            let of = |action: &&str| calls.of(action, |driver| flow.of_driver(driver));
            actions.iter().map(of).sum::<Result<f64>>()
        };
        // The stream writes its own objects, and every page has its turn: a look, and a share of a write.
        let paced = flow.pages / model.pages_per_pace_write;
        let swept = 30.0 * (stack.sweep_days + flow.checks / 1000.0);
        let puts =
            counted(&["s3:PutObject", "s3:ListBucket"])? + flow.objects * 2.0 + paced + swept + added.puts;
        let gets = counted(&["s3:GetObject"])?
            + flow.pages
            + paced
            + flow.objects * stack.sweep_days
            + profile.queries * model.query_files
            + added.gets;
        let replaced_gb = flow.published * profile.partition_kb / 1e6 * stack.noncurrent_days / 30.0;
        let glue = counted(&["glue:GetTable", "glue:GetPartition", "glue:BatchCreatePartition"])?;
        let (sends, events) = (counted(&["sqs:SendMessage"])?, counted(&["events:PutEvents"])?);
        let mut uses = vec![
            of(
                "Lambda, time",
                "lambda_arm64_gb_second",
                1.0,
                Some("lambda_gb_seconds"),
                flow.gb_seconds + added.gb_seconds,
            ),
            of(
                "Lambda, requests",
                "lambda_request",
                1e6,
                Some("lambda_requests"),
                flow.invocations + added.invocations,
            ),
            of("Firehose", "firehose_gb", 1.0, None, flow.pages * (model.page_kb / 5.0).ceil() * 5.0 / 1e6),
            of("S3, storage", "s3_gb_month", 1.0, None, profile.stored_gb),
            of("S3, replaced versions", "s3_gb_month", 1.0, None, replaced_gb),
            of("S3, writes and lists", "s3_put", 1e3, None, puts),
            of("S3, reads", "s3_get", 1e3, None, gets),
            // One allowance for both kinds of queue: the standard ones take it.
            of(
                "SQS, standard",
                "sqs_standard",
                1e6,
                Some("sqs_requests"),
                stack.queues_standard * model.polls_per_queue
                    + flow.objects * model.requests_per_message
                    + added.standard_requests,
            ),
            of(
                "SQS, FIFO",
                "sqs_fifo",
                1e6,
                None,
                // A message is sent, received and deleted; what was counted is the sending.
                stack.queues_fifo * model.polls_per_queue + sends * model.requests_per_message,
            ),
            of("EventBridge, events", "eventbridge_custom", 1e6, None, events + added.events),
            of("EventBridge, schedules", "scheduler", 1e6, Some("scheduler_invocations"), flow.runs),
            of("Glue Data Catalog", "glue_request", 1e6, Some("glue_requests"), glue + profile.queries * 3.0),
            of("Athena", "athena_tb", 1e6, None, profile.queries * model.query_scan_mb.max(10.0)),
        ];
        uses.extend(self.watching(flow, added));
        Ok(uses)
    }

    /// Logs, alarms, and what people are told.
    fn watching(&self, flow: &Flow, added: &Added) -> Vec<Use> {
        let (model, stack) = (&self.model, &self.stack);
        vec![
            of(
                "CloudWatch, logs",
                "logs_gb",
                1.0,
                Some("logs_gb"),
                ((flow.invocations + added.invocations) * model.log_kb_per_invocation
                    + flow.pages * model.log_bytes_per_page / 1e3)
                    / 1e6,
            ),
            of(
                "CloudWatch, alarm metrics",
                "alarm_metric",
                1.0,
                Some("alarm_metrics"),
                stack.alarm_metrics + added.alarm_metrics,
            ),
            of("CloudWatch, metrics", "custom_metric", 1.0, Some("custom_metrics"), stack.custom_metrics),
            of("CloudWatch, dashboards", "dashboard", 1.0, Some("dashboards"), stack.dashboards),
            of("SNS, emails", "sns_email", 1.0, Some("sns_emails"), model.alert_emails),
        ]
    }
}

fn of(
    item: &'static str,
    price: &'static str,
    units_per_price: f64,
    free: Option<&'static str>,
    units: f64,
) -> Use {
    Use { item, price, units_per_price, free, units }
}

/// What flows through a lake in a month.
struct Flow {
    runs: f64,
    fetches: f64,
    pages: f64,
    objects: f64,
    checks: f64,
    published: f64,
    invocations: f64,
    gb_seconds: f64,
}

impl Flow {
    fn of(profile: &Profile, model: &Model) -> Self {
        let intraday_runs = profile.intraday_runs_per_day * profile.trading_days;
        let runs = profile.daily_runs + intraday_runs;
        let daily_pages = profile.daily_tickers * profile.daily_runs * profile.datasets_per_daily_run;
        let intraday_pages = profile.intraday_tickers * intraday_runs;
        let pages = daily_pages + intraday_pages;
        let fetch_seconds = pages * model.seconds_per_page;
        // The stream writes an object for each run, for each time that its buffer is due, and for each time that it is full. However
        // many fetch at the same time, it is due once in its interval.
        let due = |runs: f64, pages: f64| runs + pages * model.seconds_per_page / model.stream_seconds;
        let session = profile.trading_days * (profile.session_minutes * 60.0 / model.stream_seconds + 1.0);
        let objects = due(profile.daily_runs, daily_pages)
            + due(intraday_runs, intraday_pages).min(session)
            + pages * model.page_kb / 1e3 / model.stream_mb;
        let checks = objects * model.datasets_per_object;
        let published = checks * model.partitions_per_publish;
        let transforms = pages / model.pages_per_transform + runs;
        let gb_seconds = fetch_seconds * model.fetch_memory_gb
            + transforms * model.seconds_per_transform * model.transform_memory_gb
            + objects * model.seconds_per_check * model.check_memory_gb
            + checks * model.seconds_per_publish * model.publish_memory_gb;
        // Fetch hands over to itself every 300 seconds.
        let fetches = runs + fetch_seconds / 300.0;
        let invocations = fetches + transforms + objects + checks;
        Self { runs, fetches, pages, objects, checks, published, invocations, gb_seconds }
    }

    fn of_driver(&self, driver: Driver) -> f64 {
        match driver {
            Driver::Fetch => self.fetches,
            Driver::Object => self.objects,
            Driver::Check | Driver::Request => self.checks,
            Driver::Partition => self.published,
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
    fn the_smaller_profiles_stay_below_their_limits() {
        let prices = PriceFile::built_in().unwrap();
        let bill = |name, most| {
            let estimate = prices.estimate(name, false).unwrap();
            assert!(estimate.bill_usd < most, "{estimate:#?}");
            assert!(estimate.bill_usd <= estimate.list_usd);
            format!("{name} {:.2} {:.2}", estimate.bill_usd, estimate.list_usd)
        };
        insta::assert_snapshot!([bill("s", 3.0), bill("m", 10.0), bill("l", 100.0)].join(", "), @"s 1.69 9.63, m 8.86 22.58, l 53.09 68.83");
    }

    #[test]
    fn models_add_less_than_a_dollar_to_the_smallest() {
        let prices = PriceFile::built_in().unwrap();
        let estimate = prices.estimate("s", true).unwrap();
        assert!(
            estimate.bill_usd < 4.0 && estimate.bill_usd > prices.estimate("s", false).unwrap().bill_usd,
            "{estimate:#?}"
        );
    }

    fn line(prices: &PriceFile, calls: &CountedCalls, item: &str) -> f64 {
        let profile = &prices.profiles["m"];
        let flow = Flow::of(profile, &prices.model);
        let uses = prices.uses(profile, &flow, &Added::default(), calls).unwrap();
        prices.line(uses.iter().find(|used| used.item == item).unwrap()).unwrap().list_usd
    }

    #[test]
    fn a_call_more_for_each_check_costs_more() {
        let (prices, calls) = (PriceFile::built_in().unwrap(), CountedCalls::built_in().unwrap());
        let checks = calls.happened(Driver::Check);
        for (call, item) in [
            ("check s3:PutObject quality", "S3, writes and lists"),
            ("check s3:ListBucket runs", "S3, writes and lists"),
            ("check s3:GetObject bronze", "S3, reads"),
            ("check sqs:SendMessage queues", "SQS, FIFO"),
        ] {
            let mut more = calls.clone();
            *more.calls.entry(call.to_owned()).or_insert(0) += checks;
            assert!(line(&prices, &more, item) > line(&prices, &calls, item), "{call}");
        }
    }

    #[test]
    fn what_was_once_left_out_is_paid_for() {
        let (prices, calls) = (PriceFile::built_in().unwrap(), CountedCalls::built_in().unwrap());
        for call in
            ["check s3:PutObject quality", "check s3:ListBucket contracts", "publish s3:ListBucket contracts"]
        {
            assert!(calls.calls.contains_key(call), "{call}");
        }
        // A FIFO queue is polled all month, whether anything is in it or not.
        assert!(line(&prices, &calls, "SQS, FIFO") > prices.stack.queues_fifo * 0.3);
        assert!(line(&prices, &calls, "S3, replaced versions") > 0.5);
        let mut unpaced = PriceFile::built_in().unwrap();
        unpaced.model.pages_per_pace_write = 1.0;
        let item = "S3, writes and lists";
        assert!(line(&unpaced, &calls, item) > line(&prices, &calls, item) + 9.0, "a write for each call");
    }

    #[test]
    fn a_call_that_nothing_is_known_to_lead_to_is_named() {
        let prices = PriceFile::built_in().unwrap();
        let mut calls = CountedCalls::built_in().unwrap();
        calls.calls.insert("index s3:PutObject bronze".into(), 1);
        let profile = &prices.profiles["s"];
        let flow = Flow::of(profile, &prices.model);
        let error = prices.uses(profile, &flow, &Added::default(), &calls).err().unwrap();
        assert!(error.to_string().contains("index s3:PutObject bronze"), "{error}");
    }

    #[test]
    fn a_larger_lake_costs_more() {
        let prices = PriceFile::built_in().unwrap();
        let bills: Vec<f64> =
            ["s", "m", "l"].iter().map(|name| prices.estimate(name, false).unwrap().bill_usd).collect();
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
        let error = PriceFile::built_in().unwrap().estimate("xl", false).unwrap_err();
        assert_eq!(error.to_string(), "there is no profile \"xl\"; there are l, m, s");
    }
}
