//! What the delivery stream and the fabric invoke: a Lambda function as they see it, JSON in and JSON out.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Why an invocation failed, in the words of the Lambda Runtime API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionError {
    /// The class of the failure; dead letters carry it as `error_code`.
    pub error_type: String,
    /// What happened.
    pub error_message: String,
}

impl FunctionError {
    /// An error of this type.
    pub fn new(error_type: impl Into<String>, error_message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), error_message: error_message.into() }
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}

impl std::error::Error for FunctionError {}

impl From<quotelake_core::Error> for FunctionError {
    fn from(error: quotelake_core::Error) -> Self {
        Self::new(error.kind().code(), error.to_string())
    }
}

/// A function: a handler of this workspace in process, or a real binary behind a Runtime API.
#[async_trait]
pub trait Function: fmt::Debug + Send + Sync {
    /// Handles one event and answers with the response's JSON.
    async fn invoke(&self, event: Bytes) -> Result<Bytes, FunctionError>;
}

/// A [`Function`] made of an async closure, see [`function_fn`].
pub struct FunctionFn<F> {
    name: String,
    call: F,
}

/// Makes a [`Function`] of an async closure.
///
/// ```
/// use bytes::Bytes;
/// use quotelake_local::{Function, FunctionError, function_fn};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let echo = function_fn("echo", |event: Bytes| async move { Ok::<_, FunctionError>(event) });
/// assert_eq!(echo.invoke(Bytes::from_static(b"{}")).await.unwrap(), "{}");
/// # });
/// ```
pub fn function_fn<F, Fut>(name: impl Into<String>, call: F) -> FunctionFn<F>
where
    F: Fn(Bytes) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Bytes, FunctionError>> + Send,
{
    FunctionFn { name: name.into(), call }
}

impl<F> fmt::Debug for FunctionFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionFn").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl<F, Fut> Function for FunctionFn<F>
where
    F: Fn(Bytes) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Bytes, FunctionError>> + Send,
{
    async fn invoke(&self, event: Bytes) -> Result<Bytes, FunctionError> {
        (self.call)(event).await
    }
}

/// Invokes in a task of its own, so that a panic is one failed invocation, as on Lambda, and the caller lives on.
pub(crate) async fn invoke_guarded(
    function: &Arc<dyn Function>,
    event: Bytes,
) -> Result<Bytes, FunctionError> {
    let function = Arc::clone(function);
    // A JoinSet of one: dropping it aborts the task, so an abandoned invocation does not outlive its caller.
    let mut task = tokio::task::JoinSet::new();
    task.spawn(async move { function.invoke(event).await });
    match task.join_next().await {
        Some(Ok(answer)) => answer,
        Some(Err(error)) if error.is_panic() => {
            let panic = error.into_panic();
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no text".to_owned());
            Err(FunctionError::new("panic", text))
        }
        _ => Err(FunctionError::new("cancelled", "the invocation was cancelled")),
    }
}
