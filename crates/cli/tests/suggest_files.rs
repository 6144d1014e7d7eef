//! Proposals for files that Python's csv module writes: titles, several header rows, totals, other quotes and encodings. What a file
//! holds is what Python reads of it. Skipped, and said so, where there is no `python3`.
#![allow(clippy::print_stderr, reason = "a test says what it skips")]

use std::path::{Path, PathBuf};
use std::process::Command;

use quotelake_cli::suggest::propose;
use serde::Deserialize;

/// Files of each run.
const FILES: &str = "150";

#[derive(Debug, Deserialize)]
struct Written {
    path: PathBuf,
    rows: u64,
    names: Vec<String>,
}

#[tokio::test]
async fn files_of_pythons_load_by_what_is_proposed_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suggest_files.py");
    let ran = Command::new("python3").arg(script).arg(folder.path()).arg(FILES).output();
    let output = match ran {
        Ok(output) => output,
        Err(error) => {
            #[expect(clippy::disallowed_methods, reason = "CI says that nothing may be skipped")]
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "python3 does not start: {error}");
            eprintln!("SKIPPED: python3 does not start: {error}");
            return;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut wrong = Vec::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let written: Written = serde_json::from_str(line).unwrap();
        let fault = match propose(std::slice::from_ref(&written.path), Some("things")).await {
            Err(error) => Some(error.to_string()),
            Ok(proposal) if (proposal.rows, proposal.set_aside) != (written.rows, 0) => {
                Some(format!("{} rows, {} set aside", proposal.rows, proposal.set_aside))
            }
            // A column is called as its writer called it: by its name, or by the name of the contract's that was made of it.
            Ok(proposal) => {
                let is_named = |name: &&String| {
                    let exact = proposal.contract.contains(&format!("name: {name},"));
                    exact || proposal.contract.contains(&format!("physicalName: \"{name}\""))
                };
                let lacks = written.names.iter().find(|name| !is_named(name));
                lacks.map(|name| format!("no column {name:?} in\n{}", proposal.contract))
            }
        };
        wrong.extend(fault.map(|fault| format!("{line}: {fault}")));
    }
    assert!(wrong.is_empty(), "{} of {FILES}:\n{}", wrong.len(), wrong.join("\n"));
}
