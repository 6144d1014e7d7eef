//! A line's member `refused`: values that the writer of the line did not take for values.

use super::row_fault::{RowFault, shown};
use quotelake_landing::{Raw, scan_object, unescape};

/// The member's name.
const MEMBER: &str = "refused";

/// One value that was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) column: String,
    /// What was there, short.
    value: String,
    reason: String,
    /// `type_mismatch` where the contract's format refused it, `refused` where its source did,
    /// [`RowFault::NOT_ASKED`] where nobody asked for the row.
    pub(super) code: &'static str,
}

impl Refusal {
    /// What is wrong with the row.
    pub(super) fn into_fault(self) -> RowFault {
        let Self { column, value, reason, code } = self;
        RowFault { code, column: Some(column), detail: format!("{value} {reason}") }
    }
}

/// The values of a line that were refused.
#[derive(Debug, Default)]
pub(super) struct Refused(pub(super) Vec<Refusal>);

impl Refused {
    /// Takes a field of the line if it is the member: an object whose every field has a `value` and a `reason`. Anything else of
    /// its name is a field as any other.
    pub(super) fn read(&mut self, name: &str, raw: Raw<'_>) -> bool {
        let (MEMBER, Raw::Nested(object)) = (name, raw) else { return false };
        let mut found = Vec::new();
        let scanned = scan_object(object, |column, raw| {
            let refusal = refusal(column, raw).ok_or_else(|| "has no value or no reason".to_owned())?;
            found.push(refusal);
            Ok(())
        });
        if scanned.is_err() {
            return false;
        }
        self.0.append(&mut found);
        true
    }
}

fn refusal(column: &str, raw: Raw<'_>) -> Option<Refusal> {
    let Raw::Nested(object) = raw else { return None };
    let (mut value, mut reason, mut code) = (None, None, "refused");
    scan_object(object, |name, raw| {
        match (name, raw) {
            ("value", raw) => value = Some(shown(raw)),
            ("code", Raw::Text("type_mismatch")) => code = "type_mismatch",
            ("reason", Raw::Text(text)) => reason = Some(text.to_owned()),
            ("reason", Raw::Escaped(quoted)) => reason = Some(unescape(quoted)?),
            ("code", Raw::Text(RowFault::NOT_ASKED)) => code = RowFault::NOT_ASKED,
            _ => {}
        }
        Ok(())
    })
    .ok()?;
    Some(Refusal { column: column.to_owned(), value: value?, reason: reason?, code })
}
