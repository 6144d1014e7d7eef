//! Logs: JSON, one line per event on standard output for Lambda; short lines on standard error for a terminal.

use tracing_subscriber::EnvFilter;

/// JSON lines at the level that `AWS_LAMBDA_LOG_LEVEL` or `RUST_LOG` asks for, `info` else. Call once, first thing.
pub fn init_lambda() {
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter(&["AWS_LAMBDA_LOG_LEVEL", "RUST_LOG"], "info"))
        .try_init();
}

/// Short lines on standard error, `warn` and above unless `RUST_LOG` says more.
pub fn init_terminal() {
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .with_env_filter(filter(&["RUST_LOG"], "warn"))
        .try_init();
}

#[expect(clippy::disallowed_methods, reason = "the log level is the environment's")]
fn filter(names: &[&str], default: &str) -> EnvFilter {
    let level = names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| default.to_owned());
    EnvFilter::try_new(level.to_lowercase()).unwrap_or_else(|_| EnvFilter::new(default))
}
