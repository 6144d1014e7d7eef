//! Markets that the recorded shares do not have: nervous and sleepy ones, penny shares whose tick is a sixth of their price, shares
//! that hardly trade, crashes, and exchanges that close for weeks. Made by a seed, so that every run has the same.

use chrono::{Datelike as _, Days, NaiveDate, Weekday};
use quotelake_market::calendar::Calendar;

use crate::corpus::series::{Bar, Dividend, Series, Shape};

/// Bars of a series.
const LENGTH: usize = 400;

/// How a market behaves.
struct Market {
    name: &'static str,
    mic: &'static str,
    price: f64,
    /// The standard deviation of a day's return.
    volatility: f64,
    tick: f64,
    /// The part of days without a trade: the close before is repeated, with a volume of zero.
    idle: f64,
    /// Every so many days a jump of so much.
    jump: Option<(usize, f64)>,
    /// A crisis: so many days at so many times the volatility, and a trend.
    crisis: Option<(usize, f64, f64)>,
    /// Days on which the exchange is closed, from a day on.
    closed: Option<(usize, u64)>,
    /// Dividends a year, each a part of the price.
    pays: Option<f64>,
}

const QUIET: Market = Market {
    name: "QUIET",
    mic: "XNYS",
    price: 48.0,
    volatility: 0.004,
    tick: 0.01,
    idle: 0.0,
    jump: None,
    crisis: None,
    closed: None,
    pays: None,
};

const MARKETS: [Market; 14] = [
    QUIET,
    Market { name: "UTIL", pays: Some(0.011), ..QUIET },
    Market { name: "BIO", price: 7.4, volatility: 0.055, jump: Some((130, -0.62)), ..QUIET },
    Market { name: "SQUEEZE", price: 3.1, volatility: 0.07, jump: Some((150, 1.35)), ..QUIET },
    Market { name: "PENNY", price: 0.03, volatility: 0.06, tick: 0.005, ..QUIET },
    Market { name: "DUST", price: 0.0011, volatility: 0.08, tick: 0.0001, idle: 0.3, ..QUIET },
    Market { name: "THIN", price: 210.0, volatility: 0.012, tick: 0.5, idle: 0.55, ..QUIET },
    Market {
        name: "FUND",
        price: 98.0,
        volatility: 0.0009,
        tick: 0.01,
        idle: 0.1,
        pays: Some(0.007),
        ..QUIET
    },
    Market { name: "CRASH", volatility: 0.011, crisis: Some((25, 5.0, -0.012)), ..QUIET },
    Market {
        name: "PANIC",
        volatility: 0.016,
        crisis: Some((60, 4.0, -0.02)),
        jump: Some((175, -0.2)),
        ..QUIET
    },
    Market { name: "GOLDEN", mic: "XXXX", price: 12.0, volatility: 0.018, closed: Some((180, 9)), ..QUIET },
    Market { name: "SHUT", mic: "XXXX", price: 12.0, volatility: 0.015, closed: Some((200, 40)), ..QUIET },
    Market { name: "CLASSA", price: 410_000.0, volatility: 0.011, tick: 1.0, ..QUIET },
    Market { name: "BANK", volatility: 0.03, price: 4.0, jump: Some((120, 0.28)), pays: Some(0.02), ..QUIET },
];

/// Those whose price stands still on most days: by a coarse tick, or without a trade.
pub(crate) const STANDS_STILL: [&str; 3] = ["PENNY", "DUST", "THIN"];

/// All of them, three of each.
pub(crate) fn clean() -> Vec<Series> {
    let all = MARKETS.iter().flat_map(|market| (0..3).map(move |seed| (market, seed)));
    all.map(|(market, seed)| series(market, seed)).collect()
}

/// Those in which a fault does not hide among wild days: no penny shares, no crises, no jumps.
pub(crate) fn steady() -> Vec<Series> {
    let steady = |market: &&Market| {
        let calm = market.jump.is_none() && market.crisis.is_none() && market.closed.is_none();
        calm && market.volatility < 0.03 && market.idle < 0.2
    };
    let all = MARKETS.iter().filter(steady).flat_map(|market| (1..4).map(move |seed| (market, seed)));
    all.map(|(market, seed)| series(market, seed)).collect()
}

fn series(market: &Market, seed: u64) -> Series {
    let mut chance = Chance::new(market.name, seed);
    let on_grid = |price: f64| (price / market.tick).round().max(1.0) * market.tick;
    let (mut bars, mut dividends) = (Vec::new(), Vec::new());
    let mut close = on_grid(market.price);
    for (at, date) in days(market).into_iter().enumerate() {
        if !bars.is_empty() && chance.part() < market.idle {
            bars.push(Bar { date, prices: [close; 4], volume: 0.0, adj_close: None });
            continue;
        }
        let in_crisis = market.crisis.filter(|(length, ..)| (220..220 + length).contains(&at));
        let (wild, trend) = in_crisis.map_or((1.0, 0.0), |(_, wild, trend)| (wild, trend));
        let mut step = (market.volatility * wild * chance.normal() + trend).clamp(-0.4, 0.6);
        if let Some((every, jump)) = market.jump
            && at > 0
            && at % every == 0
        {
            step += jump.ln_1p();
        }
        if let Some(part) = market.pays
            && at > 20
            && at % 63 == 0
        {
            let amount = (close * part * 100.0).round() / 100.0;
            dividends.push(Dividend { date, amount });
            step -= amount / close;
        }
        let open = on_grid(close * (market.volatility * 0.4 * chance.normal()).exp());
        let next = on_grid(close * step.exp());
        let reach = |chance: &mut Chance| 1.0 + market.volatility * 0.5 * wild * chance.normal().abs();
        let high = on_grid(open.max(next) * reach(&mut chance));
        let low = on_grid(open.min(next) / reach(&mut chance)).min(open.min(next));
        let volume = (1_000.0 * chance.normal().abs().exp()).round();
        bars.push(Bar { date, prices: [open, high.max(open).max(next), low, next], volume, adj_close: None });
        close = next;
    }
    let name = format!("{}{seed}", market.name);
    let mut series = Series { name, shape: Shape::Raw, mic: market.mic, bars, dividends, splits: Vec::new() };
    if seed >= 2 {
        series.shape = Shape::Adjusted;
        series.adjust();
    }
    series
}

/// The days of trading from 2010 on: by the calendar where there is one, else the working days without the closed ones.
fn days(market: &Market) -> Vec<NaiveDate> {
    let calendar = Calendar::of_mic(market.mic);
    let is_open = |date: &NaiveDate| match calendar {
        Some(calendar) => calendar.is_session(*date) == Some(true),
        None => !matches!(date.weekday(), Weekday::Sat | Weekday::Sun),
    };
    let all = NaiveDate::from_ymd_opt(2010, 1, 4).unwrap().iter_days().filter(is_open).take(LENGTH);
    let mut days: Vec<NaiveDate> = all.collect();
    if let Some((from, closed)) = market.closed {
        let begin = days[from];
        days.retain(|date| *date < begin || *date >= begin + Days::new(closed));
    }
    days
}

/// Numbers by a seed: SplitMix64.
struct Chance(u64);

impl Chance {
    fn new(name: &str, seed: u64) -> Self {
        Self(name.bytes().fold(seed + 1, |state, byte| state.wrapping_mul(31).wrapping_add(u64::from(byte))))
    }

    /// Between zero and one.
    fn part(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// With a mean of zero and a deviation of one; now and then far out, as returns are.
    fn normal(&mut self) -> f64 {
        let (a, b) = (self.part().max(1e-12), self.part());
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        if self.part() < 0.02 { normal * 2.5 } else { normal }
    }
}
