//! The port `Secrets` on a laptop: environment variables by a lookup that the caller passes in, and files. AWS's references are
//! refused with what to use in their place.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use quotelake_core::ports::{Clock, SECRET_TIME_TO_LIVE, Secret, SecretCache, Secrets};
use quotelake_core::{Error, ErrorKind, Result};

use crate::files::{self, blocking};

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Secrets of a laptop: `env:NAME` from the environment, as the caller hands it over, and `file:PATH` from a file, whose
/// last line break is not part of the secret. An empty value is none. Other references are `Unsupported`.
pub struct LocalSecrets {
    lookup: Box<Lookup>,
    clock: Arc<dyn Clock>,
    cache: SecretCache,
}

impl fmt::Debug for LocalSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSecrets").field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl LocalSecrets {
    /// Secrets that look environment variables up with `lookup`; values are cached for 5 minutes.
    pub fn new(
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let cache = SecretCache::new(Arc::clone(&clock), SECRET_TIME_TO_LIVE);
        Self { lookup: Box::new(lookup), clock, cache }
    }

    /// The same with another time to live.
    #[must_use]
    pub fn with_time_to_live(mut self, time_to_live: TimeDelta) -> Self {
        self.cache = SecretCache::new(Arc::clone(&self.clock), time_to_live);
        self
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
        let read = async {
            let value = self.fetch(reference).await?.filter(|value| !value.is_empty());
            value.map(Secret::new).ok_or_else(|| Error::not_found(format!("no secret {reference}")))
        };
        self.cache.get_or_read(reference, read).await
    }

    async fn forget(&self, reference: &str) {
        self.cache.forget(reference);
    }
}
