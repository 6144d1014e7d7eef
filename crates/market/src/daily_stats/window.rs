//! The newest bars of one series, and what follows from them.

use std::collections::VecDeque;

use quotelake_core::divide_half_even;

use crate::daily::decimals::adjusted;

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

/// A bar with what its prices are multiplied by: numbers of 10^-18.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar {
    /// Days since 1970.
    pub(super) date: i32,
    pub(super) high: Option<i128>,
    pub(super) low: Option<i128>,
    pub(super) close: i128,
    pub(super) factor: i128,
    /// Traded on all 365 days of a year, instead of 252.
    pub(super) every_day: bool,
}

/// The statistics of one bar; prices in 10^-8.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stats {
    pub(super) adj_close: i128,
    pub(super) return_1d: Option<f64>,
    pub(super) log_return_1d: Option<f64>,
    pub(super) averages: [Option<i128>; 3],
    pub(super) volatility_20: Option<f64>,
    pub(super) high_252: Option<i128>,
    pub(super) low_252: Option<i128>,
}

/// The newest bars of a series.
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

    /// Takes the next bar. `None` where it is not later than the last one, or a number grows past 38 digits.
    pub(super) fn push(&mut self, bar: &Bar) -> Option<Stats> {
        if self.last.is_some_and(|last| last.date >= bar.date) {
            return None;
        }
        let adj_close = adjusted(bar.close, bar.factor)?;
        self.add_close(adj_close)?;
        self.dates[self.bars % YEAR] = bar.date;
        let simple = self.last.filter(|last| bar.date - last.date <= MOST_DAYS);
        let simple = simple.and_then(|last| quotient(&last, bar));
        let log_return_1d = simple.filter(|quotient| *quotient > 0.0).map(f64::ln);
        self.returns[self.bars % VOLATILITY] = log_return_1d;
        let adjust =
            |price: Option<i128>| price.map_or(Some(None), |price| adjusted(price, bar.factor).map(Some));
        self.highs.push(self.bars, adjust(bar.high)?);
        self.lows.push(self.bars, adjust(bar.low)?.map(|low| -low));
        self.bars += 1;
        self.last = Some(*bar);
        let whole = |bars: usize| self.is_whole(bars, bar.date);
        let average = |at: usize| {
            let divisor = i128::try_from(AVERAGES[at]).ok().filter(|_| whole(AVERAGES[at]))?;
            divide_half_even(self.sums[at], divisor)
        };
        let year = whole(YEAR);
        Some(Stats {
            adj_close,
            return_1d: simple.map(|quotient| quotient - 1.0),
            log_return_1d,
            averages: [average(0), average(1), average(2)],
            volatility_20: self
                .volatility(if bar.every_day { 365.0 } else { 252.0 })
                .filter(|_| whole(VOLATILITY)),
            high_252: self.highs.get(self.bars).filter(|_| year),
            low_252: self.lows.get(self.bars).filter(|_| year).map(|low| -low),
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

/// An adjusted close over the one before. Both in full, as rounding to eight places would show in small prices. `None` where one is no
/// price.
fn quotient(last: &Bar, bar: &Bar) -> Option<f64> {
    if last.close <= 0 || bar.close <= 0 {
        return None;
    }
    let quotient = bar.close as f64 / last.close as f64;
    Some(if bar.factor == last.factor {
        quotient
    } else {
        quotient * (bar.factor as f64 / last.factor as f64)
    })
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

    /// Of the last year of so many bars. `None` where one has no value.
    fn get(&self, bars: usize) -> Option<i128> {
        let first = bars.checked_sub(YEAR)?;
        let known = self.missing <= first;
        self.falling.iter().find(|(bar, _)| *bar >= first).map(|(_, value)| *value).filter(|_| known)
    }
}
