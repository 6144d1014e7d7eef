//! A contract as tools that know only the standard can use it: with a `servers` entry for the lake's Parquet, and `quality`
//! entries for the rules that the standard has a form for.
//!
//! The forms are the library metrics `rowCount`, `nullValues`, `duplicateValues` and `invalidValues`, and SQL that counts rows.
//! Rules that only warn, rules on columns that are derived while a batch is checked, and rules without such a form are left out:
//! the ruleset stays what judges. A column of the key that may be missing is no `primaryKey`, which the standard's may not.

use std::collections::BTreeMap;
use std::path::Path;

use dqdl::{
    Check, Condition, NumberOperand, Operator, Rule, RuleBody, RuleType, Ruleset, Severity, Test,
    TextOperand, TextTest, unescape,
};
use quotelake_contract::Contract;
use quotelake_core::{Error, Result};
use quotelake_market::DerivedColumns;
use quotelake_table::published::table_prefix;
use serde_yaml_ng::{Mapping, Value};

/// The contract's text with `servers` and `quality`; what it has of them already stays.
pub fn export(yaml: &str, contract: &Contract, ruleset: &Ruleset, lake: &Path) -> Result<String> {
    let bad = |e| Error::config("not an ODCS contract").with_source(e);
    let mut document: Mapping = serde_yaml_ng::from_str(yaml).map_err(bad)?;
    if !document.contains_key("servers") {
        let path =
            format!("{}/{}**/*.parquet", lake.display(), table_prefix(contract.zone(), &contract.name));
        let server = [("server", "lake"), ("type", "local"), ("path", path.as_str()), ("format", "parquet")];
        document.insert(
            "servers".into(),
            Value::Sequence(vec![mapping(server.map(|(key, text)| (key, text.into())))]),
        );
    }
    let mut quality = Quality { contract, table: Vec::new(), columns: BTreeMap::new() };
    for rule in &ruleset.rules {
        quality.rule(rule, &ruleset.default_labels);
    }
    let Quality { table, mut columns, .. } = quality;
    let objects = document.get_mut("schema").and_then(Value::as_sequence_mut);
    if let Some(object) = objects.and_then(|objects| objects.first_mut()).and_then(Value::as_mapping_mut) {
        add(object, table);
        let properties = object.get_mut("properties").and_then(Value::as_sequence_mut);
        for property in properties.into_iter().flatten().filter_map(Value::as_mapping_mut) {
            let name = property.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            // A primary key of the standard has no missing value; a key of the lake may.
            if property.get("required").and_then(Value::as_bool) != Some(true) {
                property.remove("primaryKey");
                property.remove("primaryKeyPosition");
            }
            add(property, columns.remove(&name).unwrap_or_default());
        }
    }
    serde_yaml_ng::to_string(&document).map_err(bad)
}

/// Adds quality rules where there are some and there are none yet.
fn add(to: &mut Mapping, rules: Vec<Value>) {
    if !rules.is_empty() && !to.contains_key("quality") {
        to.insert("quality".into(), Value::Sequence(rules));
    }
}

fn mapping<'k>(entries: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    Value::Mapping(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
}

/// Entries for the table, and for each column.
struct Quality<'c> {
    contract: &'c Contract,
    table: Vec<Value>,
    columns: BTreeMap<String, Vec<Value>>,
}

impl Quality<'_> {
    fn rule(&mut self, rule: &Rule, defaults: &[dqdl::Label]) {
        let labels = defaults.iter().chain(&rule.labels);
        let labels: BTreeMap<String, String> =
            labels.map(|label| (label.key.clone(), label.value.clone())).collect();
        if let RuleBody::Check(check) = &rule.body
            && Severity::from_labels(&labels).quarantines()
            && !reads_derived_columns(rule)
        {
            self.check(check, &rule.description());
        }
    }

    fn check(&mut self, check: &Check, text: &str) {
        let names: Vec<String> =
            check.parameters.iter().map(|parameter| unescape(&parameter.value)).collect();
        let columns: Vec<&str> = names.iter().map(String::as_str).collect();
        let known = |name: &&str| self.contract.columns.iter().any(|column| column.name == **name);
        if check.threshold.is_some() || (check.rule_type != RuleType::RowCount && !columns.iter().all(known))
        {
            return;
        }
        let library = |metric: &str, rest: Vec<(&str, Value)>| {
            let first: [(&str, Value); 3] =
                [("type", "library".into()), ("metric", metric.into()), ("description", text.into())];
            mapping(first.into_iter().chain(rest))
        };
        match (check.rule_type, columns.as_slice(), &check.condition, &check.filter) {
            (RuleType::RowCount, [], Some(Condition::Number(test)), None) => {
                if let Some(limits) = limits(test) {
                    self.table.push(library("rowCount", limits));
                }
            }
            (RuleType::IsComplete, [column], _, None) => {
                let rule = library("nullValues", vec![("mustBe", 0.into())]);
                self.columns.entry((*column).to_owned()).or_default().push(rule);
            }
            (RuleType::IsUnique, [column], _, None) => {
                let rule = library("duplicateValues", vec![("mustBe", 0.into())]);
                self.columns.entry((*column).to_owned()).or_default().push(rule);
            }
            (RuleType::IsUnique | RuleType::IsPrimaryKey, _, _, None) => {
                let names = columns.iter().map(|name| Value::from(*name)).collect();
                let arguments = mapping([("properties", Value::Sequence(names))]);
                self.table
                    .push(library("duplicateValues", vec![("mustBe", 0.into()), ("arguments", arguments)]));
            }
            (
                RuleType::ColumnValues,
                [column],
                Some(Condition::Text(TextTest::In { negated: false, values })),
                None,
            ) => {
                let texts: Option<Vec<Value>> = values
                    .iter()
                    .map(|value| match value {
                        TextOperand::Text(text) => Some(Value::from(unescape(text))),
                        _ => None,
                    })
                    .collect();
                if let Some(texts) = texts {
                    let arguments = mapping([("validValues", Value::Sequence(texts))]);
                    let rule = library("invalidValues", vec![("mustBe", 0.into()), ("arguments", arguments)]);
                    self.columns.entry((*column).to_owned()).or_default().push(rule);
                }
            }
            (RuleType::ColumnValues, [column], Some(Condition::Number(test)), filter) => {
                if let Some(broken) = broken(column, test, filter.as_deref(), self.contract) {
                    let query = format!("SELECT count(*) FROM {} WHERE {broken}", self.contract.name);
                    self.table.push(mapping([
                        ("type", "sql".into()),
                        ("description", text.into()),
                        ("query", query.into()),
                        ("mustBe", 0.into()),
                    ]));
                }
            }
            _ => {}
        }
    }
}

/// A condition on a count.
fn limits(test: &Test<NumberOperand>) -> Option<Vec<(&'static str, Value)>> {
    let number = |operand: &NumberOperand| whole(operand).map(Value::from);
    Some(match test {
        Test::Compare(operator, operand) => vec![(
            match operator {
                Operator::Equal => "mustBe",
                Operator::NotEqual => "mustNotBe",
                Operator::Less => "mustBeLessThan",
                Operator::LessOrEqual => "mustBeLessOrEqualTo",
                Operator::Greater => "mustBeGreaterThan",
                Operator::GreaterOrEqual => "mustBeGreaterOrEqualTo",
            },
            number(operand)?,
        )],
        // Both ends are left out here, and belong to it there.
        Test::Between { negated: false, low, high } => {
            let ends = [whole(low)?.checked_add(1)?, whole(high)?.checked_sub(1)?];
            vec![("mustBeBetween", Value::Sequence(ends.map(Value::from).to_vec()))]
        }
        _ => return None,
    })
}

fn whole(operand: &NumberOperand) -> Option<i64> {
    operand.value().ok()??.to_string().parse().ok()
}

/// The rows that break a rule on numbers, in SQL. A column without a value breaks it, unless the rule is that there is none.
fn broken(
    column: &str,
    test: &Test<NumberOperand>,
    filter: Option<&str>,
    contract: &Contract,
) -> Option<String> {
    let name = format!("\"{}\"", column.replace('"', "\"\""));
    let sql = |operand: &NumberOperand| Some(operand.value().ok()??.to_string());
    let broken = match test {
        Test::Compare(Operator::Equal, NumberOperand::Null) => format!("{name} IS NOT NULL"),
        Test::Compare(Operator::NotEqual, NumberOperand::Null) => format!("{name} IS NULL"),
        Test::Compare(operator, operand) => {
            let opposite = match operator {
                Operator::Equal => "<>",
                Operator::NotEqual => {
                    return Some(format!("{name} = {}", sql(operand)?)).filter(|_| filter.is_none());
                }
                Operator::Less => ">=",
                Operator::LessOrEqual => ">",
                Operator::Greater => "<=",
                Operator::GreaterOrEqual => "<",
            };
            format!("({name} {opposite} {} OR {name} IS NULL)", sql(operand)?)
        }
        Test::Between { negated: false, low, high } => {
            format!("({name} <= {} OR {name} >= {} OR {name} IS NULL)", sql(low)?, sql(high)?)
        }
        _ => return None,
    };
    Some(match filter {
        // The dialect of another engine may differ: only what every one of them takes.
        Some(filter) if is_plain(filter, contract) => format!("({filter}) AND {broken}"),
        Some(_) => return None,
        None => broken,
    })
}

/// Whether a rule reads a column that is derived while a batch is checked, and that no file has.
fn reads_derived_columns(rule: &Rule) -> bool {
    let read = rule.columns();
    DerivedColumns::names().any(|name| read.names(name))
}

/// Whether a predicate is made of what every engine takes alike: columns of the contract, numbers, texts, comparisons, `and`, `or`,
/// `not`, `is null`, `in`, `between`, `like`, `+ - *` and a few functions.
fn is_plain(filter: &str, contract: &Contract) -> bool {
    const WORDS: [&str; 9] = ["and", "or", "not", "is", "null", "in", "between", "like", "true"];
    const FUNCTIONS: [&str; 3] = ["abs", "coalesce", "length"];
    const SIGNS: [&str; 13] = ["(", ")", ",", "=", "<", ">", "<=", ">=", "<>", "!=", "+", "-", "*"];
    let Some(tokens) = tokens(filter) else { return false };
    tokens.iter().enumerate().all(|(at, token)| {
        let called = tokens.get(at + 1) == Some(&"(");
        match token.chars().next() {
            Some('\'') => true,
            Some('0'..='9') => token.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'),
            Some('a'..='z' | 'A'..='Z' | '_') => {
                let word = token.to_ascii_lowercase();
                let column = || contract.columns.iter().any(|column| column.name.eq_ignore_ascii_case(&word));
                if FUNCTIONS.contains(&word.as_str()) && called {
                    return true;
                }
                // A column of such a name cannot be told from the word.
                WORDS.contains(&word.as_str()) || word == "false" || (column() && !called)
            }
            _ => SIGNS.contains(token),
        }
    })
}

/// The words, numbers, texts and signs of a predicate; `None` for one with anything else.
fn tokens(mut rest: &str) -> Option<Vec<&str>> {
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Some(tokens) };
        let run = |of: fn(char) -> bool| rest.find(|c| !of(c)).unwrap_or(rest.len());
        let length = match first {
            // A quote within is written twice, which reads as a text after a text.
            '\'' => 1 + rest[1..].find('\'')? + 1,
            _ if first.is_ascii_alphanumeric() || first == '_' => {
                run(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
            }
            '(' | ')' | ',' => 1,
            _ => run(|c| "<>=!+-*".contains(c)),
        };
        let (token, behind) = rest.split_at(length);
        // A sign before a number is alone, and `=-1` is two signs.
        let split = token.len() > 1 && token.ends_with('-') && !token.starts_with('-');
        if token.is_empty() || token.contains('\\') {
            return None;
        }
        if split {
            tokens.extend([&token[..token.len() - 1], "-"]);
        } else {
            tokens.push(token);
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_predicates_that_every_engine_takes_are_exported() {
        let contracts = quotelake_contract::Contracts::built_in().unwrap();
        let contract = &contracts.get("daily_bars").unwrap().contract;
        for plain in [
            "close > 5",
            "close >=-1.5 and symbol <> 'it''s'",
            "not (volume is null) or symbol in ('A', 'B')",
            "abs(close - open) * 2 between 0 and 10",
            "coalesce(volume, 0) = 0 and length(symbol) != 3",
            "symbol like 'A%'",
        ] {
            assert!(is_plain(plain, contract), "{plain}");
        }
        for other in [
            "nvl(volume, 0) < 0",
            "close <=> 5",
            "datediff(trading_date, trading_date) > 1",
            "primary.close > 3",
            "close == 5",
            "close / 2 > 1",
            "close % 2 = 1",
            "symbol rlike 'A'",
            "symbol || 'x' = 'Ax'",
            "symbol = 'a\\\\b'",
            "symbol = \\\"A\\\"",
            "`close` > 1",
            "close > 1 -- more",
            "close > 1e3",
            "trading_date > current_date",
            "dq_is_session = 1",
            "close(1) > 2",
            "case when close > 1 then 1 end = 1",
            "cast(close as int) = 1",
            "trading_date + interval 1 day > trading_date",
        ] {
            assert!(!is_plain(other, contract), "{other}");
        }
    }
}
