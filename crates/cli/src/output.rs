//! What a person or a program sees: text with tables and a progress bar on a terminal, one JSON document with `--json`.
//!
//! Nothing reaches standard output but through here, and nothing of what is written here hides: names, symbols and messages of
//! vendors, files and databases may hold characters that move the cursor, make links or turn the text round.
//! [`visible`] is for a text within a line; what was forgotten is caught when the whole is written.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

use comfy_table::{CellAlignment, LineStyle, Table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
pub use quotelake_core::visible;
use quotelake_core::{Error, Result, visible_json, visible_lines};
use serde::Serialize;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// The data failed its quality rules.
    QualityFailure,
    /// Some units or messages failed and wait as dead letters.
    SomeFailed,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::QualityFailure => 2,
            Self::SomeFailed => 3,
        }
    }
}

/// Writes a command's answer.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    Silent,
}

impl Output {
    /// JSON or text.
    pub fn new(json: bool) -> Self {
        Self { form: if json { Form::Json } else { Form::Text } }
    }

    /// Nothing at all: for a caller that takes the result itself.
    pub fn silent() -> Self {
        Self { form: Form::Silent }
    }

    /// Prints `document` with `--json`, else what `text` makes.
    pub fn finish<T: Serialize>(self, document: &T, text: impl FnOnce() -> String) -> Result<()> {
        let line = match self.form {
            Form::Json => {
                let json = serde_json::to_string(document);
                visible_json(&json.map_err(|e| Error::bug("output").with_source(e))?).into_owned()
            }
            Form::Text => visible_lines(&text()).into_owned(),
            Form::Silent => return Ok(()),
        };
        write_line(line.trim_end())
    }

    /// Prints a line of what is about to happen: for people only, `--json` prints one document at the end.
    pub fn say(self, text: &str) -> Result<()> {
        if self.form == Form::Text { write_line(visible_lines(text.trim_end()).as_ref()) } else { Ok(()) }
    }

    /// Whether a JSON document is what goes to standard output.
    pub fn is_json(self) -> bool {
        self.form == Form::Json
    }

    /// A progress bar of `length` steps: on a terminal only, and gone when it is done.
    pub fn progress(self, what: &'static str, length: u64) -> ProgressBar {
        if self.form != Form::Text || !std::io::stderr().is_terminal() {
            return ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden());
        }
        let bar = ProgressBar::new(length).with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{msg:>10} [{bar:32}] {pos}/{len} {elapsed}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

/// A pipe that was closed by its reader is no error of ours.
fn write_line(text: &str) -> Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| Error::unavailable("cannot write to standard output").with_source(e)),
    }
}

/// The line of a command that failed, or its JSON document, for standard error.
pub fn complaint(error: &Error, json: bool) -> String {
    let text = error.to_string();
    if json {
        let document = serde_json::json!({"error": text, "kind": error.kind().code()}).to_string();
        visible_json(&document).into_owned()
    } else {
        format!("error: {}", visible_lines(&text))
    }
}

/// A table; columns named in `numbers` are aligned to the right. A cell may have several lines.
pub fn table(header: &[&str], numbers: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_header(header.iter().copied());
    for row in rows {
        // Before the widths are counted, and cells are set.
        table.add_row(row.iter().map(|cell| visible_lines(&cell.replace('\t', " ")).into_owned()));
    }
    for column in numbers {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_complaints_hide_nothing() {
        let evil = "x\u{1b}]8;;https://example.com\u{7}\u{202e}y\u{200b}";
        let shown = table(&["symbol"], &[], [vec![evil.to_owned()]]);
        assert!(!shown.chars().any(|c| c != '\n' && quotelake_core::is_hidden(c)), "{shown:?}");
        let width = |line: &str| line.chars().count();
        let widths: Vec<usize> = shown.lines().map(width).collect();
        assert!(widths.iter().all(|one| *one == widths[0]), "{shown}");
        for json in [false, true] {
            let line = complaint(&Error::invalid(evil), json);
            assert!(!line.chars().any(quotelake_core::is_hidden), "{line:?}");
        }
    }
}
