//! The real HTTP client: reqwest on rustls with ring.

use std::error::Error as _;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use quotelake_core::{Error, Result};
use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::redirect::Policy;
use url::{Host, Url};

use super::{Http, Outgoing, too_large};
use crate::{Auth, Failure, FailureKind, RawResponse};

const USER_AGENT: &str = concat!("quotelake/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends over HTTPS, and over plain HTTP to this machine only. Follows no redirect: one to another host would carry the key
/// there, and no source here answers with one.
#[derive(Debug, Default)]
pub struct ReqwestHttp {
    remote: OnceLock<reqwest::Client>,
    loopback: OnceLock<reqwest::Client>,
}

impl ReqwestHttp {
    /// Connections are opened, and the system's certificates read, with the first request that needs them.
    pub fn new() -> Self {
        Self::default()
    }

    /// `Config` when the system has no certificates to trust.
    fn client(&self, url: &Url) -> Result<&reqwest::Client> {
        let local = is_loopback(url);
        let slot = if local { &self.loopback } else { &self.remote };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        // A second installation is refused, and means that a provider is there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        // A recording on this machine needs neither certificates nor the proxy to the outside.
        let builder = if local { builder.no_proxy().tls_certs_only([]) } else { builder.https_only(true) };
        let client =
            builder.build().map_err(|e| Error::config("cannot build the HTTP client").with_source(e))?;
        Ok(slot.get_or_init(|| client))
    }
}

#[async_trait]
impl Http for ReqwestHttp {
    async fn send(&self, request: Outgoing<'_>) -> Result<RawResponse, Failure> {
        let url = &request.spec.url;
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Err(Failure::new(
                FailureKind::Config,
                format!(
                    "{}://{} is not asked: only https is, and http on this machine",
                    url.scheme(),
                    host(url)
                ),
            ));
        }
        let client = self.client(url).map_err(|e| Failure::new(FailureKind::Config, e.to_string()))?;
        let mut builder =
            client.get(url.clone()).timeout(request.timeout).header(ACCEPT, request.spec.accept);
        if let (Auth::Bearer | Auth::BearerIfConfigured, Some(key)) = (request.spec.auth, request.key) {
            builder = builder.header(reqwest::header::AUTHORIZATION, bearer(key.expose())?);
        }
        let mut response = builder.send().await.map_err(|e| failure(e, request.timeout))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let limit = request.max_body_bytes;
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large(limit));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| failure(e, request.timeout))? {
            if body.len() + chunk.len() > limit {
                return Err(too_large(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(RawResponse { status, headers, body: body.into() })
    }
}

/// The header, marked so that no debug form shows it.
fn bearer(key: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.trim())).map_err(|_| {
        Failure::new(FailureKind::Config, "the key holds characters that no header can carry")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn failure(error: reqwest::Error, timeout: Duration) -> Failure {
    if error.is_timeout() {
        return Failure::new(
            FailureKind::Timeout,
            format!("no whole answer within {} ms", timeout.as_millis()),
        );
    }
    let error = error.without_url();
    let mut what = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        what.push_str(": ");
        what.push_str(&inner.to_string());
        cause = inner.source();
    }
    Failure::new(FailureKind::Network, what)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or("no host")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HttpSpec;

    #[tokio::test]
    async fn plain_http_leaves_this_machine_never() {
        for url in
            ["http://api.polygon.io/v2", "http://10.0.0.1/v2", "ftp://127.0.0.1/v2", "file:///etc/hosts"]
        {
            let spec =
                HttpSpec { url: Url::parse(url).unwrap(), auth: Auth::None, accept: "application/json" };
            let request =
                Outgoing { spec: &spec, key: None, timeout: Duration::from_secs(1), max_body_bytes: 1 };
            let failure = ReqwestHttp::new().send(request).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Config, "{url}: {failure}");
        }
    }

    #[tokio::test]
    async fn https_can_be_spoken() {
        // An address reserved for documentation: nobody answers there.
        let url = Url::parse("https://192.0.2.1/").unwrap();
        let spec = HttpSpec { url, auth: Auth::None, accept: "application/json" };
        let timeout = Duration::from_millis(50);
        let request = Outgoing { spec: &spec, key: None, timeout, max_body_bytes: 1 };
        let failure = ReqwestHttp::new().send(request).await.unwrap_err();
        if failure.message.contains("CA certificates") {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI needs certificates: {failure}");
            println!("SKIPPED: this machine has no certificates to trust: {failure}");
            return;
        }
        assert!(matches!(failure.kind, FailureKind::Timeout | FailureKind::Network), "{failure}");
    }

    #[test]
    fn the_key_shows_nowhere() {
        let value = bearer("s3cret").unwrap();
        assert_eq!(format!("{value:?}"), "Sensitive");
        assert!(bearer("a\nb").is_err());
    }
}
