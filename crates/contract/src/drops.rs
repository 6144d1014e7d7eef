//! The custom properties that say how people's files are written, and how often one is taken.

use super::custom::Custom;
use super::model::DropLimit;
use quotelake_core::time::parse_zone;
use quotelake_core::{Error, Result};

/// `dropLimit: daily`, by the date in `dropLimitTimezone`, UTC where there is none.
pub(super) fn drop_limit(custom: &Custom) -> Result<DropLimit> {
    let zone = custom.text("dropLimitTimezone")?.map(|name| parse_zone(&name)).transpose()?;
    match (custom.text("dropLimit")?.as_deref(), zone) {
        (None, None) => Ok(DropLimit::None),
        (Some("daily"), zone) => Ok(DropLimit::Daily(zone.unwrap_or(chrono_tz::UTC))),
        (None, Some(_)) => Err(Error::config("dropLimitTimezone means nothing without `dropLimit: daily`")),
        (Some(other), _) => Err(Error::config(format!("dropLimit is `daily`, found {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Contracts, DropLimit, TextEncoding};

    const CONTRACT: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: drops
    customProperties:
      - {property: dropLimit, value: daily}
      - {property: dropLimitTimezone, value: America/Sao_Paulo}
      - {property: csvEncoding, value: iso-8859-1}
    properties:
      - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}
      - {name: sold_on, logicalType: date, physicalType: date, required: true, partitioned: true}
      - {name: paid_on, logicalType: date, physicalType: date}
      - {name: seen_at, logicalType: timestamp, physicalType: timestamp}
"#;

    #[test]
    fn a_limit_and_an_encoding() {
        let mut contracts = Contracts::built_in().unwrap();
        contracts.add(CONTRACT, None).unwrap();
        let contract = &contracts.get("drops").unwrap().contract;
        assert_eq!(contract.drop_limit, DropLimit::Daily(chrono_tz::America::Sao_Paulo));
        assert_eq!(contract.layout.encoding, TextEncoding::Iso8859_1);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, says) in [
            ("dropLimit, value: daily", "dropLimit, value: hourly", "dropLimit is `daily`, found \"hourly\""),
            (
                "{property: dropLimit, value: daily}",
                "{property: x-note, value: x}",
                "dropLimitTimezone means nothing",
            ),
            (
                "iso-8859-1",
                "latin9",
                "csvEncoding is `utf-8`, `utf-16`, `windows-1252`, `iso-8859-1` or another name of the WHATWG's, found \"latin9\"",
            ),
        ] {
            let error = Contracts::built_in().unwrap().add(&CONTRACT.replace(from, to), None).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
