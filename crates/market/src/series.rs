//! The walk along one series.
//!
//! A bar is compared with bars that can be trusted. One whose unit seems to have jumped is left out of what later bars are compared
//! with, published or not: a block of pence is found from its first bar to its last, and the first bar in pounds behind it is not.
//! That is a flag, for a market can do it; what it cannot do is in `unit.rs`. An outlier stays in, since a price that fell by half for
//! good is a price; but the bar after it is also held against the bar before it, and the smaller return counts: a tick that comes back
//! flags itself, not the bar after it. What is remembered from bar to bar is in `walk_state.rs`.

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::MarketContext;
use super::bars::{Bar, SeriesKey};
use super::basis::other_basis;
use super::unit::{
    in_another_unit, most_jumped, published_in_another_unit, unit_from_the_end, unit_of_the_first,
};
use super::walk_state::{Answer, Findings, Member, Sight, Walk};
use crate::calendar::Calendar;

/// Walks a series in time order and writes what it finds into `findings`, by row.
pub(super) fn walk(
    key: &SeriesKey,
    mut members: Vec<Member<'_>>,
    context: &MarketContext<'_>,
    answer: &Answer<'_>,
    findings: &mut [Findings],
) {
    members.sort_by(|a, b| order(a).partial_cmp(&order(b)).unwrap_or(std::cmp::Ordering::Equal));
    let published = context.look_back.of(key);
    for row in in_another_unit(key, &members, context.limits, answer) {
        findings[row].unit_fault = true;
    }
    let currency = published.and_then(|published| published.currency()).or_else(|| members[0].currency);
    let actions = members.iter().find_map(|member| member.actions);
    let before = published.map_or(&[][..], |published| &published.bars);
    let mut walk = Walk::new(key, context.limits, actions, currency);
    let apart = published_in_another_unit(before, &walk);
    pass(&members, before, &apart, &mut walk, findings, false);
    let alone = published.is_none_or(|published| published.bars.is_empty());
    let begins_in_another_unit = alone
        && if most_jumped(&members, findings) {
            unit_from_the_end(&members, &walk, findings);
            true
        } else {
            unit_of_the_first(&members, &walk, findings)
        };
    if begins_in_another_unit {
        // What was compared with the wrong beginning is compared without it.
        walk = Walk::new(key, context.limits, actions, currency);
        pass(&members, before, &apart, &mut walk, findings, true);
    }
    if let (true, Some(actions)) = (walk.adjustment.counts_todays_shares(), actions) {
        let prices: Vec<Option<f64>> = members
            .iter()
            .map(|member| member.bar.price().filter(|_| findings[member.row].unit_jump != Some(true)))
            .collect();
        let dates: Vec<NaiveDate> = members.iter().map(|member| member.bar.trading_date).collect();
        let apart = other_basis(&dates, &prices, actions, context.limits);
        for (member, apart) in members.iter().zip(apart) {
            findings[member.row].other_basis = Some(apart);
        }
    }
    late(&members, before, context, findings);
}

/// Says how late the newest bar is. One that has not begun yet says nothing of how fresh a series is.
fn late(members: &[Member<'_>], before: &[Bar], context: &MarketContext<'_>, findings: &mut [Findings]) {
    let Some(last) = members.last().map(|member| member.bar.time()) else { return };
    let tomorrow = context.now.date_naive().checked_add_days(Days::new(1));
    let has_begun = |date: &NaiveDate| tomorrow.is_none_or(|tomorrow| *date <= tomorrow);
    let dates = members.iter().map(|member| member.bar.trading_date);
    let dates = dates.chain(before.iter().map(|bar| bar.trading_date));
    let Some(newest) = dates.filter(has_begun).max() else { return };
    for member in members.iter().rev().take_while(|member| member.bar.time() == last) {
        findings[member.row].sessions_behind =
            member.calendar.and_then(|calendar| sessions_behind(calendar, newest, context.now));
    }
}

/// Walks once. `apart` are the published bars in another unit than the others. With `judged`, the findings say already which of the
/// batch's are.
fn pass(
    members: &[Member<'_>],
    published: &[Bar],
    apart: &[bool],
    walk: &mut Walk<'_>,
    findings: &mut [Findings],
    judged: bool,
) {
    let mut before = published.iter().zip(apart).peekable();
    // The bar before, where it came with the same batch: published adjusted closes may have another basis.
    let mut fetched_before: Option<&Member<'_>> = None;
    for group in members.chunk_by(|a, b| a.bar.time() == b.bar.time()) {
        let time = group[0].bar.time();
        while let Some((bar, apart)) = before.next_if(|(bar, _)| bar.time() < time) {
            let seen = walk.look_at(bar, None);
            walk.step(bar, &Sight { unit_jump: Some(*apart), ..seen });
            fetched_before = None;
        }
        before.next_if(|(bar, _)| bar.time() == time);
        let mut last = None;
        for member in group {
            let mut seen = walk.look_at(&member.bar, member.currency.zip(walk.currency));
            let unit_fault = findings[member.row].unit_fault;
            if judged {
                seen.unit_jump = findings[member.row].unit_jump;
            }
            if unit_fault {
                seen.unit_jump = Some(true);
            }
            findings[member.row] = Findings {
                ret_1: seen.ret_1,
                ret_mad_z: seen.ret_mad_z,
                adj_diff: fetched_before.and_then(|before| walk.adj_diff(before, member)),
                unexplained_split: walk.unexplained_split(&member.bar, member.calendar),
                unit_jump: seen.unit_jump,
                unit_fault,
                flat_run: seen.flat_run,
                is_session: walk.is_session(&member.bar, member.calendar),
                missing_sessions: walk.missing_sessions(&member.bar, member.calendar),
                sessions_behind: None,
                other_basis: None,
            };
            last = Some((&member.bar, seen));
        }
        match last {
            Some((bar, _)) if contradict(group) => walk.pass_over(bar),
            Some((bar, seen)) => walk.step(bar, &seen),
            None => {}
        }
        fetched_before = group.last();
    }
}

/// Whether the newest rows of one time say different prices: nobody can tell which is right, and later bars are compared with neither.
fn contradict(group: &[Member<'_>]) -> bool {
    let Some((newest, others)) = group.split_last() else { return false };
    let same_revision = others.iter().rev().take_while(|other| other.revision_ms == newest.revision_ms);
    same_revision.into_iter().any(|other| other.bar.close != newest.bar.close)
}

type Order = ((NaiveDate, i64), Option<i64>, [Option<f64>; 5]);

/// Time, then revision, then content: rows of one time are in the same order however the batch has them.
fn order(member: &Member<'_>) -> Order {
    let Bar { open, high, low, close, volume, .. } = member.bar;
    (member.bar.time(), member.revision_ms, [close, volume, open, high, low])
}

/// How many sessions have closed since the newest bar.
fn sessions_behind(calendar: &Calendar, newest: NaiveDate, now: DateTime<Utc>) -> Option<i32> {
    let closed = calendar.last_closed_session(now)?;
    i32::try_from(calendar.sessions_between(newest, closed)?).ok()
}
