//! HTML that vendor text cannot break out of.
//!
//! [`Html`] takes markup only as `&'static str`, that is: only what is written in this program. Everything read
//! from the lake is a borrowed string and can enter through [`Html::text`] or [`Html::attr`] alone, which escape.

use quotelake_core::is_hidden;
use serde_json::Value;

/// A piece of a page.
#[derive(Debug, Clone, Default)]
pub(super) struct Html(String);

impl Html {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Appends markup written in this program.
    pub(super) fn markup(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Appends text, escaped.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.0.push_str(&escape(text));
        self
    }

    /// Appends an attribute inside an open tag, its value escaped.
    pub(super) fn attr(self, name: &'static str, value: &str) -> Self {
        self.markup(" ").markup(name).markup("=\"").text(value).markup("\"")
    }

    /// Appends another piece.
    pub(super) fn html(mut self, html: &Html) -> Self {
        self.0.push_str(&html.0);
        self
    }

    /// Appends a JSON value as the content of `<script type="application/json">`.
    ///
    /// A script element ends at the first `</script`, whatever the JSON around it means, so no `<` is left.
    pub(super) fn json(mut self, value: &Value) -> Self {
        for c in value.to_string().chars() {
            match c {
                '<' => self.0.push_str("\\u003c"),
                '>' => self.0.push_str("\\u003e"),
                '&' => self.0.push_str("\\u0026"),
                '\u{2028}' => self.0.push_str("\\u2028"),
                '\u{2029}' => self.0.push_str("\\u2029"),
                other => self.0.push(other),
            }
        }
        self
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text as HTML, safe between tags and between double or single quotes of an attribute.
///
/// What hides is written out (`\u{202e}`): a browser would drop it or let it rewrite what is around it.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if is_hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// Left: names, text.
    Text,
    /// Right, with figures of one width.
    Number,
}

/// A table with a caption, column headers and a row header in the first column, in a box that scrolls.
#[derive(Debug)]
pub(super) struct Table {
    id: &'static str,
    caption: Html,
    columns: Vec<(Html, Align)>,
    body: Html,
}

impl Table {
    pub(super) fn new(id: &'static str, caption: Html) -> Self {
        Self { id, caption, columns: Vec::new(), body: Html::new() }
    }

    pub(super) fn column(mut self, title: Html, align: Align) -> Self {
        self.columns.push((title, align));
        self
    }

    /// A column whose title is written in this program.
    pub(super) fn titled(self, title: &'static str, align: Align) -> Self {
        self.column(Html::new().markup(title), align)
    }

    /// One row: the first cell is its header.
    pub(super) fn row(self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.row_of("", cells)
    }

    /// One row with a class.
    pub(super) fn row_of(mut self, class: &'static str, cells: impl IntoIterator<Item = Cell>) -> Self {
        let mut body = std::mem::take(&mut self.body).markup("<tr");
        if !class.is_empty() {
            body = body.attr("class", class);
        }
        body = body.markup(">");
        for (at, cell) in cells.into_iter().enumerate() {
            let number = self.columns.get(at).is_some_and(|(_, align)| *align == Align::Number);
            body = body.markup(if at == 0 { "<th scope=\"row\"" } else { "<td" });
            if number {
                body = body.markup(" class=\"n\"");
            }
            if let Some(title) = &cell.title {
                body = body.attr("title", title);
            }
            body = body.markup(">").html(&cell.html).markup(if at == 0 { "</th>" } else { "</td>" });
        }
        self.body = body.markup("</tr>\n");
        self
    }

    pub(super) fn finish(self) -> Html {
        let caption_id = format!("{}-caption", self.id);
        let mut html = Html::new()
            .markup("<div class=\"scroll\" role=\"region\" tabindex=\"0\"")
            .attr("aria-labelledby", &caption_id)
            .markup("><table")
            .attr("id", self.id)
            .markup("><caption")
            .attr("id", &caption_id)
            .markup(">")
            .html(&self.caption)
            .markup("</caption>\n<thead><tr>");
        for (title, align) in &self.columns {
            html = html
                .markup(if *align == Align::Number {
                    "<th scope=\"col\" class=\"n\">"
                } else {
                    "<th scope=\"col\">"
                })
                .html(title)
                .markup("</th>");
        }
        html.markup("</tr></thead>\n<tbody>\n").html(&self.body).markup("</tbody></table></div>\n")
    }
}

/// A cell's content.
#[derive(Debug, Default)]
pub(super) struct Cell {
    html: Html,
    title: Option<String>,
}

impl Cell {
    pub(super) fn text(text: &str) -> Self {
        Html::new().text(text).into()
    }

    /// A cell that shows less than is known: `exact` appears when the pointer rests on it.
    pub(super) fn rounded(shown: &str, exact: &str) -> Self {
        Self { html: Html::new().text(shown), title: (shown != exact).then(|| exact.to_owned()) }
    }

    /// Nothing to say, and said so to a screen reader.
    pub(super) fn none(why: &'static str) -> Self {
        Html::new()
            .markup("<span class=\"none\" aria-hidden=\"true\">–</span><span class=\"hidden\">")
            .markup(why)
            .markup("</span>")
            .into()
    }
}

impl From<Html> for Cell {
    fn from(html: Html) -> Self {
        Self { html, title: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(
            escape("</td><img src=x onerror='alert(\"1\")'>&amp;"),
            "&lt;/td&gt;&lt;img src=x onerror=&#39;alert(&quot;1&quot;)&#39;&gt;&amp;amp;"
        );
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        assert_eq!(escape("Petróleo 4:1\n\tß 日経"), "Petróleo 4:1\n\tß 日経");
    }

    #[test]
    fn control_and_direction_characters_are_written_out() {
        assert_eq!(escape("a\0b\u{202e}c\r"), "a\\u{0}b\\u{202e}c\\u{d}");
    }

    #[test]
    fn json_cannot_end_its_script_and_keeps_its_meaning() {
        let value = serde_json::json!({"symbol": "</script><!--&\u{2028}"});
        let html = Html::new().json(&value);
        assert!(!html.as_str().contains('<'));
        assert!(!html.as_str().contains('>'));
        let read: Value = serde_json::from_str(html.as_str()).unwrap();
        assert_eq!(read, value);
    }

    #[test]
    fn a_table_names_its_headers_and_aligns_its_numbers() {
        let html = Table::new("t", Html::new().text("A & B"))
            .titled("Symbol", Align::Text)
            .titled("Rows", Align::Number)
            .row([Cell::text("<X>"), Cell::rounded("1.00", "1.004")])
            .finish();
        assert_eq!(
            html.as_str(),
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"t-caption\">\
             <table id=\"t\"><caption id=\"t-caption\">A &amp; B</caption>\n\
             <thead><tr><th scope=\"col\">Symbol</th><th scope=\"col\" class=\"n\">Rows</th></tr></thead>\n\
             <tbody>\n<tr><th scope=\"row\">&lt;X&gt;</th><td class=\"n\" title=\"1.004\">1.00</td></tr>\n\
             </tbody></table></div>\n"
        );
    }
}
