//! Who invokes the function. The shapes are told apart by what each alone has, never by trying one after the other: a
//! mistake in a field is reported as that, with its name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use quotelake_core::{Error, Result};
use quotelake_platform::sqs::SqsEvent;
use quotelake_sources::http::FetchTask;
use quotelake_sources::{DatasetName, Failure, Interval};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{Day, Watchlist};

/// What to fetch: the payload of a schedule or of a direct call, and the body of a Function URL's request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchRequest {
    /// The source, e.g. `polygon`.
    pub source: String,
    /// A watchlist's name, or the watchlist itself.
    pub watchlist: WatchlistRef,
    /// The datasets wanted.
    pub datasets: Vec<DatasetName>,
    /// The bar length of `intraday_bars`.
    #[serde(default)]
    pub interval: Option<Interval>,
    /// First day wanted, inclusive.
    pub from: Day,
    /// Last day wanted, inclusive.
    pub to: Day,
    /// The run's id; one is made where none is given.
    #[serde(default)]
    pub run_id: Option<String>,
}

/// Which watchlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchlistRef {
    /// One that the function knows.
    Named(String),
    /// One that the request brings.
    Inline(Watchlist),
}

impl<'de> Deserialize<'de> for WatchlistRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <Box<RawValue>>::deserialize(deserializer)?;
        let fault = |e: serde_json::Error| D::Error::custom(format!("watchlist: {e}"));
        match raw.get().as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw.get()).map(Self::Named).map_err(fault),
            Some(b'{') => serde_json::from_str(raw.get()).map(Self::Inline).map_err(fault),
            _ => Err(D::Error::custom("watchlist: neither a name nor an object")),
        }
    }
}

/// Units to carry through: a message of the units queue, and of a dead letter that is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitsMessage {
    /// The source.
    pub source: String,
    /// The run that they belong to.
    pub run_id: String,
    /// The units.
    pub units: Vec<FetchTask>,
    /// Invocations that handed these units on, one to the next: [`Context::max_hops`](crate::Context::max_hops) bounds them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
    /// Dead letters: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

fn is_zero(hops: &u32) -> bool {
    *hops == 0
}

/// An invocation, by who made it.
#[derive(Debug, Clone, PartialEq)]
pub enum Invocation {
    /// A schedule or a direct call; answered with the report.
    Direct(Box<FetchRequest>),
    /// A direct call with units; answered with the report.
    Units(UnitsMessage),
    /// A Function URL, payload format 2.0; answered with an HTTP response.
    FunctionUrl(UrlRequest),
    /// SQS; answered with the messages that failed.
    Queue(SqsEvent),
}

/// What is used of a Function URL's request.
/// See <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlRequest {
    /// `GET`, `POST`...
    pub method: String,
    /// The body's text.
    pub body: String,
}

/// What tells the shapes apart.
#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "requestContext")]
    request_context: Option<ProbeContext>,
    #[serde(rename = "Records")]
    records: Option<IgnoredAny>,
    units: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ProbeContext {
    http: Option<ProbeHttp>,
}

#[derive(Deserialize)]
struct ProbeHttp {
    method: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UrlBody {
    #[serde(default)]
    body: String,
    #[serde(default)]
    is_base64_encoded: bool,
}

impl Invocation {
    /// Reads an event. `InvalidInput` names the field that is wrong.
    pub fn parse(event: &str) -> Result<Self> {
        let probe: Probe = read(event)?;
        if let Some(http) = probe.request_context.and_then(|context| context.http) {
            let UrlBody { body, is_base64_encoded } = read(event)?;
            let body = if is_base64_encoded { decode(&body)? } else { body };
            return Ok(Self::FunctionUrl(UrlRequest { method: http.method, body }));
        }
        if probe.records.is_some() {
            return read(event).map(Self::Queue);
        }
        if probe.units.is_some() {
            return read(event).map(Self::Units);
        }
        read(event).map(|request| Self::Direct(Box::new(request)))
    }
}

/// Reads JSON; the fault's text names the field.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::invalid(format!("the event cannot be read: {e}")))
}

fn decode(body: &str) -> Result<String> {
    let bytes =
        BASE64.decode(body).map_err(|e| Error::invalid("the request's body is not base64").with_source(e))?;
    String::from_utf8(bytes).map_err(|e| Error::invalid("the request's body is not UTF-8").with_source(e))
}
