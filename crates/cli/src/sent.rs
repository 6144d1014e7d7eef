//! Units that `fetch` sent and that did not land: the stream took a page, and nothing more is known of it.
//!
//! Each line of `landing/` names its run, its unit and the body that it was read from, so what landed is read there: a unit of several
//! pages has landed when every page has.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use quotelake_core::ports::Lake;
use quotelake_core::{Context as _, Error, Result, Zone};
use quotelake_fetch::Sent;
use quotelake_landing::gzip;
use serde::Serialize;
use serde_json::value::RawValue;

/// How long the stream may take: it buffers for a minute or five, and `transform` is tried again four times.
pub const LANDS_WITHIN: TimeDelta = TimeDelta::minutes(15);
/// How far back notes are looked at.
const LOOKED_BACK: TimeDelta = TimeDelta::days(2);

/// A unit that was sent and has not landed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NotLanded {
    /// The source.
    pub source: String,
    /// The unit.
    pub unit_id: String,
    /// The run that sent it.
    pub run_id: String,
    /// When.
    pub sent_at: DateTime<Utc>,
    /// How many of its pages have not landed; 0 where the note does not name them.
    pub pages: u64,
}

/// What was sent of one unit in one run.
type Unit = (String, String);

/// The units of the last two days that were sent more than a quarter of an hour ago and are not in `landing/`.
pub async fn not_landed(lake: &dyn Lake, now: DateTime<Utc>) -> Result<Vec<NotLanded>> {
    let mut sent_units: BTreeMap<Unit, (String, DateTime<Utc>, BTreeSet<String>)> = BTreeMap::new();
    let mut hours = BTreeSet::new();
    for day in (now - LOOKED_BACK).date_naive().iter_days().take_while(|day| *day <= now.date_naive()) {
        for meta in lake.list(&Sent::prefix(day)).await? {
            let bytes = lake.get(&meta.key).await?.bytes;
            let sent: Sent = serde_json::from_slice(&bytes)
                .map_err(|e| Error::invalid(format!("{} is no note of units", meta.key)).with_source(e))?;
            let age = now - sent.sent_at;
            if !(LANDS_WITHIN..=LOOKED_BACK).contains(&age) {
                continue;
            }
            // A run lasts no longer than a function does, and an object is filed under the hour of its first record.
            hours.extend((-1..=1).map(|hour| hour_of(sent.sent_at + TimeDelta::hours(hour))));
            let Sent { source, run_id, sent_at, units, mut pages } = sent;
            for unit_id in units {
                let sent_pages = pages.remove(&unit_id).unwrap_or_default();
                // One that was handed back and went on has a note of each part.
                let (_, last, all) = sent_units
                    .entry((run_id.clone(), unit_id))
                    .or_insert_with(|| (source.clone(), sent_at, BTreeSet::new()));
                *last = sent_at.max(*last);
                all.extend(sent_pages);
            }
        }
    }
    if sent_units.is_empty() {
        return Ok(Vec::new());
    }
    let mut landed: BTreeMap<Unit, BTreeSet<String>> = BTreeMap::new();
    for hour in hours {
        for meta in lake.list(&format!("{}{hour}/", Zone::Landing.prefix())).await? {
            let text = gzip::unpack(&lake.get(&meta.key).await?.bytes).with_context(|| meta.key.clone())?;
            add_units(&text, &mut landed);
        }
    }
    let mut missing = Vec::new();
    for (unit, (source, sent_at, pages)) in sent_units {
        let of_unit = landed.get(&unit);
        let left = pages.iter().filter(|page| of_unit.is_none_or(|landed| !landed.contains(*page))).count();
        if left > 0 || of_unit.is_none() {
            let (run_id, unit_id) = unit;
            missing.push(NotLanded { source, unit_id, run_id, sent_at, pages: left as u64 });
        }
    }
    missing.sort();
    Ok(missing)
}

fn hour_of(at: DateTime<Utc>) -> String {
    at.format("%Y/%m/%d/%H").to_string()
}

/// Adds the run, the unit and the page of each line.
fn add_units(text: &[u8], units: &mut BTreeMap<Unit, BTreeSet<String>>) {
    let mut last: &[u8] = b"";
    for line in text.split(|byte| *byte == b'\n') {
        // The rows of a page end alike, and are together.
        let Some(end) = provenance(line) else { continue };
        if end == last {
            continue;
        }
        last = end;
        if let Some((unit, page)) = unit_of(line) {
            units.entry(unit).or_default().insert(page);
        }
    }
}

/// The end of a line, from the time of fetching on.
fn provenance(line: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"\"fetched_at\":";
    let at = line.windows(NAME.len()).rposition(|window| window == NAME)?;
    line.get(at..)
}

#[derive(serde::Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    run_id: &'a RawValue,
    #[serde(borrow)]
    unit_id: &'a RawValue,
    #[serde(borrow)]
    raw_sha256: &'a RawValue,
}

fn unit_of(line: &[u8]) -> Option<(Unit, String)> {
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
    Some(((text(line.run_id)?, text(line.unit_id)?), text(line.raw_sha256)?))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use quotelake_core::ports::Precondition;
    use quotelake_local::MemoryLake;

    use super::*;

    #[tokio::test]
    async fn a_unit_that_was_sent_and_is_not_in_landing_is_named_after_a_quarter_of_an_hour() {
        let lake = MemoryLake::new();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let note = |sent_at: &str, units: &[&str]| Sent {
            source: "polygon".into(),
            run_id: "run-1".into(),
            sent_at: at(sent_at),
            units: units.iter().map(|unit| (*unit).to_owned()).collect(),
            pages: BTreeMap::new(),
        };
        for (name, sent) in [
            ("2026-11-27-a", note("2026-11-27T23:59:00Z", &["u/1", "u/2"])),
            ("2026-11-28-b", note("2026-11-28T00:20:00Z", &["u/3"])),
        ] {
            let key = format!("state/sent/{name}.json");
            lake.put(&key, serde_json::to_vec(&sent).unwrap().into(), Precondition::None).await.unwrap();
        }
        let line = |run: &str, unit: &str| {
            format!(
                "{{\"dataset\":\"daily_bars\",\"close\":1,\"fetched_at\":\"2026-11-27T23:58:00.000Z\",\"request_id\":\"r\",\"run_id\":\"{run}\",\"unit_id\":\"{unit}\",\"raw_sha256\":\"0\",\"schema_version\":1}}\n"
            )
        };
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(
            [line("run-1", "u/1"), line("run-1", "u/1"), line("run-0", "u/2")].concat().as_bytes(),
        )
        .unwrap();
        let key = "landing/2026/11/28/00/quotelake-1.gz";
        lake.put(key, gzip.finish().unwrap().into(), Precondition::None).await.unwrap();

        let units = |now: &str| {
            let lake = &lake;
            let now = at(now);
            async move {
                let found = not_landed(lake, now).await.unwrap();
                found.into_iter().map(|unit| unit.unit_id).collect::<Vec<_>>()
            }
        };
        assert!(units("2026-11-28T00:10:00Z").await.is_empty());
        assert_eq!(units("2026-11-28T00:21:00Z").await, ["u/2"], "another run's row is no sign of it");
        assert_eq!(units("2026-11-28T00:40:00Z").await, ["u/2", "u/3"]);
        assert_eq!(units("2026-11-30T00:10:00Z").await, ["u/3"], "notes are looked at for two days");
    }

    #[tokio::test]
    async fn a_unit_of_several_pages_has_landed_when_all_of_them_have() {
        let lake = MemoryLake::new();
        let sent_at: DateTime<Utc> = "2026-11-28T00:20:00Z".parse().unwrap();
        let note = |name: &'static str, pages: &[&str], minutes: i64| {
            let sent = Sent {
                source: "polygon".into(),
                run_id: "run-1".into(),
                sent_at: sent_at + TimeDelta::minutes(minutes),
                units: BTreeSet::from(["u/1".to_owned()]),
                pages: BTreeMap::from([(
                    "u/1".to_owned(),
                    pages.iter().map(|page| (*page).to_owned()).collect(),
                )]),
            };
            (format!("state/sent/2026-11-28-{name}.json"), serde_json::to_vec(&sent).unwrap())
        };
        // Handed back behind its second page, and carried through by another invocation.
        for (key, bytes) in [note("a", &["one", "two"], 0), note("b", &["three"], 5)] {
            lake.put(&key, bytes.into(), Precondition::None).await.unwrap();
        }
        let now = sent_at + TimeDelta::minutes(30);
        let land = |page: &'static str| {
            let line = format!(
                "{{\"dataset\":\"daily_bars\",\"fetched_at\":\"2026-11-28T00:19:00.000Z\",\"request_id\":\"r\",\"run_id\":\"run-1\",\"unit_id\":\"u/1\",\"raw_sha256\":\"{page}\",\"schema_version\":1}}\n"
            );
            let key = format!("landing/2026/11/28/00/{page}.gz");
            let bytes = quotelake_landing::gzip::pack(line.as_bytes()).unwrap();
            let lake = &lake;
            async move { lake.put(&key, bytes, Precondition::None).await.unwrap() }
        };
        let mut left = Vec::new();
        for page in ["one", "three", "of nobody", "two"] {
            let found = not_landed(&lake, now).await.unwrap();
            left.push(found.first().map_or(0, |unit| unit.pages));
            land(page).await;
        }
        assert_eq!(left, [3, 2, 1, 1]);
        assert!(not_landed(&lake, now).await.unwrap().is_empty());
    }
}
