//! The custom properties of a dataset or a column: what a contract says beyond the standard, each by its name.

use quotelake_core::{Error, Result};
use serde::Deserialize;
use serde_yaml_ng::Value;

/// One of `customProperties`.
#[derive(Debug, Deserialize)]
pub(super) struct CustomProperty {
    property: String,
    value: Value,
}

/// `customProperties`, by name.
pub(super) struct Custom(Vec<CustomProperty>);

impl Custom {
    pub(super) fn new(properties: Vec<CustomProperty>) -> Self {
        Self(properties)
    }

    /// A property's value; of several of one name the first.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|custom| custom.property == name).map(|custom| &custom.value)
    }

    /// A property that is text. `Config` for any other.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Error::config(format!("custom property {name:?} must be text"))),
        }
    }

    /// `ROW` or `COLUMN`, in any case; the latter where nothing is said.
    pub(super) fn by_row(&self, name: &str) -> Result<bool> {
        let method = self.text(name)?.unwrap_or_else(|| "COLUMN".to_owned());
        match method.to_ascii_uppercase().as_str() {
            "ROW" => Ok(true),
            "COLUMN" => Ok(false),
            _ => Err(Error::config(format!("custom property {name:?} is ROW or COLUMN, found {method:?}"))),
        }
    }

    /// A number from 0 to 1.
    pub(super) fn ratio(&self, name: &str) -> Result<Option<f64>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match value.as_f64().filter(|ratio| (0.0..=1.0).contains(ratio)) {
            Some(ratio) => Ok(Some(ratio)),
            None => Err(Error::config(format!("custom property {name:?} must be a number from 0 to 1"))),
        }
    }

    /// A property that is a list of texts. `Config` for any other.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        let bad = || {
            Error::config(format!(
                "custom property {name:?} must be a list of texts, in quotes where YAML takes them for something else: \"null\", \"1\""
            ))
        };
        match self.value(name) {
            None => Ok(None),
            Some(Value::Sequence(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(bad))
                .collect::<Result<_>>()
                .map(Some),
            Some(_) => Err(bad()),
        }
    }
}
