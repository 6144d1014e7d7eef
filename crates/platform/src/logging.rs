//! Logs of a terminal: short lines on standard error. Those of a function on Lambda are `quotelake-telemetry`'s.

use tracing_subscriber::EnvFilter;

/// Short lines on standard error, `warn` and above unless `RUST_LOG` says more.
pub fn init_terminal() {
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
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
