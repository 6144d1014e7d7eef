//! What a function reads from its environment, once, at start.

use std::collections::BTreeMap;
use std::env;

use quotelake_core::{Error, Result};

/// The variables, what they are for, and an example: the reference page and every error text come from here.
pub const VARIABLES: &[(&str, &str, &str)] = &[
    ("LAKE_URI", "Where the lake's objects are.", "file:///var/quotelake or s3://my-lake"),
    (
        "STREAM_URI",
        "The delivery stream that `fetch` puts records on.",
        "spool:///var/quotelake/_platform/stream or firehose://my-stream",
    ),
    (
        "PUBLISH_QUEUE_URI",
        "The queue that `check` sends publish requests to.",
        "queue:///var/quotelake/_platform/queues/publish or sqs:https://sqs.us-east-1.amazonaws.com/000000000000/publish.fifo",
    ),
    (
        "DEAD_LETTER_QUEUE_URI",
        "Where a message goes that no retry can help.",
        "queue:///var/quotelake/_platform/queues/check-dlq or sqs:https://sqs.us-east-1.amazonaws.com/000000000000/check-dlq",
    ),
    (
        "OWN_QUEUE_URI",
        "Optional: the queue that invokes the function. Messages that failed are handed back to it with a delay instead of staying hidden for the whole visibility timeout, and a sweep of `check` asks there for what nobody asked for.",
        "sqs:https://sqs.us-east-1.amazonaws.com/000000000000/check",
    ),
    (
        "CHANGES_QUEUE_URI",
        "Optional: a FIFO queue to which `publish` sends every change of a partition, one group per table.",
        "queue:///var/quotelake/_platform/queues/changes or sqs:https://sqs.us-east-1.amazonaws.com/000000000000/changes.fifo",
    ),
    (
        "CATALOG_URI",
        "The catalog that `publish` adds partitions to.",
        "catalog:///var/quotelake/_platform/catalog or glue://my_database",
    ),
    (
        "EVENTS_URI",
        "Where events and notifications go.",
        "events:///var/quotelake/_platform/events.ndjson or eventbridge://my-bus",
    ),
    (
        "NOTIFY_URI",
        "Optional, with eventbridge://: the topic that notifications go to; without one they are lines of the log.",
        "sns:arn:aws:sns:us-east-1:000000000000:my-topic",
    ),
    ("QUOTELAKE_ENV", "Optional: the environment's name, a dimension of every metric.", "prod"),
    (
        "UNITS_QUEUE_URI",
        "Optional: the queue of units that can succeed later, which invokes `fetch` again; without one they stay in the report.",
        "queue:///var/quotelake/_platform/queues/fetch or sqs:https://sqs.us-east-1.amazonaws.com/000000000000/fetch",
    ),
    (
        "MAX_HOPS",
        "Optional: how many invocations of `fetch` may hand a unit on, one to the next, before it is a dead letter; 2976 without it, a month of quarter hours.",
        "2976",
    ),
    (
        "SOURCES",
        "Optional: the sources' settings as a run configuration has them under `sources`, YAML or JSON: keys, paces, limits, budgets. With it the \
         settings below, which are Polygon's alone, are not read.",
        "{\"brapi\": {\"secret\": \"ssm:/quotelake/brapi\"}}",
    ),
    ("SOURCES_FILE", "Optional: the same in a file beside the function.", "/var/task/sources.yaml"),
    (
        "SOURCE_BASE_URL",
        "Optional: the vendor's base URL, where it is not the usual one.",
        "http://127.0.0.1:8080",
    ),
    (
        "SOURCE_PAGE_LIMIT",
        "Optional: rows asked for in one page, where the vendor takes such a number.",
        "1000",
    ),
    (
        "WATCHLISTS_FOLDER",
        "Optional: a folder of watchlists (JSON or YAML) that requests may name.",
        "/var/task/watchlists",
    ),
    (
        "SOURCE_SECRET",
        "The vendor key by reference.",
        "env:POLYGON_API_KEY or ssm:/quotelake/polygon or secretsmanager:quotelake/polygon",
    ),
    (
        "SOURCE_REPLAY",
        "Optional: `true` takes the instant of recording that a replay server sends for the time of fetching.",
        "true",
    ),
    (
        "SOURCE_MIN_INTERVAL_MS",
        "Optional: least time between two calls to the vendor, milliseconds; without it the source's own, for Polygon 12000, the free plan's 5 calls a minute. Only a replay server wants 0.",
        "12000",
    ),
    (
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "Set by Lambda: memory of the function, MB. Models in SQL hold at most two thirds of it for sorts, joins and groups, one gibibyte where it is not set.",
        "1024",
    ),
];

/// The variables that were found. Missing ones are collected, so that an operator sees all of them at once.
#[derive(Debug)]
pub struct Settings {
    values: BTreeMap<&'static str, String>,
}

impl Settings {
    /// Reads the process's environment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Self {
        Self::from_lookup(|name| env::var(name).ok())
    }

    /// Reads through a lookup: for tests.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let values = VARIABLES
            .iter()
            .filter_map(|(name, ..)| Some((*name, lookup(name)?)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        Self { values }
    }

    /// Fails with one message that names every variable of `names` that is missing, what it is for and an example.
    pub fn require(&self, names: &[&str]) -> Result<()> {
        let missing: Vec<String> = VARIABLES
            .iter()
            .filter(|(name, ..)| names.contains(name) && !self.values.contains_key(name))
            .map(|(name, meaning, example)| format!("{name} is not set. {meaning} Example: {example}"))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(Error::config(missing.join("\n"))) }
    }

    /// A variable that must be there.
    pub fn get(&self, name: &str) -> Result<&str> {
        self.require(&[name])?;
        self.optional(name).ok_or_else(|| Error::bug(format!("{name} is not a known variable")))
    }

    /// A variable that may be there.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A variable that is `true` or `false`, false when it is not set.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.optional(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Error::config(format!("{name} is `true` or `false`, found {other:?}"))),
        }
    }

    /// A variable that is a whole number.
    pub fn number(&self, name: &str) -> Result<Option<u64>> {
        self.optional(name)
            .map(|text| {
                text.parse().map_err(|_| Error::config(format!("{name} is a whole number, found {text:?}")))
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_missing_variables_in_one_message() {
        let settings = Settings::from_lookup(|name| (name == "LAKE_URI").then(|| "file:///x".into()));
        let error = settings.require(&["LAKE_URI", "STREAM_URI", "CATALOG_URI"]).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 2);
        assert!(error.starts_with("STREAM_URI is not set."), "{error}");
        assert_eq!(settings.get("LAKE_URI").unwrap(), "file:///x");
    }
}
