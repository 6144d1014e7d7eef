//! Files that are made from contracts: `quotelake generate` writes them and CI checks that they are current.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Contract, PartitionField, Role};

/// The Glue table's columns and partition keys, as Terraform reads them. A column that is also a partition key stands only
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
    json!({
        "table": contract.name,
        "contract_version": contract.version,
        "description": first_sentence(&contract.description),
        "columns": columns,
        "partition_keys": partitions,
    })
}

/// The dataset's page of the data dictionary, Markdown.
pub fn data_dictionary(contract: &Contract) -> String {
    let mut page = format!("# {}\n\n", contract.name);
    page.push_str(
        "<!-- Made from the contract by `make generate`; change the contract, not this page. -->\n\n",
    );
    let _ = writeln!(page, "{}\n", contract.description);
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
    page.push_str("\n| column | type | null | role | unit | meaning |\n|---|---|---|---|---|---|\n");
    for column in &contract.columns {
        let role = match column.role {
            Role::Key => "key",
            Role::Business if column.informational => "informational",
            Role::Business => "business",
            Role::Provenance => "provenance",
            Role::Flags => "flags",
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {role} | {} | {} |",
            column.name,
            column.ty,
            if column.nullable { "yes" } else { "no" },
            column.unit.as_deref().unwrap_or(""),
            column.description.replace('\n', " ").replace('|', "\\|")
        );
    }
    page
}

fn partition_text(partition: &PartitionField) -> String {
    format!("`{}` ({})", partition.name, partition.ty)
}

fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    match text.find(". ") {
        Some(end) => text[..=end].to_owned(),
        None => text,
    }
}
