//! Recorded answers of a vendor: `recording.json` with one entry for each request, each body in a file beside it, checked by
//! its SHA-256. The replay server answers from it, in tests and in the demo.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use quotelake_core::{Context as _, Error, Result, sha256_hex};
use serde::Deserialize;

/// Answers of one source, recorded.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The source's name, e.g. `polygon`.
    pub source: String,
    /// When the answers were recorded: their `fetched_at` in a replay.
    pub recorded_at: DateTime<Utc>,
    responses: BTreeMap<RequestKey, Recorded>,
}

/// Method, path, and the query's pairs in order.
type RequestKey = (String, String, BTreeSet<(String, String)>);

/// One recorded answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Bytes,
}

#[derive(Deserialize)]
struct Index {
    source: String,
    recorded_at: DateTime<Utc>,
    responses: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    method: String,
    path: String,
    #[serde(default)]
    query: BTreeMap<String, String>,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body_file: String,
    sha256: String,
}

impl Recording {
    /// Reads `recording.json` and every body beside it. `InvalidInput` names the entry that is wrong: unreadable, with another
    /// hash, outside the folder, or recorded twice.
    pub fn load(index: &Path) -> Result<Self> {
        let read = |path: &Path| {
            std::fs::read(path)
                .map_err(|e| Error::invalid(format!("cannot read {}", path.display())).with_source(e))
        };
        let parsed: Index = serde_json::from_slice(&read(index)?)
            .map_err(|e| Error::invalid(format!("{} is not a recording", index.display())).with_source(e))?;
        let folder = index.parent().unwrap_or(Path::new(""));
        let mut recording = Self::new(parsed.source, parsed.recorded_at);
        for (number, entry) in parsed.responses.into_iter().enumerate() {
            let place = || format!("{}: responses[{number}]", index.display());
            let file = Path::new(&entry.body_file);
            if !file.components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(Error::invalid(format!("{}: body_file is outside the folder", place())));
            }
            let body = read(&folder.join(file)).with_context(place)?;
            let hash = sha256_hex(&body);
            if hash != entry.sha256 {
                let what = format!(
                    "{}: {}'s sha256 is {hash}, {} was recorded",
                    place(),
                    entry.body_file,
                    entry.sha256
                );
                return Err(Error::invalid(what));
            }
            let answer = Recorded { status: entry.status, headers: entry.headers, body: body.into() };
            let query: Vec<_> = entry.query.into_iter().collect();
            recording.add(&entry.method, &entry.path, &query, answer).with_context(place)?;
        }
        Ok(recording)
    }

    /// A recording without answers.
    pub fn new(source: impl Into<String>, recorded_at: DateTime<Utc>) -> Self {
        Self { source: source.into(), recorded_at, responses: BTreeMap::new() }
    }

    /// Adds an answer. `InvalidInput` when the request has one.
    pub fn add(
        &mut self,
        method: &str,
        path: &str,
        query: &[(String, String)],
        answer: Recorded,
    ) -> Result<()> {
        let key = (method.to_owned(), path.to_owned(), query.iter().cloned().collect());
        if self.responses.insert(key, answer).is_some() {
            return Err(Error::invalid(format!("{method} {path} is recorded twice with the same query")));
        }
        Ok(())
    }

    /// The answer to a request, which has to match exactly but for the order of its query.
    pub fn find(&self, method: &str, path: &str, query: &[(String, String)]) -> Option<&Recorded> {
        self.responses.get(&(method.to_owned(), path.to_owned(), query.iter().cloned().collect()))
    }

    /// How many answers there are.
    pub fn len(&self) -> usize {
        self.responses.len()
    }

    /// Whether there is no answer.
    pub fn is_empty(&self) -> bool {
        self.responses.is_empty()
    }
}
