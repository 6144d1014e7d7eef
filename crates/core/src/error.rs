//! One error type for every port and stage. Its kind tells the caller what to do next; its text names what failed and on
//! which object.

use std::fmt;
use std::time::Duration;

/// A boxed cause.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The result of every port call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller should do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The configuration is wrong or incomplete: stop at start and tell the operator.
    Config,
    /// The input can never be accepted as it is: dead letter or quarantine, never a retry.
    InvalidInput,
    /// What was stored is no longer what was written: never used, never a retry; restore or rebuild the object that is named.
    Damaged,
    /// The named thing does not exist.
    NotFound,
    /// Credentials are missing, wrong or not entitled: alarm, other work goes on.
    Unauthorized,
    /// The other side asks to slow down: retry after [`Error::retry_after`], or after its usual window.
    Throttled,
    /// A passing fault (network, 5xx, disk, timeout): retry with backoff.
    Unavailable,
    /// A precondition did not hold because somebody else was first: read again and decide again.
    Conflict,
    /// This build or platform cannot do it.
    Unsupported,
    /// A promise inside this program was broken.
    Bug,
}

impl ErrorKind {
    /// Whether trying the same call again later can succeed.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::Conflict)
    }

    /// The `error_code` under which a dead letter is filed.
    pub fn code(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::InvalidInput => "invalid_input",
            Self::Damaged => "damaged",
            Self::NotFound => "not_found",
            Self::Unauthorized => "unauthorized",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Conflict => "conflict",
            Self::Unsupported => "unsupported",
            Self::Bug => "bug",
        }
    }
}

/// Why something failed, what the caller should do, and when.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    what: String,
    retry_after: Option<Duration>,
    source: Option<BoxError>,
}

impl Error {
    /// An error of `kind`; `what` is a lowercase sentence that names the thing that failed.
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), retry_after: None, source: None }
    }

    /// [`ErrorKind::Config`].
    pub fn config(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, what)
    }

    /// [`ErrorKind::InvalidInput`].
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, what)
    }

    /// [`ErrorKind::Damaged`]; `what` names the object, what was expected and what was found.
    pub fn damaged(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Damaged, what)
    }

    /// [`ErrorKind::NotFound`].
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, what)
    }

    /// [`ErrorKind::Unavailable`].
    pub fn unavailable(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, what)
    }

    /// [`ErrorKind::Conflict`].
    pub fn conflict(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, what)
    }

    /// [`ErrorKind::Bug`].
    pub fn bug(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, what)
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Keeps the other side's hint of when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Puts `outer` in front of the text: what was being done when this happened.
    #[must_use]
    pub fn context(mut self, outer: impl fmt::Display) -> Self {
        self.what = format!("{outer}: {}", self.what);
        self
    }

    /// What the caller should do.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The other side's hint of when to try again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

/// Adds what was being done to a failing result.
pub trait Context<T> {
    /// Puts `outer` in front of the error's text.
    fn context(self, outer: impl fmt::Display) -> Result<T>;
    /// The same, made only when there is an error.
    fn with_context<D: fmt::Display>(self, outer: impl FnOnce() -> D) -> Result<T>;
}

impl<T> Context<T> for Result<T> {
    fn context(self, outer: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.context(outer))
    }

    fn with_context<D: fmt::Display>(self, outer: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| error.context(outer()))
    }
}

#[cfg(feature = "arrow-errors")]
impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        use arrow_schema::ArrowError;
        match error {
            // Of reading bytes: they are damaged, or of another kind than they should be.
            ArrowError::ParquetError(_) | ArrowError::IpcError(_) | ArrowError::IoError(..) => {
                Self::invalid("the file is damaged").with_source(error)
            }
            _ => Self::bug("arrow kernel failed").with_source(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_carries_context_and_causes() {
        let io = std::io::Error::other("disk is full");
        let error =
            Error::unavailable("cannot write daily_bars/x").with_source(io).context("publishing daily_bars");
        assert_eq!(error.to_string(), "publishing daily_bars: cannot write daily_bars/x: disk is full");
        assert!(error.kind().is_retryable());
    }
}
