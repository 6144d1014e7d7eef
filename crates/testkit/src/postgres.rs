//! A real PostgreSQL server, started for a test in a folder of its own and reached by a socket in it.

use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(60);
const CERTIFICATE: &str = "server.crt";
const KEY: &str = "server.key";
/// Who runs the server where the test is root, whom it refuses.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A server that stops when it is dropped.
#[derive(Debug)]
pub struct PostgresServer {
    bin: PathBuf,
    folder: tempfile::TempDir,
    /// Where it also listens, for TLS only.
    port: Option<u16>,
    server: Child,
}

impl PostgresServer {
    /// Starts a server, or says why it cannot be: its programs are not installed (Debian's package `postgresql`).
    pub fn start() -> io::Result<Self> {
        Self::start_on(None)
    }

    /// The same, listening on 127.0.0.1 too, for clients that use TLS and for no others. The certificate, which nobody knows, is
    /// made by `openssl`.
    pub fn start_with_tls() -> io::Result<Self> {
        // Free a moment ago: the server takes no port of its own choice.
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        Self::start_on(Some(port))
    }

    fn start_on(port: Option<u16>) -> io::Result<Self> {
        let bin = programs().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "no /usr/lib/postgresql/*/bin/initdb: install `postgresql`",
            )
        })?;
        let folder = tempfile::tempdir()?;
        let owner = if folder.path().metadata()?.uid() == 0 { Some(unprivileged()?) } else { None };
        if let Some((uid, gid)) = owner {
            chown(folder.path(), Some(uid), Some(gid))?;
        }
        let data = folder.path().join("data");
        let mut initdb = program(&bin, "initdb", owner);
        initdb
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data);
        succeeded(&initdb.current_dir(folder.path()).output()?)?;
        let mut postgres = program(&bin, "postgres", owner);
        postgres.arg("-D").arg(&data).arg("-k").arg(folder.path());
        // No port at all, and no care for a power cut: the data lives as long as the test.
        for setting in ["fsync=off", "full_page_writes=off", "max_wal_size=4GB"] {
            postgres.args(["-c", setting]);
        }
        match port {
            None => postgres.args(["-c", "listen_addresses="]),
            Some(port) => {
                make_certificate(folder.path(), owner)?;
                // Passwords are not what is tested; that nothing goes unencrypted is.
                std::fs::write(
                    data.join("pg_hba.conf"),
                    "local all all trust\nhostssl all all 127.0.0.1/32 trust\n",
                )?;
                let in_folder = |name: &str| folder.path().join(name).display().to_string();
                for setting in [
                    "listen_addresses=127.0.0.1".to_owned(),
                    format!("port={port}"),
                    "ssl=on".to_owned(),
                    format!("ssl_cert_file={}", in_folder(CERTIFICATE)),
                    format!("ssl_key_file={}", in_folder(KEY)),
                ] {
                    postgres.args(["-c", &setting]);
                }
                &mut postgres
            }
        };
        let log = std::fs::File::create(folder.path().join("log"))?;
        let server = postgres.current_dir(folder.path()).stdout(Stdio::null()).stderr(log).spawn()?;
        let mut started = Self { bin, folder, port, server };
        started.wait_until_ready()?;
        Ok(started)
    }

    /// Starts a server for a test, with TLS if wanted. Where there is none, the test says loudly that it is skipped, and fails
    /// if `ci`.
    pub fn start_or_skip(ci: bool, tls: bool) -> Option<Self> {
        match if tls { Self::start_with_tls() } else { Self::start() } {
            Ok(server) => Some(server),
            Err(error) => {
                assert!(!ci, "PostgreSQL cannot be started: {error}");
                #[expect(clippy::print_stderr, reason = "a skipped test says so")]
                {
                    eprintln!("SKIPPED: PostgreSQL cannot be started: {error}");
                }
                None
            }
        }
    }

    /// The one server that all tests of a program share while any of them has it: each makes a schema of its own.
    pub fn shared_or_skip(ci: bool) -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start_or_skip(ci, false)?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let began = Instant::now();
        while began.elapsed() < START_TIMEOUT {
            let mut ready = program(&self.bin, "pg_isready", None);
            if ready
                .arg("-q")
                .arg("-h")
                .arg(self.folder.path())
                .args(["-p", &self.socket_port()])
                .status()?
                .success()
            {
                return Ok(());
            }
            if let Some(status) = self.server.try_wait()? {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(io::Error::other(format!("the server ended with {status}: {log}")));
            }
            sleep(Duration::from_millis(50));
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer"))
    }

    /// The connection string of its superuser.
    pub fn url(&self) -> String {
        format!(
            "host={} port={} user=postgres dbname=postgres",
            self.folder.path().display(),
            self.socket_port()
        )
    }

    /// The same over TLS, of a server that was started so.
    pub fn tls_url(&self) -> String {
        format!("host=localhost port={} user=postgres dbname=postgres sslmode=require", self.socket_port())
    }

    /// The certificate to trust, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join(CERTIFICATE)
    }

    /// A socket's name has the port in it.
    fn socket_port(&self) -> String {
        self.port.unwrap_or(5432).to_string()
    }

    /// What a query answers, one line for each row, its values between `|`.
    pub fn ask(&self, sql: &str) -> io::Result<String> {
        let mut psql = program(&self.bin, "psql", None);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url(), "-c", sql]);
        let output = psql.output()?;
        succeeded(&output)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Runs SQL.
    pub fn sql(&self, sql: &str) -> io::Result<()> {
        self.sql_in("postgres", sql)
    }

    /// Runs SQL in another database.
    pub fn sql_in(&self, database: &str, sql: &str) -> io::Result<()> {
        let url = self.url().replace("dbname=postgres", &format!("dbname={database}"));
        let mut psql = program(&self.bin, "psql", None);
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &url, "-c", sql]);
        succeeded(&psql.output()?)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // An immediate shutdown, which ends its workers too; by its own process id.
        let asked = Command::new("kill").args(["-s", "QUIT", &self.server.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

/// Key and certificate of `localhost` in a folder, the key for its owner only.
fn make_certificate(folder: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", KEY, "-out", CERTIFICATE]);
    succeeded(&openssl.current_dir(folder).output()?)?;
    for name in [KEY, CERTIFICATE] {
        let path = folder.join(name);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        if let Some((uid, gid)) = owner {
            chown(&path, Some(uid), Some(gid))?;
        }
    }
    Ok(())
}

fn succeeded(output: &Output) -> io::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}

fn program(bin: &Path, name: &str, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(bin.join(name));
    if let Some((uid, gid)) = owner {
        command.uid(uid).gid(gid);
    }
    command
}

/// The newest version's folder.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let bin = entry.path().join("bin");
            let version = entry.file_name().to_str()?.parse().ok()?;
            bin.join("initdb").exists().then_some((version, bin))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin)
}

fn unprivileged() -> io::Result<(u32, u32)> {
    let passwd = std::fs::read_to_string("/etc/passwd")?;
    let find = |user: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    USERS.iter().find_map(|user| find(user)).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            "root may not run the server, and there is no other user for it",
        )
    })
}
