//! What a dropped file's name says: whether it is a file that somebody means to load at all, and what kind it is.

use quotelake_contract::FileFormat;
use quotelake_core::{Error, Result};

/// How a name says that a file is packed.
const PACKINGS: [&str; 4] = [".gz", ".zst", ".bz2", ".zip"];
/// How a name says what kind a file is.
const KINDS: [(&str, FileFormat); 7] = [
    (".csv", FileFormat::Csv),
    (".tsv", FileFormat::Csv),
    (".tab", FileFormat::Csv),
    (".ndjson", FileFormat::Ndjson),
    (".jsonl", FileFormat::Ndjson),
    (".json", FileFormat::Ndjson),
    (".xlsx", FileFormat::Xlsx),
];
/// What programs put beside a file while it is on its way, and what systems leave behind.
const NOT_MEANT: [&str; 6] = [".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp"];
const SYSTEM_FILES: [&str; 2] = ["thumbs.db", "desktop.ini"];

/// Whether nobody means to load an object of the inbox, by its key: a folder that a console made, a hidden file or one in a hidden
/// folder, one that is still on its way (`.tmp`, `.part`, `~$orders.xlsx`), a file of the system's. The same on a laptop and on
/// AWS: such an object is passed over, without a receipt, and costs no dead letter.
pub fn is_passed_over(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key).to_ascii_lowercase();
    name.is_empty()
        || key.split('/').any(|part| part.starts_with('.'))
        || name.starts_with("~$")
        || name.ends_with('~')
        || name.ends_with("_$folder$")
        || NOT_MEANT.iter().any(|ending| name.ends_with(ending))
        || SYSTEM_FILES.contains(&name.as_str())
}

/// What kind a file is by its name; `None` where that does not say it. Of a `.zip` the file inside it counts, see
/// [`is_archive`].
pub fn format_of(name: &str) -> Option<FileFormat> {
    let name = name.to_ascii_lowercase();
    let name = unpacked(&name);
    KINDS.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| *format)
}

/// Whether a name says that the file is packed in any way.
pub fn is_packed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    unpacked(&name).len() < name.len()
}

/// Whether a name says that the file is a ZIP archive.
pub fn is_archive(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".zip")
}

/// What is between cells where nobody says it.
pub(crate) fn delimiter_of(name: &str) -> u8 {
    let name = name.to_ascii_lowercase();
    let name = unpacked(&name);
    if name.ends_with(".tsv") || name.ends_with(".tab") { b'\t' } else { b',' }
}

/// The error for a file of which neither the name nor the contract says what kind it is.
pub fn unknown_kind(name: &str) -> Error {
    Error::invalid(format!(
        "the name {name:?} does not say what kind of file it is, as .csv, .tsv, .ndjson, .jsonl, .json and .xlsx do (.gz, .zst, \
         .bz2 or .zip behind them): say `fileFormat: csv` in the contract, or --file-format csv"
    ))
}

/// What kind a file is: by the contract or an option, else by its name.
pub(crate) fn kind(said: Option<FileFormat>, name: &str) -> Result<FileFormat> {
    said.or_else(|| format_of(name)).ok_or_else(|| unknown_kind(name))
}

/// The beginning of the name of what a file becomes.
pub(crate) fn stem(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    let name = unpacked(name);
    KINDS.iter().find_map(|(ending, _)| name.strip_suffix(ending)).unwrap_or(name)
}

fn unpacked(name: &str) -> &str {
    PACKINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_means_to_load() {
        for key in [
            "inbox/orders/",
            "inbox/orders/2026/",
            "inbox/orders_$folder$",
            "inbox/orders/.hidden.csv",
            "inbox/orders/.git/a.csv",
            "inbox/orders/a.csv.tmp",
            "inbox/orders/A.CSV.Part",
            "inbox/orders/~$book.xlsx",
            "inbox/orders/a.csv~",
            "inbox/orders/Thumbs.db",
            "inbox/orders/.DS_Store",
        ] {
            assert!(is_passed_over(key), "{key}");
        }
        for key in
            ["inbox/orders/a.csv", "inbox/orders/sub folder/tmp.csv", "inbox/orders/notes.txt", "inbox/a"]
        {
            assert!(!is_passed_over(key), "{key}");
        }
    }

    #[test]
    fn kinds_by_name() {
        assert_eq!(format_of("A.CSV.GZ"), Some(FileFormat::Csv));
        assert_eq!(format_of("a.tsv.zst"), Some(FileFormat::Csv));
        assert_eq!(format_of("a.jsonl.bz2"), Some(FileFormat::Ndjson));
        assert_eq!(format_of("a.xlsx"), Some(FileFormat::Xlsx));
        assert_eq!(format_of("a.txt"), None);
        assert_eq!(format_of("a.zip"), None);
        assert_eq!((delimiter_of("a.tab.gz"), delimiter_of("a.csv")), (b'\t', b','));
        assert_eq!((stem("x/y.csv.zst"), stem("a.txt")), ("y", "a.txt"));
    }
}
