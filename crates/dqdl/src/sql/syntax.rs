//! What can be said of SQL without a table: whether it parses, and what it names.

use std::ops::ControlFlow;

use sqlparser::tokenizer::Token;

use super::compile::{end, parser};

/// Whether a predicate is SQL at all.
pub(crate) fn predicate_syntax(text: &str) -> Result<(), String> {
    let mut parser = parser(text)?;
    parser.parse_expr().map_err(|error| plain(&error.to_string()))?;
    end(&parser)
}

/// Whether a query is SQL at all, and the tables that it names, those of its own `with` left out.
pub(crate) fn query_syntax(text: &str) -> Result<Vec<String>, String> {
    let mut whole = parser(text)?;
    whole.parse_query().map_err(|error| plain(&error.to_string()))?;
    let _ = whole.consume_token(&Token::SemiColon);
    end(&whole)?;
    let words = words(text);
    let mut tables = Vec::new();
    let own: Vec<&String> =
        words.windows(2).filter(|pair| pair[1].eq_ignore_ascii_case("as")).map(|pair| &pair[0]).collect();
    for pair in words.windows(2) {
        if ["from", "join"].iter().any(|word| pair[0].eq_ignore_ascii_case(word))
            && !own.contains(&&pair[1])
            && pair[1] != "("
        {
            tables.push(pair[1].clone());
        }
    }
    Ok(tables)
}

/// What SQL names.
#[derive(Debug, Default)]
pub(crate) struct SqlNames {
    /// Every word, without its quotes: columns, and also tables, functions and keywords.
    pub(crate) words: Vec<String>,
    /// Whether it is about all columns: `select *`, `t.*`.
    pub(crate) all_columns: bool,
}

/// What a predicate, an expression or a query names, whatever engine is to answer it.
///
/// # Errors
///
/// It is not made of tokens of SQL.
pub(crate) fn names(text: &str) -> Result<SqlNames, String> {
    let mut parser = parser(text)?;
    let mut names = SqlNames::default();
    let mut before = [String::new(), String::new()];
    loop {
        let token = parser.next_token().token;
        let word = match &token {
            Token::EOF => return Ok(names),
            Token::Word(word) => {
                names.words.push(word.value.clone());
                word.value.to_lowercase()
            }
            Token::Mul => {
                names.all_columns |= match [before[0].as_str(), before[1].as_str()] {
                    ["count", "("] => false,
                    [_, last] => matches!(last, "" | "select" | "distinct" | "all" | "," | "." | "("),
                };
                "*".to_owned()
            }
            other => other.to_string(),
        };
        before.swap(0, 1);
        before[1] = word;
    }
}

/// Names that come before a bracket.
pub(crate) fn function_names(text: &str) -> Vec<String> {
    let words = words(text);
    let calls = words
        .windows(2)
        .filter(|pair| pair[1] == "(" && pair[0].starts_with(|c: char| c.is_ascii_alphabetic()));
    calls.map(|pair| pair[0].clone()).collect()
}

/// Whether SQL has a function of this name, here or in Spark, that is near to a more frequent one.
pub(crate) fn is_function(name: &str) -> bool {
    [
        "count_if", "sum", "std", "bround", "ltrim", "rtrim", "btrim", "lengthb", "mean", "mode", "power",
        "bool_or", "lcase", "ucase", "found", "bound",
    ]
    .contains(&name)
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let Ok(mut parser) = parser(text) else { return words };
    let _ = (0..super::compile::MAX_TOKENS).try_for_each(|_| {
        let token = parser.next_token();
        match token.token {
            Token::EOF => return ControlFlow::Break(()),
            Token::Word(word) => words.push(word.value),
            Token::LParen => words.push("(".to_owned()),
            Token::SingleQuotedString(_) => words.push("'".to_owned()),
            other => words.push(other.to_string()),
        }
        ControlFlow::Continue(())
    });
    words
}

/// Without the name of the parser.
pub(super) fn plain(error: &str) -> String {
    error.strip_prefix("sql parser error: ").unwrap_or(error).to_owned()
}
