//! Settings as they are written: a map by source, each value read by its source's own type.

use std::path::Path;
use std::sync::Arc;

use quotelake_core::{Error, Result, check_yaml};
use serde::de::DeserializeOwned;

use super::select::{names_at, value_at};
use super::{Registry, SourceSettings, SourcesSettings};

/// Reads the settings at a path of a document.
pub(super) type Read =
    fn(&str, &[&str]) -> std::result::Result<Arc<dyn SourceSettings>, serde_yaml_ng::Error>;

/// Settings of this type; an empty value is none, and each key has its default.
pub(super) fn read_as<S: SourceSettings + DeserializeOwned + Default + 'static>(
    text: &str,
    path: &[&str],
) -> std::result::Result<Arc<dyn SourceSettings>, serde_yaml_ng::Error> {
    Ok(Arc::new(value_at::<Option<S>>(text, path)?.flatten().unwrap_or_default()))
}

impl SourcesSettings {
    /// Reads a YAML file, a map by source. `Config` names what is wrong with it.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::config(format!("cannot read {}", path.display())).with_source(e))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads YAML, or JSON, which is YAML too: a map by source. `Config` names what is wrong with it; `place` says where the text is
    /// from.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let mut all = Self::default();
        all.read(text, &[]).map_err(|e| e.context(format!("{place} holds no settings of sources")))?;
        Ok(all)
    }

    /// Reads what a document says of sources: in the map under `key` and, as it was written before that map was, in keys beside it that
    /// are the names of sources. `Config` for a source that has both, and for what is wrong with either.
    pub fn of_document(registry: &Registry, text: &str, key: &str) -> Result<Self> {
        let mut all = Self::of(registry);
        all.read(text, &[key])?;
        for name in names_at(text, &[]).map_err(unreadable)? {
            if !registry.knows(&name) {
                continue;
            }
            if all.written.contains_key(name.as_str()) {
                return Err(Error::config(format!("`{name}` is there twice, under `{key}` and beside it")));
            }
            all.add(text, &[], &name)?;
        }
        Ok(all)
    }

    /// Reads every source of the map that is at a path.
    fn read(&mut self, text: &str, path: &[&str]) -> Result<()> {
        check_yaml(text)?;
        let names = names_at(text, path).map_err(unreadable)?;
        names.iter().try_for_each(|name| self.add(text, path, name))
    }

    fn add(&mut self, text: &str, path: &[&str], name: &str) -> Result<()> {
        let known = *self.registry.get(name)?;
        let path: Vec<&str> = path.iter().copied().chain([name]).collect();
        self.written.insert(known.name, (known.read)(text, &path).map_err(unreadable)?);
        Ok(())
    }
}

fn unreadable(error: serde_yaml_ng::Error) -> Error {
    Error::config(error.to_string())
}
