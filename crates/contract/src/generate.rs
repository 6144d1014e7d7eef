//! Files that are made from contracts: `quotelake generate` writes them and CI checks that they are current.

use std::fmt::Write as _;

use quotelake_core::Zone;
use serde_json::{Value, json};

use super::{Column, Contract, PartitionField, Role};

/// The Glue table's columns and partition keys, as Terraform reads them. A column that is also a partition key is listed only
/// among the partition keys, as Glue wants it.
pub fn glue_columns(contract: &Contract) -> Value {
    let is_partition = |name: &str| contract.partitions.iter().any(|partition| partition.name == name);
    let columns: Vec<Value> = contract
        .columns
        .iter()
        .filter(|column| !is_partition(&column.name))
        .map(|column| {
            json!({"name": column.name, "type": column.ty.to_string(), "comment": first_sentence(&column.description)})
        })
        .collect();
    let partitions: Vec<Value> = contract
        .partitions
        .iter()
        .map(|p| json!({"name": p.name, "type": p.ty.to_string(), "comment": first_sentence(&p.description)}))
        .collect();
    let mut table = json!({
        "table": contract.name,
        "contract_version": contract.version,
        "description": first_sentence(&contract.description),
        "columns": columns,
        "partition_keys": partitions,
    });
    // Without a word it is a table of what came in.
    if contract.zone() == Zone::Silver {
        table["zone"] = "silver".into();
    }
    table
}

/// The dataset's page of the data dictionary, Markdown.
pub fn data_dictionary(contract: &Contract) -> String {
    let mut page = format!("# {}\n\n", contract.name);
    page.push_str(
        "<!-- Made from the contract by `make generate`; change the contract, not this page. -->\n\n",
    );
    let _ = writeln!(page, "{}\n", contract.description);
    declare(contract, &mut page);
    page.push_str("\n| column | type | null | role | unit | meaning |\n|---|---|---|---|---|---|\n");
    for column in &contract.columns {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {} |",
            column.name,
            column.ty,
            if column.nullable { "yes" } else { "no" },
            role_text(column),
            column.unit.as_deref().unwrap_or(""),
            column.description.replace('\n', " ").replace('|', "\\|")
        );
    }
    page
}

/// What the contract says of the table as a whole, a line each.
fn declare(contract: &Contract, page: &mut String) {
    let names = |indices: &[usize]| {
        indices.iter().map(|i| format!("`{}`", contract.columns[*i].name)).collect::<Vec<_>>().join(", ")
    };
    let _ = writeln!(page, "- Contract version: {}", contract.version);
    if contract.file_columns.is_some() {
        let names = names(&contract.key);
        let _ = writeln!(
            page,
            "- Business key: none. Rows are kept as often as they come, told apart by {names}"
        );
    } else {
        let _ = writeln!(page, "- Business key: {}", names(&contract.key));
    }
    let partitions: Vec<String> = contract.partitions.iter().map(partition_text).collect();
    let partitions = if partitions.is_empty() { "none".to_owned() } else { partitions.join(", ") };
    let _ = writeln!(page, "- Partitions: {partitions}");
    if let Some(text) = &contract.null_partition {
        let _ = writeln!(page, "- Rows without a partition value lie under `{text}`");
    }
    let _ = writeln!(page, "- Order within a file: {}", names(&contract.sort));
    if let Some(revision) = contract.revision {
        let _ = writeln!(page, "- Newest version of a row: greatest {}", names(&[revision]));
    }
    if let Some(finality) = contract.finality {
        let _ = writeln!(
            page,
            "- A row with {} true is never replaced by one where it is false",
            names(&[finality])
        );
    }
    if let Some(stamp) = contract.stamp {
        let _ = writeln!(page, "- Of two versions fetched at once: greatest {}", names(&[stamp]));
    }
    if !contract.series.is_empty() {
        let _ = writeln!(page, "- Series: {}", names(&contract.series));
    }
    if let Some(ruleset) = &contract.ruleset {
        let _ = writeln!(page, "- Ruleset: `{ruleset}`");
    }
    if contract.composites_by_row {
        page.push_str("- Rules joined by `and` and `or` are judged row by row\n");
    }
    if let Some(ratio) = contract.max_quarantine_ratio {
        let what = if contract.series.is_empty() { "batch" } else { "series" };
        let _ = writeln!(page, "- A {what} is blocked when more than {} % of its rows fail", ratio * 100.0);
    }
}

fn role_text(column: &Column) -> &'static str {
    match column.role {
        Role::Key => "key",
        Role::Business if column.informational => "informational",
        Role::Business => "business",
        Role::Provenance => "provenance",
        Role::Flags => "flags",
    }
}

fn partition_text(partition: &PartitionField) -> String {
    format!("`{}` ({})", partition.name, partition.ty)
}

/// Up to the point that ends a sentence: not that of "e.g.", of an initial or of a number.
fn first_sentence(text: &str) -> String {
    const ABBREVIATIONS: [&str; 16] = [
        "e.g", "i.e", "cf", "vs", "approx", "incl", "excl", "resp", "no", "nos", "fig", "st", "dr", "mr",
        "mrs", "ca",
    ];
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let ends = text.match_indices(['.', '!', '?']).map(|(at, _)| at).find(|at| {
        let rest = text.get(at + 1..).unwrap_or("");
        // A bracket or a quote may close behind the point.
        let after = rest.trim_start_matches([')', '"', '\'', '`']);
        let Some(next) = after.strip_prefix(' ').and_then(|next| next.chars().next()) else { return false };
        let before = text.get(..*at).unwrap_or("");
        let word = before.rsplit([' ', '(', '"']).next().unwrap_or("").to_lowercase();
        let initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
        !next.is_lowercase() && !initial && !ABBREVIATIONS.contains(&word.as_str())
    });
    match ends {
        Some(at) => {
            let rest = text.get(at + 1..).unwrap_or("");
            let closed = rest.len() - rest.trim_start_matches([')', '"', '\'', '`']).len();
            text.get(..at + 1 + closed).unwrap_or(&text).to_owned()
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::first_sentence;

    #[test]
    fn a_comment_ends_with_its_sentence() {
        for (text, comment) in [
            ("Where it comes from, e.g. polygon. Never empty.", "Where it comes from, e.g. polygon."),
            ("The exchange, e.g. XNAS (i.e. Nasdaq). Or none.", "The exchange, e.g. XNAS (i.e. Nasdaq)."),
            ("Price per share, approx. Two places.", "Price per share, approx. Two places."),
            ("The key, cf. RFC 3339. An instant.", "The key, cf. RFC 3339."),
            ("Rounded to 0.5 places.\nMore follows.", "Rounded to 0.5 places."),
            ("Is it final? Later rows may differ.", "Is it final?"),
            ("No point at the end", "No point at the end"),
            ("Named by J. Doe. Then.", "Named by J. Doe."),
            ("In euros (or pounds.) Else null.", "In euros (or pounds.)"),
            ("U.S. dollars. Others too.", "U.S. dollars."),
            ("", ""),
        ] {
            assert_eq!(first_sentence(text), comment);
        }
    }
}
