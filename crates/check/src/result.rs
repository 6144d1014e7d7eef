//! The document that says how a check went: Glue's `DataQualityResult` as it is, inside our envelope.

use std::collections::{BTreeMap, BTreeSet};

use dqdl::GlueResult;
use serde::{Deserialize, Serialize};

/// What happens with a checked batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Every row is staged.
    Publish,
    /// The good rows are staged, the bad ones are in quarantine.
    PublishWithQuarantine,
    /// No row is staged: all of them are in quarantine.
    Block,
}

/// One checked object's rows of one dataset.
#[derive(Debug, Clone, Serialize)]
pub struct ResultDocument {
    /// `dq-result/1`.
    pub schema: &'static str,
    /// Glue's `DataQualityResult`.
    pub glue: GlueResult,
    /// What was decided and why.
    pub gate: Gate,
    /// How many rows went where.
    pub rows: RowCounts,
    /// What is in quarantine.
    pub quarantine: QuarantineSummary,
    /// Staged rows by flag.
    pub flags: BTreeMap<String, u64>,
    /// What was checked, by what.
    pub lineage: Lineage,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// What happens with the batch.
    pub decision: Decision,
    /// The rules that led to it, as text.
    pub reasons: Vec<String>,
    /// The series whose good rows were held back with the bad ones, while their neighbours go on; by name.
    pub blocked_series: Vec<BlockedSeries>,
}

/// A series whose rows are all in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockedSeries {
    /// The values of the contract's series columns, in their order: `polygon X:BTCUSD 1d`.
    pub series: String,
    /// Its rows in the object.
    pub rows: u64,
    /// Why.
    pub reasons: Vec<String>,
}

/// Rows in = staged + quarantined + duplicates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Lines that are not blank.
    pub rows_in: u64,
    /// Rows that go on to publishing.
    pub staged: u64,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// Copies and older revisions of a staged row.
    pub duplicates: u64,
}

impl RowCounts {
    /// Adds up.
    pub fn add(&mut self, other: &Self) {
        self.rows_in += other.rows_in;
        self.staged += other.staged;
        self.quarantined += other.quarantined;
        self.duplicates += other.duplicates;
    }
}

/// What is in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineSummary {
    /// The object, if there is one.
    pub key: Option<String>,
    /// Rows by their first reason.
    pub by_reason: BTreeMap<String, u64>,
}

/// What was checked, by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lineage {
    /// The dataset.
    pub dataset: String,
    /// The contract's version.
    pub contract_version: String,
    /// The ruleset's name.
    pub ruleset: String,
    /// SHA-256 of the ruleset's text.
    pub ruleset_sha256: String,
    /// The landing object.
    pub source: String,
    /// SHA-256 of the landing object.
    pub source_sha256: String,
    /// Names every output of this check.
    pub check_id: String,
    /// The staged object, if there is one.
    pub staged: Option<String>,
    /// Provider and interval of the rows: what histories are kept apart by.
    pub context: String,
    /// The runs that fetched the staged rows; none of a file that was loaded.
    pub run_ids: BTreeSet<String>,
    /// Fields that the contract does not name, and in how many lines. They stay in the landing object only.
    pub unknown_fields: BTreeMap<String, u64>,
}
