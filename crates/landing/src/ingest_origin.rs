//! The landing line that says from which line of which dropped file the following lines are: `{"ingest_origin":{...}}`.
//! `ingest` writes it, and `check` names file and line (both from 1) of a row that it quarantines.

use serde::{Deserialize, Serialize};

use quotelake_core::{Error, Result};

/// Where the lines of a landing object are in the file that a person dropped. It travels to `check` as a line of its own
/// kind, which is no row: the line after it is on line `line` of the file, the one after that on the next, up to the next such
/// line. There is one at the beginning of an object, and one wherever the distance changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestOrigin {
    /// The file's name, as the person knows it.
    pub file: String,
    /// The line of the file, from 1; of a sheet the row.
    pub line: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    ingest_origin: IngestOrigin,
}

const PREFIX: &str = "{\"ingest_origin\":";

impl IngestOrigin {
    /// Writes the landing line, without a line end.
    pub fn write_line(&self, line: &mut Vec<u8>) -> Result<()> {
        serde_json::to_writer(line, &Line { ingest_origin: self.clone() })
            .map_err(|e| Error::bug("ingest origin").with_source(e))
    }

    /// Reads a landing line, `None` when it is of another kind.
    pub fn from_line(line: &str) -> Option<Self> {
        if !line.starts_with(PREFIX) {
            return None;
        }
        serde_json::from_str::<Line>(line).ok().map(|line| line.ingest_origin)
    }
}

/// The lines of an object by the file that they came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    file: String,
    /// From which line of the object on, which line of the file, ascending.
    runs: Vec<(u64, u64)>,
}

impl Origins {
    /// Takes what line `at` of the object, from 1, says of those after it.
    pub fn add(&mut self, at: u64, origin: IngestOrigin) {
        self.file = origin.file;
        self.runs.push((at + 1, origin.line));
    }

    /// The file, and the line in it, of a line of the object.
    pub fn of(&self, line: u64) -> Option<(&str, u64)> {
        let run = self.runs.partition_point(|(from, _)| *from <= line).checked_sub(1)?;
        let (from, in_file) = self.runs[run];
        Some((&self.file, in_file + (line - from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_their_file() {
        let mut origins = Origins::default();
        assert_eq!(origins.of(1), None);
        for (at, line) in [(1, 2), (4, 9)] {
            let mut text = Vec::new();
            IngestOrigin { file: "a.csv".into(), line }.write_line(&mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            origins.add(at, IngestOrigin::from_line(&text).unwrap());
        }
        assert_eq!(origins.of(2), Some(("a.csv", 2)));
        assert_eq!(origins.of(3), Some(("a.csv", 3)));
        assert_eq!(origins.of(6), Some(("a.csv", 10)));
        assert_eq!(IngestOrigin::from_line("{\"ingest_origin\":1}"), None);
    }
}
