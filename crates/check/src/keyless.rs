//! Lines of a dataset without a key (`key: none`): what tells them apart is the file and the place in it.

use memchr::memmem;

/// A field of a line that says where it was: lines that `ingest` made of a file have it.
const FILE_ROW: &[u8] = b"\"file_row\":";

/// Gives lines the object that they are in, and their number in it, where they do not say themselves which file they came in.
#[derive(Debug)]
pub(crate) struct FileRows {
    sha256: String,
    line: String,
}

impl FileRows {
    /// For lines of the object with this SHA-256.
    pub(crate) fn new(sha256: &str) -> Self {
        Self { sha256: sha256.to_owned(), line: String::new() }
    }

    /// The line of this number, complete. One that is no object stays as it is.
    pub(crate) fn complete<'l>(&'l mut self, number: u64, line: &'l str) -> &'l str {
        let Some(fields) = line.trim_end().strip_suffix('}') else { return line };
        if memmem::find(line.as_bytes(), FILE_ROW).is_some() {
            return line;
        }
        let comma = if fields.trim_end().ends_with('{') { "" } else { "," };
        self.line.clear();
        self.line.push_str(fields);
        self.line.push_str(&format!("{comma}\"file_sha256\":\"{}\",\"file_row\":{number}}}", self.sha256));
        &self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_where_they_stood() {
        let mut rows = FileRows::new("0f3a");
        for (line, expected) in [
            (r#"{"a":1}"#, r#"{"a":1,"file_sha256":"0f3a","file_row":7}"#),
            (r#"{ } "#, r#"{ "file_sha256":"0f3a","file_row":7}"#),
            (r#"{"a":1,"file_sha256":"x","file_row":3}"#, r#"{"a":1,"file_sha256":"x","file_row":3}"#),
            (r#"{"a":"\"file_row\":"}"#, r#"{"a":"\"file_row\":","file_sha256":"0f3a","file_row":7}"#),
            ("[1]", "[1]"),
        ] {
            assert_eq!(rows.complete(7, line), expected);
        }
    }
}
