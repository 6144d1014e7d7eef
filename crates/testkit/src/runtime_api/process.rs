//! The binary under test as a process, started with Lambda's environment variables. Its log, memory in KiB and time to the
//! first poll are read here, for tests and measurements.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::FunctionError;
use super::exchange::Exchange;

pub(super) const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:function-under-test";

/// A started binary. Dropping it kills that process and no other.
pub struct Running {
    pid: u32,
    started: Instant,
    timeout: Duration,
    exchange: Arc<Exchange>,
    lines: Arc<Mutex<Vec<String>>>,
    /// Dropped with this: the keeper of the child kills it then.
    _kill: oneshot::Sender<()>,
}

/// A process's memory in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Resident now.
    pub resident_kib: u64,
    /// Resident at most so far.
    pub peak_kib: u64,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("pid", &self.pid).finish_non_exhaustive()
    }
}

impl Running {
    pub(super) fn start(
        path: &Path,
        env: &[(&str, &str)],
        api: SocketAddr,
        timeout: Duration,
        exchange: Arc<Exchange>,
    ) -> io::Result<Self> {
        let mut command = Command::new(path);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "function-under-test")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/function-under-test")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
            .env("_HANDLER", "bootstrap")
            .env("TZ", ":UTC")
            .env("LANG", "en_US.UTF-8")
            // After Lambda's own: a test may replace them.
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        exchange.started();
        let started = Instant::now();
        let mut child = command.spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the process ended at once"))?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let readers = [
            child.stdout.take().map(|out| tokio::spawn(collect(out, Arc::clone(&lines)))),
            child.stderr.take().map(|err| tokio::spawn(collect(err, Arc::clone(&lines)))),
        ];
        let (kill, killed) = oneshot::channel();
        let watched = Arc::clone(&exchange);
        tokio::spawn(async move {
            let status = keep(child, killed).await;
            for reader in readers.into_iter().flatten() {
                // A child of the child may hold the pipe; its lines are not waited for.
                let _ = tokio::time::timeout(Duration::from_millis(200), reader).await;
            }
            watched.exited(&status);
        });
        Ok(Self { pid, started, timeout, exchange, lines, _kill: kill })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the function to ask for its first event, and returns how long that took from the start of the process:
    /// the cold start without what AWS adds. An error when it exits, reports one, or does not ask before the timeout.
    pub async fn time_to_first_poll(&self) -> Result<Duration, FunctionError> {
        match tokio::time::timeout(self.timeout, self.exchange.first_poll()).await {
            Ok(polled) => Ok(polled?.saturating_duration_since(self.started)),
            Err(_) => {
                Err(FunctionError::new("Sandbox.Timedout", format!("no poll within {:?}", self.timeout)))
            }
        }
    }

    /// Its memory now and at most, `None` when it is gone or the system does not say (it does on Linux).
    pub fn memory(&self) -> Option<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let kib = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
        };
        Some(Memory { resident_kib: kib("VmRSS:")?, peak_kib: kib("VmHWM:")? })
    }

    /// What it has written to stdout and stderr so far, line by line.
    pub fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Waits for the child's end, or kills it when its handle is dropped, and says how it ended.
async fn keep(mut child: Child, killed: oneshot::Receiver<()>) -> String {
    let ended = tokio::select! {
        ended = child.wait() => ended,
        _ = killed => match child.start_kill() {
            Ok(()) => child.wait().await,
            Err(error) => Err(error),
        },
    };
    ended.map_or_else(|error| error.to_string(), |status| status.to_string())
}

async fn collect(output: impl AsyncRead + Unpin, lines: Arc<Mutex<Vec<String>>>) {
    let mut output = BufReader::new(output).lines();
    while let Ok(Some(line)) = output.next_line().await {
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
