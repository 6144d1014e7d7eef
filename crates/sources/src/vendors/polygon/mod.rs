//! Polygon.io, since October 2025 also Massive.com: daily and intraday bars, splits and dividends of US stocks, and
//! the holidays of their exchanges.
//!
//! - `plan.rs`: which units a job needs, and how a request and its follow-up pages are spelled.
//! - `classify.rs`: what an answer is worth.
//! - `wire.rs`: the vendor's shapes.
//! - `map.rs`: a page to canonical records.
//! - `settings.rs`: how it is asked, as a configuration says it.
//!
//! Decisions that matter to those who use the data:
//!
//! - Bars are asked for with `adjusted=false` and filed as `raw`; a page that does not say `"adjusted":false` is refused, since a
//!   cursor does not carry the parameter. Splits and dividends are kept beside them, and adjusting is a view's work.
//! - The daily bar is the consolidated regular session: `session` is `regular`. Minute and hour bars include trades
//!   outside it, so theirs is `all`.
//! - `t` is midnight New York on this endpoint and 16:00 New York on others: `trading_date` is the date on the exchange's
//!   wall calendar, which is the same for both.
//! - A grouped page is the whole market on one day; the rows of the watchlist are taken, and an instrument that did not trade that day
//!   has none. Its bars have the key of those that are asked for one by one.
//! - A page whose `resultsCount` is not its number of rows is not whole, and is no answer. A row of another ticker or another day
//!   than was asked for is refused by itself.
//! - The page limit counts base bars (minutes or days), not results.
//!   See <https://massive.com/docs/rest/stocks/aggregates/custom-bars>.

mod classify;
mod map;
mod plan;
mod settings;
mod wire;

use std::time::Duration;

use quotelake_core::{Envelope, Error, FetchUnit, Result};
use url::Url;

pub use settings::Settings;

use crate::units::check_base_url;
use crate::{Capabilities, DatasetName, Disposition, HttpSpec, Interval, Job, Mapped, RawResponse, Source};

/// The source's name in envelopes and records.
pub const NAME: &str = "polygon";

/// The vendor's current default host. `https://api.polygon.io` still answers; either can be set.
pub const DEFAULT_BASE_URL: &str = "https://api.massive.com";

/// Base bars in a page of aggregates, unless configured.
///
/// The vendor takes up to 50,000, but a page travels in one stream record (1,000 KiB) and `transform` answers it in one
/// response (6 MB): a bar of 80 to 140 bytes becomes a line of about 700, in base64 900. About 5,000 bars a page is the most
/// that fits; 1,000 leaves room for several pages in one invocation.
pub const DEFAULT_PAGE_LIMIT: u32 = 1000;

/// The most base bars a page may be configured to hold, see [`DEFAULT_PAGE_LIMIT`].
pub const MAX_PAGE_LIMIT: u32 = 5000;

/// The pause after a 429 that names no time: plans count requests per minute.
/// See <https://massive.com/knowledge-base/article/what-is-the-request-limit-for-polygons-restful-apis>.
const RATE_WINDOW: Duration = Duration::from_secs(60);

/// The least time between two requests: five calls a minute, the free plan's.
pub const MIN_INTERVAL: Duration = Duration::from_secs(12);

/// The datasets that it delivers.
const DATASETS: &[DatasetName] = &[
    DatasetName::DailyBars,
    DatasetName::IntradayBars,
    DatasetName::Splits,
    DatasetName::Dividends,
    DatasetName::MarketHolidays,
];

/// The endpoints, as [`FetchUnit::endpoint`] spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Aggregates,
    Grouped,
    Splits,
    Dividends,
    MarketHolidays,
}

impl Endpoint {
    fn as_str(self) -> &'static str {
        match self {
            Self::Aggregates => "aggregates",
            Self::Grouped => "grouped",
            Self::MarketHolidays => "market_holidays",
            Self::Splits => "splits",
            Self::Dividends => "dividends",
        }
    }

    fn of(unit: &FetchUnit) -> Result<Self> {
        [Self::Aggregates, Self::Grouped, Self::Splits, Self::Dividends, Self::MarketHolidays]
            .into_iter()
            .find(|endpoint| endpoint.as_str() == unit.endpoint)
            .ok_or_else(|| Error::invalid(format!("polygon has no endpoint {:?}", unit.endpoint)))
    }
}

/// How Polygon is asked and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolygonConfig {
    /// Scheme, host and port of every request; a follow-up link is moved onto it.
    pub base_url: Url,
    /// Base bars in a page of aggregates, 1 to [`MAX_PAGE_LIMIT`].
    pub page_limit: u32,
    /// Daily bars by one call for each session, which answers with the whole market, instead of one call for each instrument: cheaper
    /// for a long watchlist and a short window. The rows of the watchlist are taken.
    pub grouped_daily: bool,
}

impl PolygonConfig {
    /// A base URL; the rest as it is by default.
    pub fn with_base_url(base_url: Url) -> Self {
        Self { base_url, page_limit: DEFAULT_PAGE_LIMIT, grouped_daily: false }
    }
}

/// The source.
#[derive(Debug, Clone)]
pub struct Polygon {
    config: PolygonConfig,
}

impl Polygon {
    /// `Config` when the base URL is no plain `http(s)` origin or the page limit is out of range.
    pub fn new(config: PolygonConfig) -> Result<Self> {
        check_base_url(NAME, &config.base_url)?;
        if !(1..=MAX_PAGE_LIMIT).contains(&config.page_limit) {
            return Err(Error::config(format!(
                "polygon's page limit is {}, it has to be 1 to {MAX_PAGE_LIMIT}: a larger page does not fit a stream record",
                config.page_limit
            )));
        }
        Ok(Self { config })
    }
}

impl Default for Polygon {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a constant")]
        let base_url = Url::parse(DEFAULT_BASE_URL).expect("a constant that parses");
        Self { config: PolygonConfig::with_base_url(base_url) }
    }
}

impl Source for Polygon {
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
            bars_per_page: Some(self.config.page_limit),
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
        let link = self.config.base_url.join(resume_at).map_err(|e| {
            Error::invalid(format!("unit {}: {resume_at:?} is no link", unit.id)).with_source(e)
        })?;
        plan::follow(&self.config, &first, link.as_str())
    }

    fn classify(&self, response: &RawResponse, unit: &FetchUnit) -> Disposition {
        classify::classify(&self.config, response, unit)
    }

    fn transform(&self, envelope: &Envelope) -> Result<Mapped> {
        map::transform(envelope)
    }
}
