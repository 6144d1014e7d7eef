//! How each source is asked: part of a run's configuration on a laptop, a file beside the function on AWS.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quotelake_core::ports::check_secret_reference;
use quotelake_core::{Error, Result, from_yaml};
use quotelake_sources::Sources;
use quotelake_sources::brapi::{self, Brapi, BrapiConfig};
use quotelake_sources::fii::{self, Fii, Profile};
use quotelake_sources::http::{CallBudget, CallLimit, Options};
use quotelake_sources::polygon::{self, DEFAULT_BASE_URL, DEFAULT_PAGE_LIMIT, Polygon, PolygonConfig};
use quotelake_sources::yahoo::{self, Yahoo, YahooConfig};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;

/// Every source's settings; one that is left out is asked by its defaults.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceSettings {
    /// How Polygon is asked.
    pub polygon: PolygonSettings,
    /// How Yahoo is asked: not at all, unless it says that the data is for personal use.
    pub yahoo: YahooSettings,
    /// How brapi is asked.
    pub brapi: BrapiSettings,
    /// How the pages of fund tables are asked for.
    pub fii_scrape: FiiSettings,
}

impl SourceSettings {
    /// Reads a YAML file. `Config` names what is wrong with it.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::config(format!("cannot read {}", path.display())).with_source(e))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads YAML, or JSON, which is YAML too. `Config` names what is wrong with it; `place` is where it stands.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        from_yaml(text, &format!("{place} holds no settings of sources"))
    }

    /// The sources, and how each is asked. `Config` names a setting that cannot be.
    pub fn build(&self) -> Result<(Sources, BTreeMap<String, Options>)> {
        let of = &self.polygon;
        let polygon = Polygon::new(PolygonConfig {
            page_limit: of.page_limit,
            grouped_daily: of.grouped_daily,
            ..PolygonConfig::with_base_url(base_url("polygon", &of.base_url)?)
        })?;
        let mut options = BTreeMap::new();
        let pace = Options { limit: of.limit, budget: of.budget, ..asking(of.min_interval_ms, of.replay) };
        options.insert(polygon::NAME.to_owned(), Options { secret: of.secret.clone(), ..pace });

        let of = &self.yahoo;
        if of.min_interval_ms < MIN_YAHOO_INTERVAL_MS && !of.replay {
            return Err(Error::config(format!(
                "yahoo.min_interval_ms is {}: below {MIN_YAHOO_INTERVAL_MS} Yahoo answers with gaps instead of errors",
                of.min_interval_ms
            )));
        }
        let yahoo = Yahoo::new(YahooConfig {
            base_url: base_url("yahoo", &of.base_url)?,
            personal_use: of.personal_use,
        })?;
        let pace = Options { budget: of.budget, ..asking(of.min_interval_ms, of.replay) };
        options.insert(yahoo::NAME.to_owned(), pace);

        let of = &self.brapi;
        let brapi = Brapi::new(BrapiConfig {
            base_url: base_url("brapi", &of.base_url)?,
            symbols_per_request: of.symbols_per_request,
            fund_list: of.fund_list,
        })?;
        let pace = Options { limit: of.limit, budget: of.budget, ..asking(of.min_interval_ms, of.replay) };
        options.insert(brapi::NAME.to_owned(), Options { secret: of.secret.clone(), ..pace });

        let of = &self.fii_scrape;
        let base = of.base_url.as_ref().map(|url| base_url("fii_scrape", url)).transpose()?;
        let fii = Fii::new(Profile::fundamentus(), base)?;
        let pace = Options { budget: of.budget, ..asking(of.min_interval_ms, of.replay) };
        options.insert(fii::NAME.to_owned(), pace);

        let sources = Sources::new(polygon).with(Arc::new(yahoo)).with(Arc::new(brapi)).with(Arc::new(fii));
        Ok((sources, options))
    }
}

/// How Polygon is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolygonSettings {
    /// The vendor's base URL.
    pub base_url: String,
    /// The key by reference, e.g. `env:POLYGON_API_KEY`.
    #[serde(deserialize_with = "secret_reference")]
    pub secret: Option<String>,
    /// Base bars in a page.
    pub page_limit: u32,
    /// Least time between two calls, milliseconds. The free plan allows 5 calls a minute.
    pub min_interval_ms: u64,
    /// The most calls in any window.
    pub limit: Option<CallLimit>,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// Daily bars by one call for each session, of the whole market, instead of one for each instrument.
    pub grouped_daily: bool,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for PolygonSettings {
    fn default() -> Self {
        Self {
            base_url: DEFAULT_BASE_URL.into(),
            secret: Some("env:POLYGON_API_KEY".into()),
            page_limit: DEFAULT_PAGE_LIMIT,
            min_interval_ms: millis(polygon::MIN_INTERVAL),
            limit: None,
            budget: None,
            grouped_daily: false,
            replay: false,
        }
    }
}

/// How Yahoo is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct YahooSettings {
    /// The vendor's base URL.
    pub base_url: String,
    /// The data is for personal use, as Yahoo's terms want it. Nothing is asked without.
    pub personal_use: bool,
    /// Least time between two calls, milliseconds, not below 3000 outside of a replay.
    pub min_interval_ms: u64,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for YahooSettings {
    fn default() -> Self {
        Self {
            base_url: yahoo::DEFAULT_BASE_URL.into(),
            personal_use: false,
            min_interval_ms: MIN_YAHOO_INTERVAL_MS,
            budget: None,
            replay: false,
        }
    }
}

/// [`yahoo::MIN_INTERVAL`].
const MIN_YAHOO_INTERVAL_MS: u64 = millis(yahoo::MIN_INTERVAL);

/// Whole seconds as milliseconds: what a source's own pace is.
const fn millis(pace: Duration) -> u64 {
    pace.as_secs() * 1000
}

/// How brapi is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BrapiSettings {
    /// The vendor's base URL.
    pub base_url: String,
    /// The token by reference. Some symbols are answered without one.
    #[serde(deserialize_with = "secret_reference")]
    pub secret: Option<String>,
    /// Least time between two calls, milliseconds.
    pub min_interval_ms: u64,
    /// The most calls in any window.
    pub limit: Option<CallLimit>,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// Symbols in one request, 1 to 20; the free plan takes one.
    pub symbols_per_request: u32,
    /// Fund snapshots from the list of all funds instead of their indicators.
    pub fund_list: bool,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for BrapiSettings {
    fn default() -> Self {
        Self {
            base_url: brapi::DEFAULT_BASE_URL.into(),
            secret: None,
            min_interval_ms: millis(brapi::MIN_INTERVAL),
            limit: None,
            budget: None,
            symbols_per_request: 1,
            fund_list: false,
            replay: false,
        }
    }
}

/// How the pages of fund tables are asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FiiSettings {
    /// Instead of the profile's own base URL.
    pub base_url: Option<String>,
    /// Least time between two calls, milliseconds.
    pub min_interval_ms: u64,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for FiiSettings {
    fn default() -> Self {
        Self { base_url: None, min_interval_ms: millis(fii::MIN_INTERVAL), budget: None, replay: false }
    }
}

/// Reads a reference to a secret. What is none may be the secret itself, so nothing of it is repeated, whatever its type.
fn secret_reference<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Reference;

    impl<'de> Visitor<'de> for Reference {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a reference to a secret")
        }

        fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_any(self)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            check_secret_reference(text).map_err(E::custom)?;
            Ok(Some(text.to_owned()))
        }

        fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
            self.visit_str("")
        }

        fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
            self.visit_str("")
        }

        fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
            self.visit_str("")
        }

        fn visit_i128<E: de::Error>(self, _: i128) -> Result<Self::Value, E> {
            self.visit_str("")
        }

        fn visit_u128<E: de::Error>(self, _: u128) -> Result<Self::Value, E> {
            self.visit_str("")
        }

        fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
            self.visit_str("")
        }
    }

    deserializer.deserialize_option(Reference)
}

fn base_url(source: &str, text: &str) -> Result<Url> {
    text.parse().map_err(|e| Error::config(format!("{source}.base_url {text:?}: {e}")))
}

fn asking(min_interval_ms: u64, replay: bool) -> Options {
    Options { min_interval: Duration::from_millis(min_interval_ms), replay, ..Options::default() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn settings(yaml: &str) -> Result<SourceSettings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sources.yaml");
        std::fs::write(&path, yaml).unwrap();
        SourceSettings::load(&path)
    }

    #[test]
    fn each_source_has_its_own_pace_and_key() {
        let yaml = "polygon: { secret: 'ssm:/quotelake/polygon', limit: { calls: 5, per_ms: 60000 } }\n\
            brapi: { secret: 'ssm:/quotelake/brapi', symbols_per_request: 20, budget: { calls: 15000, per: month } }\n\
            yahoo: { personal_use: true }\n";
        let (sources, options) = settings(yaml).unwrap().build().unwrap();
        assert_eq!(options["polygon"].secret.as_deref(), Some("ssm:/quotelake/polygon"));
        assert_eq!(options["polygon"].limit, Some(CallLimit { calls: 5, per_ms: 60_000 }));
        assert_eq!(options["brapi"].budget.unwrap().calls, 15_000);
        assert_eq!(sources.get("brapi").unwrap().capabilities().symbols_per_request, 20);
        assert_eq!(options["yahoo"].min_interval, Duration::from_secs(3));
        assert_eq!(options["fii_scrape"].secret, None);
    }

    #[test]
    fn without_a_setting_the_sources_own_pace_holds() {
        for yaml in ["{}", "polygon: {}\nyahoo: {}\nbrapi: {}\nfii_scrape: {}\n"] {
            let (sources, options) = settings(yaml).unwrap().build().unwrap();
            for (name, seconds) in [("polygon", 12), ("yahoo", 3), ("brapi", 1), ("fii_scrape", 2)] {
                let own = sources.get(name).unwrap().capabilities().min_interval;
                assert_eq!((own, options[name].min_interval), (Duration::from_secs(seconds), own), "{name}");
            }
            assert_eq!(options.len(), 4, "every source is named above");
        }
    }

    #[test]
    fn a_key_in_place_of_its_reference_is_refused_and_not_shown() {
        for literal in [
            "sk_live_0b1e55ed",
            "'sk:live/0b1e55ed'",
            "12345678901234567890123",
            "5550b1e",
            "1.5550b1",
            "'env:0b1e-55ed'",
        ] {
            for yaml in [
                format!("polygon: {{ secret: {literal} }}"),
                format!("brapi:\n  secret: {literal}\n"),
                format!("{{\"brapi\": {{\"secret\": \"{}\"}}}}", literal.trim_matches('\'')),
            ] {
                let error = settings(&yaml).unwrap_err().to_string();
                assert!(error.contains("a secret's reference belongs here"), "{error}");
                assert!(!error.contains("0b1e") && !error.contains("1234"), "{error}");
            }
        }
        assert_eq!(settings("polygon: { secret: null }").unwrap().polygon.secret, None);
        assert_eq!(settings("polygon: { secret: }").unwrap().polygon.secret, None);
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (yaml, named) in [
            ("polygn: {}", "unknown field `polygn`"),
            ("polygon: { base_url: 'https://user@example.com' }", "not a plain http(s) origin"),
            ("yahoo: { min_interval_ms: 100 }", "yahoo.min_interval_ms is 100"),
            ("brapi: { symbols_per_request: 21 }", "symbols_per_request is 21"),
        ] {
            let error = settings(yaml).and_then(|settings| settings.build().map(drop)).unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
