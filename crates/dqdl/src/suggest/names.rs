//! What the name of a column tells, and how rules and SQL spell it.

/// Whether the column is called an identifier: `id`, `order_id`, `orderId`, `uuid`, `sku`.
pub(super) fn is_identifier(name: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last() else { return false };
    ["id", "ids", "key", "uuid", "guid", "sku", "isin", "iban", "ean", "gtin"].contains(&last.as_str())
        || (words.len() > 1 && ["no", "nr", "number", "code"].contains(&last.as_str()))
}

/// Whether the column says where and when a row was brought rather than what it says.
pub(super) fn is_provenance(name: &str) -> bool {
    let name = name.to_lowercase();
    let words = words(&name);
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    name == "flags"
        || has(&["sha256", "sha1", "md5", "hash", "checksum", "etag", "filename", "revision"])
        || ["run_id", "request_id", "batch_id", "job_id", "load_id", "trace_id", "file_name", "source_file"]
            .iter()
            .any(|known| name.contains(known))
        || (name.ends_with("_at")
            && has(&["fetched", "loaded", "ingested", "inserted", "imported", "extracted"]))
}

/// Whether the column is a part of a date, which the next one changes.
pub(super) fn is_calendar_part(name: &str) -> bool {
    let parts = ["year", "quarter", "month", "week", "day", "hour", "date", "dt", "yyyymm", "yyyymmdd"];
    words(name).last().is_some_and(|last| parts.contains(&last.as_str()))
}

/// The words of a name in small letters, parted by signs and by capitals.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small_before = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && small_before) {
            words.push(String::new());
        }
        small_before = c.is_lowercase() || c.is_ascii_digit();
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A text in quotes, as a rule takes it. `None` where the language would read a date or a time.
pub(super) fn quoted(text: &str) -> Option<String> {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    let quoted = format!("\"{escaped}\"");
    crate::lexer::is_text(&quoted).then_some(quoted)
}

/// A name as the SQL within a rule takes it: in backticks where it is not plain.
pub(super) fn sql_name(name: &str) -> Option<String> {
    const RESERVED: [&str; 26] = [
        "all",
        "and",
        "as",
        "between",
        "by",
        "case",
        "cast",
        "date",
        "end",
        "false",
        "from",
        "group",
        "in",
        "interval",
        "is",
        "like",
        "not",
        "null",
        "or",
        "order",
        "select",
        "timestamp",
        "time",
        "true",
        "where",
        "current_date",
    ];
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain && !RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return Some(name.to_owned());
    }
    // Within the quotes of `where` a backslash would escape, and a backtick would end the name.
    (!name.contains(['`', '\\']) && !name.chars().any(char::is_control))
        .then(|| format!("`{}`", name.replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell() {
        for name in ["id", "order_id", "orderId", "ORDER-ID", "sku", "invoice_no", "userUUID", "primaryKey"] {
            assert!(is_identifier(name), "{name}");
        }
        for name in ["paid", "price", "volume", "no", "monkey", "valid", "close", "code"] {
            assert!(!is_identifier(name), "{name}");
        }
        for name in ["run_id", "fetched_at", "source_sha256", "flags", "file_name"] {
            assert!(is_provenance(name), "{name}");
        }
        for name in ["created_at", "close", "hashtag", "trading_date"] {
            assert!(!is_provenance(name), "{name}");
        }
        assert!(
            is_calendar_part("trading_month") && is_calendar_part("year") && !is_calendar_part("yearly_sum")
        );
    }

    #[test]
    fn names_are_spelled() {
        assert_eq!(quoted("5\" pipe\\").as_deref(), Some("\"5\\\" pipe\\\\\""));
        assert_eq!(quoted("2024-01-01"), None);
        assert_eq!(sql_name("a b").as_deref(), Some("`a b`"));
        assert_eq!(sql_name("5\"").as_deref(), Some("`5\\\"`"));
        assert_eq!(sql_name("select").as_deref(), Some("`select`"));
        assert_eq!(sql_name("a`b"), None);
    }
}
