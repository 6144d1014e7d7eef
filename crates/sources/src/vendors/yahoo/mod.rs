//! Yahoo Finance's chart endpoint: daily and intraday bars, dividends and splits, for personal use.
//!
//! The endpoint is unofficial, and Yahoo's terms allow personal use only: a run has to say that it knows, see
//! [`YahooConfig::personal_use`]. Nothing that was fetched may be passed on.
//!
//! - `plan.rs`: the windows that one request may span, and how it is spelled.
//! - `classify.rs`: what an answer is worth; much of what comes back is no JSON.
//! - `wire.rs`: the vendor's shapes.
//! - `map.rs`: a chart to canonical records; `events.rs` its distributions and splits.
//! - `settings.rs`: how it is asked, as a configuration says it.
//!
//! Decisions that matter to those who use the data:
//!
//! - Open, high, low and close are already divided by every later split: `adjustment` is `split`, and the whole history changes with
//!   the next split. `adjclose` is kept as `adj_close`, for information.
//! - Prices were floats of 32 bits on their way; the digits that such a float stands for are recovered.
//! - Pence (`GBp`), Kuwaiti fils (`KWF`) and the other minor units of [`money`](crate::money) are divided exactly; `quote_unit` and
//!   `unit_divisor` say so. The unit is read from the answer, else from the watchlist, never from the symbol; rows without one, and
//!   those in what is no currency, are quarantined.
//! - A daily bar is stamped with its session's open; its date is that on the exchange's clock. The newest bar, daily or not, may
//!   carry the time of the last trade instead: it is not final, and has the key of the bar that replaces it. It comes along whatever
//!   window is asked for, and is left out where it is not of it. An intraday one that is stamped at the close or behind it is no bar
//!   at all, and left out, too.
//! - A dividend already holds the capital gain of its day, which is also listed apart: the two are told apart, and together are the
//!   dividend.
//! - A bar without any price is the vendor's gap, filled in later: it is left out with a warning, so a trailing window of days
//!   should be asked for again in every run.
//! - One request brings bars, dividends and splits; what a job wants of them is one unit.

mod classify;
mod events;
mod map;
mod plan;
mod settings;
mod wire;

pub(crate) use events::told_apart;
pub use settings::Settings;

use std::time::Duration;

use quotelake_core::{Envelope, Error, FetchUnit, Result};
use url::Url;

use crate::units::check_base_url;
use crate::{Capabilities, DatasetName, Disposition, HttpSpec, Interval, Job, Mapped, RawResponse, Source};

/// The source's name in envelopes and records.
pub const NAME: &str = "yahoo";

/// The usual host; `https://query1.finance.yahoo.com` answers alike.
pub const DEFAULT_BASE_URL: &str = "https://query2.finance.yahoo.com";

/// What a run has to be told before it asks Yahoo anything.
pub const NOTICE: &str = "Yahoo's data is for personal use only, by Yahoo's terms: set yahoo.personal_use to true if that is your use";

/// The least time between two requests. Faster callers have been answered with gaps instead of errors.
pub const MIN_INTERVAL: Duration = Duration::from_secs(3);

/// The pause after a 429 that names no time; no limit is published.
const RATE_WINDOW: Duration = Duration::from_secs(60);

const DATASETS: &[DatasetName] =
    &[DatasetName::DailyBars, DatasetName::IntradayBars, DatasetName::Splits, DatasetName::Dividends];

/// How Yahoo is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YahooConfig {
    /// Scheme, host and port of every request.
    pub base_url: Url,
    /// Whether the user has said that the data is for personal use. Without it nothing is planned.
    pub personal_use: bool,
}

/// The source.
#[derive(Debug, Clone)]
pub struct Yahoo {
    config: YahooConfig,
}

impl Yahoo {
    /// `Config` when the base URL is no plain `http(s)` origin.
    pub fn new(config: YahooConfig) -> Result<Self> {
        check_base_url(NAME, &config.base_url)?;
        Ok(Self { config })
    }
}

impl Default for Yahoo {
    /// Maps pages, and asks for none: personal use is not declared.
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a constant")]
        let base_url = Url::parse(DEFAULT_BASE_URL).expect("a constant that parses");
        Self { config: YahooConfig { base_url, personal_use: false } }
    }
}

impl Source for Yahoo {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            datasets: DATASETS,
            intervals: &[
                Interval::Minute1,
                Interval::Minute5,
                Interval::Minute15,
                Interval::Hour1,
                Interval::Day1,
            ],
            symbols_per_request: 1,
            bars_per_page: None,
            rate_window: RATE_WINDOW,
            min_interval: MIN_INTERVAL,
        }
    }

    fn plan(&self, job: &Job) -> Result<Vec<FetchUnit>> {
        if !self.config.personal_use {
            return Err(Error::config(format!("yahoo is off. {NOTICE}")));
        }
        plan::plan(job)
    }

    fn request(&self, unit: &FetchUnit) -> Result<HttpSpec> {
        plan::request(&self.config, unit)
    }

    fn classify(&self, response: &RawResponse, unit: &FetchUnit) -> Disposition {
        classify::classify(response, unit)
    }

    fn transform(&self, envelope: &Envelope) -> Result<Mapped> {
        map::transform(envelope)
    }
}
