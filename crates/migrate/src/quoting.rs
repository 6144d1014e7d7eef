//! Names and texts in a query: nothing from a mapping or a database is SQL by itself.

/// A name in a query.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in a query: backslashes are themselves, as the session says.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
