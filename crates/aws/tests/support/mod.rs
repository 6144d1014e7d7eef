//! Emulators of AWS as servers on loopback ports, each ended with its test.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "helpers of tests, which say when they are skipped"
)]

use std::fmt;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use chrono::TimeDelta;
use quotelake_aws::Aws;
use quotelake_testkit::suites::MovableClock;
use tempfile::TempDir;

/// How long a server may take until it listens, on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(90);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Moto,
    MiniStack,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Moto => "moto",
            Self::MiniStack => "ministack",
        })
    }
}

/// A running emulator. Dropping it kills that process and no other.
pub(crate) struct Emulator {
    pub(crate) kind: Kind,
    process: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where `scripts/emulators.sh` puts the environments.
fn home() -> PathBuf {
    let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
    var("QUOTELAKE_EMULATORS_HOME").unwrap_or_else(|| {
        let cache = var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")));
        cache.unwrap_or_default().join("quotelake-emulators")
    })
}

impl Emulator {
    /// Starts an emulator. Where it is not installed the test is skipped, loudly; with `QUOTELAKE_EMULATORS=required` it fails.
    pub(crate) fn start(kind: Kind) -> Option<Self> {
        let python = home().join(kind.to_string()).join("bin/python");
        if !python.exists() {
            let required = std::env::var("QUOTELAKE_EMULATORS").is_ok_and(|value| value == "required");
            assert!(!required, "{kind} is required and is not at {}", python.display());
            eprintln!("SKIPPED: {kind} is not at {}: run scripts/emulators.sh", python.display());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/emulator.py");
        let process = Command::new(python)
            .arg(script)
            .args([kind.to_string(), port.to_string()])
            .arg(folder.path().join("clock"))
            .env("TMPDIR", folder.path())
            .env("S3_DATA_DIR", folder.path().join("s3"))
            .env("STATE_DIR", folder.path().join("state"))
            // Held open until this process ends, however it does: the server ends with it.
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut emulator = Self { kind, process, address, folder };
        emulator.wait_until_it_listens();
        Some(emulator)
    }

    fn wait_until_it_listens(&mut self) {
        let start = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let ended = self.process.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > START_TIMEOUT {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("{} does not listen ({ended:?}):\n{log}", self.kind);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the adapters are made of.
    pub(crate) async fn aws(&self) -> Aws {
        let endpoint = format!("http://{}", self.address);
        aws_at(&endpoint).await
    }

    /// For what a test sets up around an adapter.
    pub(crate) async fn sdk(&self) -> SdkConfig {
        self.aws().await.sdk_config().clone()
    }

    /// The queues' clock, which can be moved.
    pub(crate) fn clock(&self) -> EmulatorClock {
        EmulatorClock(self.folder.path().join("clock"))
    }
}

/// The shared configuration for a server that is no AWS.
pub(crate) async fn aws_at(endpoint: &str) -> Aws {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"));
    Aws::from_loader(loader).await.unwrap()
}

/// Moves the clock of an emulator's queues, by the file that it reads.
pub(crate) struct EmulatorClock(PathBuf);

impl MovableClock for EmulatorClock {
    fn advance(&self, by: TimeDelta) {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let now = text.parse().unwrap_or(0.0) + by.as_seconds_f64();
        std::fs::write(&self.0, now.to_string()).unwrap();
    }
}
