//! A connection string: libpq's, with the options about TLS that the client library does not read itself.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use quotelake_core::ports::Secret;
use quotelake_core::{Context as _, Error, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach a server.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) config: Config,
    /// Whether by TLS, and then which certificates are trusted.
    pub(crate) trust: Option<Trust>,
}

/// The certificates that are trusted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those of the system.
    System,
    /// Those in a file (PEM), and no others.
    File(PathBuf),
}

/// The options that are taken out of the string.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tls {
    mode: Option<String>,
    root: Option<String>,
}

impl Connection {
    /// Reads a connection string. `Config` when it is none; no error shows a part of it but an option's name.
    pub(crate) fn parse(url: &Secret) -> Result<Self> {
        let (plain, tls) = take_out(url.expose());
        let mut config: Config = plain.parse().map_err(|_| {
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
        let encrypted = match tls.mode.as_deref() {
            Some("disable") => false,
            None | Some("allow" | "prefer") => remote || tls.root.is_some(),
            // Stricter than libpq, whose `require` takes any certificate.
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(_) => {
                return Err(Error::config(
                    "sslmode of the connection string is none of disable, prefer, require, verify-ca, verify-full",
                ));
            }
        };
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        let trust = encrypted.then(|| match tls.root {
            Some(root) if root != "system" => Trust::File(root.into()),
            _ => Trust::System,
        });
        Ok(Self { config, trust })
    }
}

impl Trust {
    /// What connects by TLS and checks the server's certificate and name.
    pub(crate) fn connector(&self) -> Result<MakeRustlsConnect> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::System => {
                // A second installation is refused, and means that a provider is there already.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let (connector, _) = MakeRustlsConnect::with_native_certs().map_err(|errors| {
                    Error::config(format!("the system has no certificates to trust: {errors:?}"))
                })?;
                return Ok(connector);
            }
            Self::File(path) => {
                let name = path.display();
                let certificates = CertificateDer::pem_file_iter(path).map_err(|e| {
                    Error::config(format!("sslrootcert {name} cannot be read")).with_source(e)
                })?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|e| {
                        Error::config(format!("sslrootcert {name} is no PEM file")).with_source(e)
                    })?;
                    roots.add(certificate).map_err(|e| {
                        Error::config(format!("sslrootcert {name} holds no certificate to trust"))
                            .with_source(e)
                    })?;
                }
                if roots.is_empty() {
                    return Err(Error::config(format!("sslrootcert {name} holds no certificate")));
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::bug("TLS versions").with_source(e))
            .context("setting up TLS")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }
}

/// The string without `sslmode` and `sslrootcert`, and what they said.
fn take_out(text: &str) -> (String, Tls) {
    let mut tls = Tls::default();
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let Some((base, query)) = text.split_once('?') else { return (text.to_owned(), tls) };
        let kept: Vec<&str> = query
            .split('&')
            .filter(|option| match option.split_once('=') {
                Some((name, value)) => !tls.keep(name, &percent_decode_str(value).decode_utf8_lossy()),
                None => true,
            })
            .collect();
        let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
        return (format!("{base}{query}"), tls);
    }
    let mut kept = String::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((name, value, length)) = first_option(rest) else {
            kept.push_str(rest);
            break;
        };
        if !tls.keep(name, &value) {
            kept.push_str(&rest[..length]);
            kept.push(' ');
        }
        rest = rest[length..].trim_start();
    }
    (kept, tls)
}

impl Tls {
    /// Keeps an option that is of TLS; says whether it is.
    fn keep(&mut self, name: &str, value: &str) -> bool {
        match name {
            "sslmode" => self.mode = Some(value.to_owned()),
            "sslrootcert" => self.root = Some(value.to_owned()),
            _ => return false,
        }
        true
    }
}

/// `name = 'value'` at the beginning of a text: name, value, and how many bytes they take.
fn first_option(text: &str) -> Option<(&str, String, usize)> {
    let equals = text.find('=')?;
    let name = text[..equals].trim();
    let after = &text[equals + 1..];
    let start = equals + 1 + (after.len() - after.trim_start().len());
    let quoted = text[start..].starts_with('\'');
    let mut value = String::new();
    let mut chars = text[start..].char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            '\'' if quoted => return Some((name, value, start + at + 1)),
            c if c.is_whitespace() && !quoted => return Some((name, value, start + at)),
            c => value.push(c),
        }
    }
    (!quoted).then_some((name, value, text.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn who_is_reached_by_tls_and_whose_certificates_count() {
        let file = |path: &str| Some(Trust::File(path.into()));
        for (url, trust) in [
            ("postgresql://u:p%40@db.example.com/x", Some(Trust::System)),
            ("postgresql://u:p@db.example.com/x?sslmode=disable", None),
            ("postgresql://u:p@db.example.com/x?sslmode=prefer&application_name=a", Some(Trust::System)),
            ("postgresql://u@localhost/x", None),
            (
                "postgresql://u@localhost/x?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem",
                file("/etc/ca.pem"),
            ),
            ("host=/run/postgresql user=u", None),
            (
                "host=db.example.com sslmode = verify-full sslrootcert='/etc/my ca.pem' user=u",
                file("/etc/my ca.pem"),
            ),
            ("host=db.example.com sslmode=require sslrootcert=system", Some(Trust::System)),
            ("host=127.0.0.1 password='a sslmode=disable' sslmode=require", Some(Trust::System)),
        ] {
            assert_eq!(Connection::parse(&Secret::new(url)).unwrap().trust, trust, "{url}");
        }
        let password =
            Connection::parse(&Secret::new("host=h password='a \\'sslmode=x' sslmode=disable")).unwrap();
        assert_eq!(password.config.get_password(), Some(b"a 'sslmode=x".as_slice()));
        for url in ["host=h sslmode=on", "hunter2", "postgresql://u@h/x?nonsense=hunter2"] {
            let error = Connection::parse(&Secret::new(url)).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let missing = Trust::File("/nowhere/ca.pem".into()).connector().err().unwrap().to_string();
        assert!(missing.contains("/nowhere/ca.pem cannot be read"), "{missing}");
    }
}
