//! Rules from what was seen.

use std::fmt::Write as _;

use super::Profile;
use super::column_profile::{ColumnProfile, Kind, TextProfile};

/// The margin around the numbers seen: half of their range on either side.
const MARGIN: f64 = 0.5;
/// What completeness may fall by before a rule speaks.
const COMPLETENESS_MARGIN: f64 = 0.05;
/// Rows for each distinct value from which a column of few values is taken for a set.
const ROWS_PER_VALUE: u64 = 10;
/// Characters up to which lengths say something.
const MAX_LENGTH: usize = 64;

/// The rules of a ruleset, each under what was seen.
#[derive(Debug, Default)]
struct Rules {
    lines: Vec<(String, String)>,
}

impl Rules {
    fn add(&mut self, rule: impl Into<String>, seen: impl Into<String>) {
        self.lines.push((rule.into(), seen.into()));
    }
}

pub(super) fn ruleset(profile: &Profile) -> String {
    let mut rules = Rules::default();
    row_count(&mut rules, profile.rows);
    if profile.rows > 0 {
        keys(&mut rules, profile);
        profile.columns.iter().for_each(|column| of_column(&mut rules, column, profile));
        bars(&mut rules, profile);
    }
    let mut text = format!(
        "# Proposed from {} rows. Each limit is what they had, with a margin: look at it before you trust it.\nRules = [\n",
        profile.rows
    );
    let last = rules.lines.len().saturating_sub(1);
    for (at, (rule, seen)) in rules.lines.iter().enumerate() {
        let comma = if at == last { "" } else { "," };
        let _ = writeln!(text, "    # {seen}\n    {rule}{comma}");
    }
    text.push_str("]\n");
    text
}

fn row_count(rules: &mut Rules, rows: u64) {
    if rows == 0 {
        return rules.add("RowCount >= 0", "no rows");
    }
    let (less, more) = ((rows - 1) / 2, rows * 2 + 1);
    rules.add(format!("RowCount between {less} and {more}"), format!("{rows} rows"));
}

fn keys(rules: &mut Rules, profile: &Profile) {
    if let Some(key) = &profile.key
        && key.unique
    {
        let names: Vec<String> = profile.options.key.iter().map(|name| quoted(name)).collect();
        return rules.add(
            format!("IsPrimaryKey {}", names.join(" ")),
            "the key is complete and no two rows share one",
        );
    }
    if let Some(column) = profile.columns.iter().find(|column| column.is_unique()) {
        rules.add(format!("IsUnique {}", quoted(&column.name)), "no value occurs twice");
    }
}

fn of_column(rules: &mut Rules, column: &ColumnProfile, profile: &Profile) {
    let name = quoted(&column.name);
    let values = column.rows - column.nulls;
    if values == 0 {
        return;
    }
    if column.nulls == 0 {
        rules.add(format!("IsComplete {name}"), "every row has a value");
    } else {
        let share = values as f64 / column.rows as f64;
        let least = ((share - COMPLETENESS_MARGIN) * 100.0).floor() / 100.0;
        if least > 0.0 {
            rules.add(
                format!("Completeness {name} > {least}"),
                format!("{values} of {} rows have a value", column.rows),
            );
        }
    }
    // A rule on values fails rows without one.
    let only =
        if column.nulls == 0 { String::new() } else { format!(" where \"{} is not null\"", column.name) };
    if column.nulls > 0 && !is_plain(&column.name) {
        return;
    }
    match &column.kind {
        // The numbers that tell rows apart are names, not measures.
        Kind::Number { range: Some((low, high)), nan: false } if !column.is_unique() => {
            numbers(rules, &name, &only, *low, *high)
        }
        Kind::Text(text) => texts(rules, &name, &only, text, values),
        Kind::Instant { latest: Some(latest) } if *latest <= profile.options.now.timestamp_millis() => {
            rules.add(format!("ColumnValues {name} <= (now() + 1 days){only}"), "the latest lies in the past")
        }
        Kind::Number { .. } | Kind::Instant { .. } | Kind::Other => {}
    }
}

fn numbers(rules: &mut Rules, name: &str, only: &str, low: f64, high: f64) {
    let seen = format!("from {low} to {high}");
    let spread = if high > low { high - low } else { high.abs().max(1.0) };
    let (least, most) = (outwards(low - MARGIN * spread, false), outwards(high + MARGIN * spread, true));
    let (Some(least), Some(most)) = (least, most) else { return };
    if low > 0.0 && least <= 0.0 {
        rules.add(format!("ColumnValues {name} > 0{only}"), &seen);
        rules.add(format!("ColumnValues {name} < {most}{only}"), &seen);
    } else if low >= 0.0 && least < 0.0 {
        rules.add(format!("ColumnValues {name} >= 0{only}"), &seen);
        rules.add(format!("ColumnValues {name} < {most}{only}"), &seen);
    } else {
        rules.add(format!("ColumnValues {name} between {least} and {most}{only}"), &seen);
    }
}

/// The number with three digits, away from the data. `None` where a ruleset cannot spell it.
fn outwards(number: f64, up: bool) -> Option<f64> {
    if number == 0.0 {
        return Some(0.0);
    }
    let step = 10f64.powi(number.abs().log10().floor() as i32 - 2);
    let steps = number / step;
    let rounded = (if up { steps.ceil() } else { steps.floor() }) * step;
    // Printing the shortest text of the nearest double can lie a little inside again.
    let digits = usize::try_from(-(step.log10().round() as i32)).unwrap_or(0);
    let printed: f64 = format!("{rounded:.digits$}").parse().ok()?;
    let outside = if up { printed >= number } else { printed <= number };
    (printed.is_finite() && printed.abs() < 1e15 && outside).then_some(printed)
}

fn texts(rules: &mut Rules, name: &str, only: &str, text: &TextProfile, values: u64) {
    let Some((least, most)) = text.lengths else { return };
    if let Some(known) = &text.values
        && values >= ROWS_PER_VALUE * known.len() as u64
        && known.iter().all(|value| is_listable(value))
    {
        let list: Vec<String> = known.iter().map(|value| quoted(value)).collect();
        let seen = if known.len() == 1 { "one value".to_owned() } else { format!("{} values", known.len()) };
        return rules.add(format!("ColumnValues {name} in [{}]{only}", list.join(", ")), seen);
    }
    let class = match (text.upper, text.digits) {
        (true, _) => Some("[A-Z]"),
        (_, true) => Some("[0-9]"),
        _ => None,
    };
    match class {
        Some(class) if least == most => {
            rules.add(format!("ColumnValues {name} matches \"{class}{{{least}}}\"{only}"), "all of one form");
        }
        Some(class) => {
            rules.add(format!("ColumnValues {name} matches \"{class}+\"{only}"), "all of one form")
        }
        None if most <= MAX_LENGTH => {
            let (below, above) = (least.saturating_sub(1), most + 1);
            let condition =
                if least == 0 { format!("< {above}") } else { format!("between {below} and {above}") };
            rules.add(
                format!("ColumnLength {name} {condition}{only}"),
                format!("{least} to {most} characters"),
            );
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
            rules.add(format!("ColumnValues \"close\" = NULL where \"{condition}\""), seen);
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Whether SQL takes the name without quotes.
fn is_plain(name: &str) -> bool {
    const RESERVED: [&str; 24] = [
        "all",
        "and",
        "as",
        "between",
        "by",
        "case",
        "cast",
        "date",
        "end",
        "false",
        "from",
        "group",
        "in",
        "interval",
        "is",
        "like",
        "not",
        "null",
        "or",
        "order",
        "select",
        "timestamp",
        "true",
        "where",
    ];
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !RESERVED.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether a value can stand in a list as it is: dates and times would be read as such.
fn is_listable(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" _./-".contains(&byte))
}
