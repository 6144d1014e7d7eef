use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use quotelake_core::ports::{Clock, Secret, Secrets};
use quotelake_core::{Error, ErrorKind, Result};

use crate::files::{self, blocking};

/// How long a value is used before it is read again.
const TIME_TO_LIVE: TimeDelta = TimeDelta::minutes(5);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Secrets of a laptop: `env:NAME` from the environment, as the caller hands it over, and `file:PATH` from a file, whose
/// last line break is not part of the secret. An empty value is none. Other references are `Unsupported`.
pub struct LocalSecrets {
    lookup: Box<Lookup>,
    clock: Arc<dyn Clock>,
    time_to_live: TimeDelta,
    cache: Mutex<BTreeMap<String, (Secret, DateTime<Utc>)>>,
}

impl fmt::Debug for LocalSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSecrets").field("time_to_live", &self.time_to_live).finish_non_exhaustive()
    }
}

impl LocalSecrets {
    /// Secrets that look environment variables up with `lookup`; values are cached for 5 minutes.
    pub fn new(
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { lookup: Box::new(lookup), clock, time_to_live: TIME_TO_LIVE, cache: Mutex::default() }
    }

    /// The same with another time to live.
    #[must_use]
    pub fn with_time_to_live(mut self, time_to_live: TimeDelta) -> Self {
        self.time_to_live = time_to_live;
        self
    }

    fn cache(&self) -> MutexGuard<'_, BTreeMap<String, (Secret, DateTime<Utc>)>> {
        // No code that can panic runs under the lock.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, reference: &str) -> Result<Option<String>> {
        match reference.split_once(':') {
            Some(("env", name)) => Ok((self.lookup)(name)),
            Some(("file", path)) => {
                let path = PathBuf::from(path);
                blocking(move || match files::read(&path)? {
                    Some(bytes) => String::from_utf8(bytes)
                        .map(|text| Some(text.trim_end_matches(['\r', '\n']).to_owned()))
                        // The cause would show the value.
                        .map_err(|_| Error::config(format!("{} is not UTF-8", path.display()))),
                    None => Ok(None),
                })
                .await
            }
            Some((scheme @ ("secretsmanager" | "ssm"), _)) => {
                let what = format!("secret {reference}: {scheme} needs AWS, use env:NAME or file:PATH");
                Err(Error::new(ErrorKind::Unsupported, what))
            }
            // The text is not repeated: it may be the secret itself, put where its reference belongs.
            _ => Err(Error::config("a secret's reference starts with env: or file:")),
        }
    }
}

#[async_trait]
impl Secrets for LocalSecrets {
    async fn read(&self, reference: &str) -> Result<Secret> {
        let now = self.clock.now();
        if let Some((secret, read_at)) = self.cache().get(reference)
            && now - *read_at < self.time_to_live
        {
            return Ok(secret.clone());
        }
        let value = self.fetch(reference).await?.filter(|value| !value.is_empty());
        let secret = Secret::new(value.ok_or_else(|| Error::not_found(format!("no secret {reference}")))?);
        self.cache().insert(reference.to_owned(), (secret.clone(), now));
        Ok(secret)
    }

    async fn forget(&self, reference: &str) {
        self.cache().remove(reference);
    }
}
