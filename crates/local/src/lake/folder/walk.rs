//! What a folder holds: objects, and the records beside them.

use std::fs;
use std::path::Path;

use quotelake_core::ports::ObjectMeta;
use quotelake_core::{Error, ErrorKind, Result};

use super::{PRIVATE_FOLDER, Shared};
use crate::files::{self, io_error};
use crate::lake::record::{self, Record};

impl Shared {
    pub(super) fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let mut found = Vec::new();
        self.walk_prefix(prefix, &mut |key, path| {
            if !path.file_name().and_then(|name| name.to_str()).is_some_and(record::is_record) {
                // Deleted since it was listed: not there.
                found.extend(self.head(key, path)?);
            }
            Ok(())
        })?;
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// Objects that have a record and are gone: a put and a delete leave none behind, whenever they are stopped.
    pub(super) fn missing(&self, prefix: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        // The record of a key that starts with the prefix lies in the same folder and starts with a dot.
        let folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        self.walk_prefix(folder, &mut |key, path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(object) = record::object_of(name).filter(|_| record::is_record(name)) else {
                return Ok(());
            };
            let key = format!("{}{object}", &key[..key.len() - name.len()]);
            let is_gone = || Ok::<_, Error>(self.head(&key, &path.with_file_name(object))?.is_none());
            // The second look is for one that was just put, or deleted, in between.
            if key.starts_with(prefix) && is_gone()? && path.is_file() && is_gone()? {
                found.push(key);
            }
            Ok(())
        })?;
        found.sort_unstable();
        Ok(found)
    }

    /// Objects that have no record, or none that can be read.
    pub(super) fn unrecorded(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let mut found = self.list(prefix)?;
        let mut failed = None;
        found.retain(|meta| {
            let read = self.path(&meta.key).and_then(|path| Record::read(&record::path_of(&path)));
            match read {
                Ok(record) => record == Record::None,
                Err(error) => {
                    failed.get_or_insert(error);
                    false
                }
            }
        });
        failed.map_or(Ok(found), Err)
    }

    /// Shows every file below the root whose key starts with `prefix`, in no order.
    fn walk_prefix(&self, prefix: &str, show: &mut dyn FnMut(&str, &Path) -> Result<()>) -> Result<()> {
        let parent = prefix.rfind('/').map_or("", |slash| &prefix[..slash]);
        // No key starts like this, and the walk must not start outside the root.
        if prefix.starts_with('/') || !(parent.is_empty() || quotelake_core::is_valid_key(parent)) {
            return Ok(());
        }
        if !parent.is_empty() {
            match self.path(parent) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.walk(parent, prefix, show)
    }

    fn walk(
        &self,
        folder: &str,
        prefix: &str,
        show: &mut dyn FnMut(&str, &Path) -> Result<()>,
    ) -> Result<()> {
        let path = self.root.join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if files::is_absent(&error) => return Ok(()),
            Err(error) => return Err(io_error("list", &path, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| io_error("list", &path, error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let below = key.starts_with(prefix)
                || prefix.strip_prefix(&key).is_some_and(|rest| rest.starts_with('/'));
            if !below || key == PRIVATE_FOLDER {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.walk(&key, prefix, show)?,
                Ok(kind)
                    if kind.is_file() && key.starts_with(prefix) && quotelake_core::is_valid_key(&key) =>
                {
                    show(&key, &entry.path())?;
                }
                Ok(_) => {}
                Err(error) if files::is_absent(&error) => {}
                Err(error) => return Err(io_error("list", &entry.path(), error)),
            }
        }
        Ok(())
    }
}
