//! What evaluating one object led to: the report, and the objects that are to be written.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use dqdl::{GlueContext, GlueResult, Report};
use quotelake_core::{Error, ObjectKey, Result};
use quotelake_table::{Columnar, run_ids, staged};

use crate::conclusion::Verdict;
use crate::quality_rows::Measured;
use crate::result::{Decision, Lineage, QuarantineSummary, ResultDocument, RowCounts, SCHEMA};

/// What checking one object led to.
#[derive(Debug)]
pub struct CheckReport {
    /// The landing object.
    pub key: String,
    /// Names every output.
    pub check_id: String,
    /// All rows of the object.
    pub rows: RowCounts,
    /// The result documents, by dataset.
    pub documents: Vec<ResultDocument>,
    /// Rows in quarantine because no known dataset is named, by reason.
    pub unknown: BTreeMap<String, u64>,
}

impl CheckReport {
    /// The runs that fetched the staged rows of all datasets.
    pub fn run_ids(&self) -> BTreeSet<&str> {
        self.documents.iter().flat_map(|document| &document.lineage.run_ids).map(String::as_str).collect()
    }

    /// Datasets whose good rows were held back with the bad ones.
    pub fn blocked(&self) -> usize {
        self.documents.iter().filter(|document| document.gate.decision == Decision::Block).count()
    }
}

/// One object, judged; nothing is written yet.
#[derive(Debug)]
pub struct Evaluation {
    /// The report.
    pub report: CheckReport,
    pub(crate) outputs: Vec<Output>,
    pub(crate) now: DateTime<Utc>,
    /// The object's size.
    pub(crate) bytes: u64,
}

impl Evaluation {
    /// Whether a row names a dataset that is not known, or none.
    pub fn names_unknown_datasets(&self) -> bool {
        !self.report.unknown.is_empty()
    }
}

/// The objects of one dataset, by key.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) dataset: String,
    pub(crate) quarantine: Option<(String, Bytes)>,
    pub(crate) staged: Option<(String, Bytes)>,
    /// The report's document of this dataset, and what was measured; none for rows of no dataset.
    pub(crate) judged: Option<(usize, Measured)>,
}

/// The object that a verdict is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) key: &'a str,
    pub(crate) sha256: &'a str,
    pub(crate) check_id: &'a str,
    pub(crate) now: DateTime<Utc>,
}

impl Source<'_> {
    /// The result document of a verdict, the `index`th of the report, and the objects that come of it.
    pub(crate) fn conclude(&self, verdict: Verdict, index: usize) -> Result<(ResultDocument, Output)> {
        let Verdict { staged: batches, mut quarantine, dataset, report, .. } = verdict;
        let contract = &dataset.contract;
        let (name, id) = (contract.name.clone(), self.check_id);
        let rows = RowCounts {
            rows_in: verdict.rows_in,
            staged: batches.iter().map(|batch| batch.num_rows() as u64).sum(),
            quarantined: quarantine.rows,
            duplicates: verdict.duplicates,
            held_back: 0,
        };
        if rows.rows_in != rows.staged + rows.quarantined + rows.duplicates {
            return Err(Error::bug(format!("rows of {name} do not add up: {rows:?}")));
        }
        let by_reason = std::mem::take(&mut quarantine.by_reason);
        let quarantined = match rows.quarantined {
            0 => None,
            _ => Some((ObjectKey::quarantine(&name, id).to_string(), quarantine.finish()?)),
        };
        let staged = match batches.is_empty() {
            true => None,
            false => Some((ObjectKey::staged(&name, id).to_string(), staged::write(contract, &batches)?)),
        };
        let key_of = |object: &Option<(String, Bytes)>| object.as_ref().map(|(key, _)| key.clone());
        let document = ResultDocument {
            schema: SCHEMA.into(),
            glue: self.glue(&report, &name, &dataset.rules_name),
            gate: verdict.gate,
            rows,
            flags: verdict.flags,
            quarantine: QuarantineSummary { key: key_of(&quarantined), by_reason },
            lineage: Lineage {
                dataset: name.clone(),
                contract_version: contract.version.clone(),
                ruleset: dataset.rules_name.clone(),
                ruleset_sha256: dataset.rules_sha256.clone(),
                source: self.key.to_owned(),
                source_sha256: self.sha256.to_owned(),
                check_id: id.to_owned(),
                staged: key_of(&staged),
                context: verdict.context,
                run_ids: run_ids(contract, batches.iter().map(|batch| batch as &dyn Columnar))?,
                unknown_fields: verdict.unknown_fields,
                inputs: Vec::new(),
            },
        };
        let statistics = report.statistics().to_vec();
        let measured = Measured { statistics, results: report.results, keeps_history: verdict.keeps_history };
        let output =
            Output { dataset: name, quarantine: quarantined, staged, judged: Some((index, measured)) };
        Ok((document, output))
    }

    fn glue(&self, report: &Report, dataset: &str, ruleset: &str) -> GlueResult {
        report.to_glue(&GlueContext {
            result_id: format!("dqresult-{}", self.check_id),
            ruleset_name: ruleset.to_owned(),
            evaluation_context: format!("{dataset}/{}", self.key),
            started_on: self.now,
            completed_on: self.now,
            job_name: "quotelake-check".into(),
            job_run_id: self.check_id.to_owned(),
        })
    }
}
