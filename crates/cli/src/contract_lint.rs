//! What is wrong with a contract, and what is worth a second look, by line.

use quotelake_contract::{Column, ColumnType, Contract, Contracts, Role};
use quotelake_core::from_yaml;
use serde::Serialize;
use serde_yaml_ng::Value;

/// Faults of columns that are looked for behind the first.
const MOST_FAULTS: usize = 50;

/// One thing about a contract.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where it is, from 1.
    pub line: usize,
    /// Whether the contract does not work with it.
    pub is_error: bool,
    /// What it is.
    pub message: String,
}

/// Looks at a contract's text; `beside` reads a file beside it by its name. Findings are in the order of lines.
pub fn lint(yaml: &str, beside: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let lines = Lines(yaml);
    let mut findings = errors(&lines);
    if findings.is_empty()
        && let Ok(mut contracts) = Contracts::built_in()
    {
        let is_shipped = |name: &str| contracts.get(name).is_ok();
        let shipped = lines.of_dataset().filter(|(_, name)| is_shipped(name));
        findings.extend(shipped.map(|(line, name)| {
            warning(line, format!("{name} is a shipped dataset: this contract takes its place in a lake"))
        }));
        if let Ok(name) = contracts.add(yaml, None)
            && let Ok(dataset) = contracts.get(&name)
        {
            ruleset(&dataset.contract, &lines, &beside, &mut findings);
            warnings(&dataset.contract, &lines, &mut findings);
        }
    }
    let open = (1..)
        .zip(yaml.lines())
        .filter(|(_, line)| line.trim_start().starts_with('#') && line.contains("AMBIGUOUS:"));
    findings
        .extend(open.map(|(line, _)| warning(line, "is still ambiguous: decide, and take the comment away")));
    findings.sort();
    findings
}

fn warning(line: usize, message: impl Into<String>) -> Finding {
    Finding { line, is_error: false, message: message.into() }
}

fn error(line: usize, message: impl Into<String>) -> Finding {
    Finding { line, is_error: true, message: message.into() }
}

/// The first fault, and where it is one column's, those of the other columns as well.
fn errors(lines: &Lines<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut document: Option<Value> = from_yaml(lines.0, "not YAML").ok();
    let mut text = lines.0.to_owned();
    for _ in 0..MOST_FAULTS {
        let fault = Contracts::built_in().and_then(|mut contracts| contracts.add(&text, None));
        let Err(fault) = fault else { break };
        let message = fault.to_string();
        let column = column_of(&message);
        // A column that is taken away may be missed elsewhere, which is no fault of the file.
        if !found.is_empty() && column.is_none() {
            break;
        }
        found.push(error(lines.of_error(&message, column.as_deref()), message));
        let next = column.and_then(|column| without_column(document.as_mut()?, &column));
        match next {
            Some(next) => text = next,
            None => break,
        }
    }
    found
}

/// The column that a message names first: `column "price": physicalType ...`.
fn column_of(message: &str) -> Option<String> {
    let (_, rest) = message.split_once(": column \"")?;
    let (name, after) = rest.split_once('"')?;
    after.starts_with(':').then(|| name.to_owned())
}

/// The document without a property, as text.
fn without_column(document: &mut Value, column: &str) -> Option<String> {
    let properties = document.get_mut("schema")?.get_mut(0)?.get_mut("properties")?.as_sequence_mut()?;
    let before = properties.len();
    properties.retain(|property| property.get("name").and_then(Value::as_str) != Some(column));
    if properties.len() == before {
        return None;
    }
    serde_yaml_ng::to_string(document).ok()
}

fn ruleset(
    contract: &Contract,
    lines: &Lines<'_>,
    beside: &impl Fn(&str) -> Option<String>,
    findings: &mut Vec<Finding>,
) {
    let Some(name) = &contract.ruleset else {
        findings.push(warning(
            lines.of(&contract.name).unwrap_or(1),
            "names no ruleset: rows are held against their types alone",
        ));
        return;
    };
    let line = lines.of(name).unwrap_or(1);
    match beside(name).map(|text| dqdl::parse_strict(&text)) {
        None => findings.push(error(line, format!("ruleset {name:?} is not beside the contract"))),
        Some(Err(fault)) => findings.push(error(line, format!("ruleset {name:?}: {fault}"))),
        Some(Ok(ruleset)) => {
            let lints = ruleset.lints.iter().filter(|lint| !lint.note);
            findings.extend(lints.map(|lint| {
                warning(
                    line,
                    format!("ruleset {name:?}: line {}, column {}: {}", lint.line, lint.column, lint.message),
                )
            }));
        }
    }
}

fn warnings(contract: &Contract, lines: &Lines<'_>, findings: &mut Vec<Finding>) {
    if contract.file_columns.is_some() {
        let message =
            "is marked `primaryKey`, which has no effect: `key: none` keeps rows as often as they come";
        let marked = lines.marked_columns();
        findings.extend(marked.into_iter().map(|name| warning(lines.of(&name).unwrap_or(1), message)));
    }
    if contract.file_columns.is_none() && contract.revision.is_none() && contract.stamp.is_none() {
        findings.push(warning(
            lines.of(&contract.name).unwrap_or(1),
            "has a key and no `revisionColumn`: of two versions of a row the one with the greater content wins, so a correction to a \
             smaller value does not arrive",
        ));
    }
    for column in &contract.columns {
        let Some(line) = lines.of(&column.name) else { continue };
        findings.extend(of_column(column).into_iter().map(|message| warning(line, message)));
    }
    for partition in &contract.partitions {
        let from = &contract.columns[partition.derivation.from()];
        let line = lines.of(&partition.name).unwrap_or(1);
        if partition.name == from.name && matches!(from.ty, ColumnType::Date | ColumnType::Timestamp) {
            findings.push(warning(
                line,
                format!("{:?} makes a file of every value: a month is enough for most tables", from.name),
            ));
        }
        if from.role != Role::Key
            && !from.derivation.as_ref().is_some_and(|of| contract.columns[of.from()].role == Role::Key)
        {
            findings.push(warning(
                line,
                format!("comes from {:?}, which is not in the key: a row whose value changes moves to another file", from.name),
            ));
        }
    }
    let described = |column: &&Column| !column.description.is_empty();
    let (all, told) = (contract.columns.len(), contract.columns.iter().filter(described).count());
    if told < all {
        let line = lines.of(&contract.name).unwrap_or(1);
        findings.push(warning(line, format!("{} of {all} columns have no description", all - told)));
    }
}

fn of_column(column: &Column) -> Vec<String> {
    const MONEY: [&str; 9] =
        ["price", "amount", "cost", "total", "fee", "tax", "salary", "balance", "revenue"];
    let words: Vec<&str> = column.name.split('_').collect();
    let mut said = Vec::new();
    if column.ty == ColumnType::Double {
        if words.iter().any(|word| MONEY.contains(word)) {
            said.push("is money in a float of 64 bits: cents get lost; take decimal(p,s)".to_owned());
        }
        if column.role == Role::Key {
            said.push("is a float in the key: two computations of one number are two rows".to_owned());
        }
    }
    if column.role == Role::Key && column.nullable && column.derivation.is_none() {
        said.push("is in the key and not `required`: a row without it is set aside anyway".to_owned());
    }
    let is_text = column.ty == ColumnType::String && column.is_read();
    if is_text && words.iter().any(|word| matches!(*word, "date" | "datetime" | "timestamp")) {
        said.push("speaks of a date and is text: it is neither checked nor compared as one".to_owned());
    }
    said
}

/// A contract's text, searched for names.
struct Lines<'t>(&'t str);

impl Lines<'_> {
    /// The line on which something is named: `name: x`, `value: x`.
    fn of(&self, name: &str) -> Option<usize> {
        let is_named = |line: &str| {
            ["name:", "value:"].iter().any(|key| {
                line.match_indices(key).any(|(at, _)| {
                    let value = line[at + key.len()..].trim_start().trim_start_matches(['"', '\'']);
                    let rest = value.strip_prefix(name);
                    rest.is_some_and(|rest| {
                        !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.')
                    })
                })
            })
        };
        let mut lines = (1..).zip(self.0.lines()).filter(|(_, line)| !line.trim_start().starts_with('#'));
        lines.find(|(_, line)| is_named(line)).map(|(number, _)| number)
    }

    /// The dataset that a contract declares, and where.
    fn of_dataset(&self) -> Option<(usize, String)> {
        let document: Value = from_yaml(self.0, "not YAML").ok()?;
        let name = document.get("schema")?.get(0)?.get("name")?.as_str()?.to_owned();
        Some((self.of(&name)?, name))
    }

    /// The columns that are marked as a key's.
    fn marked_columns(&self) -> Vec<String> {
        let document: Option<Value> = from_yaml(self.0, "not YAML").ok();
        let properties =
            document.as_ref().and_then(|document| document.get("schema")?.get(0)?.get("properties"));
        let is_marked = |property: &&Value| property.get("primaryKey").and_then(Value::as_bool) == Some(true);
        let marked = properties.and_then(Value::as_sequence).into_iter().flatten().filter(is_marked);
        marked.filter_map(|property| Some(property.get("name")?.as_str()?.to_owned())).collect()
    }

    /// The line that a message names, or the one of its column, or of something else that it quotes.
    fn of_error(&self, message: &str, column: Option<&str>) -> usize {
        let numbered = message.split("line ").skip(1).find_map(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        });
        let quoted = || message.split('"').skip(1).step_by(2).collect::<Vec<_>>();
        numbered
            .or_else(|| self.of(column?))
            .or_else(|| quoted().into_iter().rev().find_map(|text| self.of(text)))
            .unwrap_or(1)
    }
}
