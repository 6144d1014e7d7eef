//! `quotelake contract`: a contract proposed from files, and what is wrong with one.

use std::path::{Path, PathBuf};

use quotelake_contract::Contracts;
use quotelake_core::{Error, Result};
use serde::Serialize;

use crate::args::{ContractCommand, ContractSuggestArgs};
use crate::contract_lint::{Finding, lint};
use crate::files::{add_contract, file_name, read_text};
use crate::number::counted;
use crate::output::{Exit, Output, Text};
use crate::rule_data::refuse_to_overwrite;
use crate::suggest::{Proposal, propose};

/// Runs the command.
pub async fn run(command: ContractCommand, output: Output) -> Result<Exit> {
    match command {
        ContractCommand::Suggest(args) => suggest(&args, output).await,
        ContractCommand::Export { dataset, contract, lake } => {
            export(&dataset, contract.as_deref(), &lake.lake, output)
        }
        ContractCommand::Lint { file } => lint_file(&file, output),
    }
}

async fn suggest(args: &ContractSuggestArgs, output: Output) -> Result<Exit> {
    let proposal = propose(&args.files, args.dataset.as_deref()).await?;
    let Some(out) = &args.out else {
        output.finish(&proposal, || Text::verbatim(printed(&proposal)))?;
        return Ok(Exit::Done);
    };
    let rules = out.with_file_name(format!("{}.dqdl", proposal.dataset));
    let inputs: Vec<&Path> = args.files.iter().map(PathBuf::as_path).collect();
    if let Some(there) = [out, &rules].into_iter().find(|path| !args.force && path.exists()) {
        return Err(Error::config(format!(
            "{} is there already: somebody may have edited it. Name another file, or say --force",
            there.display()
        )));
    }
    for (path, text) in [(out, &proposal.contract), (&rules, &proposal.ruleset)] {
        refuse_to_overwrite(path, &inputs)?;
        std::fs::write(path, text)
            .map_err(|e| Error::unavailable(format!("cannot write {}", path.display())).with_source(e))?;
    }
    output.finish(&proposal, || {
        let mut text = format!(
            "{} and {}: {} load by them\n",
            out.display(),
            file_name(&rules),
            counted(proposal.rows, "row", "rows")
        );
        if proposal.set_aside > 0 {
            text.push_str(&format!(
                "{} rows have more or fewer cells than the header and are set aside\n",
                proposal.set_aside
            ));
        }
        let ambiguous = proposal.contract.lines().filter(|line| line.contains("AMBIGUOUS:"));
        ambiguous.for_each(|line| text.push_str(&format!("{}\n", line.trim().trim_start_matches("# "))));
        text.push_str(&format!(
            "next: look at the comments, then quotelake load --dataset {} --contract {} FILES\n",
            proposal.dataset,
            out.display()
        ));
        text
    })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct Exported {
    contract: String,
}

fn export(dataset: &str, path: Option<&Path>, lake: &Path, output: Output) -> Result<Exit> {
    let kept = lake.join("contracts").join(format!("{dataset}.yaml"));
    let mut contracts = Contracts::built_in()?;
    let yaml = match path.or_else(|| kept.is_file().then_some(kept.as_path())) {
        Some(path) => {
            let (name, added) = add_contract(&mut contracts, path, rules_beside(path, dataset)?)?;
            if name != dataset {
                return Err(Error::config(format!("{} declares {name:?}, not {dataset:?}", path.display())));
            }
            added.contract.unwrap_or_default()
        }
        None => Contracts::built_in_text(dataset)
            .ok_or_else(|| {
                Error::config(format!("there is no contract of {dataset:?}: name one by --contract"))
            })?
            .to_owned(),
    };
    let known = contracts.get(dataset)?;
    let ruleset = dqdl::parse(&known.rules)
        .map_err(|error| Error::config(format!("ruleset {}: {error}", known.rules_name)))?;
    let lake = std::path::absolute(lake)
        .map_err(|e| Error::config(format!("cannot find {}", lake.display())).with_source(e))?;
    let contract = crate::contract_export::export(&yaml, &known.contract, &ruleset, &lake)?;
    output.finish(&Exported { contract: contract.clone() }, || Text::verbatim(contract))?;
    Ok(Exit::Done)
}

/// The ruleset that a lake keeps beside a contract, under the dataset's name.
fn rules_beside(path: &Path, dataset: &str) -> Result<Option<(String, String)>> {
    let name = format!("{dataset}.dqdl");
    let beside = path.with_file_name(&name);
    if !beside.is_file() {
        return Ok(None);
    }
    Ok(Some((name, read_text(&beside)?)))
}

fn printed(proposal: &Proposal) -> String {
    format!("{}\n# {}.dqdl\n{}", proposal.contract, proposal.dataset, proposal.ruleset)
}

fn lint_file(file: &Path, output: Output) -> Result<Exit> {
    let text = read_text(file)?;
    let beside = |name: &str| file.with_file_name(name);
    let findings = lint(&text, |name| std::fs::read_to_string(beside(name)).ok());
    output.finish(&findings, || {
        if findings.is_empty() {
            return "nothing to say".to_owned();
        }
        let shown = |finding: &Finding| {
            let severity = if finding.is_error { "error" } else { "warning" };
            format!("{}:{}: {severity}: {}", file.display(), finding.line, finding.message)
        };
        findings.iter().map(shown).collect::<Vec<_>>().join("\n")
    })?;
    Ok(if findings.iter().any(|finding| finding.is_error) { Exit::QualityFailure } else { Exit::Done })
}
