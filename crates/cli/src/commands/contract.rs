//! `quotelake contract`: a contract proposed from files, and what is wrong with one.

use std::path::{Path, PathBuf};

use quotelake_core::{Error, Result};

use super::files::{file_name, read_text};
use crate::args::{ContractCommand, ContractSuggestArgs};
use crate::contract_lint::{Finding, lint};
use crate::output::{Exit, Output};
use crate::rule_data::refuse_to_overwrite;
use crate::suggest::{Proposal, propose};

/// Runs the command.
pub async fn run(command: ContractCommand, output: Output) -> Result<Exit> {
    match command {
        ContractCommand::Suggest(args) => suggest(&args, output).await,
        ContractCommand::Lint { file } => lint_file(&file, output),
    }
}

async fn suggest(args: &ContractSuggestArgs, output: Output) -> Result<Exit> {
    let proposal = propose(&args.files, args.dataset.as_deref()).await?;
    let Some(out) = &args.out else {
        output.finish(&proposal, || printed(&proposal))?;
        return Ok(Exit::Done);
    };
    let rules = out.with_file_name(format!("{}.dqdl", proposal.dataset));
    let inputs: Vec<&Path> = args.files.iter().map(PathBuf::as_path).collect();
    for (path, text) in [(out, &proposal.contract), (&rules, &proposal.ruleset)] {
        refuse_to_overwrite(path, &inputs)?;
        std::fs::write(path, text)
            .map_err(|e| Error::unavailable(format!("cannot write {}", path.display())).with_source(e))?;
    }
    output.finish(&proposal, || {
        let mut text =
            format!("{} and {}: {} rows load by them\n", out.display(), file_name(&rules), proposal.rows);
        if proposal.set_aside > 0 {
            text.push_str(&format!(
                "{} rows cannot be read by any contract and are set aside\n",
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

fn printed(proposal: &Proposal) -> String {
    format!("{}\n# {}.dqdl\n{}", proposal.contract, proposal.dataset, proposal.ruleset)
}

fn lint_file(file: &Path, output: Output) -> Result<Exit> {
    let text = read_text(file)?;
    let beside = |name: &str| file.with_file_name(name);
    let findings = lint(&text, |name| std::fs::read_to_string(beside(name)).ok());
    output.finish(&findings, || {
        if findings.is_empty() {
            return "nothing to say".into();
        }
        let shown = |finding: &Finding| {
            let severity = if finding.is_error { "error" } else { "warning" };
            format!("{}:{}: {severity}: {}", file.display(), finding.line, finding.message)
        };
        findings.iter().map(shown).collect::<Vec<_>>().join("\n")
    })?;
    Ok(if findings.iter().any(|finding| finding.is_error) { Exit::QualityFailure } else { Exit::Done })
}
