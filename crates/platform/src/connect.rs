//! A URI to an adapter. A scheme that this build has no adapter for says what would have one; there is no fallback.

use std::path::PathBuf;
use std::sync::Arc;

use quotelake_core::ports::{Catalog, Clock, Events, Lake, Queue, RecordStream, Secrets};
use quotelake_core::{Error, ErrorKind, Result};
use quotelake_local::{
    FolderLake, FolderQueue, JsonCatalog, LocalSecrets, LogEvents, MemoryLake, SpoolStream, SystemClock,
};

use crate::settings::Settings;

/// The system's clock.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// `LAKE_URI`: `file:///folder`, `memory:`.
pub fn lake(settings: &Settings) -> Result<Arc<dyn Lake>> {
    let uri = settings.get("LAKE_URI")?;
    if uri == "memory:" {
        return Ok(Arc::new(MemoryLake::new()));
    }
    Ok(Arc::new(FolderLake::open(folder("LAKE_URI", uri, "file")?)?))
}

/// `STREAM_URI`: `spool:///folder`.
pub fn stream(settings: &Settings) -> Result<Arc<dyn RecordStream>> {
    let folder = folder("STREAM_URI", settings.get("STREAM_URI")?, "spool")?;
    Ok(Arc::new(SpoolStream::open(folder, clock())?))
}

/// The queue that the variable names: `queue:///folder/name`.
pub fn queue(settings: &Settings, variable: &str) -> Result<Arc<dyn Queue>> {
    let path = folder(variable, settings.get(variable)?, "queue")?;
    let name = path.file_name().and_then(|name| name.to_str());
    match (path.parent(), name) {
        (Some(parent), Some(name)) => Ok(Arc::new(FolderQueue::open(parent, name, clock())?)),
        _ => Err(Error::config(format!("{variable} wants queue:///folder/name"))),
    }
}

/// `CATALOG_URI`: `catalog:///folder`.
pub fn catalog(settings: &Settings) -> Result<Arc<dyn Catalog>> {
    Ok(Arc::new(JsonCatalog::open(folder("CATALOG_URI", settings.get("CATALOG_URI")?, "catalog")?)?))
}

/// `EVENTS_URI`: `events:///file`.
pub fn events(settings: &Settings) -> Result<Arc<dyn Events>> {
    let path = folder("EVENTS_URI", settings.get("EVENTS_URI")?, "events")?;
    Ok(Arc::new(LogEvents::new(path, clock())))
}

/// Secrets by reference: `env:NAME`, `file:PATH`.
pub fn secrets() -> Arc<dyn Secrets> {
    Arc::new(LocalSecrets::new(lookup, clock()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "secrets by reference `env:NAME` are looked up when they are asked for"
)]
fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn folder(variable: &str, uri: &str, scheme: &str) -> Result<PathBuf> {
    if let Some(path) = uri.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")) {
        if path.starts_with('/') {
            return Ok(PathBuf::from(path));
        }
        return Err(Error::config(format!("{variable} {uri:?} wants an absolute path: {scheme}:///folder")));
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        format!("{variable} {uri:?}: this build has adapters for {scheme}:// only"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_without_an_adapter_are_named() {
        let settings = Settings::from_lookup(|_| Some("s3://bucket".into()));
        let error = lake(&settings).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.to_string(), "LAKE_URI \"s3://bucket\": this build has adapters for file:// only");
    }
}
