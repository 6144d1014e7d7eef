//! The whole part of a number that a text holds, as Spark casts it: for types of columns and for SQL.

/// The whole part of `-12.5`.
pub(crate) fn whole_part(text: &str) -> Option<i128> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if before.is_empty() || !plain(before) || !plain(after) {
        return None;
    }
    let value: i128 = before.parse().ok()?;
    Some(if text.starts_with('-') { -value } else { value })
}
