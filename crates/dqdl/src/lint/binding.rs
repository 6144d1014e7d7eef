//! A ruleset held against the columns that its rows will have: names, types, and the SQL about them.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use chrono::DateTime;

use crate::ast::{Analyzer, Check, Rule, RuleBody, Ruleset, Span};
use crate::check::{Context, Refusal};
use crate::checks;
use crate::dynamic::{self, Resolved};
use crate::error::{Edit, Fault, ParseError};
use crate::history::MemoryHistory;
use crate::options::Options;
use crate::rule_types::{RuleType, distance};
use crate::sql::Predicate;

/// What of a ruleset cannot be evaluated on rows of this schema, in the order of the text: columns that are not there, columns
/// of another type than the condition's, SQL that does not compile, operands that no history could give a value. No data is needed.
/// Of rules that compare with other tables only their own side is looked at, and rules about files are left out.
pub fn unfit(ruleset: &Ruleset, text: &str, schema: &SchemaRef) -> Vec<ParseError> {
    let options = Options::new(DateTime::UNIX_EPOCH).with_history(Arc::new(MemoryHistory::default()));
    let mut binding = Binding { text, schema, context: Context::new(schema, &options), faults: Vec::new() };
    ruleset.rules.iter().for_each(|rule| binding.rule(rule));
    ruleset.analyzers.iter().for_each(|analyzer| binding.analyzer(analyzer));
    binding.faults
}

struct Binding<'a> {
    text: &'a str,
    schema: &'a Schema,
    context: Context<'a>,
    faults: Vec<ParseError>,
}

impl Binding<'_> {
    fn rule(&mut self, rule: &Rule) {
        match &rule.body {
            RuleBody::Composite(_, members) => members.iter().for_each(|member| self.rule(member)),
            RuleBody::Check(check) => self.check(check, rule.span),
        }
    }

    fn check(&mut self, check: &Check, span: Span) {
        if let Some(filter) = &check.filter {
            self.filter(filter, span);
        }
        let watched = check.rule_type == RuleType::DetectAnomalies && watches_elsewhere(check);
        let compiled = if elsewhere(check.rule_type) || watched {
            checks::own_faults(check, &self.context)
        } else {
            self.compiled(check)
        };
        match compiled {
            Err(refusal) => self.refused(refusal, check.rule_type, span),
            Ok(()) if check.rule_type == RuleType::ColumnDataType => {
                if let Some(why) = checks::never_of_type(check, &self.context) {
                    self.add(span, "", why, None);
                }
            }
            Ok(()) => {}
        }
    }

    /// As a first run compiles it, which has no history.
    fn compiled(&self, check: &Check) -> Result<(), Refusal> {
        let Resolved { check, missing } = dynamic::resolve(check, &self.context)?;
        match &missing {
            Some(missing) => checks::compile_not_evaluated(&check, missing, &self.context),
            None => checks::compile(&check, &self.context),
        }
        .map(|_| ())
    }

    fn analyzer(&mut self, analyzer: &Analyzer) {
        if let Some(filter) = &analyzer.filter {
            self.filter(filter, analyzer.span);
        }
        if !elsewhere(analyzer.rule_type)
            && let Err(refusal) = checks::compile_analyzer(analyzer, &self.context)
        {
            self.refused(refusal, analyzer.rule_type, analyzer.span);
        }
    }

    fn filter(&mut self, filter: &str, span: Span) {
        let sql = filter.replace("\\\"", "\"");
        if let Err(what) = Predicate::compile(&sql, self.schema, self.context.now) {
            match missing_in_sql(&what) {
                Some(name) => self.missing(name.to_owned(), span, "`where` names a column"),
                None => self.add(span, "where", what, None),
            }
        }
    }

    fn refused(&mut self, refusal: Refusal, rule_type: RuleType, span: Span) {
        match refusal {
            Refusal::Fail(what) => match what.strip_prefix("Input data does not include column ") {
                Some(name) => self.missing(
                    name.trim_end_matches('!').to_owned(),
                    span,
                    &format!("{rule_type} is about a column"),
                ),
                None => self.add(span, "", what, None),
            },
            Refusal::Error(what) => match missing_in_sql(&what) {
                Some(name) => self.missing(name.to_owned(), span, "the SQL names a column"),
                // What one engine of SQL does not know, another may.
                None if rule_type == RuleType::CustomSql && !of_any_engine(&what) => {}
                None => self.add(span, "", what, None),
            },
        }
    }

    /// A column that is not there.
    fn missing(&mut self, name: String, span: Span, who: &str) {
        let near = self.nearest(&name);
        let message = format!("{who} \"{name}\", and there is none of that name");
        let edit = near.map(|near| (name.clone(), near));
        self.add(span, &name, message, edit);
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let plain = |name: &str| name.to_lowercase().replace(['_', '-', ' ', '.'], "");
        let wanted = plain(name);
        if wanted.len() > 60 {
            return None;
        }
        let names = self.schema.fields().iter().map(|field| field.name());
        let near = names
            .map(|known| (distance(&plain(known), &wanted), known))
            .min_by_key(|(distance, _)| *distance);
        near.filter(|(distance, known)| *distance <= known.len().max(wanted.len()) / 3)
            .map(|(_, known)| known.clone())
    }

    /// A finding where `needle` is in the rule, with a name and the one that is meant.
    fn add(&mut self, span: Span, needle: &str, message: String, meant: Option<(String, String)>) {
        let start = super::place_of(self.text, span, needle);
        let mut fault = *Fault::new(start, message);
        if let Some((wrong, right)) = meant {
            fault.suggestion = Some(format!("did you mean \"{right}\"?"));
            if let Some(within) = self.text.get(start..span.end).and_then(|rest| rest.find(&wrong)) {
                let start = start + within;
                fault.edits = vec![Edit { start, end: start + wrong.len(), text: right }];
            }
        }
        self.faults.push(fault.locate(self.text));
    }
}

/// The column that a message of SQL misses.
fn missing_in_sql(what: &str) -> Option<&str> {
    let (_, rest) = what.split_once("there is no column ")?;
    Some(rest.split_whitespace().next().unwrap_or(rest))
}

/// Whether the rule type needs other tables, or files.
fn elsewhere(rule_type: RuleType) -> bool {
    rule_type.needs_reference_data() || rule_type.is_about_files()
}

/// Whether DetectAnomalies watches a metric that needs other tables, or files.
fn watches_elsewhere(check: &Check) -> bool {
    let watched = check.parameters.first().and_then(|first| RuleType::from_any_case(&first.value));
    watched.is_some_and(elsewhere)
}

/// Whether no engine of SQL would do what this one refuses: a sum of texts.
fn of_any_engine(what: &str) -> bool {
    what.contains("an aggregate that must be a number is over")
}
