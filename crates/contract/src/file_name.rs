//! Columns whose values are in a file's name: patterns such as `{symbol}_*.csv`, which a contract states and `ingest` matches
//! with the names of dropped files.

use std::fmt;

use quotelake_core::{Error, Result};

/// What can follow a name's own end, and says how the file is packed or what kind it is.
const ENDINGS: [&str; 12] =
    [".gz", ".zst", ".bz2", ".zip", ".csv", ".tsv", ".tab", ".txt", ".ndjson", ".jsonl", ".json", ".xlsx"];

/// A pattern of file names. `{column}` stands for a part that is that column's value, `{column:upper}` for one whose value is
/// in capitals, `*` for any part, everything else for itself. Where the pattern has a slash, the folders count too. The endings that
/// say how a file is packed and what kind it is count in neither: `{symbol}.csv` fits `AAPL.csv.gz`.
///
/// ```
/// # use quotelake_contract::FileNamePattern;
/// let pattern = FileNamePattern::parse("{symbol:upper}_*.csv").unwrap();
/// assert_eq!(pattern.captures("aapl_2026.csv.gz").unwrap(), [("symbol".into(), "AAPL".into())]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNamePattern {
    text: String,
    parts: Vec<Part>,
    folders: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Any,
    Column { name: String, upper: bool },
}

impl FileNamePattern {
    /// Reads a pattern. `Config` when it names no column, one twice, or two parts are side by side without a text between
    /// them.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |what: &str| Error::config(format!("the pattern {text:?} of file names {what}"));
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = stem(text);
        while let Some(first) = rest.chars().next() {
            let part = match first {
                '*' => {
                    rest = &rest[1..];
                    Part::Any
                }
                '{' => {
                    let (inner, after) =
                        rest[1..].split_once('}').ok_or_else(|| bad("has a `{` that is never closed"))?;
                    rest = after;
                    let (name, upper) = match inner.split_once(':') {
                        None => (inner, false),
                        Some((name, "upper")) => (name, true),
                        Some((_, other)) => {
                            return Err(bad(&format!("asks for {other:?}; known is `upper`")));
                        }
                    };
                    Part::Column { name: name.to_owned(), upper }
                }
                _ => {
                    let end = rest.find(['*', '{']).unwrap_or(rest.len());
                    let literal = &rest[..end];
                    rest = &rest[end..];
                    Part::Text(literal.to_owned())
                }
            };
            if let (Some(before), false) = (parts.last(), matches!(part, Part::Text(_)))
                && !matches!(before, Part::Text(_))
            {
                return Err(bad("has two parts side by side: nobody can tell where one ends"));
            }
            parts.push(part);
        }
        let pattern = Self { text: text.to_owned(), parts, folders: text.matches('/').count() };
        let names: Vec<&str> = pattern.columns().collect();
        if names.is_empty() {
            return Err(bad("names no column, as {symbol}.csv does"));
        }
        if let Some((at, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return Err(bad(&format!("names {name:?} twice, the second time as part {}", at + 1)));
        }
        Ok(pattern)
    }

    /// The columns that it names.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Column { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    /// The columns' values in a file's name. `InvalidInput` when it does not fit, or fits in more than one way.
    pub fn captures(&self, name: &str) -> Result<Vec<(String, String)>> {
        let folders = name.matches('/').count();
        if folders < self.folders {
            return Err(self.does_not_fit(name));
        }
        // As many folders as the pattern has.
        let start = match folders - self.folders {
            0 => 0,
            skipped => name.match_indices('/').nth(skipped - 1).map_or(0, |(at, _)| at + 1),
        };
        let mut found = Vec::new();
        fit(&self.parts, stem(&name[start..]), &mut Vec::new(), &mut found);
        match found.as_slice() {
            [] => Err(self.does_not_fit(name)),
            [only] => Ok(only.clone()),
            [first, second, ..] => Err(Error::invalid(format!(
                "file name {name:?} fits {:?} in more than one way: {} and {}",
                self.text,
                shown(first),
                shown(second)
            ))),
        }
    }

    fn does_not_fit(&self, name: &str) -> Error {
        Error::invalid(format!("file name {name:?} does not fit {:?}", self.text))
    }
}

impl fmt::Display for FileNamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

type Captured = Vec<(String, String)>;

/// Finds up to two different ways in which a text fits.
fn fit(parts: &[Part], text: &str, so_far: &mut Captured, found: &mut Vec<Captured>) {
    if found.len() > 1 {
        return;
    }
    let Some((first, rest)) = parts.split_first() else {
        if text.is_empty() && !found.contains(so_far) {
            found.push(so_far.clone());
        }
        return;
    };
    if let Part::Text(literal) = first {
        if let Some(after) = text.strip_prefix(literal.as_str()) {
            fit(rest, after, so_far, found);
        }
        return;
    }
    // A part ends within its folder.
    let most = text.find('/').unwrap_or(text.len());
    let ends = text[..most].char_indices().map(|(at, _)| at).chain([most]);
    for end in ends {
        let (part, after) = text.split_at(end);
        match first {
            Part::Column { .. } if part.is_empty() => {}
            Part::Column { name, upper } => {
                let value = if *upper { part.to_uppercase() } else { part.to_owned() };
                so_far.push((name.clone(), value));
                fit(rest, after, so_far, found);
                so_far.pop();
            }
            _ => fit(rest, after, so_far, found),
        }
    }
}

fn shown(captured: &Captured) -> String {
    captured.iter().map(|(column, value)| format!("{column} {value:?}")).collect::<Vec<_>>().join(", ")
}

/// A name without what says how the file is packed and what kind it is.
fn stem(name: &str) -> &str {
    let without = |name: &'_ str, endings: &[&str]| -> Option<usize> {
        let lower = name.to_ascii_lowercase();
        let ending = endings.iter().find(|ending| lower.ends_with(*ending))?;
        Some(name.len() - ending.len())
    };
    let unpacked = without(name, &ENDINGS[..4]).map_or(name, |end| &name[..end]);
    without(unpacked, &ENDINGS[4..]).map_or(unpacked, |end| &unpacked[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(pattern: &str, name: &str) -> Result<String> {
        FileNamePattern::parse(pattern)?.captures(name).map(|captured| shown(&captured))
    }

    #[test]
    fn names_that_fit() {
        for (pattern, name, says) in [
            ("{symbol}.csv", "AAPL.csv", "symbol \"AAPL\""),
            ("{symbol}", "BRK.B.csv.gz", "symbol \"BRK.B\""),
            ("{symbol}.csv", "sub folder/VOD.L.CSV", "symbol \"VOD.L\""),
            ("{symbol:upper}.*.txt", "vod.uk.txt", "symbol \"VOD\""),
            ("{mic}/{symbol}_*.csv", "drops/XLON/VOD_2026-01.csv", "mic \"XLON\", symbol \"VOD\""),
            ("{symbol}-{interval}-*-*.zip", "BTCUSDT-1m-2024-01.zip", "symbol \"BTCUSDT\", interval \"1m\""),
        ] {
            assert_eq!(captures(pattern, name).unwrap(), says, "{pattern} {name}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (pattern, name, says) in [
            ("{symbol}_*.csv", "AAPL.csv", "file name \"AAPL.csv\" does not fit \"{symbol}_*.csv\""),
            ("{mic}/{symbol}.csv", "AAPL.csv", "does not fit"),
            ("{a}_{b}.csv", "x_y_z.csv", "in more than one way: a \"x\", b \"y_z\" and a \"x_y\", b \"z\""),
            ("{symbol}.csv", ".csv", "does not fit"),
            ("*.csv", "x.csv", "names no column, as {symbol}.csv does"),
            ("{a}{b}.csv", "x.csv", "has two parts side by side"),
            ("{a}_{a}.csv", "x.csv", "names \"a\" twice"),
            ("{a", "x.csv", "has a `{` that is never closed"),
            ("{a:lower}.csv", "x.csv", "asks for \"lower\"; known is `upper`"),
        ] {
            let error = captures(pattern, name).unwrap_err().to_string();
            assert!(error.contains(says), "{pattern} {name}: {error}");
        }
    }
}
