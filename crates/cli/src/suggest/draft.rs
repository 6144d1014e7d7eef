//! A contract put together and written, with comments on what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::NaiveDate;

use super::column::{Kind, quoted};
use super::keys::{self, Keys};
use super::table::Table;

/// Names that mean something in a line, or that a contract adds by itself.
const RESERVED: [&str; 8] =
    ["dataset", "refused", "ingest_fault", "ingest_origin", "file_sha256", "file_row", "flags", "code"];
/// Partitions of fewer rows than this are many small files.
const LEAST_ROWS: usize = 20;
/// Partitions up to which their size does not matter.
const FEW: usize = 24;
/// Key candidates that are named.
const MOST_NAMED: usize = 6;

/// A proposal that was not tried yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) dataset: String,
    pub(super) yaml: String,
    /// The key's columns.
    pub(super) key: Vec<String>,
    /// Rows that no contract can read.
    pub(super) ragged: u64,
    names: Vec<String>,
}

/// How rows are put into files.
struct Partition {
    /// The date or instant.
    from: usize,
    /// `strftime`, and what it gives.
    format: &'static str,
    unit: &'static str,
    count: usize,
}

impl Draft {
    pub(super) fn new(dataset: &str, table: &Table, kinds: &[Kind]) -> Self {
        let names = names(table);
        let keys = keys::find(table, kinds);
        let key: Vec<usize> = keys.sets.first().cloned().unwrap_or_default();
        let partition = partition(table, kinds, &key);
        let mut draft = Self {
            dataset: dataset.to_owned(),
            yaml: String::new(),
            key: key.iter().map(|at| names[*at].clone()).collect(),
            ragged: table.ragged,
            names,
        };
        draft.write(table, kinds, &keys, &key, partition.as_ref());
        draft
    }

    /// Where a column of the proposal is in the file.
    pub(super) fn place(&self, column: &str) -> Option<usize> {
        self.names.iter().position(|name| name == column)
    }

    fn write(
        &mut self,
        table: &Table,
        kinds: &[Kind],
        keys: &Keys,
        key: &[usize],
        partition: Option<&Partition>,
    ) {
        let name = self.dataset.clone();
        let out = &mut self.yaml;
        let _ = writeln!(
            out,
            "# Proposed from {} rows of {}; they load by it without one in quarantine. What it says is what these rows had: look at it\n# before you trust it. A line with AMBIGUOUS wants a person.",
            table.rows.len(),
            comment(&table.name)
        );
        for note in &table.notes {
            let _ = writeln!(out, "# Seen: {}.", comment(note));
        }
        for line in key_comments(table, kinds, keys, &self.names) {
            let _ = writeln!(out, "# Key: {}", comment(&line));
        }
        let _ = writeln!(out, "# Partition: {}", comment(&partition_comment(partition, &self.names)));
        let _ = write!(
            out,
            "apiVersion: v3.1.0\nkind: DataContract\nid: proposed-{}\nname: {name}\nversion: 1.0.0\nstatus: draft\ndescription:\n  purpose: \"Proposed from files; say here what the rows are for.\"\nschema:\n  - name: {name}\n    physicalType: table\n    description: \"Say here what a row is.\"\n    customProperties:\n      - {{property: ruleset, value: {name}.dqdl}}\n",
            name.replace('_', "-")
        );
        for (property, value) in &table.layout {
            let _ = writeln!(out, "      - {{property: {property}, value: {value}}}");
        }
        if key.is_empty() {
            out.push_str("      - {property: key, value: none}\n");
        }
        if partition.is_none() {
            out.push_str("      - {property: partitionBy, value: none}\n");
        }
        out.push_str("    properties:\n");
        for (at, kind) in kinds.iter().enumerate() {
            for line in &kind.comments {
                let _ = writeln!(out, "      # {}", comment(line));
            }
            let position = key.iter().position(|of_key| *of_key == at).map(|position| position + 1);
            property(out, &self.names[at], &table.headers[at], kind, position);
        }
        if let Some(Partition { from, format, unit, .. }) = partition {
            let own = if self.names.iter().any(|name| name == unit) {
                format!("{}_{unit}", self.names[*from])
            } else {
                (*unit).to_owned()
            };
            let _ = writeln!(
                out,
                "      - {{name: {own}, logicalType: string, physicalType: string, partitioned: true, partitionKeyPosition: 1, transformLogic: \"strftime({}, '{format}')\", description: \"The {unit} of {}.\"}}",
                self.names[*from], self.names[*from]
            );
        }
    }
}

fn property(out: &mut String, name: &str, header: &str, kind: &Kind, position: Option<usize>) {
    let _ = write!(out, "      - {{name: {name}, ");
    if name != header {
        let _ = write!(out, "physicalName: {}, ", quoted(header));
    }
    let _ = write!(out, "logicalType: {}, physicalType: ", kind.logical);
    let _ = match kind.physical.contains('(') {
        true => write!(out, "{}", quoted(&kind.physical)),
        false => write!(out, "{}", kind.physical),
    };
    if kind.required {
        out.push_str(", required: true");
    }
    if let Some(position) = position {
        let _ = write!(out, ", primaryKey: true, primaryKeyPosition: {position}");
    }
    out.push_str(", description: \"\"");
    if !kind.properties.is_empty() {
        let list: Vec<String> = kind
            .properties
            .iter()
            .map(|(property, value)| format!("{{property: {property}, value: {value}}}"))
            .collect();
        let _ = write!(out, ", customProperties: [{}]", list.join(", "));
    }
    out.push_str("}\n");
}

/// A text on one line of comment.
fn comment(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{85}') { ' ' } else { c })
        .collect()
}

/// Of a key that may be none.
const OR_NONE: &str = ", or take the primaryKey marks away and say {property: key, value: none}, which keeps every row: by a wrong key \
                       later rows replace others";

fn key_comments(table: &Table, kinds: &[Kind], keys: &Keys, names: &[String]) -> Vec<String> {
    let shown = |set: &Vec<usize>| set.iter().map(|at| names[*at].as_str()).collect::<Vec<_>>().join(" + ");
    // Columns that happen to tell few rows apart will not tell more of them apart.
    let is_weak = |set: &Vec<usize>| {
        let costs: Vec<u32> = set.iter().map(|at| kinds[*at].key_cost(&table.headers[*at])).collect();
        costs.iter().all(|cost| *cost > 2) && (set.len() > 1 || costs.iter().any(|cost| *cost >= 5))
    };
    let mut lines = Vec::new();
    match &keys.sets[..] {
        [] if keys.has_equal_rows => lines.push(
            "none: some rows are equal in every column, and all of them are kept. With a key, equal rows are one.".to_owned(),
        ),
        [] => lines.push("none: no set of up to three complete columns tells all rows apart; every row is kept.".to_owned()),
        [only] => {
            lines.push(format!("{}: no two rows share it, and every row has it.", shown(only)));
            if is_weak(only) {
                lines.push(format!("AMBIGUOUS: none of it is called a name of rows: keep it if it is one{OR_NONE}."));
            }
        }
        [first, others @ ..] => {
            let named: Vec<String> = others.iter().take(MOST_NAMED).map(shown).collect();
            lines.push(format!("{}: no two rows share it, and every row has it.", shown(first)));
            lines.push(format!(
                "AMBIGUOUS: so do {}; take what names a row for good{}.",
                named.join(", "),
                if is_weak(first) { OR_NONE } else { "" }
            ));
        }
    }
    if let Some(at) = (0..kinds.len()).find(|at| kinds[*at].is_change(&table.headers[*at])) {
        lines.push(format!(
            "if {} says which version of a row is the newest, it belongs in no key, but among the customProperties: {{property: revisionColumn, value: {}}}.",
            names[at], names[at]
        ));
    }
    if table.rows.len() < 100 && !keys.sets.is_empty() {
        lines.push(format!("{} rows say little about what is unique.", table.rows.len()));
    }
    lines
}

fn partition_comment(partition: Option<&Partition>, names: &[String]) -> String {
    match partition {
        None => "none: one file for the whole table; no date or instant that every row has.".to_owned(),
        Some(Partition { from, unit, count, .. }) => {
            format!("by the {unit} of {}: {count} of them here.", names[*from])
        }
    }
}

/// The date or instant by which rows are put into files: one of the key first.
fn partition(table: &Table, kinds: &[Kind], key: &[usize]) -> Option<Partition> {
    let is_time =
        |at: &usize| kinds[*at].required && matches!(kinds[*at].physical.as_str(), "date" | "timestamp");
    let mut candidates: Vec<usize> = (0..kinds.len()).filter(is_time).collect();
    // Rows whose time of change is their place would move with each of them.
    let is_change = |at: &usize| kinds[*at].is_change(&table.headers[*at]);
    candidates.sort_by_key(|at| (is_change(at), !key.contains(at), *at));
    candidates.into_iter().find_map(|from| by_time(table, &kinds[from], from))
}

fn by_time(table: &Table, kind: &Kind, from: usize) -> Option<Partition> {
    let days = table.rows.iter().map(|row| day_of(row[from].as_deref()?.trim(), kind));
    let days: Vec<NaiveDate> = days.collect::<Option<_>>()?;
    let distinct = |format: &str| {
        let mut seen = BTreeSet::new();
        days.iter().for_each(|day| {
            seen.insert(day.format(format).to_string());
        });
        seen.len()
    };
    let units = [("%Y-%m", "month"), ("%Y", "year")];
    let sizes: Vec<(&'static str, &'static str, usize)> =
        units.into_iter().map(|(format, unit)| (format, unit, distinct(format))).collect();
    let fits = |count: usize| count <= FEW || count * LEAST_ROWS <= table.rows.len();
    let (format, unit, count) = sizes.into_iter().find(|(.., count)| fits(*count))?;
    Some(Partition { from, format, unit, count })
}

/// The day of a date or an instant, on the clock that wrote it.
fn day_of(text: &str, kind: &Kind) -> Option<NaiveDate> {
    let format = kind.properties.iter().find_map(|(property, value)| {
        matches!(*property, "dateFormat" | "timestampFormat").then(|| value.trim_matches('"').to_owned())
    });
    match format {
        None => text.get(..10)?.parse().ok(),
        Some(format) if kind.physical == "date" => NaiveDate::parse_from_str(text, &format).ok(),
        Some(format) => chrono::NaiveDateTime::parse_from_str(text, &format).ok().map(|local| local.date()),
    }
}

/// The columns' names: snake_case, no two the same.
fn names(table: &Table) -> Vec<String> {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let headers = table.headers.iter().enumerate();
    headers
        .map(|(at, header)| {
            let mut name = snake_case(header, &format!("column_{}", at + 1));
            if RESERVED.contains(&name.as_str()) {
                name.push_str("_value");
            }
            let base = name.clone();
            while taken.contains_key(&name) {
                let count = taken.entry(base.clone()).or_default();
                *count += 1;
                name = format!("{base}_{}", *count + 1);
            }
            taken.insert(name.clone(), 0);
            name
        })
        .collect()
}

/// A text as a name: `Order ID`, `orderId` and `order-id` are `order_id`. What nothing is left of becomes `otherwise`.
pub(super) fn snake_case(text: &str, otherwise: &str) -> String {
    let mut name = String::new();
    let mut before: Option<char> = None;
    for c in text.chars().map(without_accent) {
        if c.is_ascii_alphanumeric() {
            let humps = c.is_ascii_uppercase()
                && before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            if humps && !name.ends_with('_') {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        before = Some(c);
    }
    let name = name.trim_end_matches('_');
    match name.chars().next() {
        None => otherwise.to_owned(),
        Some(c) if c.is_ascii_digit() => format!("c_{name}"),
        Some(_) => name.to_owned(),
    }
}

fn without_accent(c: char) -> char {
    const PLAIN: [(&str, char); 14] = [
        ("áàâãäå", 'a'),
        ("éèêë", 'e'),
        ("íìîï", 'i'),
        ("óòôõö", 'o'),
        ("úùûü", 'u'),
        ("ç", 'c'),
        ("ñ", 'n'),
        ("ÁÀÂÃÄÅ", 'A'),
        ("ÉÈÊË", 'E'),
        ("ÍÌÎÏ", 'I'),
        ("ÓÒÔÕÖ", 'O'),
        ("ÚÙÛÜ", 'U'),
        ("Ç", 'C'),
        ("Ñ", 'N'),
    ];
    PLAIN.iter().find(|(accented, _)| accented.contains(c)).map_or(c, |(_, plain)| *plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_headers() {
        for (header, name) in [
            ("Order ID", "order_id"),
            ("orderId", "order_id"),
            ("Código do Produto", "codigo_do_produto"),
            ("Change %", "change"),
            ("2024 sales", "c_2024_sales"),
            ("ISIN", "isin"),
            ("price2Adj", "price2_adj"),
            ("", "column_1"),
            ("%", "column_1"),
            ("__x__", "x"),
        ] {
            assert_eq!(snake_case(header, "column_1"), name, "{header}");
        }
        let table = Table {
            headers: ["a", "A", "a_2", "dataset", "A "].map(str::to_owned).to_vec(),
            ..Table::default()
        };
        assert_eq!(names(&table), ["a", "a_2", "a_2_2", "dataset_value", "a_3"]);
    }
}
