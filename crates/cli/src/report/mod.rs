//! The report: one HTML file that shows what is in the lake and how good it is, and asks the network for nothing.
//!
//! [`render`] is a pure function from [`ReportData`] to the text of the page, so the caller decides what is read
//! and where the page goes. Tables are written here and need no script; the chart of closes is drawn in the
//! browser by Apache ECharts, which travels in the page.
//!
//! - `data`: what a report says, filled by the caller
//! - `sections`: one function a section, data to HTML
//! - `html`: escaping, enforced by types, and the table
//! - `number`: decimals and counts as a reader sees them
//! - `chart`: the data that the script draws
//! - `assets/`: the page around it all (`report.html`, `report.css`, `report.js`, `closes.html`, `echarts/`)
//!
//! Text from vendors is hostile until shown otherwise. It meets two fences: `html::Html` takes unescaped markup
//! only as `&'static str`, and the page's Content-Security-Policy allows the two scripts written here, by their
//! hash, and no request at all.

mod chart;
pub mod data;
mod html;
mod sections;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

pub use data::ReportData;
use html::Html;

const PAGE: &str = include_str!("../../assets/report.html");
const STYLE: &str = include_str!("../../assets/report.css");
const SCRIPT: &str = include_str!("../../assets/report.js");
const ECHARTS: &str = include_str!("../../assets/echarts/echarts.common.min.js");

/// The report as one HTML document, complete in itself.
pub fn render(data: &ReportData) -> String {
    fill(PAGE, |name| part(name, data))
}

/// What is in the page's template at `{{name}}`; `None` where the template has no such place.
fn part(name: &str, data: &ReportData) -> Option<Html> {
    Some(match name {
        "script-sources" => Html::new().text(&script_sources()),
        "title" => Html::new().text(&data.title),
        "style" => Html::new().markup(STYLE),
        "lake" => Html::new().text(&data.lake),
        "generated-at" => sections::instant(&data.generated_at),
        "verdict" => sections::verdict(data),
        "facts" => Html::new().html(&sections::unreadable(&data.unreadable)).html(&sections::facts(data)),
        "closes" => sections::closes(data),
        "pivot" => sections::pivot(&data.pivot),
        "quality" => {
            Html::new().html(&sections::quality(&data.scorecard)).html(&sections::flags(&data.flags))
        }
        "freshness" => sections::freshness(&data.freshness, data.late_after_days),
        "quarantine" => sections::quarantine(&data.quarantine),
        "actions" => sections::actions(&data.actions),
        "data" => Html::new().json(&chart::payload(&data.closes)),
        "echarts" => Html::new().markup(ECHARTS),
        "script" => Html::new().markup(SCRIPT),
        _ => return None,
    })
}

/// Puts the parts in their places in one pass: what a part brings is not looked at again, so a vendor's
/// `{{script}}` stays text. A place that nothing fills stays as it is.
fn fill(template: &'static str, part: impl Fn(&str) -> Option<Html>) -> String {
    let mut page = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        rest = after;
        match after.split_once("}}").and_then(|(name, after)| Some((part(name)?, after))) {
            Some((html, after)) => {
                page.push_str(html.as_str());
                rest = after;
            }
            None => page.push_str("{{"),
        }
    }
    page.push_str(rest);
    page
}

/// The scripts that may run, as the sources of a Content-Security-Policy: their hashes.
fn script_sources() -> String {
    [ECHARTS, SCRIPT].map(|script| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)))).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_the_template_is_filled() {
        let names: Vec<&str> =
            PAGE.split("{{").skip(1).map(|after| after.split_once("}}").expect("closed").0).collect();
        let data = nothing();
        for name in &names {
            assert!(part(name, &data).is_some(), "{name}");
        }
        assert_eq!(names.len(), 17, "title appears twice, every other part once: {names:?}");
    }

    #[test]
    fn what_a_part_brings_is_not_filled_again() {
        let filled = fill("a {{one}} {{two}} {{three", |name| match name {
            "one" => Some(Html::new().text("{{two}}")),
            "two" => Some(Html::new().text("2")),
            _ => None,
        });
        assert_eq!(filled, "a {{two}} 2 {{three");
    }

    #[test]
    fn a_script_cannot_end_early() {
        for script in [ECHARTS, SCRIPT] {
            let script = script.to_ascii_lowercase();
            assert!(!script.contains("</script") && !script.contains("<!--"));
        }
    }

    #[test]
    fn an_empty_lake_says_so_in_every_section() {
        let page = render(&nothing());
        for sentence in [
            "Nothing has been checked yet.",
            "The lake holds no bars, so there is no close to draw.",
            "The lake holds no bars, so there is no month to average.",
            "No object has been checked.",
            "No dataset holds a row.",
            "No row was quarantined.",
            "No corporate action is known.",
        ] {
            assert!(page.contains(sentence), "{sentence}");
        }
    }

    fn nothing() -> ReportData {
        ReportData {
            title: "Empty".to_owned(),
            generated_at: "2026-11-20T09:22:07Z".to_owned(),
            lake: "lake".to_owned(),
            range: None,
            totals: data::Totals::default(),
            closes: Vec::new(),
            pivot: data::Pivot::default(),
            scorecard: Vec::new(),
            flags: Vec::new(),
            freshness: Vec::new(),
            late_after_days: 4,
            quarantine: Vec::new(),
            actions: Vec::new(),
            unreadable: Vec::new(),
        }
    }
}
