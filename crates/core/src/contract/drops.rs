//! The custom properties that say how people's files are written, and how often one is taken.

use super::model::{Column, ColumnType, DropLimit, NumberFormat};
use super::odcs::Custom;
use crate::{Error, Result, time::parse_zone};

/// `numberFormat`.
pub(super) fn number_format(custom: &Custom) -> Result<NumberFormat> {
    match custom.text("numberFormat")?.as_deref() {
        None | Some("plain") => Ok(NumberFormat::Plain),
        Some("pt-BR") => Ok(NumberFormat::PtBr),
        Some(other) => Err(Error::config(format!("numberFormat is `plain` or `pt-BR`, found {other:?}"))),
    }
}

/// A column's own `placeholderDates`.
pub(super) fn placeholder_dates(custom: &Custom, ty: ColumnType) -> Result<Vec<String>> {
    match custom.texts("placeholderDates")? {
        Some(_) if !matches!(ty, ColumnType::Date | ColumnType::Timestamp) => {
            Err(Error::config(format!("placeholderDates are not for {ty}; use nullTexts")))
        }
        dates => Ok(dates.unwrap_or_default()),
    }
}

/// A column's own `dateFormat`.
pub(super) fn date_format(custom: &Custom, ty: ColumnType) -> Result<Option<String>> {
    match custom.text("dateFormat")? {
        Some(_) if ty != ColumnType::Date => Err(Error::config(format!("dateFormat is not for {ty}"))),
        Some(format) => check_date_format(&format).map(|()| Some(format)),
        None => Ok(None),
    }
}

/// How files write dates, said once for all columns of dates that do not say it themselves.
pub(super) fn inherit_dates(custom: &Custom, columns: &mut [Column]) -> Result<()> {
    let placeholders = custom.texts("placeholderDates")?.unwrap_or_default();
    let format = custom.text("dateFormat")?;
    if let Some(format) = &format {
        check_date_format(format)?;
    }
    for column in columns.iter_mut() {
        if matches!(column.ty, ColumnType::Date | ColumnType::Timestamp)
            && column.placeholder_dates.is_empty()
        {
            column.placeholder_dates.clone_from(&placeholders);
        }
        if column.ty == ColumnType::Date && column.date_format.is_none() {
            column.date_format.clone_from(&format);
        }
    }
    Ok(())
}

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

/// A format that cannot write a date cannot read one.
fn check_date_format(format: &str) -> Result<()> {
    let fits = chrono::NaiveDate::from_ymd_opt(2006, 11, 25).is_some_and(|date| {
        let known = chrono::format::StrftimeItems::new(format)
            .all(|item| !matches!(item, chrono::format::Item::Error));
        known && chrono::NaiveDate::parse_from_str(&date.format(format).to_string(), format) == Ok(date)
    });
    if fits {
        Ok(())
    } else {
        Err(Error::config(format!("dateFormat {format:?} does not make a whole date, such as %d/%m/%Y does")))
    }
}

#[cfg(test)]
mod tests {
    use crate::Contracts;
    use crate::contract::{DropLimit, TextEncoding};

    const CONTRACT: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: drops
    customProperties:
      - {property: placeholderDates, value: ["0000-00-00", "1900-01-01"]}
      - {property: dateFormat, value: "%d/%m/%Y"}
      - {property: dropLimit, value: daily}
      - {property: dropLimitTimezone, value: America/Sao_Paulo}
      - {property: csvEncoding, value: iso-8859-1}
    properties:
      - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}
      - {name: sold_on, logicalType: date, physicalType: date, required: true, partitioned: true}
      - {name: paid_on, logicalType: date, physicalType: date, customProperties: [{property: placeholderDates, value: ["1970-01-01"]}]}
      - {name: seen_at, logicalType: timestamp, physicalType: timestamp}
"#;

    #[test]
    fn the_datasets_properties_hold_for_columns_that_have_none_of_their_own() {
        let mut contracts = Contracts::built_in().unwrap();
        contracts.add(CONTRACT, None).unwrap();
        let contract = &contracts.get("drops").unwrap().contract;
        let placeholders: Vec<&[String]> =
            contract.columns.iter().map(|column| column.placeholder_dates.as_slice()).collect();
        assert_eq!(placeholders[0], [""; 0]);
        assert_eq!(placeholders[1], ["0000-00-00", "1900-01-01"]);
        assert_eq!(placeholders[2], ["1970-01-01"]);
        assert_eq!(placeholders[3], ["0000-00-00", "1900-01-01"]);
        assert_eq!(contract.columns[1].date_format.as_deref(), Some("%d/%m/%Y"));
        assert_eq!(contract.columns[3].date_format, None);
        assert_eq!(contract.drop_limit, DropLimit::Daily(chrono_tz::America::Sao_Paulo));
        assert_eq!(contract.layout.encoding, TextEncoding::Iso8859_1);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, says) in [
            ("dropLimit, value: daily", "dropLimit, value: hourly", "dropLimit is `daily`, found \"hourly\""),
            (
                "{property: dropLimit, value: daily}",
                "{property: unit, value: x}",
                "dropLimitTimezone means nothing",
            ),
            ("%d/%m/%Y", "%d/%m", "dateFormat \"%d/%m\" does not make a whole date"),
            (
                "iso-8859-1",
                "latin9",
                "csvEncoding is `utf-8`, `utf-16`, `windows-1252`, `iso-8859-1` or another name of the WHATWG's, found \"latin9\"",
            ),
            (
                "logicalType: date, physicalType: date, customP",
                "logicalType: string, physicalType: string, customP",
                "column \"paid_on\": placeholderDates are not for string; use nullTexts",
            ),
        ] {
            let error = Contracts::built_in().unwrap().add(&CONTRACT.replace(from, to), None).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
