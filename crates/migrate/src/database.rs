//! The database: one snapshot that all readers share, so that tables agree with each other and with the totals.

use std::net::IpAddr;
use std::time::Duration;

use quotelake_core::ports::Secret;
use quotelake_core::{Error, ErrorKind, Result};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Dates and instants as ISO 8601 writes them, floats by their shortest digits, and no end of a snapshot that waits while its
/// reader works.
const SESSION: &str = "SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET extra_float_digits = 1; \
    SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0";
/// Pages by the key's index: where its order is not the table's, the planner would rather read and sort the whole table for
/// each page, and the time would grow with the square of its size.
const BY_INDEX: &str = "SET enable_sort = off; SET enable_seqscan = off; SET enable_bitmapscan = off";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How to reach a database.
#[derive(Debug)]
pub struct Database {
    config: Config,
    encrypted: bool,
}

impl Database {
    /// Reads a connection string, `postgresql://user:password@host:5432/database` or `host=... dbname=...`. `Config` when it is
    /// none; the error does not show it.
    ///
    /// A server on another machine is reached by TLS, with the certificates that the system trusts, unless the string says
    /// `sslmode=disable`.
    pub fn new(url: &Secret) -> Result<Self> {
        let mut config: Config = url.expose().parse().map_err(|_| {
            Error::config("the secret holds no PostgreSQL connection string: wants postgresql://...")
        })?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        config.application_name("quotelake-migrate");
        let remote = config.get_hosts().iter().any(|host| match host {
            Host::Tcp(name) => {
                !(name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
            }
            Host::Unix(_) => false,
        });
        let encrypted = match config.get_ssl_mode() {
            SslMode::Disable => false,
            SslMode::Prefer => remote,
            _ => true,
        };
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config, encrypted })
    }

    /// Takes a snapshot. It lasts until it is dropped.
    pub async fn snapshot(self) -> Result<Snapshot> {
        let holder = self.connect().await?;
        holder.batch_execute(BEGIN).await.map_err(|e| failed("beginning a snapshot", e))?;
        let row = holder
            .query_one("SELECT pg_export_snapshot()", &[])
            .await
            .map_err(|e| failed("exporting a snapshot", e))?;
        Ok(Snapshot { database: self, id: row.get(0), holder })
    }

    async fn connect(&self) -> Result<Client> {
        let client = if self.encrypted {
            // A second installation is refused, and means that a provider is there already.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let (tls, _) = MakeRustlsConnect::with_native_certs().map_err(|errors| {
                Error::config(format!("the system has no certificates to trust: {errors:?}"))
            })?;
            let (client, connection) = self.config.connect(tls).await.map_err(|e| failed("connecting", e))?;
            tokio::spawn(watch(connection));
            client
        } else {
            let (client, connection) =
                self.config.connect(NoTls).await.map_err(|e| failed("connecting", e))?;
            tokio::spawn(watch(connection));
            client
        };
        client.batch_execute(SESSION).await.map_err(|e| failed("setting up the session", e))?;
        Ok(client)
    }
}

/// Moves bytes; a call that waits for them fails with the same error.
async fn watch(connection: impl Future<Output = std::result::Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::warn!(error = %error, "the database connection ended");
    }
}

/// A consistent view of a database: what is committed later is not in it.
#[derive(Debug)]
pub struct Snapshot {
    database: Database,
    id: String,
    holder: Client,
}

impl Snapshot {
    /// The connection that holds the snapshot.
    pub(crate) fn holder(&self) -> &Client {
        &self.holder
    }

    /// Another connection that sees the same.
    pub(crate) async fn reader(&self) -> Result<Client> {
        let client = self.database.connect().await?;
        client.batch_execute(BY_INDEX).await.map_err(|e| failed("setting up the session", e))?;
        // An id of our own server's making: digits, letters and dashes.
        let adopt = format!("{BEGIN}; SET TRANSACTION SNAPSHOT '{}'", self.id.replace('\'', "''"));
        client.batch_execute(&adopt).await.map_err(|e| failed("adopting the snapshot", e))?;
        Ok(client)
    }
}

/// A database error in the terms of the ports.
pub(crate) fn failed(doing: &str, error: tokio_postgres::Error) -> Error {
    let kind = match error.code() {
        Some(code) if code.code().starts_with("28") || *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            ErrorKind::Unauthorized
        }
        Some(code) if code.code().starts_with("42") || code.code().starts_with("3D") => ErrorKind::Config,
        Some(code) if code.code().starts_with("22") => ErrorKind::InvalidInput,
        _ => ErrorKind::Unavailable,
    };
    let what = match error.as_db_error() {
        Some(db) => format!("{doing}: the database says: {}", db.message()),
        None => doing.to_owned(),
    };
    Error::new(kind, what).with_source(error)
}
