//! The log of a function: a `tracing` layer that writes each event as one line of JSON on standard output, with the keys of
//! Powertools. Events that are metrics go through the same writer in CloudWatch's embedded format.

use std::io::{self, Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serializer as _;
use serde_json::Value;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::facts::{Facts, variable};
use crate::fields::Fields;
use crate::metrics::{self, METRICS};

/// Whose spans add their fields to a line: ours. Those of libraries say the same in other words.
const OURS: &str = "quotelake";

/// Makes every event of `tracing` a line of JSON on standard output, at the level that `AWS_LAMBDA_LOG_LEVEL` asks for, `info`
/// else; libraries are heard from `warn` on. `RUST_LOG` replaces all of that. Call once, first thing; `service` is the
/// function's name in lines and metrics.
pub fn init(service: &'static str) {
    let layer = Lines { facts: Facts::from_env(service), now: wall_clock, out: io::stdout };
    let _ = tracing_subscriber::registry()
        .with(filter(variable("AWS_LAMBDA_LOG_LEVEL"), variable("RUST_LOG")))
        .with(layer)
        .try_init();
}

#[expect(clippy::disallowed_methods, reason = "a line of the log says when it was written")]
fn wall_clock() -> DateTime<Utc> {
    Utc::now()
}

/// What is written: by the level that Lambda was given, or by `RUST_LOG` in its place. Metrics are, in any case.
fn filter(level: Option<String>, rust_log: Option<String>) -> Targets {
    let level = level.unwrap_or_else(|| "info".into()).to_lowercase();
    let wanted = rust_log.unwrap_or_else(|| match level.as_str() {
        "fatal" | "error" => "error".into(),
        level => format!("warn,{OURS}={level}"),
    });
    let directives: Vec<_> =
        wanted.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    let targets = match directives.join(",").parse::<Targets>() {
        Ok(targets) if !directives.is_empty() && directives.iter().all(|directive| is_sound(directive)) => {
            targets
        }
        _ => Targets::new().with_default(LevelFilter::INFO),
    };
    // Metrics are no log, and a line of any level has its invocation's ids.
    targets.with_target(METRICS, LevelFilter::INFO).with_target(env!("CARGO_CRATE_NAME"), LevelFilter::INFO)
}

/// Whether a directive may be a target of `tracing`: any other text would be taken for a target that nothing has, and all of the log
/// would be gone.
fn is_sound(directive: &str) -> bool {
    let is_of_a_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '-');
    let (target, level) = directive.split_once('=').unwrap_or((directive, "info"));
    !level.trim().is_empty() && target.chars().all(is_of_a_path)
}

/// Writes each event as one line.
struct Lines<M> {
    facts: Facts,
    now: fn() -> DateTime<Utc>,
    out: M,
}

impl<S, M> Layer<S> for Lines<M>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    M: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id).filter(|span| span.metadata().target().starts_with(OURS)) else {
            return;
        };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let now = (self.now)();
        let line = if event.metadata().target() == METRICS {
            metrics::line(&self.facts, now, fields.0)
        } else {
            self.line(event, fields, now, &context)
        };
        // One write for one line; a log that cannot be written is nobody's to tell.
        let line = to_json(&line);
        let _ = self.out.make_writer().write_all(&line);
    }
}

impl<M> Lines<M> {
    /// The keys of Powertools first, then the event's own fields, then those of its spans from the innermost out. Of two with one
    /// name the first is kept.
    /// See <https://docs.powertools.aws.dev/lambda/python/latest/core/logger/#standard-structured-keys>.
    fn line<S>(
        &self,
        event: &Event<'_>,
        mut fields: Fields,
        now: DateTime<Utc>,
        context: &Context<'_, S>,
    ) -> Vec<(&'static str, Value)>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let message = fields.0.iter().position(|(name, _)| *name == "message");
        let message = message.map_or(Value::Null, |index| fields.0.remove(index).1);
        let mut line = vec![
            ("level", event.metadata().level().as_str().into()),
            ("location", event.metadata().target().into()),
            ("message", message),
            ("timestamp", now.to_rfc3339_opts(SecondsFormat::Millis, true).into()),
            ("service", self.facts.service.into()),
        ];
        let name = self.facts.function_name.as_deref();
        line.extend(name.map(|name| ("function_name", name.into())));
        line.extend(self.facts.function_memory_size.map(|size| ("function_memory_size", size.into())));
        let spans = context.event_scope(event).into_iter().flatten();
        let spans = spans.filter_map(|span| Some(span.extensions().get::<Fields>()?.0.clone())).flatten();
        for (name, value) in fields.0.into_iter().chain(spans) {
            if line.iter().all(|(known, _)| *known != name) {
                line.push((name, value));
            }
        }
        line
    }
}

/// An object and its line break.
fn to_json(line: &[(&'static str, Value)]) -> Vec<u8> {
    let mut json = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::new(&mut json);
    if serializer.collect_map(line.iter().map(|(name, value)| (name, value))).is_err() {
        json = br#"{"level":"ERROR","message":"a line of the log cannot be written as JSON"}"#.to_vec();
    }
    json.push(b'\n');
    json
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `log` leads to.
    fn lines(log: impl FnOnce()) -> Vec<String> {
        lines_at(None, log)
    }

    /// The same where `RUST_LOG` is set.
    fn lines_at(rust_log: Option<&str>, log: impl FnOnce()) -> Vec<String> {
        let captured = Captured::default();
        let out = captured.clone();
        let facts = Facts {
            service: "quotelake-check",
            env: Some("dev".into()),
            function_name: Some("quotelake-dev-check".into()),
            function_memory_size: Some(256),
        };
        let now = || DateTime::from_timestamp(1_795_240_800, 0).unwrap_or_default();
        let layer = Lines { facts, now, out: move || out.clone() };
        let filter = filter(Some("INFO".into()), rust_log.map(str::to_owned));
        let subscriber = tracing_subscriber::registry().with(filter).with(layer);
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_quiet_function_still_writes_its_metrics() {
        // What infra/modules/function sets for WARN and ERROR.
        for quiet in ["warn", "error"] {
            let lines = lines_at(Some(quiet), || {
                tracing::info!(target: "quotelake_check::object", "object is checked");
                tracing::info!(target: METRICS, rows_staged = 12_u64);
                tracing::error!(target: "quotelake_check::object", "object is bad");
            });
            assert_eq!(lines.len(), 2, "{quiet}: {lines:?}");
            assert!(
                lines[0].contains("_aws") && lines[0].contains("\"rows_staged\":12"),
                "{quiet}: {lines:?}"
            );
            assert!(lines[1].contains("object is bad"), "{quiet}: {lines:?}");
        }
    }

    #[test]
    fn what_is_not_sound_asks_for_information() {
        for nothing in [" ", ",", "a=b=c", "\"warn\"", "*=debug", "x="] {
            let lines = lines_at(Some(nothing), || {
                tracing::info!(target: "quotelake_check::object", "object is checked");
                tracing::debug!(target: "quotelake_check::object", "object is looked at");
            });
            assert_eq!(lines.len(), 1, "{nothing:?}: {lines:?}");
        }
    }

    #[test]
    fn a_line_has_the_keys_of_powertools_and_those_of_its_spans() {
        let lines = lines(|| {
            let invocation = tracing::info_span!(
                target: "quotelake_telemetry",
                "invocation",
                cold_start = true,
                function_arn = "arn:aws:lambda:us-east-1:000000000000:function:check",
                function_request_id = "request-1",
                xray_trace_id = Some("Root=1-2-3"),
                correlation_id = tracing::field::Empty,
            );
            let _invocation = invocation.enter();
            tracing::warn!(target: "quotelake_check::object", key = "landing/x", error = %"not \"good\"", "object is bad");
            invocation.record("correlation_id", "run-1");
            let message = tracing::info_span!(target: "quotelake_platform::sqs", "message", message_id = "m-1", correlation_id = "run-2");
            let _message = message.enter();
            // A library's span says nothing.
            let _other = tracing::info_span!(target: "hyper", "connection", peer = "somebody").entered();
            tracing::info!(target: "quotelake_check::object", rows_in = 3_u64, service = "not ours", "object is checked");
        });
        insta::assert_snapshot!(lines.join("\n"), @r#"
{"level":"WARN","location":"quotelake_check::object","message":"object is bad","timestamp":"2026-11-21T06:00:00.000Z","service":"quotelake-check","function_name":"quotelake-dev-check","function_memory_size":256,"key":"landing/x","error":"not \"good\"","cold_start":true,"function_arn":"arn:aws:lambda:us-east-1:000000000000:function:check","function_request_id":"request-1","xray_trace_id":"Root=1-2-3"}
{"level":"INFO","location":"quotelake_check::object","message":"object is checked","timestamp":"2026-11-21T06:00:00.000Z","service":"quotelake-check","function_name":"quotelake-dev-check","function_memory_size":256,"rows_in":3,"message_id":"m-1","correlation_id":"run-2","cold_start":true,"function_arn":"arn:aws:lambda:us-east-1:000000000000:function:check","function_request_id":"request-1","xray_trace_id":"Root=1-2-3"}
"#);
    }

    #[test]
    fn metrics_are_counts_of_two_dimensions() {
        let lines = lines(|| {
            tracing::info!(target: METRICS, rows_staged = 12_u64, rows_quarantined = 1_u64, symbol = "AAPL.XNAS");
        });
        insta::assert_snapshot!(lines.join("\n"), @r#"{"_aws":{"CloudWatchMetrics":[{"Dimensions":[["service","env"]],"Metrics":[{"Name":"rows_staged","Unit":"Count"},{"Name":"rows_quarantined","Unit":"Count"}],"Namespace":"Quotelake"}],"Timestamp":1795240800000},"service":"quotelake-check","env":"dev","rows_staged":12,"rows_quarantined":1}"#);
        assert!(!lines[0].contains("AAPL"), "a text is no metric, and never a dimension");
    }
}
