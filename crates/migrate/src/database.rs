//! The database: one snapshot that all readers share, so that tables agree with each other and with the totals.

use quotelake_core::ports::Secret;
use quotelake_core::{Error, ErrorKind, Result};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, NoTls, Row};

use crate::connection::Connection;

/// Dates and instants as ISO 8601 writes them, floats by their shortest digits, every row or an error, and no end of a snapshot
/// that waits while its reader works.
const SESSION: &str = "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; \
    SET extra_float_digits = 3; SET bytea_output = 'hex'; SET standard_conforming_strings = on; SET row_security = off; \
    SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0";
/// In a database that knows no encoding the bytes come as they are, and a row is judged for itself.
const BYTES: &str = "SET client_encoding = 'SQL_ASCII'";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How to reach a database.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
}

impl Database {
    /// Reads a connection string, `postgresql://user:password@host:5432/database` or `host=... dbname=...`. `Config` when it is
    /// none; the error does not show it.
    ///
    /// A server on another machine is reached by TLS unless the string says `sslmode=disable`, and its certificate and name are
    /// always checked: against the certificates in `sslrootcert`, or those that the system trusts.
    pub fn new(url: &Secret) -> Result<Self> {
        Ok(Self { connection: Connection::parse(url)? })
    }

    /// Takes a snapshot. It lasts until it is dropped.
    pub async fn snapshot(self) -> Result<Snapshot> {
        let holder = self.connect().await?;
        holder.batch_execute(BEGIN).await.map_err(|e| failed("beginning a snapshot", e))?;
        let row = holder
            .query_one("SELECT pg_export_snapshot()", &[])
            .await
            .map_err(|e| failed("exporting a snapshot", e))?;
        Ok(Snapshot { database: self, id: row.get(0), _holder: holder })
    }

    async fn connect(&self) -> Result<Client> {
        let config = &self.connection.config;
        let client = match &self.connection.trust {
            Some(trust) => {
                let (client, connection) =
                    config.connect(trust.connector()?).await.map_err(|e| failed("connecting", e))?;
                tokio::spawn(watch(connection));
                client
            }
            None => {
                let (client, connection) =
                    config.connect(NoTls).await.map_err(|e| failed("connecting", e))?;
                tokio::spawn(watch(connection));
                client
            }
        };
        client.batch_execute(SESSION).await.map_err(|e| failed("setting up the session", e))?;
        let row = client
            .query_one("SELECT current_setting('server_encoding')", &[])
            .await
            .map_err(|e| failed("setting up the session", e))?;
        if row.get::<_, &str>(0) == "SQL_ASCII" {
            client.batch_execute(BYTES).await.map_err(|e| failed("setting up the session", e))?;
        }
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
    /// The connection in whose transaction the snapshot lives.
    _holder: Client,
}

impl Snapshot {
    /// Another connection that sees the same.
    pub(crate) async fn reader(&self) -> Result<Client> {
        let client = self.database.connect().await?;
        // An id of our own server's making: digits, letters and dashes.
        let adopt = format!("{BEGIN}; SET TRANSACTION SNAPSHOT '{}'", self.id.replace('\'', "''"));
        client.batch_execute(&adopt).await.map_err(|e| failed("adopting the snapshot", e))?;
        Ok(client)
    }
}

/// The bytes of a text, which are not UTF-8 in every database.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> FromSql<'a> for Bytes<'a> {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TEXT
    }
}

/// A text of a row as it is.
pub(crate) fn bytes(row: &Row, index: usize) -> Result<Option<&[u8]>> {
    let bytes: Option<Bytes<'_>> = row.try_get(index).map_err(|e| failed("reading a value", e))?;
    Ok(bytes.map(|bytes| bytes.0))
}

/// A text of a row, for people: bytes that are no UTF-8 are marked.
pub(crate) fn lossy(row: &Row, index: usize) -> Result<Option<String>> {
    Ok(bytes(row, index)?.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
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
        Some(db) if kind == ErrorKind::Unauthorized && db.message().contains("row-level security") => {
            format!("{doing}: {}", hidden_rows("a table that is read"))
        }
        Some(db) => format!("{doing}: the database says: {}", db.message()),
        None => doing.to_owned(),
    };
    Error::new(kind, what).with_source(error)
}

/// What is said where a policy would hide rows: both sides of a reconciliation would lack them.
pub(crate) fn hidden_rows(table: &str) -> String {
    format!(
        "row-level security hides rows of {table} from this role: give it BYPASSRLS, or read as the table's owner; \
         nothing was copied"
    )
}

/// Whether the database says that a value is none of its type: a query over all rows then tells nothing of the others.
pub(crate) fn is_bad_value(error: &Error) -> bool {
    error.kind() == ErrorKind::InvalidInput
}
