//! The report: one HTML file that shows what is in the lake and how good it is, and asks the network for nothing.
//!
//! [`render`] is a pure function from [`ReportData`] to the text of the page, so the caller decides what is read
//! and where the page goes. Tables are written here and need no script; charts are drawn in the
//! browser by Apache ECharts, which travels in the page.
//!
//! - `data`: what a report says, filled by the caller
//! - `lake`, `prices`, `quality`, `work`: the sections, data to HTML
//! - `markup`: the table and its cells; `words`: the lake's names in a reader's words
//! - `chart`: the data that the script draws
//! - `assets/`: `report.css`, `report.js`, `echarts/`
//!
//! Text from vendors is hostile until shown otherwise. It meets three fences: `maud` escapes every value, characters that hide are
//! written out in the whole of the markup, and the page's Content-Security-Policy allows the two scripts written here, by their
//! hash, and no request at all.

mod chart;
pub mod data;
mod lake;
mod markup;
mod prices;
mod quality;
mod words;
mod work;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

pub use data::ReportData;

const STYLE: &str = include_str!("../../assets/report.css");
const SCRIPT: &str = include_str!("../../assets/report.js");
const ECHARTS: &str = include_str!("../../assets/echarts/echarts.report.min.js");

/// A section: its id, its title and what is in it.
type Section = (&'static str, &'static str, Markup);

/// The report as one HTML document, complete in itself.
pub fn render(data: &ReportData) -> String {
    let has_charts = data.prices.iter().any(|of| !of.closes.is_empty());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(data))
            (markup::nothing_hidden(body(data, has_charts)))
            @if has_charts {
                script #report-data type="application/json" { (markup::json(&chart::payload(&data.prices))) }
                script { (PreEscaped(ECHARTS)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn head(data: &ReportData) -> Markup {
    let policy = format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
        script_sources()
    );
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy);
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            (markup::nothing_hidden(html! { title { (data.title) } }))
            style { (PreEscaped(STYLE)) }
        }
    }
}

fn body(data: &ReportData, has_charts: bool) -> Markup {
    let sections = sections(data);
    html! {
        a.skip href="#main" { "Skip to the report" }
        header {
            h1 { (data.title) }
            p.lead {
                code.lake { (data.lake) }
                span { "As of " (markup::instant(&data.generated_at)) }
            }
            (lake::verdict(data))
            (lake::unreadable(&data.unreadable))
            (lake::facts(data))
        }
        nav aria-label="Sections" {
            ul { @for (id, title, _) in &sections { li { a href={ "#" (id) } { (title) } } } }
        }
        main #main {
            @for (id, title, content) in &sections {
                section id=(id) aria-labelledby={ (id) "-title" } {
                    h2 id={ (id) "-title" } { (title) }
                    (content)
                }
            }
        }
        footer {
            p {
                "Written by Quotelake. "
                @if has_charts {
                    "Charts by Apache ECharts " span #echarts-version {} " (Apache License 2.0). "
                }
                "This page is complete in itself and asks the network for nothing."
            }
        }
    }
}

/// The sections that this lake has something for. One without bars has none of those about bars.
fn sections(data: &ReportData) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    if data.prices.is_empty() {
        sections.push(("tables", "Tables", lake::tables(data)));
    } else {
        sections.push(("closes", "Daily closes", prices::closes(&data.prices)));
        sections.push(("symbol", "One symbol", prices::one_symbol()));
        sections.push(("averages", "Monthly averages", prices::pivot(&data.pivot)));
    }
    sections.push(("quality", "Quality", quality::quality(data)));
    sections.push(("warned", "Warned rows", quality::warned(data)));
    sections.push(("refused", "Refused rows", quality::refused(data)));
    if !data.freshness.is_empty() {
        sections.push(("freshness", "Freshness", work::freshness(&data.freshness)));
        sections.push(("gaps", "Gaps", work::gaps(&data.gaps)));
    }
    sections.push(("runs", "Runs", work::runs(&data.runs)));
    if !data.actions.is_empty() {
        sections.push(("actions", "Corporate actions", lake::actions(&data.actions)));
    }
    if !data.prices.is_empty() {
        sections.push(("tables", "Tables", lake::tables(data)));
    }
    sections
}

/// The scripts that may run, as the sources of a Content-Security-Policy: their hashes.
fn script_sources() -> String {
    [ECHARTS, SCRIPT].map(|script| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)))).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "No table holds a row.",
            "No object has been checked.",
            "No published row has a flag.",
            "No row was quarantined.",
            "No run is on record.",
        ] {
            assert!(page.contains(sentence), "{sentence}");
        }
        assert!(!page.contains("<script"), "there is nothing to draw");
    }

    #[test]
    fn what_cannot_be_read_is_in_the_first_sentence() {
        let page =
            render(&ReportData { unreadable: vec!["quality/a.json is damaged".to_owned()], ..nothing() });
        assert!(page.contains("1 object cannot be read.") && page.contains("quality/a.json is damaged"));
        assert!(!page.contains("Nothing has been checked yet."));
    }

    fn nothing() -> ReportData {
        ReportData {
            title: "Empty".to_owned(),
            generated_at: "2026-11-20T09:22:07Z".to_owned(),
            lake: "lake".to_owned(),
            range: None,
            totals: data::Totals::default(),
            tables: Vec::new(),
            prices: Vec::new(),
            pivot: data::Pivot::default(),
            scorecard: Vec::new(),
            quality_days: Vec::new(),
            flags: Vec::new(),
            warned: data::Newest::default(),
            freshness: Vec::new(),
            gaps: data::Gaps::default(),
            quarantine: Vec::new(),
            refused: data::Newest::default(),
            runs: data::Newest::default(),
            actions: Vec::new(),
            unreadable: Vec::new(),
        }
    }
}
