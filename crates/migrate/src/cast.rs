//! Casts that a mapping may ask for, and what kind of value a column's type gives.

use quotelake_core::{Error, Result};

/// What a value is, as far as its text and its spelling depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Numeric,
    Money,
    Real,
    Double,
    Boolean,
    Date,
    /// Without time zone.
    Timestamp,
    /// With time zone.
    Instant,
    /// Texts, and everything else by the text that PostgreSQL writes of it.
    Text,
}

impl Kind {
    /// By the name in `pg_type`.
    pub(crate) fn of_type(name: &str) -> Self {
        match name {
            "int2" | "int4" | "int8" | "oid" => Self::Integer,
            "numeric" => Self::Numeric,
            "money" => Self::Money,
            "float4" => Self::Real,
            "float8" => Self::Double,
            "bool" => Self::Boolean,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::Instant,
            _ => Self::Text,
        }
    }

    /// Whether people wrote the value: then the contract's formats say how.
    pub(crate) fn is_text(self) -> bool {
        self == Self::Text
    }
}

/// A cast to one of PostgreSQL's own types, `date` or `numeric(18,6)`: part of a query, so nothing else is let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    sql: String,
    kind: Kind,
}

/// Each type by its names here, its name in `pg_type`, and how many numbers may be in brackets behind it.
const TYPES: [(&[&str], &str, usize); 10] = [
    (&["smallint", "integer", "int", "bigint"], "int8", 0),
    (&["numeric", "decimal"], "numeric", 2),
    (&["real"], "float4", 0),
    (&["double precision"], "float8", 0),
    (&["boolean"], "bool", 0),
    (&["date"], "date", 0),
    (&["timestamp", "timestamp without time zone"], "timestamp", 1),
    (&["timestamptz", "timestamp with time zone"], "timestamptz", 1),
    (&["text"], "text", 0),
    (&["money"], "money", 0),
];

impl Cast {
    /// Reads a type's name. `Config` for any that is not in the list.
    pub fn parse(text: &str) -> Result<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let (name, sizes) = match lower.split_once('(') {
            Some((name, sizes)) => (name.trim(), sizes.strip_suffix(')')),
            None => (lower.as_str(), Some("")),
        };
        let refused = || {
            let names: Vec<&str> = TYPES.iter().flat_map(|(names, ..)| names.iter().copied()).collect();
            Error::config(format!("cast {text:?} is none of {}", names.join(", ")))
        };
        let (_, type_name, most) =
            TYPES.iter().find(|(names, ..)| names.contains(&name)).ok_or_else(refused)?;
        let sizes: Vec<&str> =
            sizes.ok_or_else(refused)?.split(',').map(str::trim).filter(|size| !size.is_empty()).collect();
        let number = |size: &&str| size.len() <= 4 && size.bytes().all(|byte| byte.is_ascii_digit());
        if sizes.len() > *most || !sizes.iter().all(number) {
            return Err(refused());
        }
        let kind = Kind::of_type(type_name);
        let sql = match (sizes.is_empty(), kind) {
            (true, _) => name.to_owned(),
            // `timestamp(3)` has its precision in the middle of the long names.
            (false, Kind::Timestamp) => format!("timestamp({})", sizes.join(",")),
            (false, Kind::Instant) => format!("timestamptz({})", sizes.join(",")),
            (false, _) => format!("{name}({})", sizes.join(",")),
        };
        Ok(Self { sql, kind })
    }

    /// The type, as a query names it.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn types_that_a_query_may_name() {
        for (text, sql) in [
            ("date", "date"),
            (" DATE ", "date"),
            ("numeric(18, 6)", "numeric(18,6)"),
            ("timestamp(3)", "timestamp(3)"),
            ("timestamp with time zone", "timestamp with time zone"),
            ("double precision", "double precision"),
        ] {
            assert_eq!(Cast::parse(text).unwrap().sql(), sql);
        }
        for text in
            ["", "regclass", "date; drop table x", "numeric(18,6", "numeric(a)", "numeric(1,2,3)", "date(3)"]
        {
            assert!(Cast::parse(text).is_err(), "{text}");
        }
    }
}
