//! Splits and dividends as each source states them, exact, each row for itself.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use quotelake_contract::Preference;
use quotelake_core::time::utc_days;
use quotelake_core::{Error, Result};

use crate::daily::columns::{Texts, dates, decimals, instants, value};

/// The columns of published splits that [`Actions`] reads.
pub const SPLIT_COLUMNS: [&str; 7] =
    ["provider", "provider_symbol", "symbol", "execution_date", "split_from", "split_to", "raw_sha256"];

/// The columns of published dividends that [`Actions`] reads.
pub const DIVIDEND_COLUMNS: [&str; 11] = [
    "provider",
    "provider_symbol",
    "symbol",
    "dividend_type",
    "ex_date",
    "pay_date",
    "amount",
    "currency",
    "split_adjusted",
    "fetched_at",
    "raw_sha256",
];

/// What splits and dividends have in common. Texts are shared: an answer has many rows of one hash.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) provider: Arc<str>,
    pub(super) provider_symbol: Arc<str>,
    pub(super) sha256: Option<Arc<str>>,
}

/// A row of the splits, its numbers of shares in 10^-18.
#[derive(Debug, Clone)]
pub(super) struct Split {
    pub(super) origin: Origin,
    /// Days since 1970.
    pub(super) date: i32,
    pub(super) from: i128,
    pub(super) to: i128,
}

/// A row of the dividends, its amount in 10^-18.
#[derive(Debug, Clone)]
pub(super) struct Dividend {
    pub(super) origin: Origin,
    /// Days since 1970.
    pub(super) date: i32,
    pub(super) kind: Arc<str>,
    pub(super) pay_date: Option<i32>,
    pub(super) amount: i128,
    pub(super) currency: Arc<str>,
    /// Whether the amount was divided by the splits until `fetched`.
    pub(super) split_adjusted: bool,
    /// UTC day of the answer; the last of days where it is not known.
    pub(super) fetched: i32,
}

#[derive(Debug, Clone, Default)]
struct OfSymbol {
    splits: Vec<Split>,
    dividends: Vec<Dividend>,
}

/// Splits and dividends by canonical symbol, exact.
///
/// Which of them count for a series: those of its own provider where that states any, else of the preferred one that does; for splits and
/// for dividends by themselves. It is the rule of [`CorporateActions`](crate::CorporateActions).
#[derive(Debug, Clone, Default)]
pub struct Actions {
    by_symbol: HashMap<String, OfSymbol>,
    texts: HashSet<Arc<str>>,
}

impl Actions {
    /// Adds rows of the `splits` contract, of the columns [`SPLIT_COLUMNS`]. A row that lacks a value is left out. `InvalidInput`
    /// when the batch lacks a column.
    pub fn add_splits(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = OriginColumns::of(batch)?;
        let days = dates(batch, "execution_date")?;
        let (from, to) = (decimals(batch, "split_from")?, decimals(batch, "split_to")?);
        for row in 0..batch.num_rows() {
            let stated = (value(&days, row), value(&from, row), value(&to, row));
            let (Some(date), Some(from), Some(to)) = stated else { continue };
            let Some((symbol, origin)) = columns.row(row, &mut self.texts) else { continue };
            of_symbol(&mut self.by_symbol, symbol).splits.push(Split { origin, date, from, to });
        }
        Ok(())
    }

    /// Adds rows of the `dividends` contract, of the columns [`DIVIDEND_COLUMNS`]. A row that lacks a value is left out, but
    /// `pay_date` and `split_adjusted` may be missing. `InvalidInput` when the batch lacks a column.
    pub fn add_dividends(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = OriginColumns::of(batch)?;
        let (kinds, currencies) = (Texts::of(batch, "dividend_type")?, Texts::of(batch, "currency")?);
        let (ex_dates, pay_dates) = (dates(batch, "ex_date")?, dates(batch, "pay_date")?);
        let (amounts, fetched) = (decimals(batch, "amount")?, instants(batch, "fetched_at")?);
        let adjusted = batch
            .column_by_name("split_adjusted")
            .and_then(|column| column.as_boolean_opt())
            .ok_or_else(|| Error::invalid("there is no column split_adjusted of truth values"))?;
        for row in 0..batch.num_rows() {
            let texts = (kinds.get(row), currencies.get(row));
            let ((Some(kind), Some(currency)), Some(date)) = (texts, value(&ex_dates, row)) else { continue };
            let Some(amount) = value(&amounts, row) else { continue };
            let Some((symbol, origin)) = columns.row(row, &mut self.texts) else { continue };
            let dividend = Dividend {
                origin,
                date,
                kind: shared(&mut self.texts, kind),
                pay_date: value(&pay_dates, row),
                amount,
                currency: shared(&mut self.texts, currency),
                split_adjusted: adjusted.is_valid(row) && adjusted.value(row),
                fetched: value(&fetched, row).map_or(i32::MAX, utc_days),
            };
            of_symbol(&mut self.by_symbol, symbol).dividends.push(dividend);
        }
        Ok(())
    }

    /// The dates of all rows, with their symbols, as days since 1970.
    pub(super) fn dates(&self) -> impl Iterator<Item = (&str, i32)> {
        self.by_symbol.iter().flat_map(|(symbol, stated)| {
            let splits = stated.splits.iter().map(|split| split.date);
            let dates = splits.chain(stated.dividends.iter().map(|dividend| dividend.date));
            dates.map(move |date| (symbol.as_str(), date))
        })
    }

    /// Those that count for a provider's series under these symbols, by date.
    pub(super) fn of(
        &self,
        symbols: &[String],
        provider: &str,
        preference: &Preference,
    ) -> (Vec<&Split>, Vec<&Dividend>) {
        let all = || symbols.iter().filter_map(|symbol| self.by_symbol.get(symbol));
        let splits = all().flat_map(|of_symbol| &of_symbol.splits).collect();
        let mut splits = stated_by_one(splits, |split: &&Split| &split.origin, provider, preference);
        splits.sort_by(|a, b| order(a.date, &a.origin, b.date, &b.origin).then(a.to.cmp(&b.to)));
        let dividends = all().flat_map(|of_symbol| &of_symbol.dividends).collect();
        let mut dividends =
            stated_by_one(dividends, |dividend: &&Dividend| &dividend.origin, provider, preference);
        dividends.sort_by(|a, b| {
            let kind = || (&a.kind, a.amount, &a.currency, a.pay_date);
            let other = || (&b.kind, b.amount, &b.currency, b.pay_date);
            order(a.date, &a.origin, b.date, &b.origin).then_with(|| kind().cmp(&other()))
        });
        (splits, dividends)
    }
}

fn order(date: i32, origin: &Origin, other_date: i32, other: &Origin) -> Ordering {
    (date, &origin.provider_symbol).cmp(&(other_date, &other.provider_symbol))
}

/// The rows of the own provider where there are any, else of the preferred one.
fn stated_by_one<T>(
    mut rows: Vec<T>,
    origin: impl Fn(&T) -> &Origin,
    own: &str,
    preference: &Preference,
) -> Vec<T> {
    let providers = || rows.iter().map(|row| &*origin(row).provider);
    let chosen = providers()
        .find(|provider| *provider == own)
        .or_else(|| providers().min_by(|a, b| preference.compare_providers(a, b)));
    let Some(chosen) = chosen.map(str::to_owned) else { return rows };
    rows.retain(|row| *origin(row).provider == *chosen);
    rows
}

fn of_symbol<'m>(by_symbol: &'m mut HashMap<String, OfSymbol>, symbol: &str) -> &'m mut OfSymbol {
    by_symbol.entry(symbol.to_owned()).or_default()
}

fn shared(texts: &mut HashSet<Arc<str>>, text: &str) -> Arc<str> {
    if let Some(known) = texts.get(text) {
        return Arc::clone(known);
    }
    let new: Arc<str> = text.into();
    texts.insert(Arc::clone(&new));
    new
}

struct OriginColumns {
    provider: Texts,
    provider_symbol: Texts,
    symbol: Texts,
    sha256: Texts,
}

impl OriginColumns {
    fn of(batch: &RecordBatch) -> Result<Self> {
        Ok(Self {
            provider: Texts::of(batch, "provider")?,
            provider_symbol: Texts::of(batch, "provider_symbol")?,
            symbol: Texts::of(batch, "symbol")?,
            sha256: Texts::of(batch, "raw_sha256")?,
        })
    }

    /// Symbol and origin. `None` where one is missing but the hash.
    fn row(&self, row: usize, texts: &mut HashSet<Arc<str>>) -> Option<(&str, Origin)> {
        let (provider, provider_symbol) = (self.provider.get(row)?, self.provider_symbol.get(row)?);
        let origin = Origin {
            provider: shared(texts, provider),
            provider_symbol: shared(texts, provider_symbol),
            sha256: self.sha256.get(row).map(|hash| shared(texts, hash)),
        };
        Some((self.symbol.get(row)?, origin))
    }
}
