//! The part of ODCS v3 that the lake uses. Sections it does not use (team, price, support...) may be present.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::column::{Column, ColumnType, Derivation, Role};
use super::custom::{Custom, CustomProperty};
use super::formats::{self, CellColumn, Shared};
use super::model::{Contract, FileColumns, PartitionField};
use super::recent::{self, Recent};
use super::{drops, keys, layout, placement, refine};
use quotelake_core::time::parse_zone;
use quotelake_core::{Context as _, Error, Result};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    api_version: String,
    kind: String,
    version: String,
    schema: Vec<SchemaObject>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaObject {
    name: String,
    #[serde(default)]
    description: String,
    properties: Vec<Property>,
    #[serde(default)]
    custom_properties: Vec<CustomProperty>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Property {
    name: String,
    physical_name: Option<String>,
    logical_type: String,
    physical_type: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    primary_key: bool,
    primary_key_position: Option<i32>,
    #[serde(default)]
    partitioned: bool,
    partition_key_position: Option<i32>,
    #[serde(default)]
    description: String,
    transform_logic: Option<String>,
    #[serde(default)]
    custom_properties: Vec<CustomProperty>,
}

/// Reads a contract. The error names the column and the property that is wrong, and of a key that nothing knows its line.
pub(super) fn parse(yaml: &str) -> Result<Contract> {
    check_keys(yaml)?;
    recent::of(&CONTRACTS, yaml, || parse_shipped(yaml))
}

/// Whether there are keys that nothing knows.
pub(super) fn check_keys(yaml: &str) -> Result<()> {
    recent::of(&KEYS, yaml, || {
        quotelake_core::check_yaml(yaml).context("not an ODCS contract")?;
        keys::check(yaml)
    })
}

/// Reads a contract that was accepted once: keys that nothing knows have no effect, as they had none then.
pub(super) fn parse_kept(yaml: &str) -> Result<Contract> {
    recent::of(&CONTRACTS, yaml, || {
        quotelake_core::check_yaml(yaml).context("not an ODCS contract")?;
        parse_shipped(yaml)
    })
}

/// A command reads the same text as a lake's contract, as the user's, and by a table's files.
static CONTRACTS: Recent<Contract> = Recent::new();
static KEYS: Recent<()> = Recent::new();

/// Reads a contract of whose text nothing is in doubt.
pub(super) fn parse_shipped(yaml: &str) -> Result<Contract> {
    let document: Document =
        serde_yaml_ng::from_str(yaml).map_err(|e| Error::config("not an ODCS contract").with_source(e))?;
    if document.kind != "DataContract" || !document.api_version.starts_with("v3.") {
        return Err(Error::config(format!(
            "a contract needs `kind: DataContract` and `apiVersion: v3.x`, found {:?} and {:?}",
            document.kind, document.api_version
        )));
    }
    let [object] = <[SchemaObject; 1]>::try_from(document.schema).map_err(|all| {
        Error::config(format!("a contract declares one dataset under `schema`, found {}", all.len()))
    })?;
    let name = object.name.clone();
    build(object, document.version).with_context(|| format!("contract of {name:?}"))
}

fn build(mut object: SchemaObject, version: String) -> Result<Contract> {
    check_name(&object.name)?;
    let custom = Custom::new(object.custom_properties);
    let is_keyless = placement::is_keyless(&custom)?;
    if is_keyless {
        add_file_columns(&mut object.properties)?;
    }
    let (partition_properties, column_properties): (Vec<_>, Vec<_>) =
        object.properties.into_iter().partition(|p| p.partitioned && p.transform_logic.is_some());
    let Declared { columns, key, partitions } = declared(column_properties, &Shared::read(&custom)?)?;
    let partitions = partition_fields(partitions, partition_properties, &columns)?;
    let (partitions, null_partition) = placement::partitions(&custom, partitions, &columns)?;
    let named = Named { custom: &custom, columns: &columns };
    let series = named.all("series")?.unwrap_or_default();
    if let Some(index) = series.iter().find(|index| columns[**index].ty != ColumnType::String) {
        let name = &columns[*index].name;
        return Err(Error::config(format!("series names column {name:?}, which is no text")));
    }
    let finality = named.one("finalColumn")?;
    if finality.is_some_and(|index| columns[index].ty != ColumnType::Boolean) {
        return Err(Error::config("finalColumn must be a boolean column"));
    }
    check_flags(&columns)?;
    let file_columns = match key.as_slice() {
        [sha256, row] if is_keyless => Some(FileColumns { sha256: *sha256, row: *row }),
        _ => None,
    };
    let contract = Contract {
        name: object.name,
        version,
        description: object.description.trim().to_owned(),
        file_columns,
        partitions,
        null_partition,
        sort: named.all("sortOrder")?.unwrap_or_else(|| key.clone()),
        revision: named.one("revisionColumn")?,
        stamp: named.one("stampColumn")?,
        key,
        series,
        finality,
        ruleset: custom.text("ruleset")?,
        composites_by_row: custom.by_row("compositeRuleEvaluation")?,
        max_quarantine_ratio: custom.ratio("maxQuarantineRatio")?,
        layout: layout::read(&custom, &columns)?,
        drop_limit: drops::drop_limit(&custom)?,
        refine: refine::read(&custom)?,
        columns,
    };
    placement::check_determined(&contract)?;
    Ok(contract)
}

/// The columns as they are declared.
struct Declared {
    columns: Vec<Column>,
    /// Indices of the business key's columns, in key order.
    key: Vec<usize>,
    /// The columns that are partitions as they are: position among the partitions, and index.
    partitions: Vec<(i32, usize)>,
}

fn declared(properties: Vec<Property>, shared: &Shared) -> Result<Declared> {
    let mut columns: Vec<Column> = Vec::with_capacity(properties.len());
    let (mut keys, mut derivations, mut partitions) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for (index, property) in properties.into_iter().enumerate() {
        let name = property.name.clone();
        if !seen.insert(name.clone()) {
            return Err(Error::config(format!("column {name:?} is declared twice")));
        }
        if property.primary_key {
            keys.push((property.primary_key_position.unwrap_or(i32::MAX), index));
        }
        if property.partitioned {
            partitions.push((property.partition_key_position.unwrap_or(i32::MAX), index));
        }
        derivations.push(property.transform_logic.clone());
        columns.push(column(property, shared).with_context(|| format!("column {name:?}"))?);
    }
    keys.sort_unstable();
    let key: Vec<usize> = keys.into_iter().map(|(_, index)| index).collect();
    if key.is_empty() {
        return Err(Error::config(
            "no column is a `primaryKey`: rows could not be told apart; if equal rows are to be kept as often as they come, say `key: none`",
        ));
    }
    for index in &key {
        columns[*index].role = Role::Key;
    }
    for (index, logic) in derivations.into_iter().enumerate() {
        if let Some(logic) = logic {
            columns[index].derivation = Some(derivation(&logic, &columns)?);
        }
    }
    Ok(Declared { columns, key, partitions })
}

/// The partition levels, outermost first: columns as they are, and properties that are nothing but a partition.
fn partition_fields(
    plain: Vec<(i32, usize)>,
    properties: Vec<Property>,
    columns: &[Column],
) -> Result<Vec<PartitionField>> {
    let mut fields = Vec::new();
    for (position, index) in plain {
        let column = &columns[index];
        let field = PartitionField {
            name: column.name.clone(),
            ty: column.ty,
            derivation: Derivation::Copy { from: index },
            description: column.description.clone(),
        };
        fields.push((position, field));
    }
    for property in properties {
        check_name(&property.name)?;
        let logic = property.transform_logic.as_deref().unwrap_or_default();
        let field = PartitionField {
            ty: physical_type(&property.physical_type)?,
            derivation: derivation(logic, columns)
                .with_context(|| format!("partition {:?}", property.name))?,
            name: property.name,
            description: property.description,
        };
        fields.push((property.partition_key_position.unwrap_or(i32::MAX), field));
    }
    fields.sort_by_key(|(position, _)| *position);
    Ok(fields.into_iter().map(|(_, field)| field).collect())
}

/// Properties whose values are names of columns.
struct Named<'a> {
    custom: &'a Custom,
    columns: &'a [Column],
}

impl Named<'_> {
    fn index_of(&self, name: &str) -> Result<usize> {
        let found = self.columns.iter().position(|column| column.name == name);
        found.ok_or_else(|| Error::config(format!("there is no column {name:?}")))
    }

    fn one(&self, property: &str) -> Result<Option<usize>> {
        self.custom.text(property)?.map(|name| self.index_of(&name)).transpose().context(property)
    }

    fn all(&self, property: &str) -> Result<Option<Vec<usize>>> {
        let Some(names) = self.custom.texts(property)? else { return Ok(None) };
        names.iter().map(|name| self.index_of(name)).collect::<Result<_>>().map(Some).context(property)
    }
}

/// Adds the columns that tell the rows of a dataset without a key apart. Its choice goes before `primaryKey` marks, which then have
/// no effect.
fn add_file_columns(properties: &mut Vec<Property>) -> Result<()> {
    for property in properties.iter_mut() {
        property.primary_key = false;
    }
    let reserved = [placement::FILE_SHA256, placement::FILE_ROW];
    if let Some(property) = properties.iter().find(|property| reserved.contains(&property.name.as_str())) {
        return Err(Error::config(format!(
            "column {:?}: with `key: none` the table has a column of this name already",
            property.name
        )));
    }
    let added: Vec<Property> = serde_yaml_ng::from_str(placement::FILE_COLUMNS)
        .map_err(|e| Error::bug("columns of a dataset without a key").with_source(e))?;
    properties.extend(added);
    Ok(())
}

fn column(property: Property, shared: &Shared) -> Result<Column> {
    check_name(&property.name)?;
    let ty = physical_type(&property.physical_type)?;
    check_logical_type(&property.logical_type, ty)?;
    let custom = Custom::new(property.custom_properties);
    let role = match custom.text("role")?.as_deref() {
        None | Some("business") => Role::Business,
        Some("provenance") => Role::Provenance,
        Some("flags") if ty == ColumnType::String && !property.required => Role::Flags,
        Some("flags") => return Err(Error::config("a column of flags is a `string` that is not `required`")),
        Some(other) => {
            return Err(Error::config(format!(
                "role is `business`, `provenance` or `flags`, found {other:?}"
            )));
        }
    };
    let informational = match custom.text("purpose")?.as_deref() {
        None | Some("strict") => false,
        Some("informational") if property.required || property.primary_key => {
            return Err(Error::config(
                "an informational column can be neither `required` nor a `primaryKey`",
            ));
        }
        Some("informational") => true,
        Some(other) => {
            return Err(Error::config(format!("purpose is `strict` or `informational`, found {other:?}")));
        }
    };
    let allowed_values = custom.texts("allowedValues")?.unwrap_or_default();
    if !allowed_values.is_empty() && ty != ColumnType::String {
        return Err(Error::config(format!("allowedValues are for text, not for {ty}")));
    }
    let drops_float_noise = match custom.text("floatNoise")?.as_deref() {
        None | Some("keep") => false,
        Some("drop") if matches!(ty, ColumnType::Decimal { .. }) => true,
        Some("drop") => return Err(Error::config(format!("floatNoise is for decimals, not for {ty}"))),
        Some(other) => return Err(Error::config(format!("floatNoise is `keep` or `drop`, found {other:?}"))),
    };
    let floating_point = formats::floating_point(&custom, ty)?;
    let epoch = formats::epoch(&custom, ty)?;
    let zone = custom.text("timezone")?.map(|name| parse_zone(&name)).transpose()?;
    let meant = CellColumn { ty, epoch, zone, is_key: property.primary_key };
    Ok(Column {
        source_name: property.physical_name.unwrap_or_else(|| property.name.clone()),
        name: property.name,
        ty,
        nullable: !property.required,
        role,
        informational,
        allowed_values,
        drops_float_noise,
        floating_point,
        dictionary: custom.text("cardinality")?.as_deref() != Some("high"),
        epoch,
        zone,
        cell: shared.cell_reader(&custom, meant)?,
        unit: custom.text("unit")?,
        description: property.description.trim().to_owned(),
        derivation: None,
        determined_by: custom.texts("determinedBy")?.unwrap_or_default(),
    })
}

/// At most one column holds flags, and there is one where a misfit becomes one.
fn check_flags(columns: &[Column]) -> Result<()> {
    let flags: Vec<&str> =
        columns.iter().filter(|column| column.role == Role::Flags).map(|c| c.name.as_str()).collect();
    if flags.len() > 1 {
        return Err(Error::config(format!("the columns {} all hold flags; one does", flags.join(", "))));
    }
    match columns.iter().find(|column| column.informational) {
        Some(column) if flags.is_empty() => Err(Error::config(format!(
            "column {:?} is informational: what does not fit becomes a flag, and no column has `role: flags`",
            column.name
        ))),
        _ => Ok(()),
    }
}

fn physical_type(text: &str) -> Result<ColumnType> {
    ColumnType::parse(text).ok_or_else(|| {
        Error::config(format!(
            "physicalType {text:?} is unknown; use string, int, bigint, double, decimal(p,s), date, timestamp or boolean"
        ))
    })
}

fn check_logical_type(logical: &str, ty: ColumnType) -> Result<()> {
    let fits = match ty {
        ColumnType::String => logical == "string",
        ColumnType::Int | ColumnType::Bigint => logical == "integer",
        ColumnType::Double | ColumnType::Decimal { .. } => logical == "number",
        ColumnType::Date => logical == "date",
        ColumnType::Timestamp => logical == "timestamp" || logical == "date",
        ColumnType::Boolean => logical == "boolean",
    };
    if fits {
        Ok(())
    } else {
        Err(Error::config(format!("logicalType {logical:?} does not go with physicalType {ty}")))
    }
}

/// Athena lowercases identifiers and people put names in paths.
fn check_name(name: &str) -> Result<()> {
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if good {
        Ok(())
    } else {
        Err(Error::config(format!("name {name:?} must be snake_case: a to z, 0 to 9 and _")))
    }
}

/// Reads `column`, `date(column)` or `strftime(column, 'format')`.
fn derivation(logic: &str, columns: &[Column]) -> Result<Derivation> {
    let bad = || {
        Error::config(format!(
            "transformLogic {logic:?} is none of `column`, `date(column)`, `strftime(column, 'format')`"
        ))
    };
    let find = |name: &str, accepts: &[ColumnType]| {
        let index = columns.iter().position(|column| column.name == name.trim()).ok_or_else(|| {
            Error::config(format!("transformLogic {logic:?} names no column of this contract"))
        })?;
        if accepts.is_empty() || accepts.contains(&columns[index].ty) {
            Ok(index)
        } else {
            Err(Error::config(format!("transformLogic {logic:?} does not take a {}", columns[index].ty)))
        }
    };
    let logic_text = logic.trim();
    if let Some(inner) = logic_text.strip_prefix("date(").and_then(|rest| rest.strip_suffix(')')) {
        let from = find(inner, &[ColumnType::Timestamp])?;
        return Ok(Derivation::Date { from, zone: columns[from].zone });
    }
    if let Some(inner) = logic_text.strip_prefix("strftime(").and_then(|rest| rest.strip_suffix(')')) {
        let (column, format) = inner.split_once(',').ok_or_else(bad)?;
        let format =
            format.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).ok_or_else(bad)?;
        check_format(format)?;
        let from = find(column, &[ColumnType::Date, ColumnType::Timestamp])?;
        if columns[from].ty == ColumnType::Date && format.contains("%H") {
            return Err(Error::config(format!("transformLogic {logic:?}: a date has no hour")));
        }
        return Ok(Derivation::Format { from, format: format.to_owned(), zone: columns[from].zone });
    }
    if logic_text.contains(['(', ' ']) {
        return Err(bad());
    }
    Ok(Derivation::Copy { from: find(logic_text, &[])? })
}

/// Partition values go into keys: only date parts, digits and dashes.
fn check_format(format: &str) -> Result<()> {
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let step = if ["%Y", "%m", "%d", "%H", "%j", "%V", "%G"].iter().any(|part| rest.starts_with(part)) {
            2
        } else if first.is_ascii_alphanumeric() || first == '-' || first == '_' {
            1
        } else {
            return Err(Error::config(format!(
                "format {format:?}: use %Y %m %d %H %j %G %V, letters, digits, - and _ only"
            )));
        };
        rest = &rest[step..];
    }
    Ok(())
}
