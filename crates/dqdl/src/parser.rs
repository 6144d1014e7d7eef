//! Tokens to a [`Ruleset`]: recursive descent with one token of look-ahead, plus the checks that need the rule table.
//!
//! This file has the cursor and the document; `parser/rule.rs` has rules, labels and analyzers, `parser/condition.rs`
//! conditions and operands. Depth is bounded ([`MAX_DEPTH`]) and every token is read a bounded number of times, so no
//! text can exhaust the stack or the clock.

mod bytes;
mod condition;
mod rule;

use std::collections::BTreeMap;

use crate::ast::{Label, Lint, Ruleset, Span, Variable, VariableValue};
use crate::error::{Fault, position};
use crate::lexer::{Kind, Token, tokens};

/// How deep parentheses may nest.
const MAX_DEPTH: usize = 64;

/// The most rules in one ruleset: each keeps a few kilobytes while data is judged.
const MAX_RULES: usize = 10_000;

/// What every parsing function returns.
pub(crate) type Parsed<T> = Result<T, Box<Fault>>;

/// Parses a whole document; with the place of text that is not read because it follows the ruleset. The fault is where the
/// parser stopped, in its own words: `reading` says what was meant.
pub(crate) fn parse_only(text: &str) -> Parsed<(Ruleset, Option<usize>)> {
    let mut parser = Parser {
        text,
        tokens: tokens(text),
        at: 0,
        depth: 0,
        variables: BTreeMap::new(),
        default_labels: 0,
        lints: Vec::new(),
    };
    parser.document()
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    variables: BTreeMap<String, VariableValue>,
    default_labels: usize,
    lints: Vec<Lint>,
}

/// The cursor.
impl<'a> Parser<'a> {
    fn token(&self, ahead: usize) -> Token {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens
            .get((self.at + ahead).min(last))
            .copied()
            .unwrap_or(Token { kind: Kind::End, span: Span::default() })
    }

    fn peek(&self) -> Token {
        self.token(0)
    }

    fn slice(&self, token: Token) -> &'a str {
        self.text.get(token.span.start..token.span.end).unwrap_or("")
    }

    /// The raw text between the quotes of a quoted token.
    fn inside(&self, token: Token) -> &'a str {
        let (start, end) = (token.span.start + 1, token.span.end.saturating_sub(1));
        self.text.get(start..end).unwrap_or("")
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        if !matches!(token.kind, Kind::End | Kind::Bad(_)) {
            self.at += 1;
        }
        token
    }

    fn is_symbol(&self, ahead: usize, symbol: u8) -> bool {
        self.token(ahead).kind == Kind::Symbol(symbol)
    }

    /// Whether the token `ahead` is one of these words.
    fn is_word(&self, ahead: usize, words: &[&str]) -> bool {
        let token = self.token(ahead);
        token.kind == Kind::Identifier && words.contains(&self.slice(token))
    }

    fn take_symbol(&mut self, symbol: u8) -> bool {
        let found = self.is_symbol(0, symbol);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, words: &[&str]) -> bool {
        let found = self.is_word(0, words);
        self.at += usize::from(found);
        found
    }

    fn symbol(&mut self, symbol: u8) -> Parsed<Token> {
        if self.is_symbol(0, symbol) {
            Ok(self.next())
        } else {
            Err(self.unexpected(format!("`{}`", char::from(symbol))))
        }
    }

    /// A quoted text; the raw text between its quotes.
    fn quoted(&mut self, what: &str) -> Parsed<(&'a str, Token)> {
        let token = self.peek();
        match token.kind {
            Kind::Text => {
                self.next();
                Ok((self.inside(token), token))
            }
            Kind::Date | Kind::Time => Err(Fault::new(
                token.span.start,
                format!("{} reads as a date or a time, not as a text", self.slice(token)),
            )
            .expecting(what)),
            _ => Err(self.unexpected(what)),
        }
    }

    /// The current token is not what the grammar wants here.
    fn unexpected(&self, expected: impl Into<String>) -> Box<Fault> {
        let token = self.peek();
        let message = match token.kind {
            Kind::End => "the text ends too early".to_owned(),
            Kind::Bad(reason) => reason.to_owned(),
            _ => {
                let shown: String = self.slice(token).chars().take(40).collect();
                format!("unexpected `{shown}`")
            }
        };
        Fault::new(token.span.start, message).expecting(expected)
    }

    fn lint(&mut self, offset: usize, message: impl Into<String>) {
        let (line, column) = position(self.text, offset);
        self.lints.push(Lint { line, column, message: message.into(), note: false, error: false });
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Fault::new(
                self.peek().span.start,
                format!("more than {MAX_DEPTH} levels of parentheses"),
            ));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// `item, item, ...` up to and including `]`; an empty list only when `empty_ok`.
    fn list<T>(&mut self, empty_ok: bool, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        if empty_ok && self.take_symbol(b']') {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.take_symbol(b']') {
                return Ok(items);
            }
            if !self.take_symbol(b',') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }
}

/// The document.
impl Parser<'_> {
    fn document(&mut self) -> Parsed<(Ruleset, Option<usize>)> {
        let metadata = self.metadata()?;
        let (primary_source, additional_sources) = self.data_sources()?;
        let variables = self.declarations()?;
        let default_labels = self.default_labels()?;
        let start = self.peek().span.start;
        let (mut rules, mut analyzers) = (Vec::new(), Vec::new());
        let has_rules = self.take_word(&["Rules"]);
        if has_rules {
            self.symbol(b'=')?;
            self.symbol(b'[')?;
            let mut count = 0;
            rules = self.list(true, |parser| {
                count += 1;
                if count > MAX_RULES {
                    let start = parser.peek().span.start;
                    return Err(Fault::new(start, format!("more than {MAX_RULES} rules in one ruleset")));
                }
                parser.rule()
            })?;
        }
        let has_analyzers = self.is_word(0, &["Analyzers"]) && self.is_symbol(1, b'=');
        if has_analyzers {
            self.at += 2;
            self.symbol(b'[')?;
            analyzers = self.list(true, Self::analyzer)?;
        } else if !has_rules {
            return Err(self.unexpected("`Rules = [` or `Analyzers = [`"));
        }
        if rules.is_empty() && analyzers.is_empty() {
            return Err(Fault::new(start, "no rules or analyzers provided"));
        }
        let rest = self.peek();
        if rest.kind != Kind::End {
            let message = self.ignored(rest, has_analyzers);
            self.lint(rest.span.start, message);
        }
        let ignored = (rest.kind != Kind::End).then_some(rest.span.start);
        let ruleset = Ruleset {
            metadata,
            primary_source,
            additional_sources,
            variables,
            default_labels,
            rules,
            analyzers,
            lints: std::mem::take(&mut self.lints),
        };
        Ok((ruleset, ignored))
    }

    /// What is to be said of text that follows the ruleset, from this token on.
    fn ignored(&self, token: Token, has_analyzers: bool) -> String {
        let word = self.slice(token);
        let rest = self.text.get(token.span.start..).unwrap_or("");
        if rest.starts_with('#') {
            "the comment in the last line has no line feed at its end; end the line".to_owned()
        } else if word == "Rules" && has_analyzers {
            "`Rules` behind `Analyzers` is not read; put it before".to_owned()
        } else if word == "Analyzers" && !has_analyzers {
            "`Analyzers` is not read, because no `=` follows; write `Analyzers = [`".to_owned()
        } else if matches!(word, "Rules" | "Analyzers") {
            format!("a second `{word}` is not read; put what it holds into the first")
        } else if word.len() < 20 && crate::rule_types::distance(&word.to_ascii_lowercase(), "analyzers") <= 2
        {
            format!("`{word}` is not read; did you mean `Analyzers`?")
        } else if matches!(word, "]" | ")" | "," | ";" | "}") {
            format!("text after the ruleset is ignored; take `{word}` away")
        } else {
            "text after the ruleset is ignored".to_owned()
        }
    }

    /// `Name = {` at the cursor.
    fn block(&mut self, name: &str) -> Parsed<bool> {
        if !(self.is_word(0, &[name]) && self.is_symbol(1, b'=') && self.is_symbol(2, b'{')) {
            return Ok(false);
        }
        self.at += 3;
        Ok(true)
    }

    /// `"key": value, ...` up to and including `}`.
    fn entries(&mut self, mut value: impl FnMut(&mut Self, &str, Token) -> Parsed<()>) -> Parsed<()> {
        if self.take_symbol(b'}') {
            return Ok(());
        }
        loop {
            let (key, token) = self.quoted("a quoted key")?;
            self.symbol(b':')?;
            value(self, key, token)?;
            if self.take_symbol(b'}') {
                return Ok(());
            }
            if !self.take_symbol(b',') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
    }

    fn metadata(&mut self) -> Parsed<BTreeMap<String, String>> {
        let mut metadata = BTreeMap::new();
        if self.block("Metadata")? {
            self.entries(|parser, key, token| {
                if key != "Version" {
                    return Err(Fault::new(token.span.start, format!("unknown metadata key \"{key}\""))
                        .expecting("\"Version\""));
                }
                let (value, _) = parser.quoted("a quoted version")?;
                metadata.insert(key.to_owned(), value.to_owned());
                Ok(())
            })?;
        }
        Ok(metadata)
    }

    fn data_sources(&mut self) -> Parsed<(Option<String>, Vec<String>)> {
        let (mut primary, mut additional) = (None, Vec::new());
        if self.block("DataSources")? {
            self.entries(|parser, key, token| {
                match key {
                    "Primary" => primary = Some(parser.quoted("a quoted name")?.0.to_owned()),
                    "AdditionalDataSources" => {
                        parser.symbol(b'[')?;
                        additional =
                            parser.list(false, |parser| Ok(parser.quoted("a quoted name")?.0.to_owned()))?;
                    }
                    _ => {
                        return Err(Fault::new(
                            token.span.start,
                            format!("unknown data source key \"{key}\""),
                        )
                        .expecting("\"Primary\" or \"AdditionalDataSources\""));
                    }
                }
                Ok(())
            })?;
        }
        Ok((primary, additional))
    }

    /// Variables, up to `DefaultLabels`, `Rules` or `Analyzers`.
    fn declarations(&mut self) -> Parsed<Vec<Variable>> {
        let mut variables = Vec::new();
        while self.peek().kind == Kind::Identifier
            && !self.is_word(0, &["DefaultLabels", "Rules", "Analyzers"])
        {
            let token = self.next();
            let name = self.slice(token);
            let fault = |message: &str| Fault::new(token.span.start, message.to_owned());
            if name.starts_with(['.', '_']) {
                return Err(fault("a variable cannot start with `.` or `_`"));
            }
            if self.variables.contains_key(name) {
                return Err(fault(&format!("variable `{name}` is declared twice")));
            }
            self.symbol(b'=')?;
            let value = self.variable_value()?;
            self.variables.insert(name.to_owned(), value.clone());
            variables.push(Variable { name: name.to_owned(), value });
        }
        Ok(variables)
    }

    fn variable_value(&mut self) -> Parsed<VariableValue> {
        if self.take_symbol(b'[') {
            let texts = self.list(false, |parser| parser.plain_text())?;
            return Ok(VariableValue::List(texts));
        }
        Ok(VariableValue::Text(self.plain_text()?))
    }

    /// A text that refers to no declared variable: variables do not nest.
    fn plain_text(&mut self) -> Parsed<String> {
        let (text, token) = self.quoted("a quoted text or a list of them")?;
        let names = text.split('$').skip(1).map(|rest| {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
                .unwrap_or(rest.len());
            rest.get(..end).unwrap_or("")
        });
        for name in names {
            if self.variables.contains_key(name) {
                return Err(Fault::new(
                    token.span.start,
                    format!("a variable cannot refer to another one (${name})"),
                ));
            }
        }
        Ok(text.to_owned())
    }

    fn default_labels(&mut self) -> Parsed<Vec<Label>> {
        let mut labels = Vec::new();
        if self.take_word(&["DefaultLabels"]) {
            self.label_list(&mut labels)?;
            self.default_labels = labels.len();
        }
        Ok(labels)
    }
}
