//! Tables of Brazilian real estate funds (FIIs) on web pages: indicators and distributions.
//!
//! A page has no contract, so how it is read is data, not code: a [`Profile`] in YAML names the table, the text of each header and the
//! column that it becomes. A page whose headers are others, or that has too few rows, is refused whole and says which header it is:
//! half a table read by the wrong headers would be worse than none.
//!
//! - `profile.rs`: the profile, and the shipped ones.
//! - `table.rs`: a page to cells, by an HTML parser that follows the standard.
//! - `value.rs`: Brazilian numbers, percentages and dates, exactly.
//! - `plan.rs`, `classify.rs`, `map.rs`, `settings.rs`: as in every source.
//!
//! Decisions that matter to those who use the data:
//!
//! - Of a table of all funds, the watchlist's rows are taken; one that is not in it has a dead letter of its own.
//! - A snapshot is of the last session that had opened when the page was fetched, since the page names no day.
//! - Zero means "does not apply" where the profile says so, and `-` means nothing everywhere: both become null.
//! - The ex-date is the session after the last day with the right ("data com").
//! - Rows say by which profile and version they were read (`layout_version`).

mod classify;
mod map;
mod plan;
mod profile;
mod settings;
mod table;
mod value;

use std::sync::Arc;
use std::time::Duration;

use quotelake_core::{Envelope, Error, FetchUnit, Result};
use url::Url;

pub use profile::{Column, ColumnKind, Profile, TableProfile};
pub use settings::Settings;

use crate::units::check_base_url;
use crate::{Capabilities, DatasetName, Disposition, HttpSpec, Job, Mapped, RawResponse, Source};

/// The source's name in envelopes and records.
pub const NAME: &str = "fii_scrape";

/// The least time between two requests.
pub const MIN_INTERVAL: Duration = Duration::from_secs(2);

/// The pause after a 429 that names no time.
const RATE_WINDOW: Duration = Duration::from_secs(60);

const DATASETS: &[DatasetName] = &[DatasetName::FundSnapshots, DatasetName::Dividends];

/// The source: what it asks by, and every profile that pages in the raw zone may have been fetched by.
#[derive(Debug, Clone)]
pub struct Fii {
    base_url: Url,
    /// The profile that plans are made by, first.
    profiles: Vec<Arc<Profile>>,
}

impl Fii {
    /// Asks by a profile; `base_url` replaces the profile's own. `Config` when the base URL is no plain `http(s)` origin.
    pub fn new(profile: Profile, base_url: Option<Url>) -> Result<Self> {
        let base_url = match base_url {
            Some(url) => url,
            None => profile.base_url.parse().map_err(|e| {
                Error::config(format!("profile {}: base_url {:?}: {e}", profile.name, profile.base_url))
            })?,
        };
        check_base_url(NAME, &base_url)?;
        let mut profiles = vec![Arc::new(profile)];
        profiles.extend(Profile::shipped().into_iter().map(Arc::new));
        Ok(Self { base_url, profiles })
    }

    /// The table that a unit was planned by. `InvalidInput` when no known profile has it.
    fn table(&self, unit: &FetchUnit) -> Result<(&Profile, &TableProfile)> {
        let wanted = crate::units::Wanted::parse(&unit.endpoint)?;
        let profile = self.profiles.iter().find(|profile| profile.id() == wanted.page).ok_or_else(|| {
            let known: Vec<String> = self.profiles.iter().map(|profile| profile.id()).collect();
            Error::invalid(format!(
                "unit {}: no profile {:?}; known are {}",
                unit.id,
                wanted.page,
                known.join(", ")
            ))
        })?;
        let table = profile.tables.iter().find(|table| wanted.has(table.dataset));
        table
            .map(|table| (profile.as_ref(), table))
            .ok_or_else(|| Error::invalid(format!("unit {}: the profile has no such table", unit.id)))
    }
}

impl Default for Fii {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "the shipped profile, which a test reads")]
        Self::new(Profile::fundamentus(), None).expect("the shipped profile")
    }
}

impl Source for Fii {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            datasets: DATASETS,
            intervals: &[],
            symbols_per_request: 1,
            bars_per_page: None,
            rate_window: RATE_WINDOW,
            min_interval: MIN_INTERVAL,
        }
    }

    fn plan(&self, job: &Job) -> Result<Vec<FetchUnit>> {
        plan::plan(&self.profiles[0], job)
    }

    fn request(&self, unit: &FetchUnit) -> Result<HttpSpec> {
        let (_, table) = self.table(unit)?;
        plan::request(&self.base_url, table, unit)
    }

    fn classify(&self, response: &RawResponse, unit: &FetchUnit) -> Disposition {
        match self.table(unit) {
            Ok((profile, table)) => classify::classify(profile, table, response, unit),
            Err(error) => {
                Disposition::Permanent(crate::Failure::new(crate::FailureKind::BadRequest, error.to_string()))
            }
        }
    }

    fn transform(&self, envelope: &Envelope) -> Result<Mapped> {
        let (profile, table) = self.table(&envelope.unit)?;
        map::transform(profile, table, envelope)
    }
}
