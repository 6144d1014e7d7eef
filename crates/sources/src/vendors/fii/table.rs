//! A page to the cells of its table.

use quotelake_core::FetchUnit;
use scraper::{ElementRef, Html, Selector};

use super::{Column, Profile, TableProfile};

/// A table whose headers are those of its profile.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The rows, each with the cells of the profile's columns in the profile's order.
    pub(super) rows: Vec<Vec<Value>>,
}

/// One cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// Its text, spaces and line breaks as single spaces.
    pub(super) text: String,
    /// The first `title` inside it.
    pub(super) title: Option<String>,
}

/// The page as text: by the charset of its `Content-Type`, or the profile's encoding. The error says that it is not in it: a name
/// with letters replaced is another name.
pub(super) fn decode(profile: &Profile, content_type: Option<&str>, body: &[u8]) -> Result<String, String> {
    let named = content_type.and_then(|value| {
        let (_, charset) = value.split_once("charset=")?;
        encoding_rs::Encoding::for_label(charset.trim_matches(['"', ' ', ';']).as_bytes())
    });
    // The profile was checked: its label is known.
    let own = || encoding_rs::Encoding::for_label(profile.encoding.as_bytes()).unwrap_or(encoding_rs::UTF_8);
    let (text, encoding, replaced) = named.unwrap_or_else(own).decode(body);
    if replaced { Err(format!("the page is not {}", encoding.name())) } else { Ok(text.into_owned()) }
}

impl Table {
    /// Reads a page. The error says what is not as the profile has it; the whole page is refused then.
    pub(super) fn read(profile: &TableProfile, unit: &FetchUnit, page: &str) -> Result<Self, String> {
        let html = Html::parse_document(page);
        let selector = |css: &str| Selector::parse(css).map_err(|_| format!("{css:?} is no CSS selector"));
        let table = html.select(&selector(&profile.table)?).next().ok_or_else(|| {
            let title = selector("title").ok().and_then(|css| html.select(&css).next());
            let title = title.map(text_of).unwrap_or_default();
            format!("there is no {} on the page, whose title is {title:?}", profile.table)
        })?;
        let headers: Vec<String> = table.select(&selector("thead th, thead td")?).map(text_of).collect();
        let places = places(profile, &headers)?;
        let mut rows = Vec::new();
        for (index, row) in table.select(&selector("tbody tr")?).enumerate() {
            let cells: Vec<ElementRef<'_>> = row.select(&selector("td")?).collect();
            if cells.len() != headers.len() {
                return Err(format!(
                    "row {} has {} cells for {} headers",
                    index + 1,
                    cells.len(),
                    headers.len()
                ));
            }
            let titled = selector("[title]")?;
            let value = |place: &usize| Value {
                text: text_of(cells[*place]),
                title: cells[*place].select(&titled).next().and_then(|inner| inner.attr("title")).map(tidy),
            };
            rows.push(places.iter().map(value).collect());
        }
        if rows.len() < profile.min_rows {
            return Err(format!(
                "{} rows, {} are the least for unit {}",
                rows.len(),
                profile.min_rows,
                unit.endpoint
            ));
        }
        Ok(Self { rows })
    }
}

/// Where each of the profile's columns is.
fn places(profile: &TableProfile, headers: &[String]) -> Result<Vec<usize>, String> {
    if let Some(new) = headers.iter().find(|header| {
        !profile.columns.iter().any(|column| column.header == **header) && !profile.ignored.contains(header)
    }) {
        return Err(format!("the layout has changed: the header {new:?} is new"));
    }
    let place = |column: &Column| {
        let mut found = headers.iter().enumerate().filter(|(_, header)| **header == column.header);
        match (found.next(), found.next()) {
            (Some((place, _)), None) => Ok(place),
            (Some(_), Some(_)) => {
                Err(format!("the layout has changed: the header {:?} is there twice", column.header))
            }
            (None, _) => Err(format!("the layout has changed: the header {:?} is missing", column.header)),
        }
    };
    profile.columns.iter().map(place).collect()
}

fn text_of(element: ElementRef<'_>) -> String {
    tidy(&element.text().collect::<String>())
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
