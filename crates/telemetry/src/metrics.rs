//! Metrics as log lines: an event of the target `quotelake::metrics` becomes a line in CloudWatch's embedded metric format,
//! each number a count, with the dimensions `service` and `env`. No call to CloudWatch is made.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::facts::Facts;

/// The target of an event whose numeric fields are metrics, each a count:
///
/// ```
/// tracing::info!(target: "quotelake::metrics", rows_staged = 12_u64, rows_quarantined = 1_u64);
/// ```
///
/// CloudWatch keeps a metric for each name and each set of values of the dimensions, and asks money for each: the dimensions are
/// `service` and `env`, never a symbol, a dataset or a source. Those belong in the log.
pub const METRICS: &str = "quotelake::metrics";

/// The namespace of every metric.
const NAMESPACE: &str = "Quotelake";

/// A line in the embedded metric format.
/// See <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
pub(crate) fn line(
    facts: &Facts,
    now: DateTime<Utc>,
    fields: Vec<(&'static str, Value)>,
) -> Vec<(&'static str, Value)> {
    let values: Vec<_> = fields.into_iter().filter(|(_, value)| value.is_number()).collect();
    let names: Vec<Value> = values.iter().map(|(name, _)| json!({ "Name": name, "Unit": "Count" })).collect();
    let mut dimensions = vec!["service"];
    let mut line = vec![("service", Value::from(facts.service))];
    if let Some(env) = &facts.env {
        dimensions.push("env");
        line.push(("env", env.as_str().into()));
    }
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": names });
    let meta = json!({ "Timestamp": now.timestamp_millis(), "CloudWatchMetrics": [directive] });
    line.insert(0, ("_aws", meta));
    line.extend(values);
    line
}
