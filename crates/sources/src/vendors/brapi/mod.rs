//! brapi.dev: daily bars of B3's stocks, funds and of coins, dividends and stock actions, indicators of real estate funds (FIIs).
//!
//! - `plan.rs`: which of the vendor's pages a job needs, and how they are spelled.
//! - `classify.rs`: what an answer is worth; it may be good for some of the symbols only.
//! - `wire.rs`: the vendor's shapes.
//! - `map.rs`: a page to canonical records.
//! - `settings.rs`: how it is asked, as a configuration says it.
//!
//! Decisions that matter to those who use the data:
//!
//! - Open, high, low and close are adjusted for splits, `adjustedClose` for splits and dividends: the vendor hands on Yahoo's series of
//!   B3, in Yahoo's form. So `adjustment` is `split`, and `adjustedClose` is kept as `adj_close`.
//! - Bars are stamped at 10:00 or at 00:00 São Paulo by the endpoint, and the newest one with the time of its last trade: the date is
//!   that on the exchange's clock, and a bar that is not on the hour is not final.
//! - `lastDatePrior` is the last day with the right ("data com"); the ex-date is the next session of B3's calendar, and
//!   `ex_date_source` says so. Where the calendar does not reach there is none, and the row is quarantined.
//! - Several symbols may be asked for at once; one that the vendor does not know costs the others nothing, and has a dead letter of
//!   its own.
//! - A coin is written with its currency, e.g. `BTC-BRL`.

mod classify;
mod map;
mod plan;
mod settings;
mod wire;

use std::time::Duration;

use quotelake_core::{Envelope, Error, FetchUnit, Result};
use url::Url;

pub use settings::Settings;

use crate::units::{check_base_url, resumed_url};
use crate::{Capabilities, DatasetName, Disposition, HttpSpec, Interval, Job, Mapped, RawResponse, Source};

/// The source's name in envelopes and records.
pub const NAME: &str = "brapi";

/// The usual host.
pub const DEFAULT_BASE_URL: &str = "https://brapi.dev";

/// The most symbols that one request may name.
pub const MAX_SYMBOLS: u32 = 20;

/// The least time between two requests.
pub const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The pause after a 429 that names no time.
const RATE_WINDOW: Duration = Duration::from_secs(60);

const DATASETS: &[DatasetName] =
    &[DatasetName::DailyBars, DatasetName::Splits, DatasetName::Dividends, DatasetName::FundSnapshots];

/// How brapi is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrapiConfig {
    /// Scheme, host and port of every request.
    pub base_url: Url,
    /// Symbols in one request, 1 to [`MAX_SYMBOLS`]. The free plan takes one.
    pub symbols_per_request: u32,
    /// Take fund snapshots from the list of all funds, which names segment, management and tax number, instead of the indicators,
    /// which name equity, units and yields, and the day that they are of.
    pub fund_list: bool,
}

impl BrapiConfig {
    /// A base URL; the rest as it is by default.
    pub fn with_base_url(base_url: Url) -> Self {
        Self { base_url, symbols_per_request: 1, fund_list: false }
    }
}

/// The source.
#[derive(Debug, Clone)]
pub struct Brapi {
    config: BrapiConfig,
}

impl Brapi {
    /// `Config` when the base URL is no plain `http(s)` origin or the number of symbols is out of range.
    pub fn new(config: BrapiConfig) -> Result<Self> {
        check_base_url(NAME, &config.base_url)?;
        if !(1..=MAX_SYMBOLS).contains(&config.symbols_per_request) {
            return Err(Error::config(format!(
                "brapi's symbols_per_request is {}, it has to be 1 to {MAX_SYMBOLS}",
                config.symbols_per_request
            )));
        }
        Ok(Self { config })
    }
}

impl Default for Brapi {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a constant")]
        let base_url = Url::parse(DEFAULT_BASE_URL).expect("a constant that parses");
        Self { config: BrapiConfig::with_base_url(base_url) }
    }
}

impl Source for Brapi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            datasets: DATASETS,
            intervals: &[Interval::Day1],
            symbols_per_request: self.config.symbols_per_request,
            bars_per_page: None,
            rate_window: RATE_WINDOW,
            min_interval: MIN_INTERVAL,
        }
    }

    fn plan(&self, job: &Job) -> Result<Vec<FetchUnit>> {
        plan::plan(&self.config, job)
    }

    fn request(&self, unit: &FetchUnit) -> Result<HttpSpec> {
        plan::request(&self.config, unit)
    }

    fn resume(&self, unit: &FetchUnit, resume_at: &str) -> Result<HttpSpec> {
        let first = plan::request(&self.config, unit)?;
        let url = resumed_url(&self.config.base_url, &first.url, unit, resume_at)?;
        Ok(HttpSpec { url, ..first })
    }

    fn classify(&self, response: &RawResponse, unit: &FetchUnit) -> Disposition {
        classify::classify(&self.config, response, unit)
    }

    fn transform(&self, envelope: &Envelope) -> Result<Mapped> {
        map::transform(envelope)
    }
}
