//! `quotelake generate`: the files that are made from contracts and from this program.

use std::path::Path;

use quotelake_core::contract::{data_dictionary, glue_columns};
use quotelake_core::{Contracts, Error, Result};
use quotelake_platform::settings::VARIABLES;
use serde::Serialize;

use crate::args::GenerateArgs;
use crate::output::{Exit, Output};

#[derive(Debug, Serialize)]
struct Generated {
    files: usize,
    changed: Vec<String>,
}

/// Runs the command. With `--check`, a file that is not current is an error that names it.
pub fn run(args: &GenerateArgs, output: Output) -> Result<Exit> {
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
    for dataset in Contracts::built_in()?.iter() {
        let contract = &dataset.contract;
        let name = &contract.name;
        let mut glue = serde_json::to_string_pretty(&glue_columns(contract))
            .map_err(|e| Error::bug("glue columns").with_source(e))?;
        glue.push('\n');
        files.push((format!("infra/generated/{name}.columns.json"), glue));
        files.push((format!("docs/reference/{name}.md"), data_dictionary(contract)));
        index.push_str(&format!("| [{name}]({name}.md) | {} |\n", contract.description));
    }
    files.push(("docs/reference/README.md".into(), index));
    let mut settings = String::from(
        "# Environment of the functions\n\n<!-- Made by `make generate`. -->\n\n| variable | what it is for | example |\n|---|---|---|\n",
    );
    for (name, meaning, example) in VARIABLES {
        let example = example.replace(" or ", "` or `");
        settings.push_str(&format!("| `{name}` | {meaning} | `{example}` |\n"));
    }
    files.push(("docs/reference/environment.md".into(), settings));
    Ok(files)
}
