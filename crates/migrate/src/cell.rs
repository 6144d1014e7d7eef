//! Values that people wrote, in text columns of a table, by the contract's formats. The formats hold for texts only: a
//! `numeric` needs none, and `1.234` of one is never a thousand.

use std::borrow::Cow;

use quotelake_contract::cell::{CellValue, Form};
use quotelake_contract::{Column, ColumnType};

/// Whether the contract asks for nothing but plain numbers and ISO dates in a column: then a text goes on as it is. Texts that
/// stand for a missing value are left out by the query. An instant has more spellings than the server would take.
pub(crate) fn is_plain(column: &Column) -> bool {
    matches!(column.cell.formats().form, Form::Canonical | Form::Identifier)
        && column.ty != ColumnType::Timestamp
}

/// A text as the plain value that it stands for, none where it is for a missing one, or why it is no value in the contract's
/// format.
pub(crate) fn read<'t>(column: &Column, text: &'t str) -> Result<Option<Cow<'t, str>>, String> {
    Ok(match column.cell.read(text)? {
        CellValue::Missing => None,
        CellValue::Text(text) => Some(text),
        CellValue::Boolean(value) => Some(value.to_string().into()),
    })
}
