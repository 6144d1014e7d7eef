//! What is true of the whole process: by the environment, read once. Lines and metrics carry it.

use std::env;

/// What is true of the whole process.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) service: &'static str,
    pub(crate) env: Option<String>,
    pub(crate) function_name: Option<String>,
    pub(crate) function_memory_size: Option<u64>,
}

impl Facts {
    /// By the environment.
    pub(crate) fn from_env(service: &'static str) -> Self {
        Self {
            service,
            env: variable("QUOTELAKE_ENV"),
            function_name: variable("AWS_LAMBDA_FUNCTION_NAME"),
            function_memory_size: variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
                .and_then(|text| text.parse().ok()),
        }
    }
}

/// A variable of the environment; none where it is empty.
#[expect(clippy::disallowed_methods, reason = "the log's settings are the environment's")]
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
