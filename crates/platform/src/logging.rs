//! Logs of a terminal: short lines on standard error. Those of a function on Lambda are `quotelake-telemetry`'s.

use std::io::{self, Write};

use quotelake_core::visible_lines;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Standard error, on which nothing hides that a vendor or a file may have put into a text.
#[derive(Debug)]
struct Visible<W>(W);

impl<W: Write> Write for Visible<W> {
    /// Takes a whole line at once, as the formatter writes it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(visible_lines(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Short lines on standard error, `warn` and above unless `RUST_LOG` says more.
pub fn init_terminal() {
    let lines = fmt::layer().with_writer(|| Visible(io::stderr())).without_time().with_target(false);
    let _ = tracing_subscriber::registry().with(filter(&wanted())).with(lines).try_init();
}

#[expect(clippy::disallowed_methods, reason = "the log level is the environment's")]
fn wanted() -> String {
    std::env::var("RUST_LOG").unwrap_or_default()
}

/// What is written: levels, and targets with levels, with commas between. `warn` where that says nothing, or nothing sound.
fn filter(wanted: &str) -> Targets {
    let wanted = wanted.to_lowercase();
    let directives: Vec<_> =
        wanted.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    match directives.join(",").parse() {
        Ok(targets) if !directives.is_empty() && directives.iter().all(|directive| is_sound(directive)) => {
            targets
        }
        _ => Targets::new().with_default(LevelFilter::WARN),
    }
}

/// Whether a directive may be a target of `tracing`: any other text would be taken for a target that nothing has, and all of the log
/// would be gone.
fn is_sound(directive: &str) -> bool {
    let is_of_a_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '-');
    let (target, level) = directive.split_once('=').unwrap_or((directive, "info"));
    !level.trim().is_empty() && target.chars().all(is_of_a_path)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn warnings_are_written_unless_something_sound_is_asked_for() {
        use tracing::Level;
        let at = |wanted, level| filter(wanted).would_enable("quotelake_publish::drain", &level);
        for nothing in
            ["", " ", ",", "a=b=c", "quotelake_publish=loud", "\"info\"", "*=debug", "[run]=debug", "x="]
        {
            assert!(at(nothing, Level::WARN) && !at(nothing, Level::INFO), "{nothing:?}");
        }
        assert!(at("info", Level::INFO) && at("INFO, ", Level::INFO) && !at("info", Level::DEBUG));
        assert!(!at("error", Level::WARN) && !at("off", Level::ERROR));
        assert!(at("warn, quotelake_publish=debug", Level::DEBUG));
        assert!(!at("debug,quotelake_publish=error", Level::WARN));
    }

    #[test]
    fn a_line_of_the_log_hides_nothing() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || Visible(writer.clone())).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(reason = "\u{1b}[2J\u{202e}evil\u{9b}", symbol = %"\u{1b}]8;;x\u{7}", "no\u{200b}thing");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("evil") && text.ends_with('\n'), "{text}");
        assert!(!text.trim_end().chars().any(quotelake_core::is_hidden), "{text:?}");
    }
}
