//! The source's key: read once a run, and once more after a 401; hidden in everything that is said of an answer.

use quotelake_core::ErrorKind;
use quotelake_core::ports::{Secret, Secrets, is_secret_reference};

use super::{Options, masking};
use crate::{Auth, Failure, FailureKind, HttpSpec, RawResponse};

/// The key of one run.
#[derive(Debug, Default)]
pub(super) struct Key {
    value: Option<Secret>,
    /// The key that a newer one replaced: an answer may still hold it.
    replaced: Option<Secret>,
    renewed: bool,
}

impl Key {
    /// The key as it was read.
    pub(super) fn value(&self) -> Option<&Secret> {
        self.value.as_ref()
    }

    /// A text without the key.
    pub(super) fn hidden_in(&self, text: String) -> String {
        masking::masked_text(&text, &self.values()).unwrap_or(text)
    }

    /// A failure without the key in its words.
    pub(super) fn hidden_in_failure(&self, failure: Failure) -> Failure {
        Failure { message: self.hidden_in(failure.message), ..failure }
    }

    /// Whether a text holds the key.
    pub(super) fn is_in(&self, text: &str) -> bool {
        masking::masked(text.as_bytes(), &self.values()).is_some()
    }

    /// An answer without the key; nothing where it is not in it.
    pub(super) fn hidden_in_answer(&self, response: &RawResponse) -> Option<RawResponse> {
        masking::masked_answer(response, &self.values())
    }

    /// A request without the parameters that hold the key: it never travels in a URL.
    pub(super) fn left_out_of(&self, mut spec: HttpSpec) -> HttpSpec {
        if self.is_in(spec.url.as_str())
            && let Some(query) = spec.url.query()
        {
            let kept: Vec<&str> = query.split('&').filter(|pair| !self.is_in(pair)).collect();
            let kept = kept.join("&");
            spec.url.set_query((!kept.is_empty()).then_some(kept.as_str()));
        }
        spec
    }

    fn values(&self) -> Vec<&str> {
        self.value.iter().chain(&self.replaced).map(Secret::expose).collect()
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
            // What is no reference is not repeated: it may be the secret itself.
            let what = match is_secret_reference(reference) {
                true => format!("cannot read the secret {reference}: {error}"),
                false => format!("cannot read the source's secret: {error}"),
            };
            Failure::new(kind, what)
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
                self.replaced = self.value.replace(secret);
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
