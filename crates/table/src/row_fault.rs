//! What is wrong with a row, and how a value is shown that is.

use std::borrow::Cow;

use quotelake_landing::Raw;

/// One thing that is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// A short name to group by: `malformed_json`, `dataset_mismatch`, `type_mismatch`, `refused`, `not_asked`, `duplicate_field`, `key_null`,
    /// `required_null`, `value_not_listed`.
    pub code: &'static str,
    /// The column, where one is at fault.
    pub column: Option<String>,
    /// What is wrong, with the value.
    pub detail: String,
}

impl RowFault {
    /// The code of a row that nobody asked for. It is before whatever else is wrong with the row, and says nothing of the
    /// series that the row names.
    pub const NOT_ASKED: &'static str = "not_asked";

    /// A line that is no JSON object.
    pub(super) fn malformed(detail: String) -> Self {
        Self { code: "malformed_json", column: None, detail }
    }
}

/// A value for an error's text: short, and as it was.
pub(crate) fn shown(raw: Raw<'_>) -> String {
    let text = match raw {
        Raw::Null => Cow::Borrowed("null"),
        Raw::Bool(value) => Cow::Owned(value.to_string()),
        Raw::Number(text) | Raw::Escaped(text) | Raw::Nested(text) => Cow::Borrowed(text),
        Raw::Text(text) => Cow::Owned(format!("\"{text}\"")),
    };
    shortened(&text).into_owned()
}

/// A text for an error: its beginning, where it is long.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((cut, _)) => Cow::Owned(format!("{}...", &text[..cut])),
        None => Cow::Borrowed(text),
    }
}
