//! What may change of a contract whose table has rows: one decision for anyone who takes a contract, see
//! `docs/reference/contract-changes.md`, which lists the same.

use super::{ColumnType, Contract, Derivation};
use quotelake_core::{Error, ErrorKind, Result};

/// What has to be done before a table goes on by another contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing: rows of the old contract are read as rows of the new one.
    Automatic,
    /// Its rows are no rows of the new contract: what is different, a few words each.
    Refused(Vec<String>),
}

impl Change {
    /// What a table that has rows by `old` does with `new`, a contract of the same dataset.
    ///
    /// Automatic: a column that may be missing is added, a column may be missing from now on, an `int` becomes a `bigint`, a decimal
    /// gets more digits before or behind the point, columns are in another order, and whatever says how files are read and rows are
    /// judged. Refused: a column is dropped, renamed, added or made as one that is required, computed otherwise or of another type; the
    /// key, the partitions or the sort order are others.
    pub fn of(old: &Contract, new: &Contract) -> Self {
        let mut different = Vec::new();
        for column in &old.columns {
            let name = &column.name;
            let Some(index) = new.index_of(name) else {
                different.push(format!("column {name:?} is dropped, or renamed"));
                continue;
            };
            let now = &new.columns[index];
            if !is_same_or_wider(column.ty, now.ty) {
                different.push(format!("column {name:?} was {} and is {}", column.ty, now.ty));
            }
            if column.nullable && !now.nullable {
                different.push(format!("column {name:?} may not be missing any more"));
            }
            let computed =
                |contract: &Contract, by: &Option<Derivation>| by.as_ref().map(|by| spelled(contract, by));
            if computed(old, &column.derivation) != computed(new, &now.derivation) {
                different.push(format!("column {name:?} is computed otherwise"));
            }
        }
        for column in new.columns.iter().filter(|column| !column.nullable) {
            if old.index_of(&column.name).is_none() {
                different.push(format!("column {:?} is new and may not be missing", column.name));
            }
        }
        let mut compare = |what: &str, before: String, after: String| {
            if before != after {
                different.push(format!("{what} was {before} and is {after}"));
            }
        };
        compare("the key", names(old, &old.key), names(new, &new.key));
        compare("the partition", partitions(old), partitions(new));
        compare("the sort order", names(old, &old.sort), names(new, &new.sort));
        if different.is_empty() { Self::Automatic } else { Self::Refused(different) }
    }

    /// `Config` for a change that is refused: what is different, and the way.
    pub fn check(old: &Contract, new: &Contract) -> Result<()> {
        let Self::Refused(different) = Self::of(old, new) else { return Ok(()) };
        Err(Error::new(
            ErrorKind::Config,
            format!(
                "the table {} has rows by the contract {}@{}, which are none by {}@{}: {}. Nothing was changed. `quotelake rebuild \
                 --from LAKE --lake NEW --contract FILE` makes the table again by the new contract, and the old rows stay where they \
                 are; see docs/reference/contract-changes.md",
                old.name,
                old.name,
                old.version,
                new.name,
                new.version,
                different.join("; ")
            ),
        ))
    }
}

/// Where a contract puts rows and what tells them apart, in one line: rows that were put by another one do not lie where this one looks
/// for them.
pub fn placement(contract: &Contract) -> String {
    format!("key {}; partition {}", names(contract, &contract.key), partitions(contract))
}

fn is_same_or_wider(old: ColumnType, new: ColumnType) -> bool {
    match (old, new) {
        (ColumnType::Int, ColumnType::Bigint) => true,
        (
            ColumnType::Decimal { precision, scale },
            ColumnType::Decimal { precision: wide_precision, scale: wide_scale },
        ) => wide_scale >= scale && wide_precision - wide_scale >= precision - scale,
        (old, new) => old == new,
    }
}

fn names(contract: &Contract, indices: &[usize]) -> String {
    let names: Vec<&str> = indices.iter().map(|index| contract.columns[*index].name.as_str()).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

fn partitions(contract: &Contract) -> String {
    let mut fields: Vec<String> = Vec::new();
    for field in &contract.partitions {
        let from = &contract.columns[field.derivation.from()];
        // A decimal's places are part of its text, and so of the folder's name.
        let ty = match (&field.derivation, from.ty) {
            (Derivation::Copy { .. }, ty @ ColumnType::Decimal { .. }) => format!(" as {ty}"),
            _ => String::new(),
        };
        fields.push(format!("{} = {}{ty}", field.name, spelled(contract, &field.derivation)));
    }
    if let (Some(missing), false) = (&contract.null_partition, fields.is_empty()) {
        fields.push(format!("{missing:?} where a value is missing"));
    }
    if fields.is_empty() { "none".into() } else { fields.join(", ") }
}

fn spelled(contract: &Contract, derivation: &Derivation) -> String {
    let name = &contract.columns[derivation.from()].name;
    let in_zone = |zone: &Option<chrono_tz::Tz>| zone.map_or(String::new(), |zone| format!(" in {zone}"));
    match derivation {
        Derivation::Copy { .. } => name.clone(),
        Derivation::Date { zone, .. } => format!("date({name}){}", in_zone(zone)),
        Derivation::Format { format, zone, .. } => format!("strftime({name}, '{format}'){}", in_zone(zone)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Contracts;

    const YAML: &str = r#"
apiVersion: v3.1.0
kind: DataContract
id: t
name: trips
version: 1.0.0
status: active
schema:
  - name: trips
    physicalType: table
    properties:
      - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: line, logicalType: integer, physicalType: int, required: true, primaryKey: true, primaryKeyPosition: 2}
      - {name: day, logicalType: date, physicalType: date, required: true}
      - {name: fare, logicalType: number, physicalType: "decimal(10,2)"}
      - {name: note, logicalType: string, physicalType: string}
      - {name: month, logicalType: string, physicalType: string, partitioned: true, partitionKeyPosition: 1, transformLogic: "strftime(day, '%Y-%m')"}
"#;

    fn contract(yaml: &str) -> Contract {
        let mut contracts = Contracts::built_in().unwrap();
        let name = contracts.add(yaml, None).unwrap();
        Contract::clone(&contracts.get(&name).unwrap().contract)
    }

    /// What is refused of the contract with these texts in the place of others.
    fn refused(edits: &[(&str, &str)]) -> Vec<String> {
        let mut yaml = YAML.to_owned();
        for (old, new) in edits {
            assert!(yaml.contains(old), "{old}");
            yaml = yaml.replace(old, new);
        }
        match Change::of(&contract(YAML), &contract(&yaml)) {
            Change::Automatic => Vec::new(),
            Change::Refused(different) => different,
        }
    }

    const NOTE: &str = "      - {name: note, logicalType: string, physicalType: string}\n";

    #[test]
    fn what_rows_survive_is_automatic() {
        for edits in [
            &[(
                NOTE,
                "      - {name: note, logicalType: string, physicalType: string}\n      - {name: tip, logicalType: number, physicalType: \"decimal(9,3)\"}\n",
            )][..],
            &[("{name: fare,", "{name: tip, logicalType: integer, physicalType: int}\n      - {name: fare,")],
            &[(
                "{name: line, logicalType: integer, physicalType: int",
                "{name: line, logicalType: integer, physicalType: bigint",
            )],
            &[("decimal(10,2)", "decimal(12,4)")],
            &[("decimal(10,2)", "decimal(38,2)")],
            &[
                (NOTE, ""),
                (
                    "      - {name: id,",
                    "      - {name: note, logicalType: string, physicalType: string}\n      - {name: id,",
                ),
            ],
            &[(
                NOTE,
                "      - {name: note, logicalType: string, physicalType: string, description: free text, customProperties: [{property: cardinality, value: high}]}\n",
            )],
            &[("version: 1.0.0", "version: 2.0.0")],
        ] {
            assert_eq!(refused(edits), Vec::<String>::new(), "{edits:?}");
        }
    }

    #[test]
    fn what_they_do_not_survive_is_refused_in_words() {
        for (edits, words) in [
            (&[(NOTE, "")][..], "column \"note\" is dropped, or renamed"),
            (&[("name: note", "name: remark")], "column \"note\" is dropped, or renamed"),
            (
                &[(
                    NOTE,
                    "      - {name: note, logicalType: string, physicalType: string, required: true}\n",
                )],
                "column \"note\" may not be missing any more",
            ),
            (
                &[(
                    NOTE,
                    "      - {name: note, logicalType: string, physicalType: string}\n      - {name: by, logicalType: string, physicalType: string, required: true}\n",
                )],
                "column \"by\" is new and may not be missing",
            ),
            (&[("decimal(10,2)", "decimal(10,3)")], "column \"fare\" was decimal(10,2) and is decimal(10,3)"),
            (&[("decimal(10,2)", "decimal(9,2)")], "column \"fare\" was decimal(10,2) and is decimal(9,2)"),
            (
                &[(
                    "logicalType: number, physicalType: \"decimal(10,2)\"",
                    "logicalType: integer, physicalType: bigint",
                )],
                "column \"fare\" was decimal(10,2) and is bigint",
            ),
            (
                &[(
                    "{name: day, logicalType: date, physicalType: date",
                    "{name: day, logicalType: timestamp, physicalType: timestamp",
                )],
                "column \"day\" was date and is timestamp",
            ),
            (&[(", primaryKey: true, primaryKeyPosition: 2", "")], "the key was id, line and is id"),
            (&[("primaryKeyPosition: 1", "primaryKeyPosition: 3")], "the key was id, line and is line, id"),
            (
                &[("'%Y-%m'", "'%Y'")],
                "the partition was month = strftime(day, '%Y-%m') and is month = strftime(day, '%Y')",
            ),
            (
                &[("name: month", "name: period")],
                "the partition was month = strftime(day, '%Y-%m') and is period = strftime(day, '%Y-%m')",
            ),
            (
                &[(
                    "    properties:\n",
                    "    customProperties: [{property: sortOrder, value: [day, id, line]}]\n    properties:\n",
                )],
                "the sort order was id, line and is day, id, line",
            ),
        ] {
            let found = refused(edits);
            assert!(found.iter().any(|one| one == words), "{edits:?}: {found:?}");
        }
    }

    #[test]
    fn the_sentence_names_both_versions_and_the_way() {
        let mut new = contract(YAML);
        new.version = "2.0.0".into();
        assert!(Change::check(&contract(YAML), &new).is_ok());
        new.columns[4].nullable = false;
        let error = Change::check(&contract(YAML), &new).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        for part in ["trips@1.0.0", "trips@2.0.0", "\"note\"", "quotelake rebuild", "contract-changes.md"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
