//! The document that says how a check went: Glue's `DataQualityResult` as it is, inside our envelope.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use dqdl::GlueResult;
use quotelake_core::{Context as _, Error, Result};
use serde::{Deserialize, Serialize};

/// What happens with a checked batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Every row is staged.
    Publish,
    /// The good rows are staged, the bad ones are in quarantine.
    PublishWithQuarantine,
    /// No row is staged: all of them are in quarantine.
    Block,
}

impl Decision {
    /// As documents and tables spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::PublishWithQuarantine => "publish_with_quarantine",
            Self::Block => "block",
        }
    }
}

/// Names the format in each document.
pub const SCHEMA: &str = "dq-result/1";

/// One checked object's rows of one dataset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResultDocument {
    /// [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// Glue's `DataQualityResult`.
    pub glue: GlueResult,
    /// What was decided and why.
    pub gate: Gate,
    /// How many rows went where.
    pub rows: RowCounts,
    /// What is in quarantine.
    #[serde(default)]
    pub quarantine: QuarantineSummary,
    /// Staged rows by flag.
    #[serde(default)]
    pub flags: BTreeMap<String, u64>,
    /// What was checked, by what.
    pub lineage: Lineage,
}

impl ResultDocument {
    /// Reads a stored document; what earlier versions did not write yet is empty. `InvalidInput` for what is none.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let document: Self = serde_json::from_slice(bytes)
            .map_err(|error| Error::invalid("is no result document").with_source(error))?;
        if document.schema != SCHEMA {
            let schema = &document.schema;
            return Err(Error::invalid(format!(
                "is a result document of the format {schema:?}, not {SCHEMA}"
            )));
        }
        Ok(document)
    }

    /// When the check began.
    pub fn started_at(&self) -> Result<DateTime<Utc>> {
        instant("StartedOn", &self.glue.started_on)
    }

    /// When the check ended.
    pub fn completed_at(&self) -> Result<DateTime<Utc>> {
        instant("CompletedOn", &self.glue.completed_on)
    }

    /// The share of rules that passed, from 0 to 1; none where no rule ran.
    pub fn score(&self) -> Option<f64> {
        let rules = &self.glue.rule_results;
        let passed = rules.iter().filter(|rule| rule.result == "PASS").count();
        (!rules.is_empty()).then(|| passed as f64 / rules.len() as f64)
    }
}

fn instant(name: &str, text: &str) -> Result<DateTime<Utc>> {
    text.parse()
        .map_err(|error| Error::invalid(format!("{text:?} is no instant")).with_source(error))
        .context(name)
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// What happens with the batch.
    pub decision: Decision,
    /// The rules that led to it, as text.
    pub reasons: Vec<String>,
    /// The series whose good rows were held back with the bad ones, while their neighbours go on; by name.
    #[serde(default)]
    pub blocked_series: Vec<BlockedSeries>,
}

/// A series whose rows are all in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedSeries {
    /// The values of the contract's series columns, in their order: `polygon X:BTCUSD 1d`.
    pub series: String,
    /// Its rows in the object.
    pub rows: u64,
    /// Why.
    pub reasons: Vec<String>,
}

/// Rows in = staged + quarantined + duplicates + held back.
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
    /// Computed rows that are good and not published, since others of the same computation are not: they are computed again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_back: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl RowCounts {
    /// Adds up.
    pub fn add(&mut self, other: &Self) {
        self.rows_in += other.rows_in;
        self.staged += other.staged;
        self.quarantined += other.quarantined;
        self.duplicates += other.duplicates;
        self.held_back += other.held_back;
    }
}

/// What is in quarantine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineSummary {
    /// The object, if there is one.
    pub key: Option<String>,
    /// Rows by their first reason.
    #[serde(default)]
    pub by_reason: BTreeMap<String, u64>,
}

/// What was checked, by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// The dataset.
    pub dataset: String,
    /// The contract's version.
    pub contract_version: String,
    /// The ruleset's name.
    pub ruleset: String,
    /// SHA-256 of the ruleset's text.
    pub ruleset_sha256: String,
    /// The landing object; of computed rows the model and the dates: `models/daily_stats/2009-03-01..2009-03-31`.
    pub source: String,
    /// SHA-256 of the landing object; of computed rows that of the model's fingerprint and its inputs' versions.
    pub source_sha256: String,
    /// Names every output of this check.
    pub check_id: String,
    /// The staged object, if there is one.
    #[serde(default)]
    pub staged: Option<String>,
    /// Provider and interval of the rows: what histories are kept apart by.
    #[serde(default)]
    pub context: String,
    /// The runs that fetched the staged rows; none of a file that was loaded.
    #[serde(default)]
    pub run_ids: BTreeSet<String>,
    /// Fields that the contract does not name, and in how many lines. They stay in the landing object only.
    #[serde(default)]
    pub unknown_fields: BTreeMap<String, u64>,
    /// Of computed rows: the partitions that they were computed from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputVersion>,
}

/// A partition that a model read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InputVersion {
    /// The table.
    pub table: String,
    /// The partition, e.g. `month=2009-03`; empty of a table that is one file.
    pub partition: String,
    /// The file's version.
    pub version: String,
}
