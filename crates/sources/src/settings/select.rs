//! One value of a document by the keys that lead to it. Each is read from the text by its own type, so that an error names the line.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_yaml_ng::Error;

/// The value at a path of keys; `None` where a key is absent or its map is empty.
pub(super) fn value_at<T: DeserializeOwned>(text: &str, path: &[&str]) -> Result<Option<T>, Error> {
    At { path, value: PhantomData }.deserialize(serde_yaml_ng::Deserializer::from_str(text))
}

/// The keys of the map at a path, in order; none where there is no such map.
pub(super) fn names_at(text: &str, path: &[&str]) -> Result<Vec<String>, Error> {
    Ok(value_at::<Option<Names>>(text, path)?.flatten().map(|names| names.0).unwrap_or_default())
}

struct At<'p, T> {
    path: &'p [&'p str],
    value: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for At<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.path.is_empty() {
            return T::deserialize(deserializer).map(Some);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for At<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut found, [first, rest @ ..]) = (None, self.path) else { return Ok(None) };
        while let Some(key) = map.next_key::<String>()? {
            if key == *first {
                found = map.next_value_seed(At { path: rest, value: PhantomData })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// The keys of a map, each of which may be there once.
struct Names(Vec<String>);

impl<'de> de::Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value::<IgnoredAny>()?;
            if names.contains(&name) {
                return Err(de::Error::custom(format!("duplicate field `{name}`")));
            }
            names.push(name);
        }
        Ok(Names(names))
    }
}
