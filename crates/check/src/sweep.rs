//! Landing objects that nobody asked to check, and staged rows that nobody asked to publish: a notification was lost, or a message was
//! older than its queue keeps one.
//!
//! A schedule asks for the sweep by a message on the function's own queue. What is found is asked for by messages like any other, so
//! doing it twice, or together with messages that are still on their way, costs work and changes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDateTime, TimeDelta, Utc};
use futures::future::join_all;
use quotelake_core::ports::{Lake, Message};
use quotelake_core::{Error, ErrorKind, ObjectKey, Result, Zone, check_id, sha256_hex};
use quotelake_platform::s3_event::created_body;
use quotelake_platform::sweep::{Sweep, SweepRequest};
use serde_json::json;
use tokio::time::Instant;

use crate::Context;

/// What was written in the last hours may be on its way: a message is tried for three quarters of an hour.
const ON_ITS_WAY: TimeDelta = TimeDelta::hours(2);

/// Objects that are read at the same time.
const READS: usize = 8;

/// A sweep that has less time left than this hands the rest over to another invocation.
const LEAST_TIME_LEFT: Duration = Duration::from_secs(20);

/// What a sweep found and asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Landing objects that were looked at.
    pub looked_at: usize,
    /// Landing objects without a result: `check` is asked for them.
    pub unchecked: Vec<String>,
    /// Datasets with staged rows that are older than any request: `publish` is asked for them.
    pub staged: BTreeSet<String>,
    /// Behind which key another invocation goes on, where the time was not enough.
    pub goes_on_after: Option<String>,
}

/// Sweeps. `Config` where the function has no queue of its own to ask on; else the kinds of the lake and the queues.
pub async fn sweep(context: &Context, request: &Sweep, deadline: Option<Instant>) -> Result<SweepReport> {
    let own_queue = context.own_queue.as_deref().ok_or_else(|| Error::config("OWN_QUEUE_URI is not set"))?;
    let now = context.clock.now();
    let mut report = SweepReport::default();
    if request.after.is_none() {
        for dataset in staged(context.lake.as_ref(), now).await? {
            let message = Message {
                body: json!({ "dataset": dataset }).to_string(),
                group: Some(dataset.clone()),
                ..Message::default()
            };
            context.publish_queue.send(message).await?;
            report.staged.insert(dataset);
        }
    }
    let mut keys = landed(context.landing.as_ref(), now, request.days).await?;
    if let Some(after) = &request.after {
        keys.retain(|key| key > after);
    }
    let ids = if keys.is_empty() { BTreeSet::new() } else { checked_ids(context.lake.as_ref()).await? };
    for chunk in keys.chunks(READS) {
        let mut looks = Vec::with_capacity(READS);
        for key in chunk {
            looks.push(is_checked(context.landing.as_ref(), key, &ids));
        }
        for (key, checked) in chunk.iter().zip(join_all(looks).await) {
            report.looked_at += 1;
            if !checked? {
                own_queue.send(Message { body: created_body(key), ..Message::default() }).await?;
                report.unchecked.push(key.clone());
            }
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left < LEAST_TIME_LEFT) && report.looked_at < keys.len() {
            report.goes_on_after = chunk.last().cloned();
            let rest = Sweep { days: request.days, after: report.goes_on_after.clone() };
            let body = serde_json::to_string(&SweepRequest { sweep: rest })
                .map_err(|e| Error::bug("cannot write a request to sweep").with_source(e))?;
            own_queue.send(Message { body, ..Message::default() }).await?;
            break;
        }
    }
    Ok(report)
}

/// Datasets with staged rows of which every request must have been handled by now.
async fn staged(lake: &dyn Lake, now: DateTime<Utc>) -> Result<BTreeSet<String>> {
    let old = lake.list(Zone::Staged.prefix()).await?.into_iter().filter(|meta| is_old(meta.modified, now));
    let dataset = |key: &str| match ObjectKey::parse(key) {
        Ok(ObjectKey::Staged { dataset, .. }) => Some(dataset),
        _ => None,
    };
    Ok(old.filter_map(|meta| dataset(&meta.key)).collect())
}

fn is_old(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    at.is_none_or(|at| now - at > ON_ITS_WAY)
}

/// Landing objects of the last days that are not on their way any more, in the order of their keys: those of the stream, which have
/// the hour in their keys, and those of one dataset.
async fn landed(lake: &dyn Lake, now: DateTime<Utc>, days: u32) -> Result<Vec<String>> {
    let first = now
        .date_naive()
        .checked_sub_days(Days::new(days.into()))
        .ok_or_else(|| Error::invalid(format!("there is no day {days} days ago")))?;
    let mut keys = BTreeSet::new();
    for day in first.iter_days().take_while(|day| *day <= now.date_naive()) {
        let prefix = format!("{}{}/", Zone::Landing.prefix(), day.format("%Y/%m/%d"));
        let of_day = lake.list(&prefix).await?.into_iter().map(|meta| meta.key);
        keys.extend(of_day.filter(|key| is_old(end_of_hour(key), now)));
    }
    let since = first.and_time(chrono::NaiveTime::MIN).and_utc();
    for meta in lake.list(&format!("{}dataset=", Zone::Landing.prefix())).await? {
        if is_old(meta.modified, now) && meta.modified.is_none_or(|at| at >= since) {
            keys.insert(meta.key);
        }
    }
    Ok(keys.into_iter().collect())
}

/// The end of the hour under which the stream filed an object.
fn end_of_hour(key: &str) -> Option<DateTime<Utc>> {
    let hour = key.strip_prefix(Zone::Landing.prefix())?.get(..13)?;
    let start = NaiveDateTime::parse_from_str(&format!("{hour}:00"), "%Y/%m/%d/%H:%M").ok()?;
    Some(start.and_utc() + TimeDelta::hours(1))
}

/// The ids of all checks that left a result or, of rows of no known dataset, only a quarantine.
async fn checked_ids(lake: &dyn Lake) -> Result<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    for prefix in ["quality/dataset=".to_owned(), Zone::Quarantine.prefix().to_owned()] {
        for meta in lake.list(&prefix).await? {
            if let Ok(ObjectKey::Quality { id, .. } | ObjectKey::Quarantine { id, .. }) =
                ObjectKey::parse(&meta.key)
            {
                ids.insert(id);
            }
        }
    }
    Ok(ids)
}

/// Whether an object, as it is now, was checked. One that cannot be read was not: `check` says so of it.
async fn is_checked(lake: &dyn Lake, key: &str, ids: &BTreeSet<String>) -> Result<bool> {
    match lake.get(key).await {
        Ok(object) => Ok(ids.contains(&check_id(key, &sha256_hex(&object.bytes)))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind().is_retryable() => Err(error),
        Err(_) => Ok(false),
    }
}
