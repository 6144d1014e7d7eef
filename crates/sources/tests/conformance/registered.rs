//! A source is its folder and its line of the registry: with them alone a configuration names it, and it is built and asked.

use std::collections::BTreeSet;
use std::time::Duration;

use quotelake_sources::settings::{Registration, Registry, SourcesSettings};

use crate::conformance::{cases, toy};

/// What `vendors.rs` would have for the toy.
const LINE: Registration = Registration::of::<toy::Settings>(toy::NAME);

fn registry() -> Registry {
    Registry::shipped().with(LINE)
}

#[test]
fn every_registered_source_has_a_case() {
    let tested: BTreeSet<&str> = cases::all().iter().map(|case| case.source.name()).collect();
    assert_eq!(tested, registry().names().collect());
}

/// With its line a source is configured as every other, under its name, and is asked by what its own settings say.
#[test]
fn a_line_is_all_that_a_source_needs() {
    let run = "lake: lake\nsources:\n  polygon: { page_limit: 10 }\n  toy:\n    base_url: http://127.0.0.1:8080\n    \
               secret: env:TOY_KEY\n    min_interval_ms: 250\n    budget: { calls: 100, per: day }\njobs: []\n";
    let (sources, options) =
        SourcesSettings::of_document(&registry(), run, "sources").unwrap().build().unwrap();
    let case = cases::all().pop().unwrap();
    let unit = &sources.get("toy").unwrap().plan(&case.job).unwrap()[0];
    let asked = sources.get("toy").unwrap().request(unit).unwrap();
    assert_eq!(asked.url.as_str(), "http://127.0.0.1:8080/days/AAPL?from=2013-03-01&to=2013-03-01");
    assert_eq!(options["toy"].secret.as_deref(), Some("env:TOY_KEY"));
    assert_eq!(options["toy"].min_interval, Duration::from_millis(250));
    assert_eq!(options["toy"].budget.unwrap().calls, 100);
    assert_eq!(sources.get("polygon").unwrap().capabilities().bars_per_page, Some(10));
}

#[test]
fn what_its_settings_refuse_is_named() {
    for (settings, named) in [
        ("{ base: x }", "unknown field `base`"),
        ("{ base_url: nowhere }", "toy.base_url \"nowhere\""),
        ("{ secret: sk_live_0b1e55ed }", "a secret's reference belongs here"),
    ] {
        let run = format!("sources:\n  toy: {settings}\njobs: []\n");
        let built = SourcesSettings::of_document(&registry(), &run, "sources").and_then(|all| all.build());
        let error = built.unwrap_err().to_string();
        assert!(error.contains(named) && !error.contains("0b1e"), "{error}");
    }
    let unknown = SourcesSettings::of_document(&Registry::shipped(), "sources: { toy: {} }", "sources");
    let error = unknown.unwrap_err().to_string();
    assert_eq!(error, "unknown source `toy`; known are polygon, yahoo, brapi, fii_scrape");
}
