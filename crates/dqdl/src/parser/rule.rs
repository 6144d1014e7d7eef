//! Rules, composites, analyzers and labels.

use super::bytes::in_bytes;
use super::{Parsed, Parser};
use crate::ast::{
    Analyzer, Check, Condition, Connective, Label, Parameter, Rule, RuleBody, Span, Tag, TagValue,
    VariableValue,
};
use crate::error::Fault;
use crate::lexer::{Kind, Token};
use crate::rule_types::{Returns, RuleType};

/// Labels a rule may have, its own and the defaults together, counted before merging.
const MAX_LABELS: usize = 10;
/// Characters in a label's key.
const MAX_LABEL_KEY: usize = 128;
/// Characters in a label's value.
const MAX_LABEL_VALUE: usize = 256;

/// Words that are never a parameter unless quoted.
const RESERVED: &[&str] = &[
    "and",
    "AND",
    "or",
    "OR",
    "of",
    "OF",
    "null",
    "NULL",
    "empty",
    "EMPTY",
    "whitespaces_only",
    "WHITESPACES_ONLY",
    "between",
    "in",
    "not",
    "matches",
    "with",
    "where",
    "labels",
    "now",
    "days",
    "hours",
    "minutes",
    "B",
    "KB",
    "MB",
    "GB",
    "TB",
];

impl Parser<'_> {
    /// `and-rule (or and-rule)*`
    pub(super) fn rule(&mut self) -> Parsed<Rule> {
        self.chain(Connective::Or, |parser| parser.chain(Connective::And, Self::member))
    }

    fn chain(
        &mut self,
        connective: Connective,
        mut member: impl FnMut(&mut Self) -> Parsed<Rule>,
    ) -> Parsed<Rule> {
        let words: &[&str] = match connective {
            Connective::And => &["and", "AND"],
            Connective::Or => &["or", "OR"],
        };
        let first = member(self)?;
        if !self.is_word(0, words) {
            return Ok(first);
        }
        let start = first.span.start;
        let mut members = Vec::new();
        push_flat(&mut members, connective, first);
        while self.take_word(words) {
            push_flat(&mut members, connective, member(self)?);
        }
        Ok(Rule {
            span: self.span_from(start),
            body: RuleBody::Composite(connective, members),
            labels: Vec::new(),
        })
    }

    /// `( rule ) labels?` or a single check.
    fn member(&mut self) -> Parsed<Rule> {
        let start = self.peek().span.start;
        if !self.take_symbol(b'(') {
            return self.check();
        }
        let mut rule = self.nested(Self::rule)?;
        self.symbol(b')')?;
        if self.take_word(&["labels"]) {
            self.label_list(&mut rule.labels)?;
            self.count_labels(&rule.labels, start)?;
        }
        rule.span = self.span_from(start);
        Ok(rule)
    }

    fn span_from(&self, start: usize) -> Span {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        Span { start, end: last.map_or(start, |token| token.span.end) }
    }

    fn rule_type(&mut self) -> Parsed<(RuleType, Token)> {
        let token = self.peek();
        if token.kind != Kind::Identifier {
            return Err(self.unexpected("a rule type"));
        }
        let name = self.slice(token);
        match RuleType::from_name(name) {
            Some(rule_type) => {
                self.next();
                Ok((rule_type, token))
            }
            None => {
                if let Some(instead) = RuleType::instead_of(name) {
                    let message = format!(
                        "{name} is a rule type of Deequ, not of the published language; write {instead}"
                    );
                    return Err(Fault::new(token.span.start, message));
                }
                let shown: String = name.chars().take(60).collect();
                Err(Fault::new(token.span.start, format!("unknown rule type `{shown}`")))
            }
        }
    }

    fn check(&mut self) -> Parsed<Rule> {
        let (rule_type, token) = self.rule_type()?;
        let start = token.span.start;
        if !rule_type.is_rule() {
            return Err(Fault::new(start, format!("{rule_type} can only be an analyzer")));
        }
        let parameters = self.parameters(rule_type, start)?;
        let condition = self.condition()?.map(|condition| in_bytes(rule_type, condition));
        check_condition(rule_type, &parameters, condition.as_ref(), start)?;
        let filter = self.filter(rule_type)?;
        let mut check = Check { rule_type, parameters, condition, filter, threshold: None, tags: Vec::new() };
        let mut labels = Vec::new();
        let mut guarded = false;
        loop {
            let here = self.peek().span.start;
            if self.take_word(&["with"]) {
                guarded = true;
                self.with(&mut check, here)?;
            } else if self.take_word(&["labels"]) {
                if guarded {
                    self.lint(
                        here,
                        "labels after `with` are not portable: write `(rule with ...) labels=[...]`",
                    );
                }
                self.label_list(&mut labels)?;
                self.count_labels(&labels, here)?;
            } else {
                break;
            }
        }
        Ok(Rule { span: self.span_from(start), body: RuleBody::Check(Box::new(check)), labels })
    }

    pub(super) fn analyzer(&mut self) -> Parsed<Analyzer> {
        let (rule_type, token) = self.rule_type()?;
        let start = token.span.start;
        if !rule_type.is_analyzer() {
            return Err(Fault::new(start, format!("{rule_type} has no metric and cannot be an analyzer")));
        }
        let parameters = self.parameters(rule_type, start)?;
        let filter = self.filter(rule_type)?;
        Ok(Analyzer { span: self.span_from(start), rule_type, parameters, filter })
    }

    fn parameters(&mut self, rule_type: RuleType, start: usize) -> Parsed<Vec<Parameter>> {
        let mut parameters = Vec::new();
        loop {
            let connected = self.is_word(0, &["of", "OF", "and", "AND"]);
            if !self.is_parameter(usize::from(connected)) {
                break;
            }
            let connector = connected.then(|| {
                let token = self.next();
                self.slice(token).to_owned()
            });
            parameters.push(self.parameter(connector)?);
        }
        let (min, max) = rule_type.arity();
        if (min..=max).contains(&parameters.len()) {
            return Ok(parameters);
        }
        let wanted = match (min, max) {
            (0, 0) => "no parameters".to_owned(),
            (min, max) if min == max => format!("{min} parameter(s)"),
            (min, usize::MAX) => format!("at least {min} parameter(s)"),
            (min, max) => format!("{min} to {max} parameters"),
        };
        Err(Fault::new(start, format!("{rule_type} takes {wanted}, not {}", parameters.len())))
    }

    fn is_parameter(&self, ahead: usize) -> bool {
        match self.token(ahead).kind {
            Kind::Text | Kind::Symbol(b'$') => true,
            Kind::Identifier => !self.is_word(ahead, RESERVED),
            _ => false,
        }
    }

    fn parameter(&mut self, connector: Option<String>) -> Parsed<Parameter> {
        let token = self.peek();
        let (value, quoted) = match token.kind {
            Kind::Symbol(b'$') => match self.variable()? {
                (VariableValue::Text(text), _) => (text, true),
                (VariableValue::List(_), name) => {
                    return Err(Fault::new(
                        token.span.start,
                        format!("${name} is a list and can only follow `in`"),
                    ));
                }
            },
            Kind::Text => (self.quoted("a parameter")?.0.to_owned(), true),
            _ => {
                self.next();
                (self.slice(token).to_owned(), false)
            }
        };
        Ok(Parameter { connector, value, quoted })
    }

    /// `$name`: its value and its name.
    pub(super) fn variable(&mut self) -> Parsed<(VariableValue, String)> {
        self.symbol(b'$')?;
        let token = self.peek();
        if token.kind != Kind::Identifier {
            return Err(self.unexpected("the name of a variable"));
        }
        self.next();
        let name = self.slice(token).to_owned();
        match self.variables.get(&name) {
            Some(value) => Ok((value.clone(), name)),
            None => Err(Fault::new(token.span.start, format!("variable `{name}` is not declared"))),
        }
    }

    fn filter(&mut self, rule_type: RuleType) -> Parsed<Option<String>> {
        let start = self.peek().span.start;
        if !self.take_word(&["where"]) {
            return Ok(None);
        }
        if !rule_type.allows_filter() {
            return Err(Fault::new(start, format!("{rule_type} does not take `where`")));
        }
        let (text, token) = self.quoted("a quoted SQL predicate")?;
        if text.trim().is_empty() {
            return Err(Fault::new(token.span.start, "`where` is empty"));
        }
        Ok(Some(text.to_owned()))
    }

    /// What follows `with`.
    fn with(&mut self, check: &mut Check, start: usize) -> Parsed<()> {
        let token = self.peek();
        if token.kind != Kind::Identifier {
            return Err(self.unexpected("`threshold` or the name of a tag"));
        }
        self.next();
        let name = self.slice(token);
        if name != "threshold" {
            self.symbol(b'=')?;
            let value = self.tag_value()?;
            check.tags.push(Tag { name: name.to_owned(), value });
            return Ok(());
        }
        if !check.rule_type.allows_threshold() {
            return Err(Fault::new(start, format!("{} does not take a threshold", check.rule_type)));
        }
        if check.threshold.is_some() {
            return Err(Fault::new(start, "a rule has only one threshold"));
        }
        match self.condition()? {
            Some(condition @ Condition::Number(_)) => {
                check.threshold = Some(condition);
                Ok(())
            }
            Some(_) => Err(Fault::new(token.span.start, "a threshold is a condition on a number")),
            None => Err(self.unexpected("a condition on a number")),
        }
    }

    fn tag_value(&mut self) -> Parsed<TagValue> {
        let token = self.peek();
        match token.kind {
            Kind::Text => {
                self.next();
                Ok(TagValue::Text(self.inside(token).to_owned()))
            }
            Kind::Integer | Kind::Decimal => {
                self.next();
                Ok(TagValue::Number(self.slice(token).to_owned()))
            }
            _ => Err(self.unexpected("a number or a quoted text")),
        }
    }

    /// `=["key"="value", ...]`, appended to `labels`.
    pub(super) fn label_list(&mut self, labels: &mut Vec<Label>) -> Parsed<()> {
        let start = self.peek().span.start;
        self.symbol(b'=')?;
        self.symbol(b'[')?;
        self.list(false, |parser| {
            let label = parser.label()?;
            if labels.iter().any(|known| known.key == label.key) {
                return Err(Fault::new(start, format!("label \"{}\" is given twice", label.key)));
            }
            labels.push(label);
            if labels.len() > MAX_LABELS {
                return Err(Fault::new(start, format!("more than {MAX_LABELS} labels")));
            }
            Ok(())
        })?;
        Ok(())
    }

    fn label(&mut self) -> Parsed<Label> {
        let (key, key_token) = self.quoted("a quoted label key")?;
        self.symbol(b'=')?;
        let (value, value_token) = self.quoted("a quoted label value")?;
        for (text, limit, token) in [(key, MAX_LABEL_KEY, key_token), (value, MAX_LABEL_VALUE, value_token)] {
            let length = text.chars().count();
            if length == 0 || length > limit {
                return Err(Fault::new(
                    token.span.start,
                    format!(
                        "a label's key has 1 to {MAX_LABEL_KEY} and its value 1 to {MAX_LABEL_VALUE} characters"
                    ),
                ));
            }
        }
        Ok(Label { key: key.to_owned(), value: value.to_owned() })
    }

    fn count_labels(&self, own: &[Label], offset: usize) -> Parsed<()> {
        if own.len() + self.default_labels <= MAX_LABELS {
            return Ok(());
        }
        Err(Fault::new(offset, format!("more than {MAX_LABELS} labels with the default labels")))
    }
}

/// Adds a member, dissolving an unlabelled composite of the same connective: `a and b and c` is one list.
fn push_flat(members: &mut Vec<Rule>, connective: Connective, rule: Rule) {
    match rule.body {
        RuleBody::Composite(inner, parts) if inner == connective && rule.labels.is_empty() => {
            members.extend(parts);
        }
        body => members.push(Rule { body, ..rule }),
    }
}

/// Whether the rule type can carry this condition, or none.
fn check_condition(
    rule_type: RuleType,
    parameters: &[Parameter],
    condition: Option<&Condition>,
    offset: usize,
) -> Parsed<()> {
    let returns = rule_type.returns();
    let wanted = match condition {
        None => Returns::Boolean,
        Some(Condition::Number(_)) => Returns::Number,
        Some(Condition::Text(_)) => Returns::Text,
        Some(Condition::Date(_)) => Returns::Date,
        Some(Condition::Duration(_)) => Returns::Duration,
        Some(Condition::Size(_)) => Returns::Size,
    };
    // `FileMatch "a" "b"` compares two files; with one path or none it needs a list of hashes.
    let file_match =
        rule_type != RuleType::FileMatch || (parameters.len() == 2) == (wanted == Returns::Boolean);
    if returns.contains(&wanted) && file_match {
        return Ok(());
    }
    let message = match condition {
        None => format!("{rule_type} needs a condition"),
        Some(_) if returns == [Returns::Boolean] => format!("{rule_type} takes no condition"),
        Some(condition) => format!("{rule_type} cannot be compared with `{condition}`"),
    };
    Err(Fault::new(offset, message))
}
