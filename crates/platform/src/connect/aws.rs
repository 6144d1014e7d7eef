//! The URIs of AWS. `None` is a URI of another scheme.

use std::sync::Arc;

use async_trait::async_trait;
use quotelake_aws::{Aws, AwsSecrets, BusEvents, FirehoseStream, GlueCatalog, S3Lake, SqsQueue};
use quotelake_core::ports::{Catalog, Events, Lake, RecordStream, Secret, Secrets};
use quotelake_core::{Error, Result};
use quotelake_local::LocalSecrets;
use tokio::sync::OnceCell;

use super::clock;
use crate::settings::Settings;

/// Loaded with the first port that needs it.
static AWS: OnceCell<Aws> = OnceCell::const_new();

async fn shared() -> Result<&'static Aws> {
    AWS.get_or_try_init(Aws::load).await
}

pub(super) async fn lake(uri: &str) -> Result<Option<Arc<dyn Lake>>> {
    let Some(bucket) = name("LAKE_URI", uri, "s3://", "bucket")? else { return Ok(None) };
    Ok(Some(Arc::new(S3Lake::new(shared().await?, bucket))))
}

pub(super) async fn stream(uri: &str) -> Result<Option<Arc<dyn RecordStream>>> {
    let Some(stream) = name("STREAM_URI", uri, "firehose://", "stream")? else { return Ok(None) };
    Ok(Some(Arc::new(FirehoseStream::new(shared().await?, stream))))
}

pub(super) async fn queue(variable: &str, uri: &str) -> Result<Option<Arc<SqsQueue>>> {
    let Some(url) = uri.strip_prefix("sqs:") else { return Ok(None) };
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(Error::config(format!("{variable} {uri:?} wants the queue's URL: sqs:https://...")));
    }
    Ok(Some(Arc::new(SqsQueue::new(shared().await?, url))))
}

pub(super) async fn catalog(uri: &str, settings: &Settings) -> Result<Option<Arc<dyn Catalog>>> {
    let Some(database) = name("CATALOG_URI", uri, "glue://", "database")? else { return Ok(None) };
    let lake = settings.get("LAKE_URI")?;
    let Some(bucket) = name("LAKE_URI", lake, "s3://", "bucket")? else {
        return Err(Error::config(format!(
            "CATALOG_URI {uri:?} wants LAKE_URI to be s3://bucket, not {lake:?}"
        )));
    };
    Ok(Some(Arc::new(GlueCatalog::new(shared().await?, database, bucket))))
}

pub(super) async fn events(uri: &str, settings: &Settings) -> Result<Option<Arc<dyn Events>>> {
    let Some(bus) = name("EVENTS_URI", uri, "eventbridge://", "bus")? else { return Ok(None) };
    let topic = match settings.optional("NOTIFY_URI") {
        None => None,
        Some(uri) => match uri.strip_prefix("sns:") {
            Some(arn) if arn.starts_with("arn:") => Some(arn.to_owned()),
            _ => return Err(Error::config(format!("NOTIFY_URI {uri:?} wants a topic: sns:arn:aws:sns:..."))),
        },
    };
    Ok(Some(Arc::new(BusEvents::new(shared().await?, bus, topic))))
}

/// The name behind the scheme, all of the rest: there is no path in a bucket, stream, database or bus.
fn name<'a>(variable: &str, uri: &'a str, scheme: &str, of: &str) -> Result<Option<&'a str>> {
    let Some(name) = uri.strip_prefix(scheme) else { return Ok(None) };
    if name.is_empty() || name.contains('/') {
        return Err(Error::config(format!(
            "{variable} {uri:?} wants a {of}'s name and no more: {scheme}{of}"
        )));
    }
    Ok(Some(name))
}

/// Secrets of AWS and of the laptop, by the scheme of their reference. AWS is configured when a reference asks for it.
#[derive(Debug)]
pub(super) struct RoutedSecrets {
    local: LocalSecrets,
    aws: OnceCell<AwsSecrets>,
}

impl RoutedSecrets {
    pub(super) fn new(local: LocalSecrets) -> Self {
        Self { local, aws: OnceCell::new() }
    }
}

fn is_on_aws(reference: &str) -> bool {
    reference.starts_with("secretsmanager:") || reference.starts_with("ssm:")
}

#[async_trait]
impl Secrets for RoutedSecrets {
    async fn read(&self, reference: &str) -> Result<Secret> {
        if !is_on_aws(reference) {
            return self.local.read(reference).await;
        }
        let aws =
            self.aws.get_or_try_init(|| async { Ok::<_, Error>(AwsSecrets::new(shared().await?, clock())) });
        aws.await?.read(reference).await
    }

    async fn forget(&self, reference: &str) {
        match self.aws.get() {
            Some(aws) if is_on_aws(reference) => aws.forget(reference).await,
            _ => self.local.forget(reference).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use quotelake_core::ErrorKind;

    use super::*;

    #[tokio::test]
    async fn wrong_uris_name_their_variable() {
        let settings = |pairs: &'static [(&'static str, &'static str)]| {
            Settings::from_lookup(|name| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let mut faults = vec![
            lake("s3://bucket/prefix").await.unwrap_err(),
            stream("firehose://").await.unwrap_err(),
            queue("UNITS_QUEUE_URI", "sqs:units").await.unwrap_err(),
        ];
        let on_disk = settings(&[("LAKE_URI", "file:///lake")]);
        faults.push(catalog("glue://quotelake", &on_disk).await.unwrap_err());
        let mistaken = settings(&[("NOTIFY_URI", "mailto:somebody@example.com")]);
        faults.push(events("eventbridge://bus", &mistaken).await.unwrap_err());
        let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.iter().all(|fault| fault.kind() == ErrorKind::Config), "{texts:?}");
        for (text, variable) in
            texts.iter().zip(["LAKE_URI", "STREAM_URI", "UNITS_QUEUE_URI", "CATALOG_URI", "NOTIFY_URI"])
        {
            assert!(text.starts_with(variable) || text.contains("LAKE_URI"), "{text}");
        }
        assert!(lake("file:///lake").await.unwrap().is_none());
    }
}
