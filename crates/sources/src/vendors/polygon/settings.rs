//! How Polygon is asked, as a configuration says it.

use std::sync::Arc;

use quotelake_core::Result;
use serde::Deserialize;

use super::{DEFAULT_BASE_URL, DEFAULT_PAGE_LIMIT, MIN_INTERVAL, NAME, Polygon, PolygonConfig};
use crate::settings::{SecretReference, SourceSettings, base_url, millis};
use crate::{CallBudget, CallLimit, Options, Source};

/// How Polygon is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The vendor's base URL.
    pub base_url: String,
    /// The key by reference, e.g. `env:POLYGON_API_KEY`.
    pub secret: Option<SecretReference>,
    /// Base bars in a page.
    pub page_limit: u32,
    /// Least time between two calls, milliseconds. The free plan allows 5 calls a minute.
    pub min_interval_ms: u64,
    /// The most calls in any window.
    pub limit: Option<CallLimit>,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// Daily bars by one call for each session, of the whole market, instead of one for each instrument.
    pub grouped_daily: bool,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: DEFAULT_BASE_URL.into(),
            secret: SecretReference::parse("env:POLYGON_API_KEY").ok(),
            page_limit: DEFAULT_PAGE_LIMIT,
            min_interval_ms: millis(MIN_INTERVAL),
            limit: None,
            budget: None,
            grouped_daily: false,
            replay: false,
        }
    }
}

impl SourceSettings for Settings {
    fn source(&self) -> Result<Arc<dyn Source>> {
        let config = PolygonConfig {
            base_url: base_url(NAME, &self.base_url)?,
            page_limit: self.page_limit,
            grouped_daily: self.grouped_daily,
        };
        Ok(Arc::new(Polygon::new(config)?))
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
