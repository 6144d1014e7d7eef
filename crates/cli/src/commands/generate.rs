//! `quotelake generate`: the files that are made from contracts and from this program.

use std::path::Path;

use quotelake_contract::{
    Contract, Contracts, Dataset, Materialization, Preference, QualityTables, data_dictionary, glue_columns,
    runs_table,
};
use quotelake_core::{Context as _, Error, Result};
use quotelake_platform::settings::VARIABLES;
use quotelake_sources::size::transform_buffer_mb;
use serde::Serialize;
use serde_json::json;

use crate::args::GenerateArgs;
use crate::files::read_text;
use crate::output::{Exit, Output};

#[derive(Debug, Serialize)]
struct Generated {
    files: usize,
    changed: Vec<String>,
}

/// Runs the command. With `--check`, a file that is not current is an error that names it.
pub fn run(args: &GenerateArgs, output: Output) -> Result<Exit> {
    if let (Some(contract), Some(out)) = (&args.contract, &args.out) {
        return columns_of(contract, out, output);
    }
    let files = files()?;
    let mut changed = Vec::new();
    for (name, text) in &files {
        let path = args.root.join(name);
        if std::fs::read_to_string(&path).ok().as_ref() != Some(text) {
            changed.push(name.clone());
            if !args.check {
                write(&path, text)?;
            }
        }
    }
    if args.check && !changed.is_empty() {
        return Err(Error::config(format!("not current, run `make generate`: {}", changed.join(", "))));
    }
    let report = Generated { files: files.len(), changed };
    output.finish(&report, || format!("{} files, {} changed", report.files, report.changed.len()))?;
    Ok(Exit::Done)
}

/// Writes the Glue columns of a user's contract.
fn columns_of(path: &Path, out: &Path, output: Output) -> Result<Exit> {
    let mut contracts = Contracts::built_in()?;
    let name = contracts.add(&read_text(path)?, None).with_context(|| path.display().to_string())?;
    let file = format!("{name}.columns.json");
    write(&out.join(&file), &columns_text(&contracts.get(&name)?.contract)?)?;
    output.finish(&Generated { files: 1, changed: vec![file.clone()] }, || {
        format!("columns    {}", out.join(&file).display())
    })?;
    Ok(Exit::Done)
}

fn columns_text(contract: &Contract) -> Result<String> {
    let mut text = serde_json::to_string_pretty(&glue_columns(contract))
        .map_err(|e| Error::bug("glue columns").with_source(e))?;
    text.push('\n');
    Ok(text)
}

fn is_view(dataset: &Dataset) -> bool {
    dataset.contract.refine.as_ref().is_some_and(|refine| refine.materialization == Materialization::View)
}

/// A view as Terraform reads it: its SELECT, and its columns with their types.
fn view_text(dataset: &Dataset) -> Result<String> {
    let contract = &dataset.contract;
    let sql =
        dataset.sql.as_deref().ok_or_else(|| Error::bug(format!("the view {} has no SQL", contract.name)))?;
    let sql = sql.trim().trim_end_matches(';');
    let columns: Vec<_> =
        contract.columns.iter().map(|column| [column.name.clone(), column.ty.to_string()]).collect();
    let view = json!({ "view": contract.name, "sql": sql, "columns": columns });
    serde_json::to_string_pretty(&view).map(|text| text + "\n").map_err(|e| Error::bug("view").with_source(e))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let failed = |e| Error::unavailable(format!("cannot write {}", path.display())).with_source(e);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}

fn files() -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    let mut index = String::from(
        "# Data dictionary\n\n<!-- Made from the contracts by `make generate`. -->\n\n| table | what it holds |\n|---|---|\n",
    );
    let contracts = Contracts::built_in()?;
    let quality = QualityTables::built_in()?;
    let (views, tables): (Vec<_>, Vec<_>) =
        contracts.all()?.into_iter().partition(|dataset| is_view(dataset));
    for view in views {
        let name = &view.contract.name;
        files.push((format!("infra/generated/views/{name}.json"), view_text(view)?));
        files.push((format!("docs/reference/{name}.md"), data_dictionary(&view.contract)));
        index.push_str(&format!("| [{name}]({name}.md) | {} |\n", view.contract.description));
    }
    let datasets = tables.into_iter().map(|dataset| (&dataset.contract, "infra/generated"));
    let runs = runs_table()?;
    let own =
        [&quality.rule_results, &runs, &quality.statistics].map(|table| (table, "infra/generated/quality"));
    for (contract, folder) in datasets.chain(own) {
        let name = &contract.name;
        files.push((format!("{folder}/{name}.columns.json"), columns_text(contract)?));
        files.push((format!("docs/reference/{name}.md"), data_dictionary(contract)));
        index.push_str(&format!("| [{name}]({name}.md) | {} |\n", contract.description));
    }
    files.push(("docs/reference/README.md".into(), index));
    files.push(("infra/generated/preferred.json".into(), Preference::default().to_json()?));
    let stream = json!({ "transform_buffer_mb": transform_buffer_mb() });
    files.push(("infra/generated/stream.json".into(), format!("{stream:#}\n")));
    let mut settings = String::from(
        "# Environment of the functions\n\n<!-- Made by `make generate`. -->\n\n| variable | what it is for | example |\n|---|---|---|\n",
    );
    for (name, meaning, example) in VARIABLES {
        let example = example.replace(" or ", "` or `");
        settings.push_str(&format!("| `{name}` | {meaning} | `{example}` |\n"));
    }
    files.push(("docs/reference/environment.md".into(), settings));
    files.push(("docs/reference/sql.md".into(), dqdl::sql_reference()));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_a_users_contract() {
        let out = tempfile::tempdir().unwrap();
        let contract = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/contracts/orders.yaml"));
        columns_of(contract, out.path(), Output::silent()).unwrap();
        let text = std::fs::read_to_string(out.path().join("orders.columns.json")).unwrap();
        let table: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(table["table"], "orders");
        assert!(!table["partition_keys"].as_array().unwrap().is_empty());
        let known =
            |name: &str| table["columns"].as_array().unwrap().iter().any(|column| column["name"] == name);
        assert!(known("order_id") && known("unit_price"));
    }
}
