//! Values as texts.

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray as _;
use arrow_array::{Array, StringArray};
use arrow_schema::{ArrowError, DataType};

use super::no_pair;
use crate::display::spelling;

/// Texts of any layout as they are; truth values, numbers, dates, instants and times of day as `display` spells them.
pub(super) fn texts(array: &dyn Array) -> Result<StringArray, ArrowError> {
    let plain = |bytes: usize| match i32::try_from(bytes) {
        Ok(_) => Ok(()),
        Err(_) => Err(ArrowError::CastError(format!("{bytes} bytes of texts are more than Utf8 holds"))),
    };
    match array.data_type() {
        DataType::Utf8 => Ok(array.as_string::<i32>().clone()),
        DataType::LargeUtf8 => {
            let texts = array.as_string::<i64>();
            plain(texts.iter().flatten().map(str::len).sum())?;
            Ok(texts.iter().collect())
        }
        DataType::Utf8View => {
            let texts = array.as_string_view();
            plain(texts.iter().flatten().map(str::len).sum())?;
            Ok(texts.iter().collect())
        }
        ty if *ty == DataType::Boolean || ty.is_primitive() => {
            let spelled = spelling(array)?;
            let mut texts = StringBuilder::new();
            for row in 0..array.len() {
                if array.is_null(row) {
                    texts.append_null();
                } else {
                    spelled(row, &mut texts)?;
                    texts.append_value("");
                }
            }
            Ok(texts.finish())
        }
        other => Err(no_pair(other, &DataType::Utf8)),
    }
}
