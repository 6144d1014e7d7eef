//! How brapi is asked, as a configuration says it.

use std::sync::Arc;

use quotelake_core::Result;
use serde::Deserialize;

use super::{Brapi, BrapiConfig, DEFAULT_BASE_URL, MIN_INTERVAL, NAME};
use crate::settings::{SecretReference, SourceSettings, base_url, millis};
use crate::{CallBudget, CallLimit, Options, Source};

/// How brapi is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The vendor's base URL.
    pub base_url: String,
    /// The token by reference. Some symbols are answered without one.
    pub secret: Option<SecretReference>,
    /// Least time between two calls, milliseconds.
    pub min_interval_ms: u64,
    /// The most calls in any window.
    pub limit: Option<CallLimit>,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// Symbols in one request, 1 to 20; the free plan takes one.
    pub symbols_per_request: u32,
    /// Fund snapshots from the list of all funds instead of their indicators.
    pub fund_list: bool,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: DEFAULT_BASE_URL.into(),
            secret: None,
            min_interval_ms: millis(MIN_INTERVAL),
            limit: None,
            budget: None,
            symbols_per_request: 1,
            fund_list: false,
            replay: false,
        }
    }
}

impl SourceSettings for Settings {
    fn source(&self) -> Result<Arc<dyn Source>> {
        let config = BrapiConfig {
            base_url: base_url(NAME, &self.base_url)?,
            symbols_per_request: self.symbols_per_request,
            fund_list: self.fund_list,
        };
        Ok(Arc::new(Brapi::new(config)?))
    }

    fn options(&self) -> Options {
        Options {
            secret: self.secret.clone().map(Into::into),
            limit: self.limit,
            budget: self.budget,
            ..Options::paced(self.min_interval_ms, self.replay)
        }
    }
}
