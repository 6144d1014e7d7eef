//! A proposal held against the files that it was made from, by the code that loads them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use dqdl::{Profile, SuggestOptions};
use quotelake_check::{CheckInputs, Decision, RowCounts, evaluate_object};
use quotelake_contract::{Contract, Contracts};
use quotelake_core::ports::{Clock as _, Lake};
use quotelake_core::{Context as _, Error, Result};
use quotelake_landing::{IngestFault, IngestOrigin};
use quotelake_local::SystemClock;
use quotelake_table::ArrowSchema as _;
use quotelake_table::RowDecoder;
use serde::Serialize;

use super::draft::Draft;
use crate::files::{find, land, unpacked};

/// Rows of a batch.
const BATCH_ROWS: usize = 16 * 1024;

/// A contract and a ruleset by which files load.
#[derive(Debug, Clone, Serialize)]
pub struct Proposal {
    /// The dataset.
    pub dataset: String,
    /// ODCS YAML with comments. It names the ruleset as `<dataset>.dqdl`.
    pub contract: String,
    /// DQDL with comments.
    pub ruleset: String,
    /// Rows that load.
    pub rows: u64,
    /// Rows that no contract can read, and that are set aside.
    pub set_aside: u64,
}

/// How a proposal did.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Every row loads.
    Loads(Proposal),
    /// Columns of which some value is not what was proposed, and what is wrong with it.
    Misfits(Vec<(String, String)>),
}

/// Tries a proposal. `InvalidInput` for a file that cannot be read by any; `Bug` where rows are lost for another reason.
pub(super) async fn prove(draft: &Draft, files: &[PathBuf]) -> Result<Verdict> {
    let name = &draft.dataset;
    let mut contracts = Contracts::built_in()?;
    contracts
        .add(&draft.yaml, Some(("none", "Rules = [ RowCount >= 0 ]")))
        .with_context(|| "the proposal is no contract".to_owned())?;
    let landing = land(&contracts, find(&contracts, name, files)?, None).await?;
    if let Some((file, error)) = landing.rejected.into_iter().next() {
        return Err(error.context(file));
    }
    let objects: Vec<(Arc<dyn Lake>, String)> = landing
        .file_keys
        .into_iter()
        .map(|key| (Arc::<_>::clone(&landing.files) as Arc<dyn Lake>, key))
        .chain(
            landing
                .ingested_keys
                .into_iter()
                .map(|key| (Arc::<_>::clone(&landing.ingested) as Arc<dyn Lake>, key)),
        )
        .collect();

    let contract = Arc::clone(&contracts.get(name)?.contract);
    let now = SystemClock.now();
    let options = SuggestOptions { key: draft.key.clone(), provenance: Vec::new(), now };
    let mut look = Look {
        profile: Profile::new(&contract.unchecked_schema(), options),
        misfits: BTreeMap::new(),
        faults: Vec::new(),
    };
    for (lake, key) in &objects {
        look.at(&contract, &lake.get(key).await?.bytes)?;
    }
    if !look.misfits.is_empty() {
        return Ok(Verdict::Misfits(look.misfits.into_iter().collect()));
    }
    if look.faults.len() as u64 > draft.ragged {
        return Err(Error::invalid(format!("rows cannot be read; the first: {}", look.faults[0])));
    }
    let ruleset = look.profile.suggest();
    contracts.add(&draft.yaml, Some((&format!("{name}.dqdl"), &ruleset)))?;
    let mut rows = RowCounts::default();
    for (lake, key) in &objects {
        let inputs = CheckInputs { landing: lake.as_ref(), published: None, contracts: &contracts, now };
        let report = evaluate_object(inputs, key).await?.report;
        for document in &report.documents {
            if document.gate.decision == Decision::Block {
                return Err(Error::bug(format!("the proposal blocks: {}", document.gate.reasons.join("; "))));
            }
            if document.rows.quarantined > 0 && draft.ragged == 0 {
                let reasons: Vec<&String> = document.quarantine.by_reason.keys().collect();
                return Err(Error::invalid(format!(
                    "some rows are set aside whatever a contract says: {reasons:?}"
                )));
            }
        }
        rows.add(&report.rows);
    }
    if rows.duplicates > 0 || rows.quarantined > draft.ragged {
        return Err(Error::bug(format!("the proposal loses rows: {rows:?}")));
    }
    Ok(Verdict::Loads(Proposal {
        dataset: name.clone(),
        contract: draft.yaml.clone(),
        ruleset,
        rows: rows.staged,
        set_aside: rows.quarantined,
    }))
}

/// What was seen of the landing objects.
struct Look {
    profile: Profile,
    misfits: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Look {
    fn at(&mut self, contract: &Arc<Contract>, bytes: &[u8]) -> Result<()> {
        let bytes = unpacked(bytes)?;
        let text = std::str::from_utf8(&bytes).map_err(|e| Error::invalid("is not UTF-8").with_source(e))?;
        let mut decoder = RowDecoder::new(Arc::clone(contract));
        let mut pending = 0;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if let Some(fault) = IngestFault::from_line(line) {
                self.faults.push(fault.detail);
                continue;
            }
            if IngestOrigin::from_line(line).is_some() {
                continue;
            }
            match decoder.push(line) {
                Ok(()) => pending += 1,
                Err(faults) => {
                    for fault in faults {
                        match fault.column {
                            Some(column) => {
                                self.misfits.entry(column).or_insert(fault.detail);
                            }
                            None => self.faults.push(fault.detail),
                        }
                    }
                }
            }
            if pending == BATCH_ROWS {
                self.profile.observe(&decoder.take_batch()?);
                pending = 0;
            }
        }
        if pending > 0 {
            self.profile.observe(&decoder.take_batch()?);
        }
        Ok(())
    }
}
