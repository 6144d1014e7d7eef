//! How sources are asked and read, by name: what a run configuration has under `sources`, and what a function is given as `SOURCES`.
//!
//! A source's settings are a type of its own in its folder, and a [`SourceSettings`]: from them come the source and how it is asked.
//! A [`Registration`] gives the type its name. Nothing here knows of any vendor.

#[cfg(feature = "http")]
mod read;
mod secret;
#[cfg(feature = "http")]
mod select;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use quotelake_core::{Error, Result};
use serde::de::DeserializeOwned;
use url::Url;

use crate::{Options, Source, Sources};

pub use secret::SecretReference;

/// One source's settings, as they are written.
pub trait SourceSettings: fmt::Debug + Send + Sync {
    /// The source. `Config` names the setting that cannot be.
    fn source(&self) -> Result<Arc<dyn Source>>;

    /// How it is asked: its key, pace, limit and budget.
    fn options(&self) -> Options;
}

/// A source's name with the type of its settings.
#[derive(Clone, Copy)]
pub struct Registration {
    name: &'static str,
    usual: fn() -> Arc<dyn SourceSettings>,
    /// What only maps pages reads no settings, and does not carry the code for it.
    #[cfg(feature = "http")]
    read: read::Read,
}

impl Registration {
    /// A name, and settings of which every key has a default.
    pub const fn of<S: SourceSettings + DeserializeOwned + Default + 'static>(name: &'static str) -> Self {
        Self {
            name,
            usual: || Arc::new(S::default()),
            #[cfg(feature = "http")]
            read: read::read_as::<S>,
        }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The sources that settings may name.
#[derive(Debug, Clone)]
pub struct Registry(Vec<Registration>);

impl Registry {
    /// These sources.
    pub(crate) fn of(registrations: &[Registration]) -> Self {
        Self(registrations.to_vec())
    }

    /// One more source.
    #[must_use]
    pub fn with(mut self, registration: Registration) -> Self {
        self.0.push(registration);
        self
    }

    /// The names, in the order of registration.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|known| known.name)
    }

    /// Whether there is a source of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    fn get(&self, name: &str) -> Result<&Registration> {
        self.0.iter().find(|known| known.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.names().collect();
            Error::config(format!("unknown source `{name}`; known are {}", names.join(", ")))
        })
    }
}

/// Every source's settings; one that is left out has its defaults.
#[derive(Debug, Clone)]
pub struct SourcesSettings {
    registry: Registry,
    written: BTreeMap<&'static str, Arc<dyn SourceSettings>>,
}

impl SourcesSettings {
    /// Every source of a registry by its defaults.
    pub fn of(registry: &Registry) -> Self {
        Self { registry: registry.clone(), written: BTreeMap::new() }
    }

    /// Settings that are made and not read. `Config` for a name that the registry does not know.
    pub fn with(mut self, name: &str, settings: impl SourceSettings + 'static) -> Result<Self> {
        let known = self.registry.get(name)?.name;
        self.written.insert(known, Arc::new(settings));
        Ok(self)
    }

    /// Each source's name with its settings, in the order of registration.
    fn each(&self) -> impl Iterator<Item = (&'static str, Arc<dyn SourceSettings>)> {
        let written = |known: &Registration| self.written.get(known.name).cloned();
        self.registry.0.iter().map(move |known| (known.name, written(known).unwrap_or_else(known.usual)))
    }

    /// The sources. `Config` names a setting that cannot be.
    pub fn sources(&self) -> Result<Sources> {
        self.each().try_fold(Sources::none(), |sources, (_, settings)| Ok(sources.with(settings.source()?)))
    }

    /// The sources, and how each is asked. `Config` names a setting that cannot be.
    pub fn build(&self) -> Result<(Sources, BTreeMap<String, Options>)> {
        let options = self.each().map(|(name, settings)| (name.to_owned(), settings.options())).collect();
        Ok((self.sources()?, options))
    }
}

/// A source's base URL as it is written. `Config` names the source.
pub fn base_url(source: &str, text: &str) -> Result<Url> {
    text.parse().map_err(|e| Error::config(format!("{source}.base_url {text:?}: {e}")))
}

/// A source's own pace, whole seconds, as `min_interval_ms` has it.
pub const fn millis(pace: std::time::Duration) -> u64 {
    pace.as_secs() * 1000
}
