//! When each dataset was last published: one small document of the lake for each, written by `publish` and read by `fetch`, which tells
//! it as a metric. A dataset that was never published has no document, and is not stale.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use quotelake_core::ports::{Clock, Lake, Precondition};
use quotelake_core::{Error, ErrorKind, ObjectKey, Result};
use serde::{Deserialize, Serialize};

/// The folder of the documents in `state/`.
const PUBLISHED: &str = "published";

/// Keeps the documents at `state/published/<dataset>.json`.
#[derive(Debug, Clone)]
pub struct Freshness {
    lake: Arc<dyn Lake>,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    published_at: DateTime<Utc>,
}

impl Freshness {
    /// Keeps the documents in this lake.
    pub fn new(lake: Arc<dyn Lake>, clock: Arc<dyn Clock>) -> Self {
        Self { lake, clock }
    }

    /// Notes that a dataset was published now, whether or not a file changed: a quiet day is no stale table.
    pub async fn note(&self, dataset: &str) -> Result<()> {
        let document = Published { published_at: self.clock.now() };
        let bytes =
            serde_json::to_vec(&document).map_err(|e| Error::bug("cannot write a note").with_source(e))?;
        let key = key(dataset);
        let put = self.lake.put(&key, bytes.into(), Precondition::None).await;
        put.map(drop).map_err(|e| e.context(format!("writing {key}")))
    }

    /// Whole hours since a dataset was published, rounded down; `None` where it never was.
    pub async fn hours_since(&self, dataset: &str) -> Result<Option<u64>> {
        let key = key(dataset);
        let object = match self.lake.get(&key).await {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.context(format!("reading {key}"))),
        };
        let document: Published = serde_json::from_slice(&object.bytes)
            .map_err(|e| Error::invalid(format!("{key} says no time")).with_source(e))?;
        let hours = (self.clock.now() - document.published_at).num_hours();
        Ok(Some(u64::try_from(hours).unwrap_or(0)))
    }
}

fn key(dataset: &str) -> String {
    ObjectKey::state(PUBLISHED, dataset).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::sync::Mutex;

    use chrono::Duration;
    use quotelake_local::MemoryLake;

    use super::*;

    #[derive(Debug)]
    struct Hands(Mutex<DateTime<Utc>>);

    impl Clock for Hands {
        fn now(&self) -> DateTime<Utc> {
            *self.0.lock().unwrap()
        }
    }

    #[tokio::test]
    async fn hours_are_counted_from_the_last_time_of_each_dataset() {
        let start = DateTime::from_timestamp(1_795_240_800, 0).unwrap();
        let (lake, clock) = (Arc::new(MemoryLake::new()), Arc::new(Hands(Mutex::new(start))));
        let freshness = Freshness::new(lake.clone(), clock.clone());
        assert_eq!(freshness.hours_since("daily_bars").await.unwrap(), None);
        freshness.note("daily_bars").await.unwrap();
        *clock.0.lock().unwrap() = start + Duration::minutes(27 * 60 + 59);
        freshness.note("splits").await.unwrap();
        assert_eq!(freshness.hours_since("daily_bars").await.unwrap(), Some(27));
        assert_eq!(freshness.hours_since("splits").await.unwrap(), Some(0));
        // A clock that is behind the one that wrote.
        *clock.0.lock().unwrap() = start - Duration::hours(5);
        assert_eq!(freshness.hours_since("daily_bars").await.unwrap(), Some(0));
        let keys: Vec<_> = lake.list("state/").await.unwrap().into_iter().map(|object| object.key).collect();
        assert_eq!(keys, ["state/published/daily_bars.json", "state/published/splits.json"]);
        lake.put("state/published/splits.json", "{}".into(), Precondition::None).await.unwrap();
        let error = freshness.hours_since("splits").await.unwrap_err();
        assert!(error.to_string().contains("state/published/splits.json says no time"), "{error}");
    }
}
