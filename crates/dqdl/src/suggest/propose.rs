//! Rules from what was seen.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::column_profile::{ColumnProfile, Kind, TextProfile};
use super::limits::{Limits, limits};
use super::names::{is_calendar_part, is_identifier, is_provenance, quoted, sql_name};
use super::{Profile, Proposed};

/// What completeness may fall by before a rule speaks, at least.
const COMPLETENESS_MARGIN: f64 = 0.05;
/// Shares below which completeness says little.
const LEAST_COMPLETENESS: f64 = 0.5;
/// Rows for each distinct value from which a column of few values is taken for a set.
const ROWS_PER_VALUE: u64 = 10;
/// Characters up to which lengths say something.
const MAX_LENGTH: usize = 64;
/// How many times fewer or more rows there may be.
const ROWS_FACTOR: u64 = 10;

/// The rules so far.
#[derive(Debug, Default)]
struct Rules(Vec<Proposed>);

impl Rules {
    fn add(&mut self, about: impl Into<String>, rule: impl Into<String>, seen: impl Into<String>) {
        self.0.push(Proposed { about: about.into(), rule: rule.into(), seen: seen.into() });
    }
}

pub(super) fn rules(profile: &Profile) -> Vec<Proposed> {
    let mut rules = Rules::default();
    row_count(&mut rules, profile.rows);
    if profile.rows > 0 {
        keys(&mut rules, profile);
        profile.columns.iter().for_each(|column| of_column(&mut rules, column, profile));
        bars(&mut rules, profile);
    }
    rules.0
}

pub(super) fn ruleset(profile: &Profile, remarks: &BTreeMap<String, String>) -> String {
    let rules = rules(profile);
    let mut text = format!(
        "# Proposed from {} rows. Each limit is what they had, with a margin: look at it before you trust it.\n\
         # A rule that fails warns and withholds no row; take the label away from what must never fail.\n\
         DefaultLabels = [\"severity\"=\"warn\"]\nRules = [\n",
        profile.rows
    );
    let last = rules.len().saturating_sub(1);
    for (at, Proposed { about, rule, seen }) in rules.iter().enumerate() {
        let comma = if at == last { "" } else { "," };
        let _ = writeln!(text, "    # {seen}");
        if let Some(remark) = remarks.get(about) {
            let _ = writeln!(text, "    # {remark}");
        }
        let _ = writeln!(text, "    {rule}{comma}");
    }
    text.push_str("]\n");
    text
}

fn row_count(rules: &mut Rules, rows: u64) {
    if rows == 0 {
        return rules.add("rows", "RowCount >= 0", "no rows");
    }
    let (less, more) = ((rows - 1) / ROWS_FACTOR, rows.saturating_mul(ROWS_FACTOR).saturating_add(1));
    rules.add("rows", format!("RowCount between {less} and {more}"), format!("{rows} rows"));
}

fn keys(rules: &mut Rules, profile: &Profile) {
    if let Some(key) = &profile.key
        && key.unique
    {
        let names: Option<Vec<String>> = profile.options.key.iter().map(|name| quoted(name)).collect();
        if let Some(names) = names {
            let seen = "the key is complete and no two rows share one";
            return rules.add("key", format!("IsPrimaryKey {}", names.join(" ")), seen);
        }
    }
    // A price or an amount may be different in every row by accident: only what is called an identifier is one.
    let identifier = profile.columns.iter().find(|column| column.is_unique() && is_identifier(&column.name));
    if let Some(name) = identifier.and_then(|column| quoted(&column.name)) {
        rules.add("key", format!("IsUnique {name}"), "no value occurs twice");
    }
}

fn of_column(rules: &mut Rules, column: &ColumnProfile, profile: &Profile) {
    // A name that the language reads as a date or a time can be written in no rule.
    let Some(name) = quoted(&column.name) else { return };
    let values = column.rows - column.nulls;
    if values == 0 {
        return;
    }
    completeness(rules, &name, column, values);
    let is_part = is_calendar_part(&column.name) && !matches!(column.kind, Kind::Instant { .. });
    if profile.options.provenance.contains(&column.name) || is_provenance(&column.name) || is_part {
        return;
    }
    // A rule on values fails rows without one.
    let only = match (column.nulls, sql_name(&column.name)) {
        (0, _) => String::new(),
        (_, Some(sql)) => format!(" where \"{sql} is not null\""),
        (_, None) => return,
    };
    match &column.kind {
        // The numbers that tell rows apart are names, not measures.
        Kind::Number { range: Some(range), nan: false, whole } if !is_identifier(&column.name) => {
            numbers(rules, &name, &only, *range, *whole);
        }
        Kind::Text(text) => texts(rules, &name, &only, text, values),
        Kind::Instant { latest: Some(latest) } if *latest <= profile.options.now.timestamp_millis() => {
            let rule = format!("ColumnValues {name} <= (now() + 1 days){only}");
            rules.add(format!("future of {name}"), rule, "the latest lies in the past");
        }
        Kind::Number { .. } | Kind::Instant { .. } | Kind::Other => {}
    }
}

fn completeness(rules: &mut Rules, name: &str, column: &ColumnProfile, values: u64) {
    let about = format!("completeness of {name}");
    if column.nulls == 0 {
        return rules.add(about, format!("IsComplete {name}"), "every row has a value");
    }
    let share = values as f64 / column.rows as f64;
    if share < LEAST_COMPLETENESS {
        return;
    }
    // Twice as many may be missing.
    let least = ((share - COMPLETENESS_MARGIN.max(1.0 - share)) * 100.0).floor() / 100.0;
    if least > 0.0 {
        let seen = format!("{values} of {} rows have a value", column.rows);
        rules.add(about, format!("Completeness {name} > {least}"), seen);
    }
}

fn numbers(rules: &mut Rules, name: &str, only: &str, (low, high): (f64, f64), whole: bool) {
    let seen = format!("from {low} to {high}");
    let about = format!("range of {name}");
    let Some(limits) = limits(low, high, whole) else { return };
    let mut add =
        |condition: String| rules.add(&about, format!("ColumnValues {name} {condition}{only}"), &seen);
    match limits {
        Limits::Between(least, most) => add(format!("between {least} and {most}")),
        Limits::NotNegative(most) => {
            add(">= 0".to_owned());
            add(format!("< {most}"));
        }
    }
}

fn texts(rules: &mut Rules, name: &str, only: &str, text: &TextProfile, values: u64) {
    let Some((least, most)) = text.lengths else { return };
    let about = format!("form of {name}");
    if let Some(known) = &text.values
        && values >= ROWS_PER_VALUE * known.len() as u64
        // Where some came once only, there are others.
        && known.values().all(|count| *count > 1)
        && let Some(list) = known.keys().map(|value| listed(value)).collect::<Option<Vec<_>>>()
    {
        let seen = if known.len() == 1 { "one value".to_owned() } else { format!("{} values", known.len()) };
        return rules.add(about, format!("ColumnValues {name} in [{}]{only}", list.join(", ")), seen);
    }
    let class = match (text.upper, text.digits) {
        (true, _) => Some("[A-Z]"),
        (_, true) => Some("[0-9]"),
        _ => None,
    };
    match class {
        Some(class) if least == most => {
            let rule = format!("ColumnValues {name} matches \"{class}{{{least}}}\"{only}");
            rules.add(about, rule, "all of one form");
        }
        Some(class) => {
            rules.add(about, format!("ColumnValues {name} matches \"{class}+\"{only}"), "all of one form");
        }
        // Texts of all lengths have no limit that means something.
        None if most <= MAX_LENGTH => {
            let above = most * 2 + 1;
            let condition = if least == 0 {
                format!("< {above}")
            } else {
                format!("between {} and {above}", (least - 1) / 2)
            };
            let seen = format!("{least} to {most} characters");
            rules.add(about, format!("ColumnLength {name} {condition}{only}"), seen);
        }
        None => {}
    }
}

fn bars(rules: &mut Rules, profile: &Profile) {
    let Some(seen) = &profile.bars else { return };
    let relations = [
        (seen.high_below_low, "high < low", "no high is below its low"),
        (seen.open_outside, "open < low or open > high", "every open lies between low and high"),
        (seen.close_outside, "close < low or close > high", "every close lies between low and high"),
    ];
    for (broken, condition, seen) in relations {
        if !broken {
            // DQDL compares no two columns: rows that the condition finds would need a close that is not there.
            rules.add(condition, format!("ColumnValues \"close\" = NULL where \"{condition}\""), seen);
        }
    }
}

/// A value as an entry of a list. `None` where the language would read a date or a time, or a line would break.
fn listed(value: &str) -> Option<String> {
    (!value.chars().any(char::is_control)).then(|| quoted(value)).flatten()
}
