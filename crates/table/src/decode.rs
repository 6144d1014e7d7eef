//! Lines to typed columns, by contract: `convert` reads one value of a line, `derive` fills in the columns that are made of others.

mod convert;
mod derive;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::SchemaRef;

use convert::convert;
use derive::derive;
pub(super) use derive::format_time;

use super::columns::{Aside, ColumnBuilder, Slot, Texts, with_values};
use super::refused::Refused;
use super::row_fault::{RowFault, shown};
use super::shape::Shapes;
use crate::{ArrowSchema as _, arrow_type};
use quotelake_contract::{Contract, Fields, Role};
use quotelake_core::Result;
use quotelake_landing::{Raw, scan_object};

/// An informational column of a row whose value did not fit, or was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The row's place in its batch.
    pub row: usize,
    /// The column, by its place in the contract.
    pub column: usize,
}

/// Turns lines into a batch of a contract's columns. A line either becomes a whole row or leaves nothing behind.
///
/// A line's member `refused` names values that the writer of the line did not take for values, each with what was there
/// and why: `"refused":{"close":{"value":"1234.56","reason":"is no number in pt-BR"}}`. Such a column has no value, whatever
/// was there: of an informational one that is a [`Misfit`], of any other a fault. With `"code":"not_asked"` beside the reason
/// it is the row that nobody asked for ([`RowFault::NOT_ASKED`]). A contract may have a column of that name; its lines then have
/// no such member.
pub struct RowDecoder {
    contract: Arc<Contract>,
    fields: Fields,
    schema: SchemaRef,
    builders: Vec<ColumnBuilder>,
    /// The columns that are read; the others are derived from them.
    read: Vec<usize>,
    slots: Vec<Slot>,
    aside: Aside,
    shapes: Shapes,
    rows: usize,
    misfits: Vec<Misfit>,
    unknown_fields: BTreeMap<String, u64>,
}

impl std::fmt::Debug for RowDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowDecoder").field("dataset", &self.contract.name).field("rows", &self.rows).finish()
    }
}

impl RowDecoder {
    /// A decoder without rows.
    pub fn new(contract: Arc<Contract>) -> Self {
        Self {
            fields: contract.fields(),
            schema: contract.unchecked_schema(),
            builders: contract.columns.iter().map(ColumnBuilder::new).collect(),
            read: (0..contract.columns.len()).filter(|index| contract.columns[*index].is_read()).collect(),
            slots: vec![Slot::Unset; contract.columns.len()],
            aside: Aside::default(),
            shapes: Shapes::default(),
            rows: 0,
            misfits: Vec::new(),
            unknown_fields: BTreeMap::new(),
            contract,
        }
    }

    /// Rows since the last [`RowDecoder::take_batch`].
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Fields that the contract does not name and how many lines had them. They are left in the landing object.
    pub fn unknown_fields(&self) -> &BTreeMap<String, u64> {
        &self.unknown_fields
    }

    /// Adds the row that `line` holds, or says everything that is wrong with it. Missing values are no fault here: they
    /// are judged with the rules, see [`super::unfit_values`].
    pub fn push(&mut self, line: &str) -> Result<(), Vec<RowFault>> {
        if !self.shapes.read(line, &mut self.builders, self.rows) {
            self.read_any(line)?;
            let texts = Texts { line, aside: &self.aside };
            for index in &self.read {
                self.builders[*index].push(self.slots[*index], texts);
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Reads a line of any shape into the slots, and learns its shape.
    fn read_any(&mut self, line: &str) -> Result<(), Vec<RowFault>> {
        let mut found = Found::default();
        let mut fields = Vec::new();
        let mut refused = Refused::default();
        let Self { contract, fields: known, slots, aside, unknown_fields, .. } = self;
        slots.fill(Slot::Unset);
        aside.clear();
        let scanned = scan_object(line, |name, raw| {
            let column = known.index(name);
            fields.push((name, column));
            match column {
                Some(index) => found.field(contract, index, (line, raw), &mut slots[index], aside),
                None if refused.read(name, raw) => {}
                None if name != "dataset" => *unknown_fields.entry(name.to_owned()).or_default() += 1,
                None if raw != Raw::Text(&contract.name) => found.faults.push(RowFault {
                    code: "dataset_mismatch",
                    column: None,
                    detail: format!(
                        "the row names dataset {}, it lies among {:?}",
                        shown(raw),
                        contract.name
                    ),
                }),
                None => {}
            }
            Ok(())
        });
        if let Err(detail) = scanned {
            return Err(vec![RowFault::malformed(detail)]);
        }
        for refusal in refused.0 {
            let Some(index) = known.index(&refusal.column) else {
                *unknown_fields.entry(format!("refused.{}", refusal.column)).or_default() += 1;
                continue;
            };
            // What was refused is no value, even where the line has one beside.
            slots[index] = Slot::Null;
            if refusal.code == RowFault::NOT_ASKED {
                found.faults.insert(0, refusal.into_fault());
            } else if !contract.columns[index].informational {
                found.faults.push(refusal.into_fault());
            } else if !found.misfits.contains(&index) {
                found.misfits.push(index);
            }
        }
        let Found { faults, mut misfits } = found;
        if !faults.is_empty() {
            return Err(faults);
        }
        if misfits.is_empty() {
            // A line that is wrong teaches nothing.
            self.shapes.learn(contract, &fields);
        }
        misfits.sort_unstable();
        let row = self.rows;
        self.misfits.extend(misfits.into_iter().map(|column| Misfit { row, column }));
        Ok(())
    }

    /// The values of some text columns in the line that was refused last, where all of them could be read.
    pub fn texts_of_faulty<'l>(&'l self, line: &'l str, columns: &[usize]) -> Option<Vec<&'l str>> {
        let texts = Texts { line, aside: &self.aside };
        columns.iter().map(|index| texts.of(*self.slots.get(*index)?)).collect()
    }

    /// The misfits of the rows since the last call, by row. To be asked for beside each batch.
    pub fn take_misfits(&mut self) -> Vec<Misfit> {
        std::mem::take(&mut self.misfits)
    }

    /// Batches of this decoder with one dictionary for each column, the newest: a file of several batches holds one.
    pub fn unify(&self, batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        if batches.len() < 2 {
            return Ok(batches);
        }
        let dictionaries: Vec<_> =
            self.builders.iter().map(ColumnBuilder::dictionary_values).collect::<Result<_>>()?;
        batches
            .into_iter()
            .map(|batch| {
                let columns = dictionaries.iter().zip(batch.columns()).map(|(values, column)| match values {
                    Some(values) => with_values(column, values),
                    None => Ok(Arc::clone(column)),
                });
                Ok(RecordBatch::try_new(batch.schema(), columns.collect::<Result<_>>()?)?)
            })
            .collect()
    }

    /// The rows so far as a batch of [`Contract::unchecked_schema`], derived columns filled in. The decoder is empty
    /// afterwards, and its next batch shares this one's dictionaries.
    pub fn take_batch(&mut self) -> Result<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        let mut columns: Vec<ArrayRef> =
            self.builders.iter_mut().map(ColumnBuilder::finish).collect::<Result<_>>()?;
        for index in &self.read {
            // The next window will hold about as many.
            self.builders[*index].reserve(rows + rows / 16);
        }
        for (index, column) in self.contract.columns.iter().enumerate() {
            if let Some(derivation) = &column.derivation {
                columns[index] = derive(derivation, &columns, column)?;
            } else if column.role == Role::Flags {
                columns[index] = new_null_array(&arrow_type(column.ty, column.dictionary), rows);
            }
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// What is wrong with a line, as far as it is read.
#[derive(Debug, Default)]
struct Found {
    faults: Vec<RowFault>,
    /// Informational columns without their values, by their places in the contract.
    misfits: Vec<usize>,
}

impl Found {
    /// Reads the field of the column at `index` into its slot.
    fn field(
        &mut self,
        contract: &Contract,
        index: usize,
        (line, raw): (&str, Raw<'_>),
        slot: &mut Slot,
        aside: &mut Aside,
    ) {
        let column = &contract.columns[index];
        if *slot != Slot::Unset {
            return self.faults.push(RowFault {
                code: "duplicate_field",
                column: Some(column.name.clone()),
                detail: "is in the line twice".into(),
            });
        }
        *slot = match convert(column, raw, line, aside) {
            Ok(read) => read,
            Err(_) if column.informational => {
                self.misfits.push(index);
                Slot::Null
            }
            Err(detail) => {
                let column = Some(column.name.clone());
                self.faults.push(RowFault { code: "type_mismatch", column, detail });
                Slot::Null
            }
        };
    }
}

#[cfg(test)]
mod tests;
