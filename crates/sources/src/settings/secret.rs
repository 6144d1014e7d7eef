//! A key is written by reference. What is no reference may be the key itself, so nothing of it is repeated, whatever its type.

use std::fmt;

use quotelake_core::Result;
use quotelake_core::ports::check_secret_reference;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

/// Where a key is kept, e.g. `env:POLYGON_API_KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretReference(String);

impl SecretReference {
    /// `Config`, without the text, where it has not the form of a reference.
    pub fn parse(text: &str) -> Result<Self> {
        check_secret_reference(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<SecretReference> for String {
    fn from(reference: SecretReference) -> Self {
        reference.0
    }
}

impl<'de> Deserialize<'de> for SecretReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reference)
    }
}

struct Reference;

impl Visitor<'_> for Reference {
    type Value = SecretReference;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reference to a secret")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        SecretReference::parse(text).map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        self.visit_str("")
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
        self.visit_str("")
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
        self.visit_str("")
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Self::Value, E> {
        self.visit_str("")
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Self::Value, E> {
        self.visit_str("")
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
        self.visit_str("")
    }
}
