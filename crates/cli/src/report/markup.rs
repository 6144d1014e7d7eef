//! The parts that the sections are made of: the table, its cells, and text that vendors cannot break out of.
//!
//! `maud` escapes every value that enters a page; [`PreEscaped`] is used for what is written in this program and for [`json`].

use maud::{Markup, PreEscaped, html};
use quotelake_core::is_hidden;
use serde_json::Value;

use crate::number::thousands;

/// A JSON value as the content of `<script type="application/json">`.
///
/// A script element ends at the first `</script`, whatever the JSON around it means, so no `<` is left.
pub(super) fn json(value: &Value) -> Markup {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    PreEscaped(out)
}

/// Markup in which every character that hides is written out (`\u{202e}`): a browser would drop it or let it rewrite what is
/// around it.
pub(super) fn nothing_hidden(markup: Markup) -> Markup {
    let hides = |c: char| is_hidden(c) && !matches!(c, '\n' | '\t');
    if !markup.0.contains(hides) {
        return markup;
    }
    let mut out = String::with_capacity(markup.0.len());
    for c in markup.0.chars() {
        match hides(c) {
            true => out.extend(c.escape_unicode()),
            false => out.push(c),
        }
    }
    PreEscaped(out)
}

/// A table with a caption, column headers and a row header in the first column, in a box that scrolls.
#[derive(Debug)]
pub(super) struct Table {
    id: &'static str,
    caption: Markup,
    columns: Vec<(Markup, bool)>,
    rows: Vec<(&'static str, Vec<Cell>)>,
}

impl Table {
    pub(super) fn new(id: &'static str, caption: impl Into<String>) -> Self {
        let caption = caption.into();
        Self { id, caption: html! { (caption) }, columns: Vec::new(), rows: Vec::new() }
    }

    /// A column of text.
    pub(super) fn text(self, title: &str) -> Self {
        self.column(html! { (title) }, false)
    }

    /// A column of numbers: to the right, with figures of one width.
    pub(super) fn number(self, title: &str) -> Self {
        self.column(html! { (title) }, true)
    }

    pub(super) fn column(mut self, title: Markup, is_number: bool) -> Self {
        self.columns.push((title, is_number));
        self
    }

    /// One row: the first cell is its header.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.row_of("", cells);
    }

    /// One row with a class.
    pub(super) fn row_of(&mut self, class: &'static str, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push((class, cells.into_iter().collect()));
    }

    pub(super) fn finish(&self) -> Markup {
        let caption_id = format!("{}-caption", self.id);
        let number = |is_number: bool| is_number.then_some("n");
        let is_number = |at: usize| self.columns.get(at).is_some_and(|(_, is_number)| *is_number);
        html! {
            div.scroll role="region" tabindex="0" aria-labelledby=(caption_id) {
                table id=(self.id) {
                    caption id=(caption_id) { (self.caption) }
                    thead { tr {
                        @for (title, is_number) in &self.columns {
                            th class=[number(*is_number)] scope="col" { (title) }
                        }
                    } }
                    tbody {
                        @for (class, cells) in &self.rows {
                            tr class=[(!class.is_empty()).then_some(class)] {
                                @for (at, cell) in cells.iter().enumerate() {
                                    @if at == 0 {
                                        th class=[number(is_number(at))] scope="row" title=[&cell.title] { (cell.markup) }
                                    } @else {
                                        td class=[number(is_number(at))] title=[&cell.title] { (cell.markup) }
                                    }
                                }
                            }
                            "\n"
                        }
                    }
                }
            }
        }
    }
}

/// A cell's content.
#[derive(Debug)]
pub(super) struct Cell {
    markup: Markup,
    title: Option<String>,
}

impl Cell {
    pub(super) fn text(text: &str) -> Self {
        html! { (text) }.into()
    }

    /// A text, or nothing to say.
    pub(super) fn maybe(text: Option<&str>, why_not: &str) -> Self {
        text.map_or_else(|| Self::none(why_not), Self::text)
    }

    /// A cell that shows less than is known: `exact` appears when the pointer rests on it.
    pub(super) fn rounded(shown: &str, exact: &str) -> Self {
        Self { markup: html! { (shown) }, title: (shown != exact).then(|| exact.to_owned()) }
    }

    pub(super) fn count(number: u64) -> Self {
        Self::text(&thousands(number))
    }

    pub(super) fn maybe_count(number: Option<u64>, why_not: &str) -> Self {
        number.map_or_else(|| Self::none(why_not), Self::count)
    }

    pub(super) fn code(text: &str) -> Self {
        html! { code { (text) } }.into()
    }

    pub(super) fn day(day: &str) -> Self {
        html! { time { (day) } }.into()
    }

    pub(super) fn maybe_day(day: Option<&str>, why_not: &str) -> Self {
        day.map_or_else(|| Self::none(why_not), Self::day)
    }

    /// Nothing to say, and said so to a screen reader.
    pub(super) fn none(why: &str) -> Self {
        html! { span.none aria-hidden="true" { "–" } span.hidden { (why) } }.into()
    }
}

impl From<Markup> for Cell {
    fn from(markup: Markup) -> Self {
        Self { markup, title: None }
    }
}

/// An instant as a reader takes it in: `2026-11-20T09:22:07Z` is `2026-11-20 09:22:07 UTC`.
pub(super) fn instant(rfc3339: &str) -> Markup {
    let shown = match rfc3339.strip_suffix('Z').and_then(|local| local.split_once('T')) {
        Some((day, time)) => format!("{day} {} UTC", time.split('.').next().unwrap_or(time)),
        None => rfc3339.to_owned(),
    };
    html! { time datetime=(rfc3339) { (shown) } }
}

/// A sentence in place of what there is not.
pub(super) fn empty(sentence: &str) -> Markup {
    html! { p.empty { (sentence) } }
}

/// How many of how many rows are shown; nothing where all are.
pub(super) fn newest_of(shown: usize, all: u64, what: &str) -> Markup {
    html! {
        @if (shown as u64) < all {
            p.note { "The newest " (thousands(shown as u64)) " of " (thousands(all)) " " (what) "." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let mut table = Table::new("t", "A & B").text("Symbol").number("Rows");
        table.row([Cell::text("<X title='a' \"b\">"), Cell::rounded("1.00", "\"1.004")]);
        assert_eq!(
            table.finish().0,
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"t-caption\">\
             <table id=\"t\"><caption id=\"t-caption\">A &amp; B</caption>\
             <thead><tr><th scope=\"col\">Symbol</th><th class=\"n\" scope=\"col\">Rows</th></tr></thead>\
             <tbody><tr><th scope=\"row\">&lt;X title='a' &quot;b&quot;&gt;</th>\
             <td class=\"n\" title=\"&quot;1.004\">1.00</td></tr>\n</tbody></table></div>"
        );
    }

    #[test]
    fn control_and_direction_characters_are_written_out() {
        let markup = html! { p title="x\u{202e}" { "Petróleo 4:1\n\tß 日経 a\0b\u{202e}c\r" } };
        assert_eq!(
            nothing_hidden(markup).0,
            "<p title=\"x\\u{202e}\">Petróleo 4:1\n\tß 日経 a\\u{0}b\\u{202e}c\\u{d}</p>"
        );
    }

    #[test]
    fn json_cannot_end_its_script_and_keeps_its_meaning() {
        let value = serde_json::json!({"symbol": "</script><!--&\u{2028}"});
        let markup = json(&value);
        assert!(!markup.0.contains('<') && !markup.0.contains('>'));
        let read: Value = serde_json::from_str(&markup.0).unwrap();
        assert_eq!(read, value);
    }

    #[test]
    fn an_instant_is_readable_and_keeps_its_exact_form() {
        assert_eq!(
            instant("2026-11-20T09:22:07.123Z").0,
            "<time datetime=\"2026-11-20T09:22:07.123Z\">2026-11-20 09:22:07 UTC</time>"
        );
        assert_eq!(
            instant("2026-11-20T09:22:07-03:00").0,
            "<time datetime=\"2026-11-20T09:22:07-03:00\">2026-11-20T09:22:07-03:00</time>"
        );
    }
}
