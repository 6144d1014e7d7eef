//! Units that `fetch` sent and that did not land: the stream took a page, and nothing more is known of it.
//!
//! Each line of `landing/` names its run and its unit, so what landed is read there.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use quotelake_core::ports::Lake;
use quotelake_core::{Context as _, Error, Result, Zone};
use quotelake_fetch::Sent;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::commands::files::gunzip;

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
}

/// The units of the last two days that were sent more than a quarter of an hour ago and are not in `landing/`.
pub async fn not_landed(lake: &dyn Lake, now: DateTime<Utc>) -> Result<Vec<NotLanded>> {
    let mut missing = BTreeSet::new();
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
            let Sent { source, run_id, sent_at, units } = sent;
            missing.extend(units.into_iter().map(|unit_id| NotLanded {
                source: source.clone(),
                unit_id,
                run_id: run_id.clone(),
                sent_at,
            }));
        }
    }
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let mut landed = BTreeSet::new();
    for hour in hours {
        for meta in lake.list(&format!("{}{hour}/", Zone::Landing.prefix())).await? {
            let text = gunzip(&lake.get(&meta.key).await?.bytes).with_context(|| meta.key.clone())?;
            add_units(&text, &mut landed);
        }
    }
    missing.retain(|unit| !landed.contains(&(unit.run_id.clone(), unit.unit_id.clone())));
    Ok(missing.into_iter().collect())
}

fn hour_of(at: DateTime<Utc>) -> String {
    at.format("%Y/%m/%d/%H").to_string()
}

/// Adds the run and the unit of each line.
fn add_units(text: &[u8], units: &mut BTreeSet<(String, String)>) {
    let mut last: &[u8] = b"";
    for line in text.split(|byte| *byte == b'\n') {
        // The rows of a page end alike, and stand together.
        let Some(end) = provenance(line) else { continue };
        if end == last {
            continue;
        }
        last = end;
        if let Some(found) = unit_of(line) {
            units.insert(found);
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
}

fn unit_of(line: &[u8]) -> Option<(String, String)> {
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
    Some((text(line.run_id)?, text(line.unit_id)?))
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
}
