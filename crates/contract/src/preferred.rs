//! The preferred series of an instrument: which provider and which adjustment speak for it where only one can.
//!
//! Two providers of one instrument state the same splits, dividends and prices, each in its own way; counted together they count
//! twice. Everything that needs one of them asks here: the checks for events, the report for closes, queries by the view
//! `daily_bars_preferred`.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use quotelake_core::{Error, Result};

/// Every adjustment that a bar may have, in the usual order.
const ADJUSTMENTS: [&str; 4] = ["raw", "split", "split_dividend", "unknown"];

/// The order in which providers and adjustments are preferred. One that is not named comes after those that are, by name.
///
/// The usual order is in `infra/generated/preferred.json`, from which Terraform makes Athena's view; its variable `preferred`
/// changes both that view and the lake's file.
///
/// A lake says otherwise in `contracts/preferred.json`: `{"providers": ["yahoo"], "adjustments": ["raw", "split"]}`. A list that it
/// does not have is the usual one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preference {
    providers: Vec<String>,
    adjustments: Vec<String>,
}

impl Default for Preference {
    /// Paid feeds with raw prices before free ones, a database's own prices before scraped pages; raw prices, which nobody restates,
    /// before adjusted ones.
    fn default() -> Self {
        Self::new(&["polygon", "brapi", "yahoo", "legacy_pg"], &ADJUSTMENTS)
    }
}

impl Preference {
    /// By name, the most preferred first.
    pub fn new(providers: &[&str], adjustments: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self { providers: owned(providers), adjustments: owned(adjustments) }
    }

    /// Reads the JSON of a lake's `contracts/preferred.json`. `Config` names what is wrong with it: a name that appears twice, is empty
    /// or has blanks around it, an adjustment that no bar has.
    pub fn parse(json: &str) -> Result<Self> {
        // A list would be taken for the members in their order.
        if !json.trim_start().starts_with('{') {
            return Err(Error::config("contracts/preferred.json is no JSON object"));
        }
        let preference: Self = serde_json::from_str(json)
            .map_err(|e| Error::config("contracts/preferred.json is no preference").with_source(e))?;
        let wrong = |list: &str, name: &str, what: &str| {
            Err(Error::config(format!("contracts/preferred.json: {name:?} in {list} {what}")))
        };
        for (list, names) in [("providers", &preference.providers), ("adjustments", &preference.adjustments)]
        {
            for (at, name) in names.iter().enumerate() {
                if name.is_empty() || name.trim() != name {
                    return wrong(list, name, "is empty or has blanks around it");
                }
                if names[..at].contains(name) {
                    return wrong(list, name, "appears twice");
                }
            }
        }
        match preference.adjustments.iter().find(|name| !ADJUSTMENTS.contains(&name.as_str())) {
            Some(name) => wrong("adjustments", name, "is none of raw, split, split_dividend, unknown"),
            None => Ok(preference),
        }
    }

    /// Both orders as the JSON that [`Preference::parse`] reads, newline-ended. `Bug` when it cannot be written.
    pub fn to_json(&self) -> Result<String> {
        let json = serde_json::to_string_pretty(self).map_err(|e| Error::bug("preference").with_source(e))?;
        Ok(json + "\n")
    }

    /// Orders providers, the more preferred first.
    pub fn compare_providers(&self, a: &str, b: &str) -> Ordering {
        (place(&self.providers, a), a).cmp(&(place(&self.providers, b), b))
    }

    /// Orders series of an instrument by provider and adjustment, the more preferred first.
    ///
    /// ```
    /// use quotelake_contract::Preference;
    /// let mut series = [("yahoo", "split"), ("polygon", "split"), ("polygon", "raw"), ("csv", "raw")];
    /// let preference = Preference::default();
    /// series.sort_by(|a, b| preference.compare(*a, *b));
    /// assert_eq!(series, [("polygon", "raw"), ("polygon", "split"), ("yahoo", "split"), ("csv", "raw")]);
    /// ```
    pub fn compare(&self, a: (&str, &str), b: (&str, &str)) -> Ordering {
        let adjustments = |name| (place(&self.adjustments, name), name);
        self.compare_providers(a.0, b.0).then_with(|| adjustments(a.1).cmp(&adjustments(b.1)))
    }

    /// The view `daily_bars_preferred` over the table `daily_bars`, in SQL that DataFusion, DuckDB and Trino read alike: of each
    /// symbol the rows of the one provider and adjustment that are preferred, by regular sessions where there are others, too.
    pub fn view_sql(&self, columns: &str) -> String {
        let order = |column: &str, names: &[String]| {
            if names.is_empty() {
                return column.to_owned();
            }
            let cases = names.iter().enumerate().fold(String::new(), |cases, (place, name)| {
                format!("{cases} WHEN '{}' THEN {place}", name.replace('\'', "''"))
            });
            format!("CASE {column}{cases} ELSE {} END, {column}", names.len())
        };
        let provider = order("provider", &self.providers);
        let adjustment = order("adjustment", &self.adjustments);
        let session = "CASE session WHEN 'regular' THEN 0 ELSE 1 END, session";
        format!(
            "SELECT {columns} FROM (SELECT *, dense_rank() OVER (PARTITION BY symbol ORDER BY {provider}, {adjustment}, {session}, provider_symbol) AS preference FROM daily_bars WHERE \"interval\" = '1d') AS ranked WHERE preference = 1"
        )
    }
}

fn place(names: &[String], name: &str) -> usize {
    names.iter().position(|named| named == name).unwrap_or(names.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_can_be_put_in_front() {
        let preference = Preference::parse(r#"{"providers": ["yahoo", "polygon"]}"#).unwrap();
        assert_eq!(preference.compare(("yahoo", "split"), ("polygon", "raw")), Ordering::Less);
        assert_eq!(preference.compare(("brapi", "raw"), ("polygon", "raw")), Ordering::Greater);
        assert_eq!(preference.compare(("csv", "raw"), ("brapi", "raw")), Ordering::Greater);
        assert_eq!(preference.compare(("yahoo", "raw"), ("yahoo", "split")), Ordering::Less);
        assert!(
            Preference::parse(r#"{"provider": ["yahoo"]}"#)
                .unwrap_err()
                .to_string()
                .contains("preferred.json")
        );
    }

    #[test]
    fn a_preference_says_what_is_wrong_with_it() {
        for (json, what) in [
            (r#"{"providers": ["yahoo", "brapi", "yahoo"]}"#, "\"yahoo\" in providers appears twice"),
            (r#"{"providers": [""]}"#, "\"\" in providers is empty"),
            (r#"{"providers": ["yahoo "]}"#, "blanks"),
            (r#"{"adjustments": ["splits"]}"#, "\"splits\" in adjustments is none of raw"),
            (r#"["yahoo"]"#, "no JSON object"),
        ] {
            let error = Preference::parse(json).unwrap_err().to_string();
            assert!(error.contains("preferred.json") && error.contains(what), "{json}: {error}");
        }
        let written = Preference::default().to_json().unwrap();
        assert_eq!(Preference::parse(&written).unwrap(), Preference::default());
        let none = Preference::parse(r#"{"providers": [], "adjustments": []}"#).unwrap();
        assert!(none.view_sql("*").contains("ORDER BY provider, adjustment, CASE session"));
    }

    #[test]
    fn the_view_ranks_as_the_code_does() {
        let sql = Preference::new(&["b's", "a"], &["raw"]).view_sql("symbol, close");
        assert!(sql.starts_with("SELECT symbol, close FROM (SELECT *, dense_rank()"), "{sql}");
        assert!(
            sql.contains("CASE provider WHEN 'b''s' THEN 0 WHEN 'a' THEN 1 ELSE 2 END, provider"),
            "{sql}"
        );
        assert!(sql.contains("CASE adjustment WHEN 'raw' THEN 0 ELSE 1 END, adjustment"), "{sql}");
    }
}
