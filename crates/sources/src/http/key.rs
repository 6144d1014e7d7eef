//! The source's key: read once a run, and once more after a 401.

use quotelake_core::ErrorKind;
use quotelake_core::ports::{Secret, Secrets};

use super::Options;
use crate::{Auth, Failure, FailureKind, HttpSpec};

/// The key of one run.
#[derive(Debug, Default)]
pub(super) struct Key {
    value: Option<Secret>,
    renewed: bool,
}

impl Key {
    /// The key as it was read.
    pub(super) fn value(&self) -> Option<&Secret> {
        self.value.as_ref()
    }

    /// Reads the key once a run. A recording needs none, and gets none.
    pub(super) async fn have(
        &mut self,
        spec: &HttpSpec,
        options: &Options,
        secrets: &dyn Secrets,
    ) -> Result<(), Failure> {
        let needless = matches!(spec.auth, Auth::None)
            || (spec.auth == Auth::BearerIfConfigured && options.secret.is_none());
        if needless || options.replay || self.value.is_some() {
            return Ok(());
        }
        let Some(reference) = &options.secret else {
            return Err(Failure::new(
                FailureKind::Config,
                "no secret is configured that holds the source's key",
            ));
        };
        let secret = secrets.read(reference).await.map_err(|error| {
            let kind = match error.kind() {
                ErrorKind::Unavailable | ErrorKind::Throttled => FailureKind::Network,
                _ => FailureKind::Config,
            };
            Failure::new(kind, format!("cannot read the secret {reference}: {error}"))
        })?;
        self.value = Some(secret);
        Ok(())
    }

    /// After a 401: whether there is another key to try. Asked once a run, for a key may have been rotated.
    pub(super) async fn renew(&mut self, options: &Options, secrets: &dyn Secrets) -> bool {
        let (Some(reference), Some(old), false) = (&options.secret, &self.value, self.renewed) else {
            return false;
        };
        self.renewed = true;
        secrets.forget(reference).await;
        match secrets.read(reference).await {
            Ok(secret) if secret != *old => {
                self.value = Some(secret);
                true
            }
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(error = %error, "cannot read the secret again after a 401");
                false
            }
        }
    }
}
