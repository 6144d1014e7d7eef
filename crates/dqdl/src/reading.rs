//! Text to ruleset: parsed, and where that fails, with what was meant.

use crate::ast::Ruleset;
use crate::error::ParseError;
use crate::mistakes;
use crate::parser::parse_only;
use crate::severity::severity_faults;

/// Parses a whole document.
///
/// Text after the last bracket is ignored, as the published grammar does, and reported as a [`Lint`](crate::Lint).
///
/// # Errors
///
/// The first place where the text is not DQDL, or breaks one of its rules: unknown rule type, wrong number of
/// parameters, a condition, `where` or threshold the rule type does not take, bad labels or variables.
pub fn parse(text: &str) -> Result<Ruleset, ParseError> {
    match parse_only(text) {
        Ok((ruleset, _)) => Ok(ruleset),
        Err(fault) => Err(mistakes::explain(text, fault).locate(text)),
    }
}

/// Parses a ruleset that is to be used: labels whose severity is unknown are an error, because the rules would do something else
/// than they say.
///
/// # Errors
///
/// Those of [`parse`]; a `severity` or `criticality` that is none.
pub fn parse_strict(text: &str) -> Result<Ruleset, ParseError> {
    let ruleset = parse(text)?;
    match severity_faults(&ruleset, text).into_iter().next() {
        None => Ok(ruleset),
        Some(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_severity_is_refused_where_it_stands() {
        let text = "DefaultLabels = [\"severity\"=\"warn\"]\nRules = [\n  RowCount > 0,\n  \
                    (ColumnValues \"a\" > 0) labels=[\"reason\"=\"x\", \"severity\"=\"warnn\"]\n]\n";
        let fault = parse_strict(text).expect_err("no severity");
        assert_eq!((fault.line, fault.column), (4, 59));
        assert!(fault.to_string().contains("\"severity\"=\"warnn\" is no known severity"), "{fault}");
        let text = "DefaultLabels = [\"criticality\"=\"urgent\"] Rules = [ RowCount > 0 ]";
        assert_eq!(parse_strict(text).expect_err("no severity").column, 32);
        let inside = "Rules = [ (RowCount > 0 labels=[\"severity\"=\"\u{e9}\"]) or (RowCount < 9) ]";
        assert!(parse_strict(inside).is_err());
        for value in ["critical", "HIGH", "error", "medium", "warn", "Warning", "low", "info"] {
            let text = format!("Rules = [ RowCount > 0 labels=[\"severity\"=\"{value}\"] ]");
            assert!(parse_strict(&text).is_ok(), "{value}");
        }
        assert!(parse_strict("Rules = [ RowCount > 0 labels=[\"Severity\"=\"any\"] ]").is_ok());
    }
}
