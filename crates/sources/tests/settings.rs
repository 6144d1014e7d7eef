//! What is written under `sources`, and as the function's `SOURCES`: read, refused, built.
#![cfg(feature = "http")]

use std::time::Duration;

use quotelake_core::Result;
use quotelake_sources::http::CallLimit;
use quotelake_sources::settings::{Registry, SourcesSettings};

fn settings(yaml: &str) -> Result<SourcesSettings> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sources.yaml");
    std::fs::write(&path, yaml).unwrap();
    SourcesSettings::load(&path)
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
    }
    let (sources, options) = SourcesSettings::default().build().unwrap();
    for name in Registry::shipped().names() {
        let own = sources.get(name).unwrap().capabilities().min_interval;
        assert!(own > Duration::ZERO && options[name].min_interval == own, "{name}");
        assert_eq!(sources.get(name).unwrap().name(), name);
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
    for yaml in ["polygon: { secret: null }", "polygon: { secret: }"] {
        assert_eq!(settings(yaml).unwrap().build().unwrap().1["polygon"].secret, None);
    }
    assert_eq!(
        settings("{}").unwrap().build().unwrap().1["polygon"].secret.as_deref(),
        Some("env:POLYGON_API_KEY")
    );
}

#[test]
fn what_cannot_be_is_named() {
    for (yaml, named) in [
        ("polygn: {}", "unknown source `polygn`; known are polygon, yahoo, brapi, fii_scrape"),
        ("polygon: { base_url: 'https://user@example.com' }", "not a plain http(s) origin"),
        ("polygon: { base: 'https://example.com' }", "unknown field `base`"),
        ("polygon: {}\npolygon: {}", "duplicate field `polygon`"),
        ("[polygon]", "expected a map"),
        ("yahoo: { min_interval_ms: 100 }", "yahoo.min_interval_ms is 100"),
        ("brapi: { symbols_per_request: 21 }", "symbols_per_request is 21"),
    ] {
        let error = settings(yaml).and_then(|settings| settings.build().map(drop)).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}
