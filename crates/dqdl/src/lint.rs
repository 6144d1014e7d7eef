//! What of a ruleset does not carry over to another engine, what in it is probably not meant (`meaning`), and what does not fit
//! the columns of its data (`binding`).

mod binding;
mod meaning;

use arrow::datatypes::SchemaRef;

pub use binding::unfit;

use crate::ast::{
    Arithmetic, Check, Condition, Lint, NumberOperand, Rule, RuleBody, Ruleset, Span, Term, Test, TextTest,
};
use crate::error::{Edit, ParseError, original_offset, position};
use crate::reading::parse;
use crate::rule_types::RuleType;
use crate::severity::severity_faults;

/// An engine that a ruleset is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A data quality step of an AWS Glue ETL job.
    GlueEtl,
    /// Data quality of the AWS Glue Data Catalog.
    GlueCatalog,
    /// The open executor of Deequ 2.
    Deequ,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::GlueEtl => "Glue ETL",
            Self::GlueCatalog => "the Glue Data Catalog",
            Self::Deequ => "Deequ",
        }
    }
}

/// Characters in a ruleset, at most; rules in one, at most (both of the Glue API).
const MAX_TEXT: usize = 65_536;
const MAX_RULES: usize = 2000;

/// Mistakes that are listed of one text.
const MAX_MISTAKES: usize = 20;

/// What a text would trip over at `target`; empty when nothing is known against it. Of a text that does not parse the mistakes
/// are listed, each as if those before it were corrected as suggested.
pub fn lint(text: &str, target: Target) -> Vec<Lint> {
    let mut linter = Linter { text, target, lints: Vec::new(), filtered: false };
    if text.chars().count() > MAX_TEXT {
        linter.add(0, format!("more than {MAX_TEXT} characters, which the Glue API does not take"));
    }
    match parse(text) {
        Ok(ruleset) => {
            if !text.ends_with('\n')
                && !ruleset.lints.iter().any(|lint| lint.message.contains("no line feed"))
            {
                linter
                    .note(text.len(), "no line feed at the end: a comment in the last line would not parse");
            }
            severity_faults(&ruleset, text).iter().for_each(|fault| linter.fault(fault));
            for finding in meaning::findings(&ruleset, text) {
                linter.within(finding.span, &finding.needle, finding.message);
            }
            linter.ruleset(ruleset);
        }
        Err(first) => linter.mistakes(first),
    }
    linter.lints.sort_by_key(|lint| (lint.line, lint.column));
    linter.lints
}

/// Where a name is in a part of the text: in quotes before without; the part's beginning where it is spelled otherwise there.
fn place_of(text: &str, span: Span, name: &str) -> usize {
    let part = text.get(span.start..span.end).unwrap_or("");
    let quoted = part.find(&format!("\"{name}\""));
    span.start + quoted.or_else(|| part.find(name)).unwrap_or(0)
}

struct Linter<'a> {
    text: &'a str,
    target: Target,
    lints: Vec<Lint>,
    /// Whether `where` has been seen.
    filtered: bool,
}

impl Linter<'_> {
    fn add(&mut self, offset: usize, message: impl Into<String>) {
        let (line, column) = position(self.text, offset);
        self.lints.push(Lint { line, column, message: message.into(), note: false, error: false });
    }

    /// Something that makes the text useless.
    fn fault(&mut self, fault: &ParseError) {
        let (line, column) = (fault.line, fault.column);
        self.lints.push(Lint { line, column, message: fault.what(), note: false, error: true });
    }

    /// Something about a text within a rule.
    fn within(&mut self, span: Span, needle: &str, message: String) {
        self.add(place_of(self.text, span, needle), message);
    }

    fn note(&mut self, offset: usize, message: impl Into<String>) {
        self.add(offset, message);
        if let Some(lint) = self.lints.last_mut() {
            lint.note = true;
        }
    }

    /// The mistakes of a text that does not parse.
    fn mistakes(&mut self, first: ParseError) {
        let (mut error, mut text) = (first, self.text.to_owned());
        // How each version of the text came from the one before.
        let mut versions: Vec<Vec<Edit>> = Vec::new();
        for _ in 0..MAX_MISTAKES {
            let offset = offset_of(&text, error.line, error.column);
            let original = versions.iter().rev().fold(offset, |offset, edits| original_offset(offset, edits));
            let (line, column) = position(self.text, original);
            self.lints.push(Lint { line, column, message: error.what(), note: false, error: true });
            let Some(corrected) = error.applied(&text) else { return };
            versions.push(std::mem::take(&mut error.edits));
            text = corrected;
            match parse(&text) {
                Ok(_) => return,
                Err(next) => error = next,
            }
        }
    }

    /// Something the target does not know.
    fn missing(&mut self, span: Span, what: &str) {
        self.add(span.start, format!("{what} is not supported by {}", self.target.name()));
    }

    fn ruleset(&mut self, ruleset: Ruleset) {
        self.lints.extend(ruleset.lints);
        if ruleset.rules.len() > MAX_RULES {
            self.add(0, format!("more than {MAX_RULES} rules, of which Glue returns no results"));
        }
        let catalog = self.target == Target::GlueCatalog;
        if catalog && !ruleset.default_labels.is_empty() {
            let at = self.text.find("DefaultLabels").unwrap_or(0);
            self.missing(Span { start: at, end: at }, "`DefaultLabels`");
        }
        for rule in &ruleset.rules {
            self.rule(rule);
        }
        if let Some(first) = ruleset.analyzers.first()
            && self.target != Target::GlueEtl
        {
            self.missing(first.span, "`Analyzers`");
        }
    }

    fn rule(&mut self, rule: &Rule) {
        if !rule.labels.is_empty() && self.target == Target::GlueCatalog {
            self.missing(rule.span, "a label");
        }
        match &rule.body {
            RuleBody::Composite(_, members) => members.iter().for_each(|member| self.rule(member)),
            RuleBody::Check(check) => self.check(check, rule.span),
        }
    }

    fn check(&mut self, check: &Check, span: Span) {
        let rule_type = check.rule_type;
        let file = is_on_files(rule_type);
        match self.target {
            Target::Deequ if file || rule_type == RuleType::DetectAnomalies => {
                self.missing(span, rule_type.name());
            }
            Target::GlueCatalog if rule_type == RuleType::DetectAnomalies => {
                self.missing(span, rule_type.name());
            }
            _ => {}
        }
        if check.filter.is_some() && self.target == Target::GlueEtl && !self.filtered {
            self.filtered = true;
            self.note(span.start, "`where` needs Glue 4.0 or later");
        }
        for condition in [&check.condition, &check.threshold].into_iter().flatten() {
            if self.target != Target::GlueEtl && condition.is_dynamic() {
                self.missing(span, "`last(k)`");
            }
            if has_precedence(condition) {
                self.add(span.start, "arithmetic has no operator precedence: parenthesise it");
            }
        }
        if self.target == Target::Deequ {
            self.deequ(check, span);
        }
        if rule_type == RuleType::CustomSql && check.condition.is_none() {
            let sql = check.parameters.first().map_or("", |parameter| parameter.value.as_str());
            let all = sql.trim_start().get(6..).is_some_and(|rest| rest.trim_start().starts_with('*'));
            if !all {
                self.note(
                    span.start,
                    "elsewhere the rows that a CustomSql returns are found by the selected columns, which must be a key",
                );
            }
        }
    }

    /// What the open executor lacks, or does otherwise.
    fn deequ(&mut self, check: &Check, span: Span) {
        let values = check.rule_type == RuleType::ColumnValues;
        if values && check.threshold.is_some() && !matches!(check.condition, Some(Condition::Date(_))) {
            self.missing(span, "a threshold of ColumnValues on numbers or texts");
        }
        if check.tags.iter().any(|tag| tag.name == "ignoreCase") {
            self.missing(span, "`with ignoreCase`");
        }
        if check.rule_type == RuleType::ColumnDataType
            && matches!(check.condition, Some(Condition::Text(TextTest::In { .. })))
        {
            self.missing(span, "a list of types");
        }
        if let Some(Condition::Text(TextTest::Matches { pattern, .. })) = &check.condition
            && pattern.contains('|')
        {
            self.add(span.start, "Deequ anchors only the outer alternatives of a pattern: write `(a|b)`");
        }
        if check.rule_type == RuleType::IsPrimaryKey && check.parameters.len() > 1 {
            self.add(span.start, "Deequ does not check that the columns of a key of several are complete");
        }
    }
}

/// The same, with what cannot be evaluated on rows of `schema`: see [`unfit`].
pub fn lint_for(text: &str, target: Target, schema: &SchemaRef) -> Vec<Lint> {
    let mut lints = lint(text, target);
    if let Ok(ruleset) = parse(text) {
        let faults = unfit(&ruleset, text, schema);
        // What is found without the columns is not said twice.
        lints.retain(|lint| {
            lint.note
                || lint.error
                || !faults
                    .iter()
                    .any(|fault| (fault.line, fault.message.as_str()) == (lint.line, lint.message.as_str()))
        });
        lints.extend(faults.iter().map(|fault| Lint {
            line: fault.line,
            column: fault.column,
            message: fault.what(),
            note: false,
            error: true,
        }));
        for (span, rule_type) in rules_on_files(&ruleset.rules) {
            let (line, column) = position(text, span.start);
            let message = format!(
                "{rule_type} is about files: `rules test` can evaluate it, while the checks of a lake (`check`, `load`) know rows only, \
                 and it is an ERROR there"
            );
            lints.push(Lint { line, column, message, note: false, error: false });
        }
        lints.sort_by_key(|lint| (lint.line, lint.column));
    }
    lints
}

/// The rules about files, members of composites included.
fn rules_on_files(rules: &[Rule]) -> Vec<(Span, RuleType)> {
    let mut found = Vec::new();
    for rule in rules {
        match &rule.body {
            RuleBody::Composite(_, members) => found.extend(rules_on_files(members)),
            RuleBody::Check(check) if is_on_files(check.rule_type) => {
                found.push((rule.span, check.rule_type));
            }
            RuleBody::Check(_) => {}
        }
    }
    found
}

fn is_on_files(rule_type: RuleType) -> bool {
    matches!(
        rule_type,
        RuleType::FileMatch | RuleType::FileUniqueness | RuleType::FileFreshness | RuleType::FileSize
    )
}

/// The byte at a line and a column, both from 1.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or("");
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

fn expressions(condition: &Condition) -> Vec<&Arithmetic> {
    let Condition::Number(test) = condition else {
        return Vec::new();
    };
    Test::operands(test)
        .into_iter()
        .filter_map(|operand| match operand {
            NumberOperand::Null => None,
            NumberOperand::Expression(expression) => Some(expression),
        })
        .collect()
}

/// Whether precedence would change the value: `1 + 2 * 3`.
fn has_precedence(condition: &Condition) -> bool {
    use crate::ast::ArithmeticOperator::{Add, Divide, Multiply, Subtract};
    fn mixed(expression: &Arithmetic) -> bool {
        let operators = || expression.rest.iter().map(|(operator, _)| *operator);
        let sum = operators().position(|operator| matches!(operator, Add | Subtract));
        let after = |at: usize| operators().skip(at).any(|operator| matches!(operator, Multiply | Divide));
        let terms = std::iter::once(&expression.first).chain(expression.rest.iter().map(|(_, term)| term));
        sum.is_some_and(after)
            || terms.into_iter().any(|term| match term {
                Term::Literal(_) => false,
                Term::Call(_, arguments) => arguments.iter().any(mixed),
                Term::Group(inner) => mixed(inner),
            })
    }
    expressions(condition).into_iter().any(mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(text: &str, target: Target) -> Vec<String> {
        lint(text, target)
            .into_iter()
            .map(|lint| format!("{}:{} {}", lint.line, lint.column, lint.message))
            .collect()
    }

    #[track_caller]
    fn assert_found(rule: &str, target: Target, message: &str) {
        let all = found(&format!("Rules = [ {rule} ]\n"), target);
        assert!(all.len() == 1 && all[0].contains(message), "{rule}: {all:?}");
    }

    #[test]
    fn a_portable_ruleset_has_no_lints() {
        let text =
            "Rules = [\n  RowCount between 1 and 2,\n  (IsComplete \"a\") and (ColumnValues \"a\" > 0)\n]\n";
        for target in [Target::GlueEtl, Target::GlueCatalog, Target::Deequ] {
            assert_eq!(found(text, target), Vec::<String>::new());
        }
    }

    #[test]
    fn lines_end_with_line_feeds() {
        let text = "Rules = [\r\n RowCount > 0\r\n]";
        let all = found(text, Target::GlueEtl);
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].starts_with("1:10 a carriage return"));
        let all = found(&text.replace('\r', ""), Target::GlueEtl);
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].starts_with("3:2 no line feed"));
        assert_eq!(found("Rules = [ RowCount ]\n", Target::GlueEtl).len(), 1);
    }

    #[test]
    fn every_target_has_its_gaps() {
        let label = r#"IsComplete "a" labels=["k"="v"]"#;
        assert_found(label, Target::GlueCatalog, "a label is not supported");
        assert_eq!(found(&format!("Rules = [ {label} ]\n"), Target::GlueEtl).len(), 0);
        assert_found("RowCount > avg(last(3))", Target::GlueCatalog, "`last(k)`");
        assert_found("RowCount > avg(last(3))", Target::Deequ, "`last(k)`");
        assert_found(r#"DetectAnomalies "RowCount""#, Target::Deequ, "DetectAnomalies");
        assert_found("FileSize > 5 KB", Target::Deequ, "FileSize");
        assert_found(r#"ColumnValues "a" > 1 with threshold > 0.5"#, Target::Deequ, "a threshold");
        assert_found(r#"ColumnValues "a" matches "x|y""#, Target::Deequ, "alternatives");
        assert_found(r#"ColumnDataType "a" in ["Date"]"#, Target::Deequ, "a list of types");
        assert_found(r#"IsPrimaryKey "a" "b""#, Target::Deequ, "complete");
        assert_found(r#"CustomSql "select a from primary""#, Target::GlueEtl, "must be a key");
        assert_found(r#"IsComplete "a" where "b > 1""#, Target::GlueEtl, "Glue 4.0");
        assert_found("RowCount > 1 + 2 * 3", Target::GlueEtl, "no operator precedence");
        let order = r#"ColumnValues "a" > 0 with threshold > 0.5 labels=["k"="v"]"#;
        assert_found(order, Target::GlueEtl, "labels after `with`");
        let analyzers = "Rules = [ RowCount > 0 ] Analyzers = [ RowCount ]\n";
        assert_eq!(found(analyzers, Target::GlueCatalog).len(), 1);
        assert_eq!(found(analyzers, Target::GlueEtl).len(), 0);
        let labels = "DefaultLabels = [\"k\"=\"v\"] Rules = [ RowCount > 0 ]\n";
        assert_eq!(found(labels, Target::GlueCatalog).len(), 1);
    }
}
