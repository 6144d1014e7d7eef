//! The Lambda Runtime API on a local port: what a `bootstrap` binary talks to on AWS, so that the real binaries can be
//! run and measured without a cloud. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
//!
//! - `exchange`: invocations on their way between the test and the binary.
//! - `server`: the HTTP side.
//! - `process`: the binary, started with the environment that Lambda gives it, and killed with its handle.

mod exchange;
mod process;
mod server;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use exchange::Exchange;
pub use process::{Memory, Running};

/// Why an invocation failed, as the function or the platform said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionError {
    /// The class of the failure. The platform's own are `Sandbox.Timedout`, `Runtime.ExitError`,
    /// `Function.ResponseSizeTooLarge` and `Runtime.InvalidResponse`.
    pub error_type: String,
    /// What happened.
    pub error_message: String,
}

impl FunctionError {
    fn new(error_type: &str, error_message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), error_message: error_message.into() }
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}

impl std::error::Error for FunctionError {}

/// How long an invocation may take unless [`RuntimeApi::with_timeout`] says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A Runtime API for one function, on `127.0.0.1` and a port of its own. It ends when dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    exchange: Arc<Exchange>,
    timeout: Duration,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    /// Starts serving.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, exchange) = (listener.local_addr()?, Arc::new(Exchange::default()));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&exchange)));
        Ok(Self { address, exchange, timeout: TIMEOUT, server })
    }

    /// How long an invocation may take; a function learns of it as its deadline.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts a binary against this API with Lambda's variables and `env`, and nothing else of the caller's environment.
    pub fn run_binary(&self, path: impl AsRef<Path>, env: &[(&str, &str)]) -> io::Result<Running> {
        Running::start(path.as_ref(), env, self.address, self.timeout, Arc::clone(&self.exchange))
    }

    /// Hands an event to the function and waits for its answer, at most for the timeout.
    pub async fn invoke(&self, event: &Value) -> Result<Value, FunctionError> {
        let answer = self.invoke_bytes(Bytes::from(event.to_string())).await?;
        serde_json::from_slice(&answer).map_err(|error| {
            FunctionError::new("Runtime.InvalidResponse", format!("the response is not JSON: {error}"))
        })
    }

    /// [`invoke`](Self::invoke) with the bytes as they are.
    pub async fn invoke_bytes(&self, event: Bytes) -> Result<Bytes, FunctionError> {
        self.exchange.invoke(event, self.timeout).await
    }

    /// What the function reported to `/runtime/init/error`, if it did.
    pub fn init_error(&self) -> Option<FunctionError> {
        self.exchange.init_error()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[cfg(test)]
mod tests;
