//! Watchlists: instruments with exchange, time zone, currency and asset class, read from YAML or JSON, in a request itself or
//! by name from a folder. A value beside `symbols` holds for all symbols that have none.

use std::collections::BTreeMap;
use std::path::Path;

use quotelake_core::{Context as _, Error, Result, check_yaml};
use quotelake_sources::Instrument;
use serde::Deserialize;

/// Instruments to ask for, by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watchlist {
    /// The name, where it has one.
    pub name: Option<String>,
    /// The instruments, in order.
    pub instruments: Vec<Instrument>,
}

/// A watchlist as it is written. A value beside `symbols` holds for every symbol that does not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    /// For people.
    description: Option<String>,
    mic: Option<String>,
    exchange_tz: Option<String>,
    currency: Option<String>,
    asset_class: Option<String>,
    symbols: Vec<WrittenSymbol>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSymbol {
    symbol: String,
    mic: Option<String>,
    exchange_tz: Option<String>,
    currency: Option<String>,
    asset_class: Option<String>,
}

const ASSET_CLASSES: [&str; 8] = ["equity", "fund", "etf", "index", "crypto", "fx", "future", "rate"];

impl Watchlist {
    /// Reads YAML or JSON. `InvalidInput` names the symbol and the field that is wrong or missing.
    pub fn parse(text: &str) -> Result<Self> {
        check_yaml(text).context("the watchlist cannot be read")?;
        let written: Written = serde_yaml_ng::from_str(text)
            .map_err(|e| Error::invalid("the watchlist cannot be read").with_source(e))?;
        Self::from_written(written)
    }

    fn from_written(written: Written) -> Result<Self> {
        let mut instruments = Vec::with_capacity(written.symbols.len());
        for (index, symbol) in written.symbols.into_iter().enumerate() {
            let needed = |own: Option<String>, shared: &Option<String>, field: &str| {
                own.or_else(|| shared.clone()).ok_or_else(|| {
                    let what =
                        format!("symbols[{index}].{field} is missing, and the watchlist has none for all");
                    Error::invalid(what)
                })
            };
            let asset_class = needed(symbol.asset_class, &written.asset_class, "asset_class")?;
            if !ASSET_CLASSES.contains(&asset_class.as_str()) {
                return Err(Error::invalid(format!(
                    "symbols[{index}].asset_class is {asset_class:?}; known are {}",
                    ASSET_CLASSES.join(", ")
                )));
            }
            instruments.push(Instrument {
                exchange_tz: needed(symbol.exchange_tz, &written.exchange_tz, "exchange_tz")?,
                symbol: symbol.symbol,
                mic: symbol.mic.or_else(|| written.mic.clone()),
                currency: symbol.currency.or_else(|| written.currency.clone()),
                asset_class,
            });
        }
        Ok(Self { name: written.name, instruments })
    }
}

impl<'de> Deserialize<'de> for Watchlist {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_written(Written::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Watchlists by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watchlists(BTreeMap<String, Watchlist>);

impl Watchlists {
    /// Reads every `.json`, `.yaml` and `.yml` file of a folder. `Config` names the file that is wrong.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let unreadable =
            |path: &Path, e| Error::config(format!("cannot read {}", path.display())).with_source(e);
        let mut paths = std::fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>())
            .map_err(|e| unreadable(folder, e))?;
        paths.retain(|path| path.extension().is_some_and(|e| e == "json" || e == "yaml" || e == "yml"));
        paths.sort();
        let mut watchlists = Self::default();
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|e| unreadable(&path, e))?;
            watchlists.add(&text).map_err(|e| Error::config(format!("{}: {e}", path.display())))?;
        }
        Ok(watchlists)
    }

    /// Reads a watchlist and adds it under its own name. `InvalidInput` when it has none, or the name is taken.
    pub fn add(&mut self, text: &str) -> Result<()> {
        let watchlist = Watchlist::parse(text)?;
        let name = watchlist.name.clone().ok_or_else(|| Error::invalid("the watchlist has no name"))?;
        if self.0.contains_key(&name) {
            return Err(Error::invalid(format!("the watchlist {name:?} is there twice")));
        }
        self.0.insert(name, watchlist);
        Ok(())
    }

    /// A watchlist by name; the error lists the known ones.
    pub fn get(&self, name: &str) -> Result<&Watchlist> {
        self.0.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Error::invalid(format!("unknown watchlist {name:?}; known are {known}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_are_read_alike() {
        let yaml = "exchange_tz: America/New_York\nasset_class: equity\nsymbols: [{symbol: BRK.B, mic: XNYS, currency: USD}]";
        let json = r#"{"exchange_tz":"America/New_York","asset_class":"equity",
            "symbols":[{"symbol":"BRK.B","mic":"XNYS","currency":"USD"}]}"#;
        let watchlist = Watchlist::parse(yaml).unwrap();
        assert_eq!(watchlist, Watchlist::parse(json).unwrap());
        assert_eq!(watchlist, serde_json::from_str(json).unwrap());
        assert_eq!(watchlist.instruments[0].exchange_tz, "America/New_York");
    }

    #[test]
    fn faults_name_the_symbol_and_the_field() {
        let error = |text: &str| Watchlist::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(error("asset_class: equity\nsymbols: [{symbol: A}]"), @"symbols[0].exchange_tz is missing, and the watchlist has none for all");
        insta::assert_snapshot!(error("exchange_tz: UTC\nsymbols: [{symbol: A, asset_class: stock}]"), @r#"symbols[0].asset_class is "stock"; known are equity, fund, etf, index, crypto, fx, future, rate"#);
        assert!(error("tickers: [A]").contains("unknown field `tickers`"));
    }
}
