//! The port `Secrets` on Secrets Manager and SSM's Parameter Store, values cached for a few minutes: an invocation does not pay
//! a call for each key.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use quotelake_core::ports::{Clock, SECRET_TIME_TO_LIVE, Secret, SecretCache, Secrets};
use quotelake_core::{Error, Result};

use crate::Aws;
use crate::error::failed;

/// Secrets in Secrets Manager (`secretsmanager:ID`, a name or an ARN) and in SSM's Parameter Store (`ssm:NAME`, decrypted).
/// An empty value is none. Other references are `Config`. Values are cached for 5 minutes.
#[derive(Debug)]
pub struct AwsSecrets {
    secrets_manager: aws_sdk_secretsmanager::Client,
    ssm: aws_sdk_ssm::Client,
    clock: Arc<dyn Clock>,
    cache: SecretCache,
}

impl AwsSecrets {
    /// Secrets of this account and region.
    pub fn new(aws: &Aws, clock: Arc<dyn Clock>) -> Self {
        Self {
            secrets_manager: aws_sdk_secretsmanager::Client::new(aws.sdk_config()),
            ssm: aws_sdk_ssm::Client::new(aws.sdk_config()),
            cache: SecretCache::new(Arc::clone(&clock), SECRET_TIME_TO_LIVE),
            clock,
        }
    }

    /// The same with another time to live.
    #[must_use]
    pub fn with_time_to_live(mut self, time_to_live: TimeDelta) -> Self {
        self.cache = SecretCache::new(Arc::clone(&self.clock), time_to_live);
        self
    }

    async fn ask(&self, reference: &str) -> Result<Secret> {
        let what = format!("reading secret {reference}");
        let value = match reference.split_once(':') {
            Some(("secretsmanager", id)) => {
                let answer = self.secrets_manager.get_secret_value().secret_id(id).send().await;
                answer.map_err(|error| failed(what, error))?.secret_string
            }
            Some(("ssm", name)) => {
                let answer = self.ssm.get_parameter().name(name).with_decryption(true).send().await;
                answer.map_err(|error| failed(what, error))?.parameter.and_then(|parameter| parameter.value)
            }
            // The text is not repeated: it may be the secret itself, put where its reference belongs.
            _ => return Err(Error::config("a secret's reference starts with secretsmanager: or ssm:")),
        };
        let value = value.filter(|value| !value.is_empty());
        value.map(Secret::new).ok_or_else(|| Error::not_found(format!("no text in secret {reference}")))
    }
}

#[async_trait]
impl Secrets for AwsSecrets {
    async fn read(&self, reference: &str) -> Result<Secret> {
        self.cache.get_or_read(reference, self.ask(reference)).await
    }

    async fn forget(&self, reference: &str) {
        self.cache.forget(reference);
    }
}
