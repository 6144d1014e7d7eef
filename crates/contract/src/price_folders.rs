//! Which folders of a lake's inbox hold price files of a vendor, and by which profile they are read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use quotelake_core::{Error, Result};

/// Folders of the inbox whose files are read by a vendor's profile.
///
/// A lake says so in `contracts/price-files.json`, a folder below `inbox/` each:
/// `{"daily_bars/london": {"profile": "yahoo-csv", "set": {"exchange_mic": "XLON", "quote_unit": "GBp"}}}`. The dataset is the folder's
/// first part. Of several folders that a file is in the longest counts; a file that is in none is read by its dataset's contract.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceFolders(BTreeMap<String, PriceFolder>);

/// How the files of one folder are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceFolder {
    /// The profile's name.
    pub profile: String,
    /// What is said beside the files: `exchange_mic`, `quote_unit` and so on.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
}

impl PriceFolder {
    /// What is said beside the files, as `name=value`.
    pub fn settings(&self) -> Vec<String> {
        self.set.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }
}

impl PriceFolders {
    /// Reads the JSON of a lake's `contracts/price-files.json`. `Config` names what is wrong with it.
    ///
    /// ```
    /// use quotelake_contract::PriceFolders;
    /// let folders = PriceFolders::parse(r#"{"daily_bars/us": {"profile": "stooq", "set": {"quote_unit": "USD"}}}"#).unwrap();
    /// assert_eq!(folders.of("inbox/daily_bars/us/aapl_us_d.csv").unwrap().settings(), ["quote_unit=USD"]);
    /// assert!(folders.of("inbox/daily_bars/usa/aapl_us_d.csv").is_none());
    /// ```
    pub fn parse(json: &str) -> Result<Self> {
        let folders: BTreeMap<String, PriceFolder> = serde_json::from_str(json)
            .map_err(|e| Error::config("contracts/price-files.json names no folders").with_source(e))?;
        let is_plain =
            |folder: &str| folder.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        match folders.keys().find(|folder| !is_plain(folder)) {
            Some(folder) => Err(Error::config(format!(
                "contracts/price-files.json: {folder:?} is no folder of the inbox such as daily_bars or daily_bars/london"
            ))),
            None => Ok(Self(folders)),
        }
    }

    /// Adds a folder below `inbox/`, or replaces it.
    pub fn insert(&mut self, folder: &str, by: PriceFolder) {
        self.0.insert(folder.to_owned(), by);
    }

    /// Adds other folders; those below one of them are taken away, so that what is added speaks for all that it holds.
    pub fn extend(&mut self, others: &Self) {
        self.0.retain(|folder, _| !others.0.keys().any(|other| is_in(folder, other)));
        self.0.extend(others.0.clone());
    }

    /// How a file of the inbox is read, by its key; `None` where its dataset's contract says it.
    pub fn of(&self, key: &str) -> Option<&PriceFolder> {
        let path = key.strip_prefix("inbox/")?;
        let holding = self.0.iter().filter(|(folder, _)| is_in(path, folder));
        holding.max_by_key(|(folder, _)| folder.len()).map(|(_, by)| by)
    }

    /// Every folder, by its name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PriceFolder)> {
        self.0.iter().map(|(folder, by)| (folder.as_str(), by))
    }
}

/// Whether a path is a folder, or lies in it.
fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_folder_counts_and_options_speak_for_what_they_hold() {
        let json =
            r#"{"daily_bars": {"profile": "stooq"}, "daily_bars/london/old": {"profile": "yahoo-csv"}}"#;
        let mut folders = PriceFolders::parse(json).unwrap();
        let profile = |folders: &PriceFolders, key: &str| folders.of(key).map(|by| by.profile.clone());
        for (key, is) in [
            ("inbox/daily_bars/a.csv", Some("stooq")),
            ("inbox/daily_bars/london/a.csv", Some("stooq")),
            ("inbox/daily_bars/london/old/x/a.csv", Some("yahoo-csv")),
            ("inbox/dividends/a.csv", None),
            ("landing/daily_bars/a.csv", None),
        ] {
            assert_eq!(profile(&folders, key).as_deref(), is, "{key}");
        }
        let mut options = PriceFolders::default();
        options.insert("daily_bars", PriceFolder { profile: "yfinance".into(), set: BTreeMap::new() });
        folders.extend(&options);
        assert_eq!(profile(&folders, "inbox/daily_bars/london/old/a.csv").as_deref(), Some("yfinance"));
    }

    #[test]
    fn what_is_no_folder_is_said() {
        for (json, says) in [
            ("[]", "names no folders"),
            (r#"{"daily_bars": {"profil": "stooq"}}"#, "unknown field `profil`"),
            (r#"{"/daily_bars": {"profile": "stooq"}}"#, "\"/daily_bars\" is no folder of the inbox"),
            (r#"{"daily_bars/": {"profile": "stooq"}}"#, "\"daily_bars/\" is no folder of the inbox"),
            (r#"{"a/../b": {"profile": "stooq"}}"#, "\"a/../b\" is no folder of the inbox"),
        ] {
            let error = PriceFolders::parse(json).unwrap_err();
            let text = format!(
                "{error}: {}",
                std::error::Error::source(&error).map_or(String::new(), ToString::to_string)
            );
            assert!(text.contains("price-files.json") && text.contains(says), "{json}: {text}");
        }
    }
}
