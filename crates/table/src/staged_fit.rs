//! Whether what was staged by one contract can be published by another: columns by name, numbers of narrower types, texts however
//! they are coded. What else differs is set aside, and goes through `check` again.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};

use super::PartitionKey;
use super::packing::{Packed, TYPE};
use super::widening::is_narrower;
use quotelake_contract::Contract;
use quotelake_contract::changes::placement;
use quotelake_core::{Error, Result};

/// What of a staged object's footer says by which key and partitions its rows were put.
pub(super) const PLACEMENT: &str = "quotelake.placement";

/// `InvalidInput` that says why the rows of an object with these columns and partitions are none of the contract. An object of an
/// earlier version does not say how they were put.
pub(super) fn check_fit<'p>(
    contract: &Contract,
    wanted: &Schema,
    staged: &Schema,
    put: Option<&str>,
    mut partitions: impl Iterator<Item = &'p PartitionKey>,
) -> Result<()> {
    let unfit = |what: String| {
        Error::invalid(format!(
            "was staged by another contract than {}@{}: {what}; `quotelake repair` checks its rows again",
            contract.name, contract.version
        ))
    };
    for field in staged.fields() {
        let Ok(ours) = wanted.field_with_name(field.name()) else {
            return Err(unfit(format!("column {:?} is none of it", field.name())));
        };
        if !is_readable(field, ours) {
            return Err(unfit(format!(
                "column {:?} was staged as {}, the contract says {}",
                field.name(),
                type_of(field),
                ours.data_type()
            )));
        }
    }
    let lacks = |field: &&Arc<Field>| staged.field_with_name(field.name()).is_err() && !field.is_nullable();
    if let Some(field) = wanted.fields().iter().find(lacks) {
        return Err(unfit(format!("it has no column {:?}, which the contract requires", field.name())));
    }
    if let Some(put) = put
        && put != placement(contract)
    {
        return Err(unfit(format!("it has {put}, the contract {}", placement(contract))));
    }
    let named =
        |key: &PartitionKey| key.columns().eq(contract.partitions.iter().map(|field| field.name.as_str()));
    if let Some(other) = partitions.find(|key| !named(key)) {
        return Err(unfit(format!("its rows lie in {other}")));
    }
    Ok(())
}

/// The type that a column had before it was packed, in words.
fn type_of(field: &Field) -> String {
    field.metadata().get(TYPE).cloned().unwrap_or_else(|| field.data_type().to_string())
}

fn is_readable(staged: &Field, wanted: &Field) -> bool {
    let found = type_of(staged);
    if found == wanted.data_type().to_string() || (is_text(staged.data_type()) && is_text(wanted.data_type()))
    {
        return true;
    }
    found.parse().is_ok_and(|found: DataType| is_narrower(&found, wanted.data_type()))
}

fn is_text(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8)
        || matches!(ty, DataType::Dictionary(_, values) if **values == DataType::Utf8)
}

/// A column of texts coded as the contract codes them; any other as it is. The field says how it was staged.
pub(super) fn coded_as(wanted: &Field, (field, column): Packed) -> Result<Packed> {
    let is_coded = |ty: &DataType| matches!(ty, DataType::Dictionary(..));
    if is_coded(field.data_type()) == is_coded(wanted.data_type())
        || !is_text(field.data_type())
        || !is_text(wanted.data_type())
    {
        return Ok((field, column));
    }
    let column: ArrayRef = cast(&column, wanted.data_type())?;
    Ok((field, column))
}
