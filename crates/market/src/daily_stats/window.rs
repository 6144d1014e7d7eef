//! The newest bars of one series, and what follows from them.

use std::collections::VecDeque;

use quotelake_core::divide_half_even;

use crate::daily::decimals::{ONE, scaled};

/// The most calendar days between two bars of which one is the return of the other.
const MOST_DAYS: i32 = 10;
/// Bars of the averages, the longest last.
const AVERAGES: [usize; 3] = [20, 50, 200];
/// Bars of the volatility.
const VOLATILITY: usize = 20;
/// Bars of the high and the low: the sessions of a year.
const YEAR: usize = 252;
/// Calendar days that a window may span for each of its bars.
const DAYS_A_BAR: i32 = 3;

/// Between prices in 10^-18 and in 10^-8.
const SHIFT: i128 = 10_000_000_000;

/// A bar: numbers of 10^-18.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar {
    /// Days since 1970.
    pub(super) date: i32,
    pub(super) high: Option<i128>,
    pub(super) low: Option<i128>,
    pub(super) close: i128,
    /// Traded on all 365 days of a year, instead of 252.
    pub(super) every_day: bool,
}

/// The statistics of one bar; levels in 10^-8, in the shares and the money of its date.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stats {
    /// As it was traded, in 10^-18.
    pub(super) close: i128,
    pub(super) return_1d: Option<f64>,
    pub(super) log_return_1d: Option<f64>,
    pub(super) averages: [Option<i128>; 3],
    pub(super) volatility_20: Option<f64>,
    pub(super) high_252: Option<i128>,
    pub(super) low_252: Option<i128>,
}

/// The newest bars of a series, their prices in 10^-18 adjusted to the newest one.
#[derive(Debug)]
pub(super) struct Window {
    /// How many bars there were.
    bars: usize,
    /// The latest date that was announced by [`Window::sees`].
    seen: i32,
    dates: [i32; YEAR],
    closes: [i128; AVERAGES[2]],
    sums: [i128; 3],
    returns: [Option<f64>; VOLATILITY],
    highs: Greatest,
    /// Of the lows, below zero.
    lows: Greatest,
    last: Option<Bar>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            bars: 0,
            seen: i32::MIN,
            dates: [0; YEAR],
            closes: [0; AVERAGES[2]],
            sums: [0; 3],
            returns: [None; VOLATILITY],
            highs: Greatest::default(),
            lows: Greatest::default(),
            last: None,
        }
    }
}

impl Window {
    /// Whether a bar that will come is later than all that came or will.
    pub(super) fn sees(&mut self, date: i32) -> bool {
        let later = date > self.seen;
        self.seen = self.seen.max(date);
        later
    }

    /// The date of the newest bar.
    pub(super) fn last_date(&self) -> Option<i32> {
        self.last.map(|last| last.date)
    }

    /// Takes the next bar, and what prices before it are multiplied by, in 10^-18. `None` where it is not later than the last one, or a
    /// number grows past 38 digits.
    pub(super) fn push(&mut self, bar: &Bar, step: i128) -> Option<Stats> {
        if self.last.is_some_and(|last| last.date >= bar.date) {
            return None;
        }
        if step != ONE {
            self.adjust(step)?;
        }
        self.add_close(bar.close)?;
        self.dates[self.bars % YEAR] = bar.date;
        let simple = self.last.filter(|last| bar.date - last.date <= MOST_DAYS);
        let simple = simple.and_then(|last| quotient(last.close, bar.close, step));
        let log_return_1d = simple.filter(|quotient| *quotient > 0.0).map(f64::ln);
        self.returns[self.bars % VOLATILITY] = log_return_1d;
        self.highs.push(self.bars, bar.high);
        self.lows.push(self.bars, bar.low.map(|low| -low));
        self.bars += 1;
        self.last = Some(*bar);
        let whole = |bars: usize| self.is_whole(bars, bar.date);
        let average = |at: usize| {
            let divisor = i128::try_from(AVERAGES[at]).ok().filter(|_| whole(AVERAGES[at]))?;
            divide_half_even(self.sums[at], divisor * SHIFT)
        };
        let level = |extreme: &Greatest| extreme.get(self.bars).filter(|_| whole(YEAR));
        let volatility = self.volatility(if bar.every_day { 365.0 } else { 252.0 });
        Some(Stats {
            close: bar.close,
            return_1d: simple.map(|quotient| quotient - 1.0),
            log_return_1d,
            averages: [average(0), average(1), average(2)],
            volatility_20: volatility.filter(|_| whole(VOLATILITY)),
            high_252: level(&self.highs).and_then(|high| divide_half_even(high, SHIFT)),
            low_252: level(&self.lows).and_then(|low| divide_half_even(-low, SHIFT)),
        })
    }

    /// Sums of whole numbers stay exact, whatever is added and taken away.
    fn add_close(&mut self, close: i128) -> Option<()> {
        let longest = self.closes.len();
        for (sum, bars) in self.sums.iter_mut().zip(AVERAGES) {
            let gone = self.bars.checked_sub(bars).map_or(0, |at| self.closes[at % longest]);
            *sum = sum.checked_add(close)?.checked_sub(gone)?;
        }
        self.closes[self.bars % longest] = close;
        Some(())
    }

    /// Brings every price to the shares and the money behind an event. Each depends on the events behind its own bar alone.
    fn adjust(&mut self, step: i128) -> Option<()> {
        let longest = self.closes.len();
        let mut sum = 0i128;
        let mut averages = AVERAGES.iter().zip(&mut self.sums).peekable();
        for age in 1..=longest.min(self.bars) {
            let close = &mut self.closes[(self.bars - age) % longest];
            *close = scaled(*close, step)?;
            sum = sum.checked_add(*close)?;
            if let Some((_, stored)) = averages.next_if(|(bars, _)| **bars == age) {
                *stored = sum;
            }
        }
        averages.for_each(|(_, stored)| *stored = sum);
        self.highs.adjust(step)?;
        self.lows.adjust(step)
    }

    /// Whether the newest bars are so many, and near enough to each other.
    fn is_whole(&self, bars: usize, date: i32) -> bool {
        let first = self.bars.checked_sub(bars).map(|first| self.dates[first % YEAR]);
        let most = i32::try_from(bars).unwrap_or(i32::MAX).saturating_mul(DAYS_A_BAR);
        first.is_some_and(|first| date - first <= most)
    }

    /// Sample standard deviation of the newest log returns, a year's. `None` where one of them is missing.
    fn volatility(&self, days_a_year: f64) -> Option<f64> {
        let mut returns = [0.0; VOLATILITY];
        for (age, place) in returns.iter_mut().enumerate() {
            *place = self.returns[(self.bars + age) % VOLATILITY]?;
        }
        let count = VOLATILITY as f64;
        let mean = returns.iter().sum::<f64>() / count;
        let squares: f64 = returns.iter().map(|one| (one - mean) * (one - mean)).sum();
        Some((squares / (count - 1.0)).sqrt() * days_a_year.sqrt())
    }
}

/// A close over the one before, that times the steps between. `None` where one is no price.
fn quotient(last: i128, close: i128, step: i128) -> Option<f64> {
    let quotient = (last > 0 && close > 0).then(|| close as f64 / last as f64)?;
    Some(if step == ONE { quotient } else { quotient * (ONE as f64 / step as f64) })
}

/// The greatest of the newest year's values.
#[derive(Debug, Default)]
struct Greatest {
    /// Bars by number with their values, each greater than all behind it.
    falling: VecDeque<(usize, i128)>,
    /// The number of the newest bar without a value, and one.
    missing: usize,
}

impl Greatest {
    fn push(&mut self, bar: usize, value: Option<i128>) {
        let Some(value) = value else {
            self.missing = bar + 1;
            return;
        };
        while self.falling.pop_back_if(|(_, other)| *other <= value).is_some() {}
        self.falling.push_back((bar, value));
        while self.falling.pop_front_if(|(first, _)| *first + YEAR <= bar).is_some() {}
    }

    fn adjust(&mut self, step: i128) -> Option<()> {
        for (_, value) in &mut self.falling {
            *value = scaled(*value, step)?;
        }
        Some(())
    }

    /// Of the last year of so many bars. `None` where one has no value.
    fn get(&self, bars: usize) -> Option<i128> {
        let first = bars.checked_sub(YEAR)?;
        let known = self.missing <= first;
        self.falling.iter().find(|(bar, _)| *bar >= first).map(|(_, value)| *value).filter(|_| known)
    }
}
