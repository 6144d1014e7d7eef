//! The port for secrets: the form of a reference (`env:NAME`, `ssm:NAME`...), a value that does not print itself, and the cache
//! that the adapters share. Configuration holds references, never values.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::ports::Clock;
use crate::{Error, Result};

/// A secret's value. Its `Debug` form shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where secrets can be kept, as a reference begins.
const SECRET_SCHEMES: [&str; 4] = ["env", "file", "secretsmanager", "ssm"];

/// Whether a text has the form of a reference to a secret. One that has not may be the secret itself, put where its reference
/// belongs, and must not be shown.
pub fn is_secret_reference(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| match scheme {
        "env" => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !rest.is_empty() && rest.chars().all(plain)
        }
        _ => !rest.is_empty() && SECRET_SCHEMES.contains(&scheme),
    })
}

/// `Config`, without the text, unless it has the form of a reference to a secret.
pub fn check_secret_reference(text: &str) -> Result<()> {
    if is_secret_reference(text) {
        return Ok(());
    }
    // The text is not repeated: it may be the secret itself.
    Err(Error::config(
        "a secret's reference belongs here, not the secret: env:NAME, file:PATH, secretsmanager:ID or ssm:NAME",
    ))
}

/// Reads secrets by reference: `env:NAME`, `file:PATH`, `secretsmanager:ID`, `ssm:NAME`.
#[async_trait]
pub trait Secrets: fmt::Debug + Send + Sync {
    /// The secret's current value, cached for the adapter's time to live. `NotFound` when there is none.
    async fn read(&self, reference: &str) -> Result<Secret>;

    /// Forgets the cached value, so that the next read asks again: called once after a 401.
    async fn forget(&self, reference: &str);
}

/// How long an adapter uses a value before it asks again, unless it is told otherwise.
pub const SECRET_TIME_TO_LIVE: TimeDelta = TimeDelta::minutes(5);

/// What an adapter of [`Secrets`] has read, each value for its time to live.
pub struct SecretCache {
    clock: Arc<dyn Clock>,
    time_to_live: TimeDelta,
    values: Mutex<BTreeMap<String, (Secret, DateTime<Utc>)>>,
}

impl fmt::Debug for SecretCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretCache").field("time_to_live", &self.time_to_live).finish_non_exhaustive()
    }
}

impl SecretCache {
    /// An empty cache that keeps values for `time_to_live`.
    pub fn new(clock: Arc<dyn Clock>, time_to_live: TimeDelta) -> Self {
        Self { clock, time_to_live, values: Mutex::default() }
    }

    fn values(&self) -> MutexGuard<'_, BTreeMap<String, (Secret, DateTime<Utc>)>> {
        // No code that can panic runs under the lock.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, if it was read less than its time to live ago; else asks `read` for it and keeps what it answers.
    pub async fn get_or_read(
        &self,
        reference: &str,
        read: impl Future<Output = Result<Secret>>,
    ) -> Result<Secret> {
        let now = self.clock.now();
        if let Some((secret, read_at)) = self.values().get(reference)
            && now - *read_at < self.time_to_live
        {
            return Ok(secret.clone());
        }
        let secret = read.await?;
        self.values().insert(reference.to_owned(), (secret.clone(), now));
        Ok(secret)
    }

    /// Forgets a value.
    pub fn forget(&self, reference: &str) {
        self.values().remove(reference);
    }
}
