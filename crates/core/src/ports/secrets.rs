use std::fmt;

use async_trait::async_trait;

use crate::Result;

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

/// Reads secrets by reference: `env:NAME`, `file:PATH`, `secretsmanager:ID`, `ssm:NAME`.
#[async_trait]
pub trait Secrets: fmt::Debug + Send + Sync {
    /// The secret's current value, cached for the adapter's time to live. `NotFound` when there is none.
    async fn read(&self, reference: &str) -> Result<Secret>;

    /// Forgets the cached value, so that the next read asks again: called once after a 401.
    async fn forget(&self, reference: &str);
}
