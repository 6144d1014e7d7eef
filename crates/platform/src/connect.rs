//! A URI to an adapter. A scheme that this build has no adapter for says what would have one; there is no fallback.
//!
//! The laptop's adapters are always here, those of AWS with the feature `aws`. AWS's shared configuration is loaded with the
//! first port that needs it, once for the process.

#[cfg(feature = "aws")]
mod aws;

use std::path::PathBuf;
use std::sync::Arc;

use quotelake_core::ports::{Catalog, Clock, Events, HandBack, Lake, Queue, RecordStream, Secrets};
use quotelake_core::{Error, ErrorKind, Result};
use quotelake_local::{
    FolderLake, FolderQueue, JsonCatalog, LocalSecrets, LogEvents, MemoryLake, SpoolStream, SystemClock,
};

use crate::settings::Settings;

/// The system's clock.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// `LAKE_URI`: `file:///folder`, `memory:`, `s3://bucket`.
pub async fn lake(settings: &Settings) -> Result<Arc<dyn Lake>> {
    let uri = settings.get("LAKE_URI")?;
    if uri == "memory:" {
        return Ok(Arc::new(MemoryLake::new()));
    }
    #[cfg(feature = "aws")]
    if let Some(lake) = aws::lake(uri).await? {
        return Ok(lake);
    }
    Ok(Arc::new(FolderLake::open(folder("LAKE_URI", uri, "file", "s3://")?)?))
}

/// `STREAM_URI`: `spool:///folder`, `firehose://stream`.
pub async fn stream(settings: &Settings) -> Result<Arc<dyn RecordStream>> {
    let uri = settings.get("STREAM_URI")?;
    #[cfg(feature = "aws")]
    if let Some(stream) = aws::stream(uri).await? {
        return Ok(stream);
    }
    let folder = folder("STREAM_URI", uri, "spool", "firehose://")?;
    Ok(Arc::new(SpoolStream::open(folder, clock())?))
}

/// The queue that the variable names: `queue:///folder/name`, `sqs:<queue URL>`.
pub async fn queue(settings: &Settings, variable: &str) -> Result<Arc<dyn Queue>> {
    let uri = settings.get(variable)?;
    #[cfg(feature = "aws")]
    if let Some(queue) = aws::queue(variable, uri).await? {
        return Ok(queue);
    }
    Ok(Arc::new(folder_queue(variable, uri)?))
}

/// The queue that the variable names, for messages that were received from it and stay on it; none where it is not set. URIs as for
/// [`queue`].
pub async fn hand_back(settings: &Settings, variable: &str) -> Result<Option<Arc<dyn HandBack>>> {
    let Some(uri) = settings.optional(variable) else { return Ok(None) };
    #[cfg(feature = "aws")]
    if let Some(queue) = aws::queue(variable, uri).await? {
        return Ok(Some(queue));
    }
    Ok(Some(Arc::new(folder_queue(variable, uri)?)))
}

fn folder_queue(variable: &str, uri: &str) -> Result<FolderQueue> {
    let path = folder(variable, uri, "queue", "sqs:")?;
    let name = path.file_name().and_then(|name| name.to_str());
    match (path.parent(), name) {
        (Some(parent), Some(name)) => FolderQueue::open(parent, name, clock()),
        _ => Err(Error::config(format!("{variable} wants queue:///folder/name"))),
    }
}

/// `CATALOG_URI`: `catalog:///folder`, `glue://database` with the bucket of `LAKE_URI`.
pub async fn catalog(settings: &Settings) -> Result<Arc<dyn Catalog>> {
    let uri = settings.get("CATALOG_URI")?;
    #[cfg(feature = "aws")]
    if let Some(catalog) = aws::catalog(uri, settings).await? {
        return Ok(catalog);
    }
    Ok(Arc::new(JsonCatalog::open(folder("CATALOG_URI", uri, "catalog", "glue://")?)?))
}

/// `EVENTS_URI`: `events:///file`, `eventbridge://bus` with notifications to `NOTIFY_URI`.
pub async fn events(settings: &Settings) -> Result<Arc<dyn Events>> {
    let uri = settings.get("EVENTS_URI")?;
    #[cfg(feature = "aws")]
    if let Some(events) = aws::events(uri, settings).await? {
        return Ok(events);
    }
    let path = folder("EVENTS_URI", uri, "events", "eventbridge://")?;
    Ok(Arc::new(LogEvents::new(path, clock())))
}

/// Secrets by reference: `env:NAME`, `file:PATH`, `secretsmanager:ID`, `ssm:NAME`.
pub fn secrets() -> Arc<dyn Secrets> {
    let local = LocalSecrets::new(lookup, clock());
    #[cfg(feature = "aws")]
    return Arc::new(aws::RoutedSecrets::new(local));
    #[cfg(not(feature = "aws"))]
    Arc::new(local)
}

#[expect(
    clippy::disallowed_methods,
    reason = "secrets by reference `env:NAME` are looked up when they are asked for"
)]
fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn folder(variable: &str, uri: &str, scheme: &str, on_aws: &str) -> Result<PathBuf> {
    if let Some(path) = uri.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")) {
        if path.starts_with('/') {
            return Ok(PathBuf::from(path));
        }
        return Err(Error::config(format!("{variable} {uri:?} wants an absolute path: {scheme}:///folder")));
    }
    let known =
        if cfg!(feature = "aws") { format!("{scheme}:// and {on_aws}") } else { format!("{scheme}:// only") };
    let what = format!("{variable} {uri:?}: this build has adapters for {known}");
    Err(Error::new(ErrorKind::Unsupported, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn schemes_without_an_adapter_are_named() {
        let settings = Settings::from_lookup(|_| Some("gs://bucket".into()));
        let error = lake(&settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let known = if cfg!(feature = "aws") { "file:// and s3://" } else { "file:// only" };
        assert_eq!(
            error.to_string(),
            format!("LAKE_URI \"gs://bucket\": this build has adapters for {known}")
        );
    }
}
