//! [`Aws`]: what the clients of all services share. Region, credentials and endpoints come from the standard variables and
//! files; TLS, timeouts and tries are set here. Each adapter of this crate makes its client from it.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_types::service_config::ServiceConfigKey;
use quotelake_core::{Error, Result};

/// The SDK's own tries of one call, the first included. What fails after them goes to the caller, who decides by the kind.
const ATTEMPTS: u32 = 4;
/// To a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// One try, to the first byte of the answer.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// One try, whole. A function's slowest call moves some tens of megabytes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// What every client shares: region, credentials and endpoints from the standard variables and files, one HTTPS client on
/// `rustls` with `ring`, timeouts and retries. Loaded once; clones are cheap.
#[derive(Debug, Clone)]
pub struct Aws {
    sdk: SdkConfig,
    s3_path_style: bool,
}

impl Aws {
    /// Loads the shared configuration. Makes no network call where the environment names a region, as Lambda's does.
    ///
    /// `Config` when no region is known.
    pub async fn load() -> Result<Self> {
        Self::from_loader(aws_config::defaults(BehaviorVersion::latest())).await
    }

    /// The same, with what the loader has already: a profile, credentials, an endpoint.
    pub async fn from_loader(loader: ConfigLoader) -> Result<Self> {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let sdk = loader.http_client(http).timeout_config(timeouts).retry_config(retries).load().await;
        if sdk.region().is_none() {
            return Err(Error::config("no AWS region is known: set AWS_REGION"));
        }
        let s3_path_style = sdk.endpoint_url().is_some() || has_own_endpoint(&sdk, "S3")?;
        Ok(Self { sdk, s3_path_style })
    }

    /// The SDK's configuration, for a client that no adapter here is.
    pub fn sdk_config(&self) -> &SdkConfig {
        &self.sdk
    }

    /// A client of S3. Buckets are named in the path where the endpoint is not AWS's, which has no name for each bucket.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk).force_path_style(self.s3_path_style);
        aws_sdk_s3::Client::from_conf(config.build())
    }
}

/// Whether a variable or a profile gives this service an endpoint of its own, as the SDK itself would look for it.
fn has_own_endpoint(sdk: &SdkConfig, service_id: &str) -> Result<bool> {
    let key = ServiceConfigKey::builder()
        .service_id(service_id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .map_err(|e| Error::bug("service key").with_source(e))?;
    Ok(sdk.service_config().and_then(|config| config.load_config(key)).is_some())
}
