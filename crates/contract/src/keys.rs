//! Every key that a contract may have. A key that nothing reads changes nothing, and anyone who wrote it believes that it does: so
//! it is an error, with its line and the key that was meant.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::known_keys::{
    COLUMN, COLUMN_PROPERTIES, CONTRACT, CUSTOM_PROPERTY, DATASET, DATASET_PROPERTIES, Level, Next,
};
use quotelake_core::{Error, Result};

/// Whether a contract has keys that nothing knows. `Config` with the first one's line, and the key that was meant.
pub(super) fn check(yaml: &str) -> Result<()> {
    let problem = RefCell::new(None);
    let error = match (Object { level: &CONTRACT, problem: &problem })
        .deserialize(serde_yaml_ng::Deserializer::from_str(yaml))
    {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    match (problem.into_inner(), error.location()) {
        (Some(problem), Some(at)) => Err(Error::config(format!("line {}: {problem}", at.line()))),
        (Some(problem), None) => Err(Error::config(problem)),
        // What is no YAML, or has a list where an object should be, is reported by the reader of the contract.
        (None, _) => Ok(()),
    }
}

/// `has no key "requird"; did you mean "required"?`
pub(super) fn unknown_key(key: &str, known: &[&str]) -> String {
    format!("has no key {key:?}{}", suggestion(key, known.iter().copied()))
}

fn suggestion<'k>(key: &str, known: impl Iterator<Item = &'k str>) -> String {
    let lower = key.to_lowercase();
    let near = known.map(|known| (distance(&lower, &known.to_lowercase()), known)).min();
    match near {
        Some((steps, known)) if steps <= (key.chars().count() / 3).clamp(1, 4) => {
            format!("; did you mean {known:?}?")
        }
        _ => String::new(),
    }
}

/// How many letters are to be added, taken away, changed or swapped with their neighbour to make one text of another.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut steps = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                steps = steps.min(rows[i - 1][j - 1] + 1);
            }
            row.push(steps);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

/// An object, or a list of them.
#[derive(Clone, Copy)]
struct Object<'p> {
    level: &'static Level,
    problem: &'p RefCell<Option<String>>,
}

/// The key of an object, to be checked where it is: so the error has its line.
struct Key<'p>(Object<'p>);

/// A list of custom properties of some names.
#[derive(Clone, Copy)]
struct Properties<'p> {
    known: &'static [&'static [&'static str]],
    problem: &'p RefCell<Option<String>>,
}

/// The name of a custom property.
struct PropertyName<'p>(Properties<'p>);

/// Says what is wrong, for [`check`], and ends the reading.
fn fail<T, E: serde::de::Error>(problem: &RefCell<Option<String>>, text: String) -> Result<T, E> {
    *problem.borrow_mut() = Some(text);
    Err(E::custom("unknown key"))
}

/// A value of another kind than was looked for is no key.
macro_rules! anything_else {
    ($($visit:ident: $ty:ty),*) => {
        $(fn $visit<E: serde::de::Error>(self, _: $ty) -> Result<(), E> { Ok(()) })*
        fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> { Ok(()) }
    };
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.level.what)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(next) = map.next_key_seed(Key(self))? {
            match next {
                Next::Any | Next::Custom([]) => {
                    map.next_value::<IgnoredAny>()?;
                }
                Next::Object(level) => map.next_value_seed(Object { level, ..self })?,
                Next::Custom(known) => map.next_value_seed(Properties { known, problem: self.problem })?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    anything_else!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Next;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Next, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Next;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Next, E> {
        let Object { level, problem } = self.0;
        if level.plain.contains(&key) || key.starts_with("x-") {
            return Ok(Next::Any);
        }
        if let Some((_, next)) = level.deeper.iter().find(|(known, _)| *known == key) {
            return Ok(*next);
        }
        let custom = level.deeper.iter().find_map(|(_, next)| match next {
            Next::Custom(tables) => tables.iter().any(|table| table.contains(&key)).then_some(()),
            _ => None,
        });
        if custom.is_some() {
            return fail(
                problem,
                format!(
                    "{key:?} of {} is a custom property: write it as {{property: {key}, value: ...}} under customProperties",
                    level.what
                ),
            );
        }
        let known = level.plain.iter().copied().chain(level.deeper.iter().map(|(known, _)| *known));
        fail(problem, format!("{} has no key {key:?}{}", level.what, suggestion(key, known)))
    }
}

impl<'de> DeserializeSeed<'de> for Properties<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Properties<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("custom properties")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let level = Object { level: &CUSTOM_PROPERTY, problem: self.problem };
        while let Some(key) = map.next_key_seed(CustomKey(level))? {
            if key {
                map.next_value_seed(PropertyName(self))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    anything_else!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

/// The key of a custom property: whether it is `property`.
struct CustomKey<'p>(Object<'p>);

impl<'de> DeserializeSeed<'de> for CustomKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for CustomKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        Key(self.0).visit_str(key).map(|_: Next| key == "property")
    }
}

impl<'de> DeserializeSeed<'de> for PropertyName<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for PropertyName<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a custom property's name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<(), E> {
        let Properties { known, problem } = self.0;
        let knows = |tables: &[&[&str]]| tables.iter().any(|table| table.contains(&name));
        if name.starts_with("x-") || knows(known) {
            return Ok(());
        }
        let elsewhere = if knows(DATASET_PROPERTIES) {
            Some("the dataset's")
        } else if knows(COLUMN_PROPERTIES) {
            Some("a column's")
        } else {
            None
        };
        if let Some(place) = elsewhere {
            return fail(problem, format!("{name:?} belongs to {place} customProperties"));
        }
        let itself = [&DATASET, &COLUMN].into_iter().find(|level| level.plain.contains(&name));
        if let Some(level) = itself {
            return fail(problem, format!("{name:?} is a key of {} itself, no custom property", level.what));
        }
        let near = suggestion(name, known.iter().flat_map(|table| table.iter().copied()));
        let near = if near.is_empty() { "; somebody else's begins with x-".to_owned() } else { near };
        fail(problem, format!("there is no custom property {name:?}{near}"))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = "\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
domain: shop
tags: [a, b]
x-owner: somebody
description: {purpose: p, usage: u, customProperties: [{property: anything, value: 1}]}
team:
  - {username: ann, role: owner}
servers:
  - {server: s, type: s3, location: x, format: csv, delimiter: new_line}
support: [{channel: c, url: u, tool: slack}]
slaProperties: [{property: latency, value: 4, unit: d}]
schema:
  - name: orders
    dataGranularityDescription: one row
    quality: [{type: library, metric: rowCount, mustBeGreaterThan: 0}]
    customProperties:
      - {property: revisionColumn, value: at, description: newest wins}
      - {property: x-team, value: {any: thing}}
    properties:
      - {name: id, logicalType: string, physicalType: string, required: true, primaryKey: true, unique: true}
      - name: at
        logicalType: date
        physicalType: date
        required: true
        partitioned: true
        logicalTypeOptions: {format: yyyy-MM-dd}
        customProperties:
          - property: dateFormat
            value: '%d/%m/%Y'
";

    #[test]
    fn the_standards_keys_are_known() {
        check(CONTRACT).unwrap();
    }

    /// What is written, what is written in its place, and what is said of it.
    const MISTAKES: [(&str, &str, &str); 17] = [
        (
            "domain: shop",
            "domian: shop",
            "line 5: the contract has no key \"domian\"; did you mean \"domain\"?",
        ),
        (
            "purpose: p",
            "purpos: p",
            "line 8: the description has no key \"purpos\"; did you mean \"purpose\"?",
        ),
        ("role: owner", "roll: owner", "line 10: the team has no key \"roll\"; did you mean \"role\"?"),
        ("location: x", "loc: x", "line 12: a server has no key \"loc\""),
        (
            "mustBeGreaterThan",
            "mustBeGreater",
            "line 18: a quality rule has no key \"mustBeGreater\"; did you mean \"mustBeGreaterThan\"?",
        ),
        (
            "revisionColumn",
            "revisonColumn",
            "line 20: there is no custom property \"revisonColumn\"; did you mean \"revisionColumn\"?",
        ),
        ("revisionColumn", "timezone", "line 20: \"timezone\" belongs to a column's customProperties"),
        (
            "revisionColumn",
            "primaryKey",
            "line 20: \"primaryKey\" is a key of a column itself, no custom property",
        ),
        ("x-team", "team", "line 21: there is no custom property \"team\"; somebody else's begins with x-"),
        (
            "value: at, desc",
            "valu: at, desc",
            "line 20: a custom property has no key \"valu\"; did you mean \"value\"?",
        ),
        (
            "required: true, primaryKey",
            "requird: true, primaryKey",
            "line 23: a column has no key \"requird\"; did you mean \"required\"?",
        ),
        (
            "primaryKey: true",
            "primarykey: true",
            "line 23: a column has no key \"primarykey\"; did you mean \"primaryKey\"?",
        ),
        (
            "        partitioned",
            "        partitoned",
            "line 28: a column has no key \"partitoned\"; did you mean \"partitioned\"?",
        ),
        (
            "        partitioned: true",
            "        timezone: UTC",
            "line 28: \"timezone\" of a column is a custom property",
        ),
        (
            "format: yyyy",
            "fromat: yyyy",
            "line 29: logicalTypeOptions has no key \"fromat\"; did you mean \"format\"?",
        ),
        (
            "property: dateFormat",
            "property: dateFromat",
            "line 31: there is no custom property \"dateFromat\"; did you mean \"dateFormat\"?",
        ),
        (
            "tags: [a, b]",
            "customProperties: [{property: ruleset, value: x}]",
            "line 6: \"ruleset\" belongs to the dataset's customProperties",
        ),
    ];

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_what_was_meant() {
        for (from, to, says) in MISTAKES {
            assert!(CONTRACT.contains(from), "{from}");
            let error = check(&CONTRACT.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.starts_with(says), "{error}\n{says}");
        }
    }

    #[test]
    fn distances() {
        for (one, other, steps) in [
            ("", "", 0),
            ("abc", "", 3),
            ("requird", "required", 1),
            ("fromat", "format", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!((distance(one, other), distance(other, one)), (steps, steps), "{one} {other}");
        }
    }
}
