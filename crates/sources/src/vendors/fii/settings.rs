//! How the pages of fund tables are asked for, as a configuration says it.

use std::sync::Arc;

use quotelake_core::Result;
use serde::Deserialize;

use super::{Fii, MIN_INTERVAL, NAME, Profile};
use crate::settings::{SourceSettings, base_url, millis};
use crate::{CallBudget, Options, Source};

/// How the pages of fund tables are asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Instead of the profile's own base URL.
    pub base_url: Option<String>,
    /// Least time between two calls, milliseconds.
    pub min_interval_ms: u64,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { base_url: None, min_interval_ms: millis(MIN_INTERVAL), budget: None, replay: false }
    }
}

impl SourceSettings for Settings {
    fn source(&self) -> Result<Arc<dyn Source>> {
        let base = self.base_url.as_ref().map(|url| base_url(NAME, url)).transpose()?;
        Ok(Arc::new(Fii::new(Profile::fundamentus(), base)?))
    }

    fn options(&self) -> Options {
        Options { budget: self.budget, ..Options::paced(self.min_interval_ms, self.replay) }
    }
}
