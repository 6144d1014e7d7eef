//! How the toy is asked, as a configuration says it.

use std::sync::Arc;

use quotelake_core::Result;
use quotelake_sources::settings::{SecretReference, SourceSettings, base_url, millis};
use quotelake_sources::units::check_base_url;
use quotelake_sources::{CallBudget, Options, Source};
use serde::Deserialize;

use super::{MIN_INTERVAL, NAME, Toy};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    base_url: String,
    secret: Option<SecretReference>,
    min_interval_ms: u64,
    budget: Option<CallBudget>,
    replay: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: "https://vendor.example.com".into(),
            secret: None,
            min_interval_ms: millis(MIN_INTERVAL),
            budget: None,
            replay: false,
        }
    }
}

impl SourceSettings for Settings {
    fn source(&self) -> Result<Arc<dyn Source>> {
        let base = base_url(NAME, &self.base_url)?;
        check_base_url(NAME, &base)?;
        Ok(Arc::new(Toy(base)))
    }

    fn options(&self) -> Options {
        Options {
            secret: self.secret.clone().map(Into::into),
            budget: self.budget,
            ..Options::paced(self.min_interval_ms, self.replay)
        }
    }
}
