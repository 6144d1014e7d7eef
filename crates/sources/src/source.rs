//! The interface of a source. Everything here is pure: the executor owns connections, retries, pacing, the deadline and
//! the secret.
//!
//! One unit goes through it like this: [`Source::plan`] cuts a job into units; [`Source::request`] spells the first
//! request of one; the executor sends it; [`Source::classify`] says what the answer is worth and, where there is more, what to
//! ask next; the page is sealed and put on the stream; [`Source::transform`] maps it on the other side.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use quotelake_core::{Envelope, Error, ErrorKind, FetchUnit, Result};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{DatasetName, Interval, Job, Record};

/// One vendor.
pub trait Source: fmt::Debug + Send + Sync {
    /// The name that envelopes and records carry, e.g. `polygon`.
    fn name(&self) -> &'static str;

    /// What the vendor offers.
    fn capabilities(&self) -> Capabilities;

    /// Cuts a job into units, each one request and its follow-up pages, in a stable order and with stable ids: the same job
    /// gives the same units in every run. `InvalidInput` for a job that this source cannot serve.
    fn plan(&self, job: &Job) -> Result<Vec<FetchUnit>>;

    /// The unit's first request. `InvalidInput` for a unit that this source did not plan.
    fn request(&self, unit: &FetchUnit) -> Result<HttpSpec>;

    /// Takes up a unit at a later page, from [`HttpSpec::resume_at`] of an earlier run. The text has been through a queue: it
    /// is checked by the same rules as a vendor's link. `InvalidInput` when it breaks them, as any text does where answers have
    /// one page.
    fn resume(&self, unit: &FetchUnit, resume_at: &str) -> Result<HttpSpec> {
        Err(Error::invalid(format!("unit {}: there is one page, and none at {resume_at:?}", unit.id)))
    }

    /// What an answer is worth. Never fails: an answer that makes no sense is [`FailureKind::Malformed`].
    fn classify(&self, response: &RawResponse, unit: &FetchUnit) -> Disposition;

    /// Maps a sealed page to canonical records. The same envelope gives the same records, always.
    ///
    /// One bad row does not lose the others: it becomes a record with what could be read, `check` quarantines it, and a
    /// warning names the field (`results[3].c`). Rows are checked against the unit's window and symbols
    /// ([`Question`](crate::question::Question)): one that was not asked for is refused by name. What the endpoint always sends
    /// along is left out and counted. `InvalidInput` when the page as a whole cannot be read or must not be
    /// believed (another ticker, adjusted prices, an error text with status 200).
    fn transform(&self, envelope: &Envelope) -> Result<Mapped>;
}

/// What a vendor offers, for plans, docs and pacing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The datasets.
    pub datasets: &'static [DatasetName],
    /// The bar lengths.
    pub intervals: &'static [Interval],
    /// Symbols in one request.
    pub symbols_per_request: u32,
    /// Bars in one page at most, where the vendor or a setting says so: how many calls a long window takes.
    pub bars_per_page: Option<u32>,
    /// How long to wait after a 429 that names no time: the vendor's rate window.
    pub rate_window: Duration,
    /// The least time between two requests where nothing else is set: what the vendor allows those who do not pay.
    pub min_interval: Duration,
}

/// Where the key goes. It never goes into a URL, where it would end in access logs and traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// No key.
    None,
    /// `Authorization: Bearer <key>`.
    Bearer,
    /// The same where a key is configured: the vendor answers some requests without one.
    BearerIfConfigured,
}

/// One GET request, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSpec {
    /// The whole URL, on the source's configured base.
    pub url: Url,
    /// Where the key goes.
    pub auth: Auth,
    /// The `Accept` header.
    pub accept: &'static str,
}

impl HttpSpec {
    /// Path and query: what [`Source::resume`] takes to continue here, free of host and key.
    pub fn resume_at(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }
}

/// One answer.
#[derive(Debug, Clone)]
pub struct RawResponse {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case, and values that are text.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl RawResponse {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `Retry-After`, in seconds or as a date. A date counts from the answer's own `Date`, so that clocks need not agree; without
    /// one it counts as absent. See <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header("retry-after")?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = DateTime::parse_from_rfc2822(text).ok()?;
        let sent = DateTime::parse_from_rfc2822(self.header("date")?.trim()).ok()?;
        Some((until - sent).to_std().unwrap_or_default())
    }

    /// How long to wait after a 429: as long as it says, but never not at all; `rate_window` where it names no time.
    pub fn wait_after_429(&self, rate_window: Duration) -> Duration {
        self.retry_after().map_or(rate_window, |after| after.max(Duration::from_secs(1)))
    }

    /// What the status alone says, as most vendors mean it; `None` where the body decides. `rate_window` is the wait after a 429 that
    /// names no time.
    pub fn verdict_of_status(&self, rate_window: Duration) -> Option<Disposition> {
        let failure = |kind| Failure::of_status(kind, self.status, self.quote());
        Some(Disposition::Permanent(failure(match self.status {
            200 if !self.is_html() => return None,
            429 => {
                let after = self.wait_after_429(rate_window);
                return Some(Disposition::RateLimited { after, message: self.quote() });
            }
            408 | 500..=599 => return Some(Disposition::Transient(failure(FailureKind::Server))),
            401 | 403 => FailureKind::Auth,
            404 => FailureKind::NotFound,
            200 | 300..=399 => FailureKind::Blocked,
            _ => FailureKind::BadRequest,
        })))
    }

    /// The beginning of the body on one line, for a failure's message.
    pub fn quote(&self) -> String {
        let body = self.body.trim_ascii();
        if body.is_empty() { "no text".to_owned() } else { quote(body) }
    }

    /// Whether the body is a web page: a block, a consent form, a maintenance notice.
    pub fn is_html(&self) -> bool {
        let says_html =
            self.header("content-type").is_some_and(|value| value.to_ascii_lowercase().contains("text/html"));
        let body = self.body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&self.body);
        says_html || body.trim_ascii_start().first() == Some(&b'<')
    }
}

/// The longest vendor text that a failure quotes.
const MAX_QUOTE: usize = 200;

/// The beginning of a text, on one line.
pub fn quote(text: &[u8]) -> String {
    // A compressed body that nobody asked for: its bytes are for no message.
    if text.starts_with(&[0x1f, 0x8b]) {
        return format!("{} bytes of gzip", text.len());
    }
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * MAX_QUOTE)]);
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_QUOTE).collect()
}

/// Rows in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rows(pub u64);

/// What an answer is worth.
#[derive(Debug, Clone, PartialEq)]
pub enum Disposition {
    /// A page with rows, the unit's last.
    Ok(Rows),
    /// A page without rows, the unit's last. No error: a wrong ticker and a quiet one look the same here.
    Empty,
    /// A page, and what to ask for the following one.
    NextPage(Rows, HttpSpec),
    /// A page that is good for some of the unit's instruments.
    Partial {
        /// What the page is for the others: [`Disposition::Ok`], [`Disposition::Empty`] or [`Disposition::NextPage`].
        page: Box<Disposition>,
        /// The instruments that it failed for, each with a reason of its own.
        failed: Vec<FailedPart>,
    },
    /// The vendor refuses a request of several instruments as a whole, for the sake of some of them: each is to be asked for by
    /// itself.
    Split {
        /// The units that ask for one instrument each.
        units: Vec<FetchUnit>,
        /// What it said of them together.
        failure: Failure,
    },
    /// Ask again after this long.
    RateLimited {
        /// What the vendor asked for, or its rate window.
        after: Duration,
        /// The vendor's text.
        message: String,
    },
    /// A passing fault: ask again with backoff.
    Transient(Failure),
    /// Asking again gives the same: dead letter.
    Permanent(Failure),
}

/// One instrument of a unit that the answer failed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedPart {
    /// The unit that asks for this instrument alone.
    pub unit: FetchUnit,
    /// Why it failed.
    pub failure: Failure,
}

/// Why a unit failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// A lowercase sentence for people; holds no secret.
    pub message: String,
}

impl Failure {
    /// A failure without an answer.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, status: None, message: message.into() }
    }

    /// A failure that an answer of this status shows.
    pub fn of_status(kind: FailureKind, status: u16, message: impl Into<String>) -> Self {
        Self { kind, status: Some(status), message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{} (http {status}): {}", self.kind.code(), self.message),
            None => write!(f, "{}: {}", self.kind.code(), self.message),
        }
    }
}

/// The kinds of failure, in a vendor's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The key is unknown: no unit of this source can succeed.
    Auth,
    /// The plan does not include this window or endpoint.
    Entitlement,
    /// The vendor does not know it.
    NotFound,
    /// The vendor refuses the request as spelled: a bug in the plan.
    BadRequest,
    /// A web page instead of data: no unit of this source should be asked for now.
    Blocked,
    /// An answer that is not what the vendor documents, or must not be believed.
    Malformed,
    /// A page that the stream cannot carry, or a body above the cap.
    TooLarge,
    /// Too many requests, for longer than this run waits.
    RateLimited,
    /// The plan's requests of the month are used up: no unit of this source can succeed for now.
    Quota,
    /// The calls that this side allows itself are used up until the period ends.
    Budget,
    /// The source failed too often in a row and is left alone for a while.
    BreakerOpen,
    /// The vendor's fault: 5xx and the like.
    Server,
    /// No answer in time.
    Timeout,
    /// No connection, or one that broke.
    Network,
    /// The record stream did not take the page.
    Stream,
    /// This side's configuration: no secret, a URL that may not be asked.
    Config,
}

impl FailureKind {
    /// The `error_code` of a dead letter.
    pub fn code(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Entitlement => "entitlement",
            Self::NotFound => "not_found",
            Self::BadRequest => "bad_request",
            Self::Blocked => "blocked",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Quota => "quota",
            Self::Budget => "budget",
            Self::BreakerOpen => "breaker_open",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::Stream => "stream",
            Self::Config => "config",
        }
    }

    /// Whether the same request can succeed later.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::Budget
                | Self::BreakerOpen
                | Self::Server
                | Self::Timeout
                | Self::Network
                | Self::Stream
        )
    }

    /// Whether the unit itself was tried: waiting for a budget or a breaker is no try, however often it happens.
    pub fn is_attempt(self) -> bool {
        !matches!(self, Self::Budget | Self::BreakerOpen)
    }

    /// Whether it says that no other unit of the source can succeed in this run either.
    pub fn stops_source(self) -> bool {
        matches!(self, Self::Auth | Self::Blocked | Self::Quota | Self::Config)
    }

    /// The same in the terms of every other stage.
    pub fn error_kind(self) -> ErrorKind {
        match self {
            Self::Auth | Self::Entitlement => ErrorKind::Unauthorized,
            Self::NotFound => ErrorKind::NotFound,
            Self::RateLimited | Self::Quota | Self::Budget | Self::BreakerOpen => ErrorKind::Throttled,
            Self::Server | Self::Timeout | Self::Network | Self::Stream => ErrorKind::Unavailable,
            Self::BadRequest | Self::Blocked | Self::Malformed | Self::TooLarge => ErrorKind::InvalidInput,
            Self::Config => ErrorKind::Config,
        }
    }
}

/// A page's records, and what was wrong with single rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapped {
    /// The records, in the page's order.
    pub records: Vec<Record>,
    /// One text per field that is missing or unreadable, e.g. `results[3].c is missing`. The row is in `records` all the
    /// same.
    pub warnings: Vec<String>,
    /// Rows that the endpoint sends along whatever it is asked for, and that nobody asked for: counted, not kept.
    pub skipped: u64,
}
