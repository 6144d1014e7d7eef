//! Which split or dividend has an effect on a series, where, and by how much; and why one has none.

use super::closes::{AllCloses, Close, SeriesCloses};
use super::ratio::Ratio;
use super::same_day::{DividendShares, SameDay};
use super::stated::{Dividend, Origin, Split};
use crate::actions::Adjustment;

/// The most calendar days between the last close before an event and the session on which it takes effect: the longest closure of an
/// exchange that is no halt, ten days with the weekends around it. A close from before that says little of the price from which a
/// dividend is paid.
pub(super) const MOST_STALE_DAYS: i32 = 10;
/// Amounts of one dividend, stated before and after a split, agree to one part in so many: sources round them.
const RESTATED_PARTS: u32 = 10_000;

/// Why an event has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    UnknownAdjustment,
    AlreadyAdjusted,
    RatioNotPositive,
    AmountNotPositive,
    Duplicate,
    ContradictorySplits,
    RestatedAfterSplit,
    AfterLastBar,
    AfterBaseDate,
    BeforeFirstBar,
    NoPreviousClose,
    StalePreviousClose,
    DividendCurrency,
    NoExClose,
    AboveClose,
}

impl Reason {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UnknownAdjustment => "unknown_adjustment",
            Self::AlreadyAdjusted => "already_adjusted",
            Self::RatioNotPositive => "ratio_not_positive",
            Self::AmountNotPositive => "amount_not_positive",
            Self::Duplicate => "duplicate",
            Self::ContradictorySplits => "contradictory_splits",
            Self::RestatedAfterSplit => "restated_after_split",
            Self::AfterLastBar => "after_last_bar",
            Self::AfterBaseDate => "after_base_date",
            Self::BeforeFirstBar => "before_first_bar",
            Self::NoPreviousClose => "no_previous_close",
            Self::StalePreviousClose => "stale_previous_close",
            Self::DividendCurrency => "dividend_currency",
            Self::NoExClose => "no_ex_close",
            Self::AboveClose => "above_close",
        }
    }
}

/// The row that states an event.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stated<'a> {
    Split(&'a Split),
    Dividend(&'a Dividend),
}

impl<'a> Stated<'a> {
    pub(super) fn origin(self) -> &'a Origin {
        match self {
            Self::Split(split) => &split.origin,
            Self::Dividend(dividend) => &dividend.origin,
        }
    }
}

/// By what a price before an event is multiplied, by both methods.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    pub(super) previous_close: Ratio,
    pub(super) ex_close: Ratio,
}

/// A split or dividend beside the bars of one series.
#[derive(Debug, Clone)]
pub(super) struct Event<'a> {
    pub(super) stated: Stated<'a>,
    /// From 1, of one kind and date.
    pub(super) ordinal: i32,
    /// Missing where it is applied.
    pub(super) reason: Option<Reason>,
    /// The bar on which it takes effect, and the one before.
    pub(super) effective: Option<Close>,
    pub(super) previous: Option<Close>,
    /// New shares for an old one, or the amount in the shares of the series' bars around the event.
    pub(super) quantity: Option<Ratio>,
    pub(super) steps: Option<Steps>,
}

impl<'a> Event<'a> {
    fn new(stated: Stated<'a>, ordinal: i32) -> Self {
        let (effective, previous, quantity, steps) = (None, None, None, None);
        Self { stated, ordinal, reason: None, effective, previous, quantity, steps }
    }

    pub(super) fn date(&self) -> i32 {
        match self.stated {
            Stated::Split(split) => split.date,
            Stated::Dividend(dividend) => dividend.date,
        }
    }

    pub(super) fn is_split(&self) -> bool {
        matches!(self.stated, Stated::Split(_))
    }

    /// The first reason stays.
    fn skip(&mut self, reason: Reason) {
        self.reason.get_or_insert(reason);
    }

    fn is_applied(&self) -> bool {
        self.reason.is_none()
    }
}

/// What events are judged beside.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) closes: &'a AllCloses,
    pub(super) series: &'a SeriesCloses,
    pub(super) adjustment: Adjustment,
    pub(super) same_day: &'a SameDay,
    /// Days since 1970.
    pub(super) base: Option<i32>,
}

/// Judges the events of a series, given by date. They come by date, splits before dividends.
pub(super) fn judge<'a>(
    splits: &[&'a Split],
    dividends: &[&'a Dividend],
    beside: Beside<'_>,
) -> Vec<Event<'a>> {
    let mut split_events = numbered(splits.iter().map(|split| Stated::Split(split)));
    split_events.iter_mut().for_each(|event| match event.stated {
        Stated::Split(split) => event.quantity = new_for_old(split),
        Stated::Dividend(_) => {}
    });
    tell_splits_apart(&mut split_events);
    let counted: Vec<(i32, Ratio)> = split_events
        .iter()
        .filter(|event| event.is_applied())
        .filter_map(|event| Some((event.date(), event.quantity.clone()?)))
        .collect();
    let mut dividend_events = numbered(dividends.iter().map(|dividend| Stated::Dividend(dividend)));
    for event in &mut dividend_events {
        event.quantity = in_series(event, &counted, beside);
        if event.quantity.is_none() {
            event.skip(Reason::AmountNotPositive);
        }
    }
    tell_dividends_apart(&mut dividend_events, &counted, beside);
    let mut events = split_events;
    events.append(&mut dividend_events);
    events.sort_by_key(|event| (event.date(), !event.is_split()));
    for event in &mut events {
        by_adjustment(event, beside.adjustment);
        place(event, beside);
    }
    apply(&mut events, beside);
    events
}

/// Numbers the events of one date.
fn numbered<'a>(stated: impl Iterator<Item = Stated<'a>>) -> Vec<Event<'a>> {
    let mut events: Vec<Event<'a>> = Vec::new();
    for stated in stated {
        let mut event = Event::new(stated, 1);
        if let Some(last) = events.last().filter(|last| last.date() == event.date()) {
            event.ordinal = last.ordinal + 1;
        }
        events.push(event);
    }
    events
}

fn new_for_old(split: &Split) -> Option<Ratio> {
    Some(Ratio::of_decimal(split.to)?.divided_by(&Ratio::of_decimal(split.from)?).reduced())
}

/// One split of a date counts. Two of different ratios count neither: nobody can tell which is right.
fn tell_splits_apart(events: &mut [Event<'_>]) {
    for event in events.iter_mut().filter(|event| event.quantity.is_none()) {
        event.skip(Reason::RatioNotPositive);
    }
    for group in events.chunk_by_mut(|a, b| a.date() == b.date()) {
        let stated: Vec<&Ratio> = group.iter().filter_map(|event| event.quantity.as_ref()).collect();
        let agree = stated.windows(2).all(|pair| pair[0].divided_by(pair[1]).is_one());
        let (counted, reason) = if agree { (1, Reason::Duplicate) } else { (0, Reason::ContradictorySplits) };
        let applied = group.iter_mut().filter(|event| event.is_applied());
        applied.skip(counted).for_each(|event| event.skip(reason));
    }
}

/// Of two rows that differ in nothing but that one has no date of payment, or that differ in no way, one counts. Of a dividend that a
/// source states anew after a split, divided by it, the newer row does.
fn tell_dividends_apart(events: &mut [Event<'_>], splits: &[(i32, Ratio)], beside: Beside<'_>) {
    for group in events.chunk_by_mut(|a, b| a.date() == b.date()) {
        for at in 0..group.len() {
            let Stated::Dividend(dividend) = group[at].stated else { continue };
            let others = group.iter().enumerate().filter(|(other, event)| *other != at && event.is_applied());
            let reason = others.filter_map(|(other, event)| match event.stated {
                Stated::Dividend(other_row) if repeats(dividend, other_row, other < at) => {
                    Some(Reason::Duplicate)
                }
                Stated::Dividend(other_row) if is_restated(dividend, other_row, splits, beside) => {
                    Some(Reason::RestatedAfterSplit)
                }
                _ => None,
            });
            if let Some(reason) = reason.min_by_key(|reason| *reason == Reason::RestatedAfterSplit) {
                group[at].skip(reason);
            }
        }
    }
}

/// Whether a dividend is one more row of another of the same date, which counts in its place.
fn repeats(dividend: &Dividend, other: &Dividend, is_behind: bool) -> bool {
    let content = |row: &Dividend| (row.amount, row.split_adjusted);
    let same = content(dividend) == content(other)
        && dividend.kind == other.kind
        && dividend.currency == other.currency;
    let pay_date = match (dividend.pay_date, other.pay_date) {
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (one, another) => one == another && is_behind,
    };
    same && pay_date
}

/// Whether a dividend was stated anew, after a split between, in shares of that time.
fn is_restated(old: &Dividend, new: &Dividend, splits: &[(i32, Ratio)], beside: Beside<'_>) -> bool {
    if !(old.split_adjusted && new.split_adjusted && old.kind == new.kind && old.currency == new.currency) {
        return false;
    }
    if old.pay_date != new.pay_date || old.fetched >= new.fetched {
        return false;
    }
    let between = splits.iter().filter(|(date, _)| {
        is_later(*date, old, beside.same_day) && (old.fetched < *date && *date <= new.fetched)
    });
    let factor = between.fold(Ratio::one(), |factor, (_, ratio)| factor.times(ratio));
    let (Some(old), Some(new)) = (Ratio::of_decimal(old.amount), Ratio::of_decimal(new.amount)) else {
        return false;
    };
    !factor.is_one() && old.is_near(&new.times(&factor), RESTATED_PARTS)
}

/// Whether a split lies behind the shares that a dividend is stated in.
fn is_later(split: i32, dividend: &Dividend, same_day: &SameDay) -> bool {
    split > dividend.date
        || (split == dividend.date && same_day.of(&dividend.origin.provider) == DividendShares::Old)
}

/// The product of the splits behind a dividend's shares that were executed by a day.
fn splits_until(day: i32, dividend: &Dividend, splits: &[(i32, Ratio)], beside: Beside<'_>) -> Ratio {
    let later = |date: i32| date <= day && is_later(date, dividend, beside.same_day);
    let within = splits.iter().filter(|(date, _)| later(*date));
    within.fold(Ratio::one(), |factor, (_, ratio)| factor.times(ratio))
}

/// A dividend's amount in the shares that the series counts in around its ex-date. `None` where it is not above zero.
fn in_series(event: &Event<'_>, splits: &[(i32, Ratio)], beside: Beside<'_>) -> Option<Ratio> {
    let Stated::Dividend(dividend) = event.stated else { return None };
    let mut amount = Ratio::of_decimal(dividend.amount)?;
    let in_todays_shares = beside.adjustment.counts_todays_shares();
    if dividend.split_adjusted {
        amount = amount.times(&splits_until(dividend.fetched, dividend, splits, beside));
    }
    if in_todays_shares {
        amount = amount.divided_by(&splits_until(beside.series.fetched, dividend, splits, beside));
    }
    Some(amount.reduced())
}

fn by_adjustment(event: &mut Event<'_>, adjustment: Adjustment) {
    match adjustment {
        Adjustment::Unknown => event.skip(Reason::UnknownAdjustment),
        Adjustment::SplitDividend => event.skip(Reason::AlreadyAdjusted),
        Adjustment::Split if event.is_split() => event.skip(Reason::AlreadyAdjusted),
        Adjustment::Split | Adjustment::Raw => {}
    }
}

/// Finds the bar on which an event takes effect and the one before, and skips it where they will not do.
fn place(event: &mut Event<'_>, beside: Beside<'_>) {
    let series = beside.series;
    let before_first = series.first_date().is_none_or(|first| event.date() < first);
    let Some(at) = series.from(event.date()) else { return event.skip(Reason::AfterLastBar) };
    if !before_first {
        event.effective = Some(series.get(at));
    }
    event.previous = at.checked_sub(1).map(|before| series.get(before));
    let Some((previous, effective)) = event.previous.zip(event.effective) else {
        let reason = if event.is_split() { Reason::BeforeFirstBar } else { Reason::NoPreviousClose };
        return event.skip(reason);
    };
    let Stated::Dividend(dividend) = event.stated else { return };
    if !(beside.closes.is_in(previous, &dividend.currency)
        && beside.closes.is_in(effective, &dividend.currency))
    {
        event.skip(Reason::DividendCurrency);
    }
    if previous.price <= 0 {
        event.skip(Reason::NoPreviousClose);
    }
    if effective.date - previous.date > MOST_STALE_DAYS {
        event.skip(Reason::StalePreviousClose);
    }
    if effective.price <= 0 {
        event.skip(Reason::NoExClose);
    }
}

/// The steps of the events of each bar; what is later than the base date is skipped at the end, so that it is known where it would be.
fn apply(events: &mut [Event<'_>], beside: Beside<'_>) {
    let key = |event: &Event<'_>| event.effective.map(|close| close.date);
    for group in events.chunk_by_mut(|a, b| key(a) == key(b)) {
        let Some(effective) = key(&group[0]) else { continue };
        for event in group.iter_mut().filter(|event| event.is_applied() && event.is_split()) {
            let Some(ratio) = &event.quantity else { continue };
            let step = Ratio::one().divided_by(ratio);
            event.steps = Some(Steps { previous_close: step.clone(), ex_close: step });
        }
        pay(group, beside.same_day);
        if beside.base.is_some_and(|base| effective > base) {
            group.iter_mut().for_each(|event| event.skip(Reason::AfterBaseDate));
        }
    }
}

/// The steps of the dividends of one bar: one sum of cash, of which each takes its part.
fn pay(group: &mut [Event<'_>], same_day: &SameDay) {
    let splits: Vec<(i32, Ratio)> = group
        .iter()
        .filter(|event| event.is_split() && event.is_applied())
        .filter_map(|event| Some((event.date(), event.quantity.clone()?)))
        .collect();
    let new_for_old = splits.iter().fold(Ratio::one(), |all, (_, ratio)| all.times(ratio));
    let mut paid: Vec<(usize, Ratio)> = Vec::new();
    for (at, event) in group.iter().enumerate().filter(|(_, event)| event.is_applied()) {
        let (Stated::Dividend(dividend), Some(amount)) = (event.stated, &event.quantity) else { continue };
        let before = splits.iter().filter(|(date, _)| !is_later(*date, dividend, same_day));
        paid.push((at, before.fold(amount.clone(), |amount, (_, ratio)| amount.times(ratio))));
    }
    let Some((first, _)) = paid.first() else { return };
    let (Some(previous), Some(effective)) = (
        group[*first].previous.and_then(|close| Ratio::of_decimal(close.price)),
        group[*first].effective.and_then(|close| Ratio::of_decimal(close.price)),
    ) else {
        return;
    };
    let (mut left, mut total) = (previous, effective);
    let mut steps = Vec::with_capacity(paid.len());
    for (_, cash) in &paid {
        let Some(less) = left.minus(cash) else {
            return paid.iter().for_each(|(at, _)| group[*at].skip(Reason::AboveClose));
        };
        let more = total.plus(&cash.divided_by(&new_for_old)).reduced();
        let less = less.reduced();
        steps.push(Steps {
            previous_close: less.divided_by(&left).reduced(),
            ex_close: total.divided_by(&more).reduced(),
        });
        (left, total) = (less, more);
    }
    for ((at, _), step) in paid.iter().zip(steps) {
        group[*at].steps = Some(step);
    }
}
