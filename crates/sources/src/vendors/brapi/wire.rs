//! brapi's shapes, serde only. See <https://brapi.dev/docs>.
//!
//! A page is read in steps, so that one bad row costs only itself: the page with its symbols as raw JSON, a symbol with its rows as
//! raw JSON, a row with its fields.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::read::{Lenient, Raw, text};

/// What every answer has, good or bad.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page<'a> {
    /// Quotes.
    #[serde(borrow, default)]
    pub(super) results: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    pub(super) coins: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    pub(super) fiis: Option<Vec<&'a RawValue>>,
    /// Of funds: a flat list over all symbols.
    #[serde(borrow, default)]
    pub(super) dividends: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    pub(super) pagination: Option<Pagination>,
    /// `true`, or in older answers the text itself.
    #[serde(borrow, default)]
    pub(super) error: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) message: Lenient<'a, String>,
}

impl Page<'_> {
    /// The text of an answer that is an error.
    pub(super) fn error_text(&self) -> Option<String> {
        error_text(self.error, self.message.text())
    }
}

/// The text of an error, in a page or in place of one symbol.
fn error_text(error: Raw<'_>, message: Option<&str>) -> Option<String> {
    match error?.get() {
        "false" => None,
        other => {
            Some(message.map(str::to_owned).or_else(|| text(other)).unwrap_or_else(|| "no text".to_owned()))
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Pagination {
    pub(super) page: u64,
    #[serde(default, rename = "hasNextPage")]
    pub(super) has_next_page: bool,
}

/// One symbol: of quotes, coins, or bars of funds.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(default)]
    pub(super) symbol: Option<String>,
    /// The symbol of a coin.
    #[serde(default)]
    pub(super) coin: Option<String>,
    #[serde(borrow, default)]
    pub(super) currency: Lenient<'a, String>,
    /// The length of the bars, which is not always the one that was asked for.
    #[serde(borrow, default, rename = "usedInterval")]
    pub(super) used_interval: Lenient<'a, String>,
    #[serde(borrow, default, rename = "historicalDataPrice")]
    pub(super) history: Option<Vec<&'a RawValue>>,
    /// `{}` when there is none.
    #[serde(borrow, default, rename = "dividendsData")]
    pub(super) dividends: Lenient<'a, DividendsData<'a>>,
    #[serde(borrow, default)]
    pub(super) error: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) message: Lenient<'a, String>,
}

impl Entry<'_> {
    pub(super) fn error_text(&self) -> Option<String> {
        error_text(self.error, self.message.text())
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct DividendsData<'a> {
    #[serde(borrow, default, rename = "cashDividends")]
    pub(super) cash: Lenient<'a, Vec<&'a RawValue>>,
    #[serde(borrow, default, rename = "stockDividends")]
    pub(super) stock: Lenient<'a, Vec<&'a RawValue>>,
}

impl<'a> Entry<'a> {
    /// The distributions and the stock actions, in this order. What is no list of them counts as one that cannot be read.
    pub(super) fn actions(&self) -> [Vec<&'a RawValue>; 2] {
        let listed = |list: &Lenient<'a, Vec<&'a RawValue>>| match list {
            Lenient::Absent => Vec::new(),
            Lenient::Read(all) => all.clone(),
            Lenient::Unreadable(raw) => vec![*raw],
        };
        match &self.dividends {
            Lenient::Absent => [Vec::new(), Vec::new()],
            Lenient::Read(data) => [listed(&data.cash), listed(&data.stock)],
            // An empty list is an empty object of some languages.
            Lenient::Unreadable(raw) if raw.get().trim_matches(['[', ']', ' ', '\n']).is_empty() => {
                [Vec::new(), Vec::new()]
            }
            Lenient::Unreadable(raw) => [vec![*raw], vec![*raw]],
        }
    }
}

/// One bar.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Bar<'a> {
    /// Unix seconds.
    #[serde(borrow, default)]
    pub(super) date: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) open: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) high: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) low: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) close: Raw<'a>,
    /// Units, whatever the documentation calls it.
    #[serde(borrow, default)]
    pub(super) volume: Raw<'a>,
    #[serde(borrow, default, rename = "adjustedClose")]
    pub(super) adjusted_close: Raw<'a>,
}

/// One distribution, or one stock action.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Action<'a> {
    #[serde(borrow, default)]
    pub(super) label: Raw<'a>,
    /// Per share or unit.
    #[serde(borrow, default)]
    pub(super) rate: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) factor: Raw<'a>,
    /// `1 para 10`.
    #[serde(borrow, default, rename = "completeFactor")]
    pub(super) complete_factor: Raw<'a>,
    #[serde(borrow, default, rename = "approvedOn")]
    pub(super) approved_on: Raw<'a>,
    /// The last day with the right.
    #[serde(borrow, default, rename = "lastDatePrior")]
    pub(super) last_date_prior: Raw<'a>,
    #[serde(borrow, default, rename = "paymentDate")]
    pub(super) payment_date: Raw<'a>,
}

/// One fund: of the list, or with its indicators.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fund<'a> {
    #[serde(borrow, default)]
    pub(super) name: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) cnpj: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) segmento_atuacao: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) segment_type: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) tipo_gestao: Raw<'a>,
    /// In the indicators.
    #[serde(borrow, default)]
    pub(super) as_of_date: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) price: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) nav_per_share: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) price_to_nav: Raw<'a>,
    #[serde(borrow, default, rename = "dividendYield12m")]
    pub(super) dividend_yield_12m: Raw<'a>,
    #[serde(borrow, default, rename = "dividendYield1m")]
    pub(super) dividend_yield_1m: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) monthly_return: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) total_investors: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) shares_outstanding: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) equity: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) total_assets: Raw<'a>,
}
