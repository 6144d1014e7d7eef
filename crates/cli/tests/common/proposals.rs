//! Files of a test, and what is proposed of them.

use std::path::PathBuf;

use quotelake_cli::suggest::{Proposal, propose};

pub(crate) struct World(pub(crate) tempfile::TempDir);

impl World {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn propose(&self, name: &str, content: impl AsRef<[u8]>) -> Result<Proposal, String> {
        let path = self.file(name, content);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(propose(&[path], None)).map_err(|error| error.to_string())
    }
}

/// The lines of a proposal's column: its comments, and the column.
pub(crate) fn column(proposal: &Proposal, name: &str) -> (String, String) {
    let lines: Vec<&str> = proposal.contract.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| line.starts_with(&format!("- {{name: {name}, "))).unwrap();
    let first = lines[..at].iter().rposition(|line| !line.starts_with('#')).unwrap() + 1;
    (lines[first..at].join("\n"), lines[at].to_owned())
}
