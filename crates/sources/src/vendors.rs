//! The vendors: a folder each, and two lines here, which are all that the rest of Quotelake knows of one.
//!
//! A folder holds the vendor's shapes (`wire.rs`), what to ask (`plan.rs`), what an answer is worth (`classify.rs`), a page to rows
//! (`map.rs`), and the settings with what is made of them (`settings.rs`).

pub mod brapi;
pub mod fii;
pub mod polygon;
pub mod yahoo;

use crate::Sources;
use crate::settings::{Registration, Registry, SourcesSettings};

/// Every source that ships, by the name that envelopes, configurations and records carry.
const SHIPPED: &[Registration] = &[
    Registration::of::<polygon::Settings>(polygon::NAME),
    Registration::of::<yahoo::Settings>(yahoo::NAME),
    Registration::of::<brapi::Settings>(brapi::NAME),
    Registration::of::<fii::Settings>(fii::NAME),
];

impl Registry {
    /// The sources that ship.
    pub fn shipped() -> Self {
        Self::of(SHIPPED)
    }
}

impl Default for SourcesSettings {
    /// The shipped sources, each by its defaults.
    fn default() -> Self {
        Self::of(&Registry::shipped())
    }
}

impl Default for Sources {
    /// The shipped sources by their default settings: enough to map every page, whatever it was asked by.
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "constants, which a test builds")]
        SourcesSettings::default().sources().expect("the default settings")
    }
}
