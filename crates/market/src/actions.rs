//! Splits and dividends, and how they carry a price from one date to another.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Date32Type;
use chrono::NaiveDate;

use super::bars::{column, numbers, texts};
use quotelake_contract::Preference;
use quotelake_core::time::date_from_days;
use quotelake_core::{Error, Result};

/// A split: `split_from` shares became `split_to` on `execution_date`.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// First session at the new number of shares.
    pub execution_date: NaiveDate,
    /// Shares before.
    pub split_from: f64,
    /// Shares after.
    pub split_to: f64,
}

impl Split {
    /// New shares for an old one.
    fn ratio(&self) -> f64 {
        self.split_to / self.split_from
    }
}

/// A cash distribution per share.
#[derive(Debug, Clone, PartialEq)]
pub struct Dividend {
    /// First session without the right.
    pub ex_date: NaiveDate,
    /// Amount per share, in the currency's major unit.
    pub amount: f64,
    /// ISO 4217 code. A dividend in another currency than the price's is left out.
    pub currency: String,
    /// Whether `amount` is in today's shares: divided by every later split.
    pub split_adjusted: bool,
}

/// The events of one instrument, by date.
#[derive(Debug, Clone, Default)]
pub(super) struct SymbolActions {
    splits: Vec<Split>,
    dividends: Vec<Dividend>,
}

/// Splits and dividends by canonical symbol and provider. An event that is added twice counts once.
///
/// Two providers state one event differently, so a series is judged beside those of one: its own where it has any, else of the
/// preferred one; for splits and for dividends by themselves.
#[derive(Debug, Clone, Default)]
pub struct CorporateActions {
    by_symbol: HashMap<String, ByProvider>,
    preference: Preference,
}

/// The events of one instrument, as each provider states them.
#[derive(Debug, Clone, Default)]
struct ByProvider {
    stated: BTreeMap<String, SymbolActions>,
    /// For the series of a provider that states any, completed from the preferred one.
    completed: BTreeMap<String, SymbolActions>,
    /// For the series of any other provider.
    preferred: SymbolActions,
}

impl ByProvider {
    /// Chooses again, after events were added. Those that no provider is named for are everybody's.
    fn complete(&mut self, preference: &Preference) {
        let unnamed = self.stated.get("").cloned().unwrap_or_default();
        let named = self.stated.iter().filter(|(provider, _)| !provider.is_empty());
        let mut all: Vec<(String, SymbolActions)> =
            named.map(|(provider, stated)| (provider.clone(), stated.clone())).collect();
        all.sort_by(|(a, _), (b, _)| preference.compare_providers(a, b));
        let splits = all.iter().map(|(_, stated)| &stated.splits).find(|splits| !splits.is_empty());
        let dividends = all.iter().map(|(_, stated)| &stated.dividends).find(|all| !all.is_empty());
        let mut preferred = SymbolActions {
            splits: splits.cloned().unwrap_or_default(),
            dividends: dividends.cloned().unwrap_or_default(),
        };
        for (_, own) in &mut all {
            if own.splits.is_empty() {
                own.splits.clone_from(&preferred.splits);
            }
            if own.dividends.is_empty() {
                own.dividends.clone_from(&preferred.dividends);
            }
            own.state_all(&unnamed);
        }
        preferred.state_all(&unnamed);
        self.completed = all.into_iter().collect();
        self.preferred = preferred;
    }
}

/// Events in order of their dates, each once.
impl SymbolActions {
    fn state_split(&mut self, split: Split) {
        if !self.splits.contains(&split) {
            let at = self.splits.partition_point(|other| other.execution_date <= split.execution_date);
            self.splits.insert(at, split);
        }
    }

    fn state_dividend(&mut self, dividend: Dividend) {
        if !self.dividends.contains(&dividend) {
            let at = self.dividends.partition_point(|other| other.ex_date <= dividend.ex_date);
            self.dividends.insert(at, dividend);
        }
    }

    fn state_all(&mut self, others: &Self) {
        others.splits.iter().for_each(|split| self.state_split(split.clone()));
        others.dividends.iter().for_each(|dividend| self.state_dividend(dividend.clone()));
    }
}

impl CorporateActions {
    /// None yet, with another preference than the usual one.
    pub fn with_preference(preference: Preference) -> Self {
        Self { preference, ..Self::default() }
    }

    /// Adds a split that no provider is named for. `InvalidInput` when a number of shares is not above zero.
    pub fn add_split(&mut self, symbol: &str, split: Split) -> Result<()> {
        self.state_split("", symbol, split)?;
        self.complete(&HashSet::from([symbol]));
        Ok(())
    }

    /// Adds a dividend that no provider is named for. `InvalidInput` when the amount is not finite.
    pub fn add_dividend(&mut self, symbol: &str, dividend: Dividend) -> Result<()> {
        self.state_dividend("", symbol, dividend)?;
        self.complete(&HashSet::from([symbol]));
        Ok(())
    }

    fn state_split(&mut self, provider: &str, symbol: &str, split: Split) -> Result<()> {
        let ratio = split.ratio();
        if !(ratio.is_finite() && ratio > 0.0) {
            return Err(Error::invalid(format!(
                "split of {symbol} on {} has the ratio {}:{}",
                split.execution_date, split.split_to, split.split_from
            )));
        }
        self.stated(provider, symbol).state_split(split);
        Ok(())
    }

    fn state_dividend(&mut self, provider: &str, symbol: &str, dividend: Dividend) -> Result<()> {
        if !dividend.amount.is_finite() {
            return Err(Error::invalid(format!("dividend of {symbol} on {} is no number", dividend.ex_date)));
        }
        self.stated(provider, symbol).state_dividend(dividend);
        Ok(())
    }

    fn stated(&mut self, provider: &str, symbol: &str) -> &mut SymbolActions {
        let of_symbol = self.by_symbol.entry(symbol.to_owned()).or_default();
        of_symbol.stated.entry(provider.to_owned()).or_default()
    }

    /// Chooses again for some symbols.
    fn complete(&mut self, symbols: &HashSet<&str>) {
        for symbol in symbols {
            if let Some(of_symbol) = self.by_symbol.get_mut(*symbol) {
                of_symbol.complete(&self.preference);
            }
        }
    }

    /// Adds the rows of a batch of the `splits` contract; rows that lack a value are left out.
    pub fn add_splits(&mut self, batch: &RecordBatch) -> Result<()> {
        let (symbols, dates) = (texts(batch, "symbol")?, dates(batch, "execution_date")?);
        let (from, to) = (numbers(batch, "split_from")?, numbers(batch, "split_to")?);
        let providers = texts(batch, "provider").ok();
        let mut added = HashSet::new();
        for (row, date) in dates.into_iter().enumerate() {
            let Some(execution_date) = date else { continue };
            if symbols.is_valid(row) && from.is_valid(row) && to.is_valid(row) {
                let split = Split { execution_date, split_from: from.value(row), split_to: to.value(row) };
                let provider = providers.as_ref().filter(|names| names.is_valid(row));
                self.state_split(provider.map_or("", |names| names.value(row)), symbols.value(row), split)?;
                added.insert(symbols.value(row));
            }
        }
        self.complete(&added);
        Ok(())
    }

    /// Adds the rows of a batch of the `dividends` contract; rows that lack a value are left out.
    pub fn add_dividends(&mut self, batch: &RecordBatch) -> Result<()> {
        let (symbols, dates) = (texts(batch, "symbol")?, dates(batch, "ex_date")?);
        let (amounts, currencies) = (numbers(batch, "amount")?, texts(batch, "currency")?);
        let adjusted = column(batch, "split_adjusted")?.as_boolean_opt();
        let providers = texts(batch, "provider").ok();
        let mut added = HashSet::new();
        for (row, date) in dates.into_iter().enumerate() {
            let Some(ex_date) = date else { continue };
            if symbols.is_valid(row) && amounts.is_valid(row) && currencies.is_valid(row) {
                let dividend = Dividend {
                    ex_date,
                    amount: amounts.value(row),
                    currency: currencies.value(row).to_owned(),
                    split_adjusted: adjusted.is_some_and(|flags| flags.is_valid(row) && flags.value(row)),
                };
                let provider = providers.as_ref().filter(|names| names.is_valid(row));
                self.state_dividend(
                    provider.map_or("", |names| names.value(row)),
                    symbols.value(row),
                    dividend,
                )?;
                added.insert(symbols.value(row));
            }
        }
        self.complete(&added);
        Ok(())
    }

    /// The events that a provider's series of a symbol is judged beside.
    pub(super) fn of(&self, symbol: &str, provider: &str) -> Option<&SymbolActions> {
        let of_symbol = self.by_symbol.get(symbol)?;
        Some(of_symbol.completed.get(provider).unwrap_or(&of_symbol.preferred))
    }
}

pub(super) fn dates(batch: &RecordBatch, name: &str) -> Result<Vec<Option<NaiveDate>>> {
    let array = column(batch, name)?
        .as_primitive_opt::<Date32Type>()
        .ok_or_else(|| Error::invalid(format!("column {name} holds no dates")))?;
    Ok(array.iter().map(|days| days.and_then(date_from_days)).collect())
}

/// What a series' prices are adjusted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adjustment {
    Raw,
    Split,
    SplitDividend,
    Unknown,
}

impl Adjustment {
    pub(super) fn of(text: &str) -> Self {
        match text {
            "raw" => Self::Raw,
            "split" => Self::Split,
            "split_dividend" => Self::SplitDividend,
            _ => Self::Unknown,
        }
    }

    /// Whether old prices are divided by every later split.
    pub(super) fn counts_todays_shares(self) -> bool {
        matches!(self, Self::Split | Self::SplitDividend)
    }
}

impl SymbolActions {
    /// A price of `from` in terms of `to`: what it would have been without the splits and dividends of (from, to] that the
    /// series is not adjusted for. `None` when that cannot be told, or nothing is left of the price.
    pub(super) fn carry(
        &self,
        price: f64,
        (from, to): (NaiveDate, NaiveDate),
        adjustment: Adjustment,
        currency: Option<&str>,
    ) -> Option<f64> {
        let within = |date: NaiveDate| from < date && date <= to;
        let splits = self.splits.iter().filter(|split| within(split.execution_date));
        let mut dividends = self.dividends.iter().filter(|dividend| within(dividend.ex_date)).peekable();
        match adjustment {
            Adjustment::SplitDividend => return Some(price),
            Adjustment::Unknown => {
                return (splits.count() == 0 && dividends.peek().is_none()).then_some(price);
            }
            Adjustment::Raw | Adjustment::Split => {}
        }
        let mut carried = price;
        let mut splits = splits.filter(|_| adjustment == Adjustment::Raw).peekable();
        loop {
            match (splits.peek(), dividends.peek()) {
                // On one date the split comes first: a dividend is stated in the shares of its ex-date.
                (Some(split), Some(dividend)) if split.execution_date <= dividend.ex_date => {
                    carried /= split.ratio();
                    splits.next();
                }
                (_, Some(dividend)) => {
                    if currency == Some(dividend.currency.as_str()) {
                        carried -= self.amount_in_series(dividend, adjustment);
                    }
                    dividends.next();
                }
                (Some(split), None) => {
                    carried /= split.ratio();
                    splits.next();
                }
                (None, None) => break,
            }
        }
        (carried > 0.0).then_some(carried)
    }

    /// The product of the splits of (from, to]: old prices divided by it are in new shares.
    pub(super) fn split_factor(&self, from: NaiveDate, to: NaiveDate) -> f64 {
        let within =
            self.splits.iter().filter(|split| from < split.execution_date && split.execution_date <= to);
        within.map(Split::ratio).product()
    }

    /// Whether a split from `first` to `last`, both included, accounts for a jump of the raw price.
    pub(super) fn accounts_for(&self, jump: f64, first: NaiveDate, last: NaiveDate, agreement: f64) -> bool {
        self.splits
            .iter()
            .filter(|split| first <= split.execution_date && split.execution_date <= last)
            .any(|split| (jump * split.ratio() - 1.0).abs() <= agreement)
    }

    /// Every split, by date: its date and new shares for an old one.
    pub(super) fn splits(&self) -> impl Iterator<Item = (NaiveDate, f64)> + '_ {
        self.splits.iter().map(|split| (split.execution_date, split.ratio()))
    }

    /// Every dividend, by date.
    pub(super) fn dividends(&self) -> impl Iterator<Item = &Dividend> {
        self.dividends.iter()
    }

    /// A dividend's amount in the shares of the day before its ex-date, as a series of that adjustment counts them then.
    pub(super) fn amount_before(&self, dividend: &Dividend, adjustment: Adjustment) -> f64 {
        let on_the_day = self.splits.iter().filter(|split| split.execution_date == dividend.ex_date);
        let factor: f64 = on_the_day.map(Split::ratio).product();
        let amount = self.amount_in_series(dividend, adjustment);
        if adjustment == Adjustment::Raw { amount * factor } else { amount }
    }

    /// A dividend's amount in the shares that the series counts in around its ex-date.
    pub(super) fn amount_in_series(&self, dividend: &Dividend, adjustment: Adjustment) -> f64 {
        let later = self.split_factor(dividend.ex_date, NaiveDate::MAX);
        match (adjustment, dividend.split_adjusted) {
            (Adjustment::Raw, true) => dividend.amount * later,
            (Adjustment::Split, false) => dividend.amount / later,
            _ => dividend.amount,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn actions() -> CorporateActions {
        let mut actions = CorporateActions::default();
        let split = |day: &str, to| Split { execution_date: date(day), split_from: 1.0, split_to: to };
        let dividend = |day: &str, amount, split_adjusted| Dividend {
            ex_date: date(day),
            amount,
            currency: "USD".into(),
            split_adjusted,
        };
        actions.add_split("X", split("2020-03-02", 2.0)).unwrap();
        actions.add_split("X", split("2020-03-02", 2.0)).unwrap();
        actions.add_split("X", split("2020-01-02", 4.0)).unwrap();
        actions.add_dividend("X", dividend("2020-02-03", 1.0, false)).unwrap();
        actions.add_dividend("Y", dividend("2020-02-03", 1.0, true)).unwrap();
        actions.add_split("Y", split("2020-03-02", 2.0)).unwrap();
        actions
    }

    #[test]
    fn prices_are_carried_over_what_the_series_is_not_adjusted_for() {
        let all = actions();
        let carry = |symbol: &str, from: &str, to: &str, adjustment: &str| {
            let dates = (date(from), date(to));
            all.of(symbol, "any").unwrap().carry(100.0, dates, Adjustment::of(adjustment), Some("USD"))
        };
        assert_eq!(carry("X", "2020-02-28", "2020-03-02", "raw"), Some(50.0));
        assert_eq!(carry("X", "2020-02-28", "2020-03-02", "split"), Some(100.0));
        assert_eq!(carry("X", "2020-02-28", "2020-03-02", "unknown"), None);
        assert_eq!(carry("X", "2020-02-28", "2020-02-29", "unknown"), Some(100.0));
        // 100 / 4 - 1, then / 2.
        assert_eq!(carry("X", "2019-12-31", "2020-03-02", "raw"), Some(12.0));
        assert_eq!(carry("X", "2020-01-31", "2020-02-03", "raw"), Some(99.0));
        assert_eq!(carry("X", "2020-01-31", "2020-02-03", "split"), Some(99.5));
        assert_eq!(carry("X", "2020-01-31", "2020-02-03", "split_dividend"), Some(100.0));
        assert_eq!(carry("Y", "2020-01-31", "2020-02-03", "raw"), Some(98.0));
        assert_eq!(carry("Y", "2020-01-31", "2020-02-03", "split"), Some(99.0));
    }

    #[test]
    fn foreign_and_ruinous_dividends() {
        let all = actions();
        let x = all.of("X", "any").unwrap();
        let dates = (date("2020-01-31"), date("2020-02-03"));
        assert_eq!(x.carry(100.0, dates, Adjustment::Raw, Some("GBP")), Some(100.0));
        assert_eq!(x.carry(0.5, dates, Adjustment::Raw, Some("USD")), None);
    }

    #[test]
    fn impossible_splits_are_refused() {
        let mut all = CorporateActions::default();
        let split = Split { execution_date: date("2020-03-02"), split_from: 0.0, split_to: 1.0 };
        assert!(all.add_split("X", split).is_err());
    }

    #[test]
    fn two_providers_of_one_dividend_count_it_once() {
        let mut all = CorporateActions::default();
        let dividend = |amount| Dividend {
            ex_date: date("2020-02-03"),
            amount,
            currency: "USD".into(),
            split_adjusted: false,
        };
        let split = |to| Split { execution_date: date("2020-03-02"), split_from: 1.0, split_to: to };
        all.state_dividend("yahoo", "X", dividend(0.99)).unwrap();
        all.state_dividend("polygon", "X", dividend(1.0)).unwrap();
        all.state_split("yahoo", "X", split(2.0)).unwrap();
        all.complete(&HashSet::from(["X"]));
        let amounts = |provider: &str| -> Vec<f64> {
            all.of("X", provider).unwrap().dividends().map(|dividend| dividend.amount).collect()
        };
        assert_eq!(
            (amounts("yahoo"), amounts("polygon"), amounts("csv")),
            (vec![0.99], vec![1.0], vec![1.0])
        );
        // Polygon states no split of it: the preferred one of those who do.
        for provider in ["yahoo", "polygon", "csv"] {
            let events = all.of("X", provider).unwrap();
            let dates = (date("2020-02-28"), date("2020-03-02"));
            assert_eq!(events.carry(100.0, dates, Adjustment::Raw, Some("USD")), Some(50.0), "{provider}");
        }
        assert!(all.of("Y", "yahoo").is_none());
    }
}
