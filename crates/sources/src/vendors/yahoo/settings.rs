//! How Yahoo is asked, as a configuration says it.

use std::sync::Arc;

use quotelake_core::{Error, Result};
use serde::Deserialize;

use super::{DEFAULT_BASE_URL, MIN_INTERVAL, NAME, Yahoo, YahooConfig};
use crate::settings::{SourceSettings, base_url, millis};
use crate::{CallBudget, Options, Source};

/// How Yahoo is asked: not at all, unless it says that the data is for personal use.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The vendor's base URL.
    pub base_url: String,
    /// The data is for personal use, as Yahoo's terms want it. Nothing is asked without.
    pub personal_use: bool,
    /// Least time between two calls, milliseconds, not below 3000 outside of a replay.
    pub min_interval_ms: u64,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: DEFAULT_BASE_URL.into(),
            personal_use: false,
            min_interval_ms: millis(MIN_INTERVAL),
            budget: None,
            replay: false,
        }
    }
}

impl SourceSettings for Settings {
    fn source(&self) -> Result<Arc<dyn Source>> {
        let least = millis(MIN_INTERVAL);
        if self.min_interval_ms < least && !self.replay {
            return Err(Error::config(format!(
                "yahoo.min_interval_ms is {}: below {least} Yahoo answers with gaps instead of errors",
                self.min_interval_ms
            )));
        }
        let config =
            YahooConfig { base_url: base_url(NAME, &self.base_url)?, personal_use: self.personal_use };
        Ok(Arc::new(Yahoo::new(config)?))
    }

    fn options(&self) -> Options {
        Options { budget: self.budget, ..Options::paced(self.min_interval_ms, self.replay) }
    }
}
