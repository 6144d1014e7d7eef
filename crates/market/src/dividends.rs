//! What a dividend looks like beside the price that it is paid from and the dividends around it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array, Int32Array, RecordBatch};
use arrow::datatypes::{DataType, Field};
use chrono::NaiveDate;

use super::MarketLimits;
use super::actions::{Adjustment, CorporateActions, Dividend, SymbolActions, dates};
use super::bars::{BarColumns, column, numbers, texts};
use super::stats::median;
use quotelake_contract::Contract;
use quotelake_core::Result;

/// Returns that tell how much a price usually moves, at most and at least.
const MOST_MOVES: usize = 20;
const LEAST_MOVES: usize = 5;
/// The least that a day's return is taken to be off, and what it is taken to be where too few are known.
const LEAST_MOVE: f64 = 0.01;
const UNKNOWN_MOVE: f64 = 0.03;
/// Days after the ex-date in which the next session lies.
const NEXT_SESSION_DAYS: i64 = 4;

/// Daily closes by canonical symbol and date.
#[derive(Debug, Clone, Default)]
pub struct Closes {
    by_symbol: HashMap<String, BTreeMap<NaiveDate, Close>>,
}

#[derive(Debug, Clone)]
struct Close {
    price: f64,
    adjustment: Adjustment,
    currency: String,
}

impl Closes {
    /// Adds the daily bars of a batch that are raw or adjusted for splits only. Of several on one date a raw one is taken.
    /// `InvalidInput` when the batch lacks a column of the bar contracts.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = BarColumns::of(batch)?;
        for row in 0..batch.num_rows() {
            let (Some([_, _, interval, adjustment, _]), Some(bar)) = (columns.key(row), columns.bar(row))
            else {
                continue;
            };
            let adjustment = Adjustment::of(adjustment);
            let wanted = interval == "1d" && matches!(adjustment, Adjustment::Raw | Adjustment::Split);
            let (Some(symbol), Some(price), Some(currency)) =
                (columns.symbol(row), bar.price().filter(|_| wanted), columns.currency(row))
            else {
                continue;
            };
            let closes = self.by_symbol.entry(symbol.to_owned()).or_default();
            let close = Close { price, adjustment, currency: currency.to_owned() };
            match closes.get(&bar.trading_date) {
                Some(known) if known.adjustment == Adjustment::Raw => {}
                _ => drop(closes.insert(bar.trading_date, close)),
            }
        }
        Ok(())
    }

    /// The last close before a date and not more than `days` before it.
    fn before(&self, symbol: &str, date: NaiveDate, days: i64) -> Option<(NaiveDate, &Close)> {
        let (found, close) = self.by_symbol.get(symbol)?.range(..date).next_back()?;
        ((date - *found).num_days() <= days).then_some((*found, close))
    }

    /// The first close on a date or not more than `days` after it.
    fn from(&self, symbol: &str, date: NaiveDate, days: i64) -> Option<(NaiveDate, &Close)> {
        let (found, close) = self.by_symbol.get(symbol)?.range(date..).next()?;
        ((*found - date).num_days() <= days).then_some((*found, close))
    }

    /// How much a day's log return usually is off, before a date: 1.4826 times the median of up to `count` absolute ones, which for
    /// a normal distribution is the standard deviation. `None` where there are fewer than five.
    fn usual_move(&self, symbol: &str, date: NaiveDate, count: usize) -> Option<f64> {
        let closes: Vec<f64> =
            self.by_symbol.get(symbol)?.range(..date).rev().take(count + 1).map(|(_, c)| c.price).collect();
        let mut moves: Vec<f64> = closes.windows(2).map(|pair| (pair[0] / pair[1]).ln().abs()).collect();
        let enough = moves.len() >= LEAST_MOVES;
        median(&mut moves).filter(|_| enough).map(|middle| 1.4826 * middle)
    }
}

/// What the derived columns of dividends are computed against.
#[derive(Debug, Clone, Copy)]
pub struct DividendContext<'a> {
    /// Daily closes around the ex-dates.
    pub closes: &'a Closes,
    /// Splits, and the dividends that are published.
    pub actions: &'a CorporateActions,
    /// Windows and tolerances.
    pub limits: &'a MarketLimits,
}

/// The derived columns of one batch of dividends, in its row order.
///
/// | column | type | meaning |
/// |---|---|---|
/// | `dq_dividend_yield` | double | amount / last close before the ex-date, in the same shares and currency |
/// | `dq_amount_jump` | int 0/1 | the amount is about 100 or 1/100 of the median of the dividends around it |
/// | `dq_repeats_dividend` | int 0/1 | another dividend of nearly the same amount goes ex within days |
/// | `dq_unpaid_dividend` | int 0/1 | the amount is a large part of the price, which did not fall by it |
#[derive(Debug, Clone, PartialEq)]
pub struct DividendColumns {
    /// Amount over price.
    pub dividend_yield: Float64Array,
    /// 1 where the amount changed its unit.
    pub amount_jump: Int32Array,
    /// 1 where the same dividend seems to be there twice.
    pub repeats_dividend: Int32Array,
    /// 1 where the price knows nothing of the dividend.
    pub unpaid_dividend: Int32Array,
}

impl DividendColumns {
    /// The names, in the order of [`DividendColumns::arrays`].
    pub const NAMES: [&'static str; 4] =
        ["dq_dividend_yield", "dq_amount_jump", "dq_repeats_dividend", "dq_unpaid_dividend"];
    /// The columns that dividends are read from. A contract that has them all declares dividends.
    pub const SOURCES: [&'static str; 5] = ["symbol", "ex_date", "amount", "currency", "split_adjusted"];
    /// Read where it is: a provider's dividends are judged beside its own.
    pub const OPTIONAL_SOURCES: [&'static str; 1] = ["provider"];

    /// Whether the columns can be computed for rows of this contract.
    pub fn fit(contract: &Contract) -> bool {
        Self::SOURCES.iter().all(|name| contract.index_of(name).is_some())
    }

    /// The columns' fields, all nullable.
    pub fn fields() -> Vec<Field> {
        let types = [DataType::Float64, DataType::Int32, DataType::Int32, DataType::Int32];
        Self::NAMES
            .into_iter()
            .zip(types)
            .map(|(name, data_type)| Field::new(name, data_type, true))
            .collect()
    }

    /// The columns, in the order of [`DividendColumns::fields`].
    pub fn arrays(&self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.dividend_yield.clone()),
            Arc::new(self.amount_jump.clone()),
            Arc::new(self.repeats_dividend.clone()),
            Arc::new(self.unpaid_dividend.clone()),
        ]
    }
}

/// Computes the derived columns of a batch of dividends. A row without symbol, ex-date, amount or currency gets `NULL`
/// throughout. `InvalidInput` when the batch lacks a column of the dividends contract.
pub fn dividend_columns(batch: &RecordBatch, context: &DividendContext<'_>) -> Result<DividendColumns> {
    let mut actions = context.actions.clone();
    actions.add_dividends(batch)?;
    let (symbols, ex_dates) = (texts(batch, "symbol")?, dates(batch, "ex_date")?);
    let (amounts, currencies) = (numbers(batch, "amount")?, texts(batch, "currency")?);
    let adjusted = column(batch, "split_adjusted")?.as_boolean_opt();
    let providers = texts(batch, "provider").ok();
    let seen: Vec<Seen> = (0..batch.num_rows())
        .map(|row| {
            let known = symbols.is_valid(row) && amounts.is_valid(row) && currencies.is_valid(row);
            let Some(ex_date) = ex_dates[row].filter(|_| known) else { return Seen::default() };
            let dividend = Dividend {
                ex_date,
                amount: amounts.value(row),
                currency: currencies.value(row).to_owned(),
                split_adjusted: adjusted.is_some_and(|flags| flags.is_valid(row) && flags.value(row)),
            };
            let provider = providers.as_ref().filter(|names| names.is_valid(row));
            let provider = provider.map_or("", |names| names.value(row));
            look_at((symbols.value(row), provider), &dividend, &actions, context)
        })
        .collect();
    let flag =
        |value: fn(&Seen) -> Option<bool>| seen.iter().map(|seen| value(seen).map(i32::from)).collect();
    Ok(DividendColumns {
        dividend_yield: seen.iter().map(|seen| seen.dividend_yield).collect(),
        amount_jump: flag(|seen| seen.amount_jump),
        repeats_dividend: flag(|seen| seen.repeats),
        unpaid_dividend: flag(|seen| seen.unpaid),
    })
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    dividend_yield: Option<f64>,
    amount_jump: Option<bool>,
    repeats: Option<bool>,
    unpaid: Option<bool>,
}

fn look_at(
    (symbol, provider): (&str, &str),
    dividend: &Dividend,
    actions: &CorporateActions,
    context: &DividendContext<'_>,
) -> Seen {
    let Some(of_symbol) = actions.of(symbol, provider) else { return Seen::default() };
    let limits = context.limits;
    let close = context.closes.before(symbol, dividend.ex_date, limits.split_gap_days);
    let close = close.filter(|(_, close)| close.currency == dividend.currency);
    let dividend_yield =
        close.map(|(_, close)| of_symbol.amount_before(dividend, close.adjustment) / close.price);
    let unpaid = close.zip(dividend_yield).and_then(|(close, dividend_yield)| {
        is_unpaid(symbol, dividend, dividend_yield, close, of_symbol, context)
    });
    // In today's shares, so that splits do not look like jumps.
    let amount = of_symbol.amount_in_series(dividend, Adjustment::Split);
    let days = |other: &Dividend| (other.ex_date - dividend.ex_date).num_days().abs();
    let mut others: Vec<&Dividend> = of_symbol
        .dividends()
        .filter(|other| *other != dividend && other.currency == dividend.currency && other.amount > 0.0)
        .collect();
    others.sort_by_key(|other| (days(other), other.ex_date));
    let in_series = |other: &Dividend| of_symbol.amount_in_series(other, Adjustment::Split);
    let repeats = others.iter().any(|other| {
        days(other) <= limits.repeat_days
            && (in_series(other) / amount - 1.0).abs() <= limits.repeat_tolerance
    });
    let mut around: Vec<f64> =
        others.iter().take(limits.amount_window).map(|other| in_series(other)).collect();
    let enough = around.len() >= limits.unit_min;
    let usual = median(&mut around).filter(|_| enough);
    Seen {
        dividend_yield,
        amount_jump: usual.map(|usual| limits.is_unit_factor(amount / usual)),
        repeats: Some(repeats),
        unpaid,
    }
}

/// Whether the price, from the close before the ex-date to the first one behind it, fell by less than a third of a large dividend, and
/// missed the fall by more than it usually moves. `None` where closes are missing or not of one kind.
fn is_unpaid(
    symbol: &str,
    dividend: &Dividend,
    dividend_yield: f64,
    (before, close): (NaiveDate, &Close),
    of_symbol: &SymbolActions,
    context: &DividendContext<'_>,
) -> Option<bool> {
    let limits = context.limits;
    if dividend_yield < limits.unpaid_yield {
        return Some(false);
    }
    let (date, after) = context.closes.from(symbol, dividend.ex_date, NEXT_SESSION_DAYS)?;
    if after.adjustment != close.adjustment || after.currency != close.currency {
        return None;
    }
    let splits = if close.adjustment == Adjustment::Raw { of_symbol.split_factor(before, date) } else { 1.0 };
    let moved = (after.price * splits / close.price).ln();
    // A dividend of the whole price and more has no fall that could be told: of 99 %.
    let expected = (1.0 - dividend_yield).max(0.01).ln();
    let usual = context.closes.usual_move(symbol, dividend.ex_date, MOST_MOVES);
    let usual = usual.map_or(UNKNOWN_MOVE, |usual| usual.max(LEAST_MOVE));
    Some(moved > expected / 3.0 && moved - expected > limits.unpaid_deviations * usual)
}
