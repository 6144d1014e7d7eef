//! Polygon's shapes, serde only. See <https://massive.com/docs/rest/stocks/aggregates/custom-bars>,
//! <https://massive.com/docs/rest/stocks/corporate-actions/splits>,
//! <https://massive.com/docs/rest/stocks/corporate-actions/dividends> and
//! <https://massive.com/docs/rest/stocks/market-operations/market-holidays>.
//!
//! A page is read in two steps, so that one bad row costs only itself: first the page with its rows as raw JSON, then each row
//! with its fields as raw JSON. Number literals stay the vendor's digits (volumes come as `1.12117471e+08`). Unknown
//! fields are let through: the vendor adds some now and then.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::read::{Lenient, Raw, integer};

/// What every answer has, good or bad.
#[derive(Debug, Deserialize)]
pub(super) struct Page<'a> {
    /// `OK` or `DELAYED` on success; `ERROR`, `NOT_AUTHORIZED`, `NOT_FOUND` otherwise.
    pub(super) status: Option<String>,
    #[serde(borrow, default)]
    pub(super) request_id: Lenient<'a, String>,
    /// Aggregates only.
    pub(super) ticker: Option<String>,
    /// Aggregates only: whether prices are adjusted for splits. A cursor does not carry it, so every page is asked.
    pub(super) adjusted: Option<bool>,
    /// How many rows `results` has; not on every endpoint.
    #[serde(borrow, default, rename = "resultsCount")]
    pub(super) results_count: Raw<'a>,
    /// The same, of aggregates.
    #[serde(borrow, default)]
    pub(super) count: Raw<'a>,
    /// Absent or `null` when there is nothing.
    #[serde(borrow, default)]
    pub(super) results: Option<Vec<&'a RawValue>>,
    /// An absolute URL, without a key.
    pub(super) next_url: Option<String>,
    /// An error's text, under one of two names.
    #[serde(borrow, default)]
    pub(super) error: Lenient<'a, String>,
    #[serde(borrow, default)]
    pub(super) message: Lenient<'a, String>,
}

impl<'a> Page<'a> {
    pub(super) fn rows(&self) -> &[&'a RawValue] {
        self.results.as_deref().unwrap_or_default()
    }

    /// Why the page is not whole: it has another number of rows than it says.
    pub(super) fn miscount(&self) -> Option<String> {
        let rows = self.rows().len();
        let count = self.count.filter(|_| self.adjusted.is_some());
        [("resultsCount", self.results_count), ("count", count)].into_iter().find_map(|(name, said)| {
            // Numbers now and then come as strings. Another text is no count; a number that no page can have is another one.
            let said = said?.get().trim_matches('"');
            let is_number = said.starts_with(|c: char| c == '-' || c.is_ascii_digit());
            let is_other = is_number && integer(said) != i64::try_from(rows).ok();
            is_other.then(|| format!("{name} is {said:.40}, the page has {rows} rows"))
        })
    }

    pub(super) fn error_text(&self) -> Option<&str> {
        self.error.text().or(self.message.text())
    }

    /// The status as an error quotes it.
    pub(super) fn status_text(&self) -> String {
        self.status.as_ref().map_or_else(|| "no status".to_owned(), |status| format!("status {status:?}"))
    }

    /// Success. `DELAYED` is what plans with delayed data get.
    pub(super) fn is_ok(&self) -> bool {
        matches!(self.status.as_deref(), Some("OK" | "DELAYED"))
    }
}

/// One bar.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Bar<'a> {
    /// The ticker, in a grouped page.
    #[serde(borrow, default, rename = "T")]
    pub(super) ticker: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) o: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) h: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) l: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) c: Raw<'a>,
    /// Volume in shares, fractional since 2026.
    #[serde(borrow, default)]
    pub(super) v: Raw<'a>,
    /// Volume-weighted average price.
    #[serde(borrow, default)]
    pub(super) vw: Raw<'a>,
    /// Start of the bar, Unix milliseconds.
    #[serde(borrow, default)]
    pub(super) t: Raw<'a>,
    /// Number of trades.
    #[serde(borrow, default)]
    pub(super) n: Raw<'a>,
}

/// One dividend.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Dividend<'a> {
    #[serde(borrow, default)]
    pub(super) ticker: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) cash_amount: Raw<'a>,
    /// In the documentation, absent from some answers.
    #[serde(borrow, default)]
    pub(super) currency: Raw<'a>,
    /// `CD` regular, `SC` special, `LT` and `ST` capital gains.
    #[serde(borrow, default)]
    pub(super) dividend_type: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) ex_dividend_date: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) declaration_date: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) record_date: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) pay_date: Raw<'a>,
    /// Distributions a year, 0 for a one-time one.
    #[serde(borrow, default)]
    pub(super) frequency: Raw<'a>,
}

/// One split: `split_from` shares become `split_to`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Split<'a> {
    #[serde(borrow, default)]
    pub(super) ticker: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) execution_date: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) split_from: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) split_to: Raw<'a>,
}

/// One holiday of an exchange. The page is a bare array of them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Holiday<'a> {
    #[serde(borrow, default)]
    pub(super) exchange: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) name: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) date: Raw<'a>,
    /// `closed`, `early-close` or `late-open`.
    #[serde(borrow, default)]
    pub(super) status: Raw<'a>,
    /// RFC 3339.
    #[serde(borrow, default)]
    pub(super) open: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) close: Raw<'a>,
}
