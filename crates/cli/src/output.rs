//! What a person or a program sees: text with tables and a progress bar on a terminal, one JSON document with `--json`.
//!
//! Nothing reaches standard output but through here, and nothing of what is written here hides: names, symbols and messages of
//! vendors, files and databases may hold characters that move the cursor, make links or turn the text round.
//! [`visible`] is for a text within a line; what was forgotten is caught when the whole is written.
//!
//! [`Text`] is what a command says, lines and tables; it is laid out when it is written, for the [`Screen`] that it is shown on.

mod screen;
mod table;
mod text;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
pub use quotelake_core::visible;
use quotelake_core::{Error, Result, visible_json, visible_lines};
pub use screen::Screen;
use serde::Serialize;
pub use table::{Table, table};
pub use text::{Text, csv, push_csv_cell};

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
    screen: Screen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    Silent,
}

impl Output {
    /// JSON, or text for what it is shown on.
    pub fn new(json: bool, screen: Screen) -> Self {
        Self { form: if json { Form::Json } else { Form::Text }, screen }
    }

    /// Nothing at all: for a caller that takes the result itself.
    pub fn silent() -> Self {
        Self { form: Form::Silent, screen: Screen::default() }
    }

    /// Prints `document` with `--json`, else what `text` makes.
    pub fn finish<T: Serialize, S: Into<Text>>(self, document: &T, text: impl FnOnce() -> S) -> Result<()> {
        let line = match self.form {
            Form::Json => {
                let json = serde_json::to_string(document);
                visible_json(&json.map_err(|e| Error::bug("output").with_source(e))?).into_owned()
            }
            Form::Text => text().into().lay_out(self.screen),
            Form::Silent => return Ok(()),
        };
        write_line(line.trim_end())
    }

    /// Prints a line of what is about to happen: for people only, `--json` prints one document at the end.
    pub fn say(self, text: impl Into<Text>) -> Result<()> {
        match self.form {
            Form::Text => write_line(text.into().lay_out(self.screen).trim_end()),
            Form::Json | Form::Silent => Ok(()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_complaints_hide_nothing() {
        let evil = "x\u{1b}]8;;https://example.com\u{7}\u{202e}y\u{200b}";
        let hides = |shown: &str| shown.chars().any(|c| c != '\n' && quotelake_core::is_hidden(c));
        for width in [None, Some(20)] {
            let screen = Screen { width, colour: false };
            let shown = table(&["symbol"], &[], [vec![evil.to_owned()]]).judged(&["symbol"]).lay_out(screen);
            assert!(!hides(&shown), "{shown:?}");
            let widths: Vec<usize> = shown.lines().map(|line| line.chars().count()).collect();
            assert!(width.is_some() || widths.iter().all(|one| *one == widths[0]), "{shown}");
            let mut text = Text::from(evil);
            text.push_verbatim(evil);
            assert!(!hides(&text.lay_out(screen)));
        }
        for json in [false, true] {
            let line = complaint(&Error::invalid(evil), json);
            assert!(!line.chars().any(quotelake_core::is_hidden), "{line:?}");
        }
    }
}
