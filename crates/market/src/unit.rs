//! Bars in another unit: those by which an answer contradicts itself, and the unit of a series' beginning, where nothing before it
//! says which one it is, so that what follows has to.

use std::collections::VecDeque;

use chrono::NaiveDate;

use super::MarketLimits;
use super::bars::{Bar, SeriesKey};
use super::stats::median;
use super::walk_state::{Answer, Findings, Member, Walk, push};

/// The rows by which an answer of the vendor contradicts itself: a stretch of days that begins with a step of about a hundred, or a
/// hundredth, and ends with the same step back to where the price was. No market of shares does that, and nothing but the answer is
/// looked at: neither what else is in the batch nor what is published, so that no order of arrival and no rebuilding changes it.
///
/// Nothing of coins and exchange rates, which have no minor unit and fall to a hundredth within a day, and nothing of bars within a
/// day, where stray trades do it.
pub(super) fn in_another_unit<'a>(
    key: &SeriesKey,
    members: &[Member<'_>],
    limits: &MarketLimits,
    answer: &Answer<'a>,
) -> Vec<usize> {
    let coins = members.iter().any(|member| matches!(member.asset_class, Some("crypto" | "fx")));
    let prices = || members.iter().filter_map(|member| member.bar.price());
    let (least, most) = (prices().fold(f64::INFINITY, f64::min), prices().fold(0.0, f64::max));
    // Of nearly every series this is all that is looked at.
    if coins
        || !key.interval.ends_with('d')
        || most * limits.unit_proof_tolerance < least * limits.unit_factor
    {
        return Vec::new();
    }
    let mut answers: Vec<(Option<&'a str>, Vec<RowPrice>)> = Vec::new();
    for member in members {
        let (Some(price), of) = (member.bar.price(), answer(member.row)) else { continue };
        match answers.iter_mut().find(|(known, _)| *known == of) {
            Some((_, bars)) => bars.push((member.row, price)),
            None => answers.push((of, vec![(member.row, price)])),
        }
    }
    answers.iter().flat_map(|(_, bars)| contradicted(bars, limits)).collect()
}

/// A row and its price.
type RowPrice = (usize, f64);

/// The rows of one answer, in time order, that lie between two steps, seen from the unit that most of its bars are in. An answer that
/// is half in one unit and half in the other does not say which of them is wrong.
fn contradicted(bars: &[RowPrice], limits: &MarketLimits) -> Vec<usize> {
    // The unit of each bar, counted in steps from that of the first.
    let mut units = vec![0_i32; bars.len()];
    let mut steps: Vec<usize> = Vec::new();
    for at in 1..bars.len() {
        let step = limits.unit_step(bars[at].1 / bars[at - 1].1);
        units[at] = units[at - 1] + step.map_or(0, |larger| if larger { 1 } else { -1 });
        if step.is_some() {
            steps.push(at);
        }
    }
    let bars_in = |unit: i32| units.iter().filter(|of| **of == unit).count();
    let Some(usual) = steps.iter().map(|at| units[at - 1]).max_by_key(|unit| bars_in(*unit)) else {
        return Vec::new();
    };
    let is_proof = |from: usize, to: usize| {
        let (before, first, behind) = (bars[from - 1].1, bars[from].1, bars[to].1);
        units[from - 1] == usual
            && units[to] == usual
            && before.max(behind) <= before.min(behind) * limits.unit_proof_drift
            && to - from <= limits.unit_proof_bars
            && before.min(first) >= limits.unit_proof_price
    };
    let stretches = steps.windows(2).filter(|step| is_proof(step[0], step[1]));
    let rows: Vec<usize> = stretches.flat_map(|step| step[0]..step[1]).map(|at| bars[at].0).collect();
    let enough = limits.unit_min.max(limits.unit_proof_share * rows.len());
    if bars_in(usual) >= enough { rows } else { Vec::new() }
}

/// Which published bars are in another unit than most of them: they were published with a flag. A level that most of them have is the
/// series' own, whatever it was before.
pub(super) fn published_in_another_unit(published: &[Bar], walk: &Walk<'_>) -> Vec<bool> {
    let until = published.last().map_or(NaiveDate::MAX, |bar| bar.trading_date);
    let price = |bar: &Bar| Some(bar.price()? / walk.split_factor(bar.trading_date, until));
    let mut prices: Vec<f64> = published.iter().filter_map(price).collect();
    let enough = prices.len() >= walk.limits.unit_min;
    let usual = median(&mut prices).filter(|_| enough);
    let apart = |bar: &Bar| {
        price(bar).zip(usual).is_some_and(|(price, usual)| walk.limits.is_unit_factor(price / usual))
    };
    published.iter().map(apart).collect()
}

/// Whether more bars jumped away from the first ones than stayed with them.
pub(super) fn most_jumped(members: &[Member<'_>], findings: &[Findings]) -> bool {
    let jumped = members.iter().filter(|member| findings[member.row].unit_jump == Some(true)).count();
    2 * jumped > members.len()
}

/// Where a series begins in another unit, nothing before it says so, and most of it would be flagged for its beginning. Such a
/// one is held against its end, bar by bar backwards. Bars in another currency, or by which their answer contradicts itself, stay what
/// they are.
pub(super) fn unit_from_the_end(members: &[Member<'_>], walk: &Walk<'_>, findings: &mut [Findings]) {
    let limits = walk.limits;
    // In the shares of the end, so that no split looks like a jump.
    let factor = |bar: &Bar| walk.split_factor(bar.trading_date, NaiveDate::MAX);
    let mut closes: VecDeque<f64> = VecDeque::new();
    let mut block = None;
    for member in members.iter().rev() {
        let Some(price) = member.bar.price() else { continue };
        let price = price / factor(&member.bar);
        let known = member.currency.zip(walk.currency).is_some_and(|(own, usual)| own != usual)
            || findings[member.row].unit_fault;
        let level = if closes.len() < limits.unit_min {
            None
        } else {
            median(&mut closes.iter().copied().collect::<Vec<_>>()).map(|usual| price / usual)
        };
        let jumped = level.map(|level| {
            limits.is_unit_factor(level) || block.is_some_and(|larger| limits.stays_in_unit(level, larger))
        });
        block = level.filter(|_| jumped == Some(true)).map(|level| level > 1.0);
        findings[member.row].unit_jump = if known { Some(true) } else { jumped };
        if !known && jumped != Some(true) {
            push(&mut closes, price, limits.unit_window);
        }
    }
}

/// The first bars of a series have too few before them to be held against: they are held against those behind them. Says whether
/// any is in another unit.
pub(super) fn unit_of_the_first(members: &[Member<'_>], walk: &Walk<'_>, findings: &mut [Findings]) -> bool {
    let limits = walk.limits;
    let known = |member: &&Member<'_>| findings[member.row].unit_jump == Some(false);
    let behind: Vec<&Member<'_>> = members.iter().filter(known).take(limits.unit_window).collect();
    if behind.len() < limits.unit_min {
        return false;
    }
    // In the shares of the last of them.
    let until = behind.last().map_or(NaiveDate::MAX, |member| member.bar.trading_date);
    let in_shares = |bar: &Bar| Some(bar.price()? / walk.split_factor(bar.trading_date, until));
    let mut closes: Vec<f64> = behind.iter().filter_map(|member| in_shares(&member.bar)).collect();
    let Some(usual) = median(&mut closes) else { return false };
    let mut jumped = Vec::new();
    for member in members.iter().take_while(|member| findings[member.row].unit_jump != Some(false)) {
        if findings[member.row].unit_jump.is_some() {
            continue;
        }
        let Some(level) = in_shares(&member.bar).map(|price| price / usual) else { continue };
        if limits.is_unit_factor(level) && !walk.is_split_in_the_wrong_place(level) {
            jumped.push(member.row);
        }
    }
    // The others stay unknown, as they are where they come one by one.
    jumped.iter().for_each(|row| findings[*row].unit_jump = Some(true));
    !jumped.is_empty()
}
