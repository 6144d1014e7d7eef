//! What is remembered along a series: the bars that the next one is compared with, and what the comparison shows. `series.rs`
//! takes it from bar to bar, `unit.rs` asks it for splits.

use std::collections::VecDeque;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};

use super::MarketLimits;
use super::actions::{Adjustment, SymbolActions};
use super::bars::{Bar, SeriesKey};
use super::stats::{mad_z, median};
use crate::calendar::Calendar;

/// What rounding to the hundredth takes from a price, at most.
const HALF_A_HUNDREDTH: f64 = 0.005;

/// The `dq_adj_diff` of an adjusted close that is no price, as one is behind a dividend of more than the price.
const NO_PRICE: f64 = 1.0;

/// A row of the batch in its series.
pub(super) struct Member<'a> {
    pub(super) row: usize,
    pub(super) bar: Bar,
    /// When it was fetched: of two rows at one time the newer is what later bars follow.
    pub(super) revision_ms: Option<i64>,
    pub(super) adj_close: Option<f64>,
    pub(super) currency: Option<&'a str>,
    pub(super) asset_class: Option<&'a str>,
    pub(super) calendar: Option<&'a Calendar>,
    pub(super) actions: Option<&'a SymbolActions>,
}

/// By which answer of the vendor a row of the batch came.
pub(super) type Answer<'a> = dyn Fn(usize) -> Option<&'a str> + 'a;

/// What was found out about a row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Findings {
    pub(super) ret_1: Option<f64>,
    pub(super) ret_mad_z: Option<f64>,
    pub(super) adj_diff: Option<f64>,
    pub(super) unexplained_split: Option<bool>,
    pub(super) unit_jump: Option<bool>,
    /// Whether the answer contradicts itself by it: no market did it.
    pub(super) unit_fault: bool,
    pub(super) flat_run: Option<i32>,
    pub(super) is_session: Option<bool>,
    pub(super) missing_sessions: Option<i32>,
    pub(super) sessions_behind: Option<i32>,
    pub(super) other_basis: Option<bool>,
}

/// What one bar shows against the bars before it, as far as later bars need to know.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sight {
    pub(super) ret_1: Option<f64>,
    /// The return that counts, for this bar's z and in later windows.
    pub(super) ret: Option<f64>,
    pub(super) ret_mad_z: Option<f64>,
    pub(super) unit_jump: Option<bool>,
    /// Close over the usual one.
    pub(super) level: Option<f64>,
    pub(super) flat_run: Option<i32>,
}

/// What is remembered of the bars of a series so far, and the limits by which the next is judged.
pub(super) struct Walk<'a> {
    pub(super) limits: &'a MarketLimits,
    pub(super) actions: Option<&'a SymbolActions>,
    pub(super) adjustment: Adjustment,
    pub(super) currency: Option<&'a str>,
    /// The length of a bar, where it lies within a day.
    within_day: Option<TimeDelta>,
    regular: bool,
    /// The bar before, whatever is wrong with it.
    last: Option<Bar>,
    flat_run: Option<i32>,
    /// The last bar with a price in the series' unit.
    trusted: Option<Bar>,
    /// The bar before the outliers that end at `trusted`.
    before_outlier: Option<Bar>,
    returns: VecDeque<f64>,
    /// Closes in the shares of `trusted`.
    closes: VecDeque<f64>,
    /// Where the bar before was in another unit: whether in one of larger numbers.
    block: Option<bool>,
}

impl<'a> Walk<'a> {
    /// Before the first bar.
    pub(super) fn new(
        key: &SeriesKey,
        limits: &'a MarketLimits,
        actions: Option<&'a SymbolActions>,
        currency: Option<&'a str>,
    ) -> Self {
        Self {
            limits,
            actions,
            adjustment: Adjustment::of(&key.adjustment),
            currency,
            within_day: bar_length(&key.interval),
            regular: key.session == "regular",
            last: None,
            flat_run: None,
            trusted: None,
            before_outlier: None,
            returns: VecDeque::with_capacity(limits.return_window + 1),
            closes: VecDeque::with_capacity(limits.unit_window + 1),
            block: None,
        }
    }

    /// What a bar shows against those before it; `currencies` are its own and the series'.
    pub(super) fn look_at(&self, bar: &Bar, currencies: Option<(&str, &str)>) -> Sight {
        let flat_run = self.flat_run(bar);
        let Some(price) = bar.price() else { return Sight { flat_run, ..Sight::default() } };
        let other_currency = currencies.is_some_and(|(own, usual)| own != usual);
        let level = self.level(bar, price);
        let unit_jump = if other_currency { Some(true) } else { level.map(|level| self.unit_jump(level)) };
        let ret_1 = self.trusted.and_then(|before| self.log_return(&before, bar));
        let rebound = self.before_outlier.and_then(|before| self.log_return(&before, bar));
        let smaller = match (ret_1, rebound) {
            (Some(ret), Some(rebound)) if rebound.abs() < ret.abs() => Some(rebound),
            _ => ret_1,
        };
        // The night between two sessions is no intraday return.
        let overnight = self.within_day.is_some()
            && self.trusted.is_some_and(|before| before.trading_date != bar.trading_date);
        let ret = smaller.filter(|_| !overnight);
        let enough = self.returns.len() >= self.limits.return_min;
        let ret_mad_z = ret
            .filter(|_| enough)
            .and_then(|ret| mad_z(ret, self.returns.iter().copied(), self.limits.mad_floor));
        Sight { ret_1, ret, ret_mad_z, unit_jump, level, flat_run }
    }

    /// Goes past a bar that nothing is compared with: the day is there.
    pub(super) fn pass_over(&mut self, bar: &Bar) {
        self.last = Some(*bar);
        self.flat_run = None;
    }

    /// Goes past a bar that later ones are compared with, unless it is in another unit.
    pub(super) fn step(&mut self, bar: &Bar, seen: &Sight) {
        self.last = Some(*bar);
        self.flat_run = seen.flat_run;
        self.block = seen.level.filter(|_| seen.unit_jump == Some(true)).map(|level| level > 1.0);
        let (Some(price), false) = (bar.price(), seen.unit_jump == Some(true)) else { return };
        if let Some(ret) = seen.ret {
            push(&mut self.returns, ret, self.limits.return_window);
        }
        let factor = self.factor_since_trusted(bar);
        if factor != 1.0 {
            self.closes.iter_mut().for_each(|close| *close /= factor);
        }
        push(&mut self.closes, price, self.limits.unit_window);
        let outlier = seen.ret_mad_z.is_some_and(|z| z.abs() > self.limits.outlier_z);
        self.before_outlier = if outlier { self.before_outlier.or(self.trusted) } else { None };
        self.trusted = Some(*bar);
    }

    fn log_return(&self, before: &Bar, bar: &Bar) -> Option<f64> {
        let dates = (before.trading_date, bar.trading_date);
        let carried = match self.actions {
            Some(actions) => actions.carry(before.price()?, dates, self.adjustment, self.currency)?,
            None => before.price()?,
        };
        Some((bar.price()? / carried).ln())
    }

    /// How far the adjusted close moved apart from the close carried over the splits and dividends on record: next to
    /// nothing where the provider adjusts for just these, about a dividend's yield where one is missing on either side.
    pub(super) fn adj_diff(&self, before: &Member<'_>, member: &Member<'_>) -> Option<f64> {
        let apart = member.revision_ms?.abs_diff(before.revision_ms?);
        if apart > self.limits.same_fetch_minutes.unsigned_abs() * 60_000 {
            return None;
        }
        let (adjusted, adjusted_before) = (member.adj_close?, before.adj_close?);
        if adjusted <= 0.0 || adjusted_before <= 0.0 {
            return Some(NO_PRICE);
        }
        let moved = (adjusted / adjusted_before).ln();
        let apart = (moved - self.log_return(&before.bar, &member.bar)?).abs();
        // Closes are rounded to the hundredth, adjusted ones often, too.
        let parts = [adjusted, adjusted_before, member.bar.price()?, before.bar.price()?];
        let rounding: f64 = parts.iter().map(|price| HALF_A_HUNDREDTH / price).sum();
        Some((apart - rounding.min(self.limits.most_rounding)).max(0.0))
    }

    /// The splits since the last trusted bar that the series is not adjusted for.
    fn factor_since_trusted(&self, bar: &Bar) -> f64 {
        self.trusted.map_or(1.0, |before| self.split_factor(before.trading_date, bar.trading_date))
    }

    /// The splits between two dates that the series is not adjusted for.
    pub(super) fn split_factor(&self, from: NaiveDate, to: NaiveDate) -> f64 {
        match self.actions.filter(|_| self.adjustment == Adjustment::Raw) {
            Some(actions) => actions.split_factor(from, to),
            None => 1.0,
        }
    }

    /// The price over the median of the closes before.
    fn level(&self, bar: &Bar, price: f64) -> Option<f64> {
        if self.closes.len() < self.limits.unit_min {
            return None;
        }
        let mut closes: Vec<f64> = self.closes.iter().copied().collect();
        let usual = median(&mut closes)? / self.factor_since_trusted(bar);
        Some(price / usual)
    }

    /// A bar behind one in another unit stays in it while it is nearer to that unit than to its own: the market moves within a
    /// block, too.
    fn unit_jump(&self, level: f64) -> bool {
        let jumped = self.limits.is_unit_factor(level)
            || self.block.is_some_and(|larger| self.limits.stays_in_unit(level, larger));
        jumped && !self.is_split_in_the_wrong_place(level)
    }

    /// Adjusted prices that lie a hundredfold apart, as a split on record has it, were adjusted for it in part.
    pub(super) fn is_split_in_the_wrong_place(&self, level: f64) -> bool {
        let agrees = |ratio: f64| (level.ln().abs() - ratio.ln().abs()).abs() <= self.limits.split_agreement;
        let adjusted = self.adjustment.counts_todays_shares();
        self.actions.filter(|_| adjusted).is_some_and(|all| all.splits().any(|(_, ratio)| agrees(ratio)))
    }

    /// Weekdays without a bar where no calendar knows the venue: so many in a row that no holidays explain them.
    fn missing_weekdays(&self, from: NaiveDate, to: NaiveDate) -> Option<i32> {
        if self.within_day.is_some() || (to - from).num_days() <= i64::from(self.limits.weekdays_missing) {
            return None;
        }
        let between = from.iter_days().skip(1).take_while(|day| *day < to);
        let weekdays = between.filter(|day| day.weekday().num_days_from_monday() < 5).count();
        i32::try_from(weekdays).ok().filter(|weekdays| *weekdays >= self.limits.weekdays_missing)
    }

    /// Only in raw prices, or where nobody knows, does a split on record account for a jump: adjusted ones must not jump.
    pub(super) fn unexplained_split(&self, bar: &Bar, calendar: Option<&Calendar>) -> Option<bool> {
        let before = self.trusted?;
        if (bar.trading_date - before.trading_date).num_days() > self.limits.split_gap_days {
            return None;
        }
        let jump = bar.price()? / before.price()?;
        if !self.limits.is_split_ratio(jump) {
            return Some(false);
        }
        let adjusted = self.adjustment.counts_todays_shares();
        let Some(actions) = self.actions.filter(|_| !adjusted) else { return Some(true) };
        let date = bar.trading_date;
        let (previous, next) = neighbours(date, calendar);
        let first = before.trading_date.succ_opt().map_or(previous, |day| day.min(previous));
        Some(!actions.accounts_for(jump, first, next, self.limits.split_agreement))
    }

    fn flat_run(&self, bar: &Bar) -> Option<i32> {
        let run = self.flat_run.unwrap_or(0);
        if self.last.is_some_and(|last| bar.repeats(&last)) {
            return Some(run.max(1) + 1);
        }
        let same_close = bar.close.is_some() && self.last.is_some_and(|last| last.close == bar.close);
        match bar.is_still()? {
            true if same_close => Some(run + 1),
            true => Some(1),
            false => Some(0),
        }
    }

    /// Whether the venue trades at the time of a bar.
    pub(super) fn is_session(&self, bar: &Bar, calendar: Option<&Calendar>) -> Option<bool> {
        let calendar = calendar?;
        let date = bar.trading_date;
        if !calendar.is_session(date)? {
            return Some(false);
        }
        let (Some(length), true) = (self.within_day, self.regular) else { return Some(true) };
        let start = DateTime::<Utc>::from_timestamp_millis(bar.bar_start_ms)?;
        let (open, close) = (calendar.session_open(date)?, calendar.session_close(date)?);
        let late = TimeDelta::try_minutes(self.limits.after_close_minutes)?;
        Some(start + length > open && start <= close + late)
    }

    /// Sessions strictly between the bar before and this one.
    pub(super) fn missing_sessions(&self, bar: &Bar, calendar: Option<&Calendar>) -> Option<i32> {
        let (from, to) = (self.last?.trading_date, bar.trading_date);
        let Some(calendar) = calendar else { return self.missing_weekdays(from, to) };
        if from == to {
            return calendar.is_session(to).map(|_| 0);
        }
        let steps = calendar.sessions_between(from, to.pred_opt()?)?;
        i32::try_from(steps).ok()
    }
}

/// The sessions before and after a date; three days either way, a long weekend, where no calendar knows them.
fn neighbours(date: NaiveDate, calendar: Option<&Calendar>) -> (NaiveDate, NaiveDate) {
    let days = Days::new(3);
    let previous = calendar.and_then(|calendar| calendar.previous_session(date));
    let next = calendar.and_then(|calendar| calendar.next_session(date));
    (
        previous.or_else(|| date.checked_sub_days(days)).unwrap_or(date),
        next.or_else(|| date.checked_add_days(days)).unwrap_or(date),
    )
}

/// The length of an intraday interval such as `5m` or `1h`; `None` for a day and longer, and for what is none.
fn bar_length(interval: &str) -> Option<TimeDelta> {
    let (count, unit) = interval.split_at_checked(interval.len().checked_sub(1)?)?;
    let count: i64 = count.parse().ok()?;
    match unit {
        "m" => TimeDelta::try_minutes(count),
        "h" => TimeDelta::try_hours(count),
        _ => None,
    }
}

/// Adds a value to a window of at most so many, the oldest leaves it.
pub(super) fn push(window: &mut VecDeque<f64>, value: f64, at_most: usize) {
    window.push_back(value);
    while window.len() > at_most {
        window.pop_front();
    }
}
