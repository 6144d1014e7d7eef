//! The unit of a series' beginning: nothing before it says which one it is, so what follows has to.

use std::collections::VecDeque;

use chrono::NaiveDate;

use super::actions::Adjustment;
use super::bars::Bar;
use super::series::{Findings, Member, Walk, push};
use super::stats::median;

/// Whether more bars jumped away from the first ones than stayed with them.
pub(super) fn most_jumped(members: &[Member<'_>], findings: &[Findings]) -> bool {
    let jumped = members.iter().filter(|member| findings[member.row].unit_jump == Some(true)).count();
    2 * jumped > members.len()
}

/// Where a series begins in another unit, nothing before it says so, and most of it would be condemned for its beginning. Such a
/// one is held against its end, bar by bar backwards. Bars in another currency stay what they are.
pub(super) fn unit_from_the_end(members: &[Member<'_>], walk: &Walk<'_>, findings: &mut [Findings]) {
    let limits = walk.limits;
    // In the shares of the end, so that no split looks like a jump.
    let factor = |bar: &Bar| match walk.actions.filter(|_| walk.adjustment == Adjustment::Raw) {
        Some(actions) => actions.split_factor(bar.trading_date, NaiveDate::MAX),
        None => 1.0,
    };
    let mut closes: VecDeque<f64> = VecDeque::new();
    let mut block = None;
    for member in members.iter().rev() {
        let Some(price) = member.bar.price() else { continue };
        let price = price / factor(&member.bar);
        let other_currency = member.currency.zip(walk.currency).is_some_and(|(own, usual)| own != usual);
        let level = if closes.len() < limits.unit_min {
            None
        } else {
            median(&mut closes.iter().copied().collect::<Vec<_>>()).map(|usual| price / usual)
        };
        let jumped = level.map(|level| {
            limits.is_unit_factor(level) || block.is_some_and(|larger| limits.stays_in_unit(level, larger))
        });
        block = level.filter(|_| jumped == Some(true)).map(|level| level > 1.0);
        findings[member.row].unit_jump = if other_currency { Some(true) } else { jumped };
        if !other_currency && jumped != Some(true) {
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
    let in_shares = |bar: &Bar| {
        let factor = match walk.actions.filter(|_| walk.adjustment == Adjustment::Raw) {
            Some(actions) => actions.split_factor(bar.trading_date, until),
            None => 1.0,
        };
        Some(bar.price()? / factor)
    };
    let mut closes: Vec<f64> = behind.iter().filter_map(|member| in_shares(&member.bar)).collect();
    let Some(usual) = median(&mut closes) else { return false };
    let mut jumped = Vec::new();
    for member in members.iter().take_while(|member| findings[member.row].unit_jump.is_none()) {
        let Some(level) = in_shares(&member.bar).map(|price| price / usual) else { continue };
        if limits.is_unit_factor(level) && !walk.is_split_in_the_wrong_place(level) {
            jumped.push(member.row);
        }
    }
    // The others stay unknown, as they are where they come one by one.
    jumped.iter().for_each(|row| findings[*row].unit_jump = Some(true));
    !jumped.is_empty()
}
