//! Logs of a terminal: short lines on standard error. Those of a function on Lambda are `quotelake-telemetry`'s.

use std::io::{self, Write};

use quotelake_core::visible_lines;
use tracing_subscriber::EnvFilter;

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
    let _ = tracing_subscriber::fmt()
        .with_writer(|| Visible(io::stderr()))
        .without_time()
        .with_target(false)
        .with_env_filter(filter())
        .try_init();
}

#[expect(clippy::disallowed_methods, reason = "the log level is the environment's")]
fn filter() -> EnvFilter {
    let level = std::env::var("RUST_LOG").unwrap_or_default();
    // An empty filter is a sound one, and lets errors through only.
    let level = if level.trim().is_empty() { "warn" } else { level.as_str() };
    EnvFilter::try_new(level.to_lowercase()).unwrap_or_else(|_| EnvFilter::new("warn"))
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
