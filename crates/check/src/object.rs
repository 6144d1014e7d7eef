//! One landing object, checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use dqdl::{History, MemoryHistory};
use quotelake_contract::Contracts;
use quotelake_core::ports::Lake;
use quotelake_core::{Context as _, Error, ObjectKey, Result, check_id, sha256_hex};
use quotelake_market::DerivedColumns;

use crate::conclusion::Verdict;
use crate::context::Context;
use crate::dataset_checker::{DatasetChecker, DeferredInputs};
use crate::dataset_router::{DatasetRouter, UNKNOWN, line_spans};
use crate::evaluation::{CheckReport, Evaluation, Output, Source};
use crate::history;
use crate::landing_reader::{Chunk, LandingReader, is_gzip};
use crate::record::record;
use crate::reference_data::ReferenceData;
use crate::result::RowCounts;
use crate::run_rows::record_failure;

/// What objects are judged with.
#[derive(Debug, Clone, Copy)]
pub struct CheckInputs<'a> {
    /// Where the object is.
    pub landing: &'a dyn Lake,
    /// The lake whose published bars and earlier checks rules compare with. Without one an object is judged by what is in it,
    /// and a rule that compares with earlier checks passes without being evaluated.
    pub published: Option<&'a dyn Lake>,
    /// The datasets.
    pub contracts: &'a Contracts,
    /// `now()` in rules.
    pub now: DateTime<Utc>,
}

impl Context {
    /// What its objects are judged with, now.
    pub fn inputs(&self) -> CheckInputs<'_> {
        CheckInputs {
            landing: self.landing.as_ref(),
            published: Some(self.lake.as_ref()),
            contracts: &self.contracts,
            now: self.clock.now(),
        }
    }
}

/// Checks one landing object and writes what comes of it: [`evaluate_object`], then [`record`].
///
/// `delivery_id` names the delivery that asked for it. `NotFound` when the object is gone; otherwise only the kinds of the
/// lake, the queue and the event bus: no content of an object is an error. `Damaged` for an object that is not whole: nothing of
/// it is judged.
pub async fn check_object(context: &Context, key: &str, delivery_id: &str) -> Result<CheckReport> {
    let inputs = context.inputs();
    let checked = match evaluate_object(inputs, key).await {
        Ok(evaluation) => record(context, evaluation, delivery_id).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &checked {
        record_failure(context, key, delivery_id, inputs.now, error).await;
    }
    checked
}

/// Whether an object that is called a gzip file, and is none, may be the text of one: clients and proxies unpack without a word.
fn is_text(object: &[u8]) -> bool {
    object.first().is_some_and(|first| *first != 0x1f) && std::str::from_utf8(object).is_ok()
}

/// Judges one landing object without writing anything. `Damaged` for a gzip file that was cut, changed or emptied: none of its
/// rows is judged, since those before the damage may be wrong and those behind it are lost.
pub async fn evaluate_object(inputs: CheckInputs<'_>, key: &str) -> Result<Evaluation> {
    let CheckInputs { landing, contracts, now, .. } = inputs;
    let object = landing.get(key).await.with_context(|| format!("reading {key}"))?.bytes;
    if key.to_ascii_lowercase().ends_with(".gz") && !is_gzip(&object) && !is_text(&object) {
        let what = if object.is_empty() { "it is empty" } else { "it is neither a gzip file nor text" };
        return Err(Error::damaged(format!("{key} is damaged: {what}")));
    }
    let (source_sha256, bytes) = (sha256_hex(&object), object.len() as u64);
    let id = check_id(key, &source_sha256);
    let mut router = DatasetRouter::new(contracts, key, &id, &source_sha256, now)?;
    for chunk in LandingReader::open(object.clone()) {
        router.read(chunk)?;
    }
    let (checkers, mut unknown) = router.into_parts();
    let own = own_reference_data(&checkers, contracts)?;
    let mut verdicts = Vec::new();
    for checker in checkers.into_values() {
        verdicts.push(finish(inputs, checker, &own, &id).await?);
    }
    quarantine_deferred(object, &mut verdicts)?;

    let mut report = CheckReport {
        key: key.to_owned(),
        check_id: id.clone(),
        rows: RowCounts::default(),
        documents: Vec::new(),
        unknown: std::mem::take(&mut unknown.by_reason),
    };
    let source = Source { key, sha256: &source_sha256, check_id: &id, now };
    let mut outputs = Vec::new();
    for verdict in verdicts {
        let (document, output) = source.conclude(verdict, report.documents.len())?;
        report.rows.add(&document.rows);
        report.documents.push(document);
        outputs.push(output);
    }
    if unknown.rows > 0 {
        report.rows.add(&RowCounts {
            rows_in: unknown.rows,
            quarantined: unknown.rows,
            ..RowCounts::default()
        });
        let quarantine = Some((ObjectKey::quarantine(UNKNOWN, &id).to_string(), unknown.finish()?));
        outputs.push(Output { dataset: UNKNOWN.into(), quarantine, staged: None, judged: None });
    }
    Ok(Evaluation { report, outputs, now, bytes })
}

/// The reference data in the object itself: its splits, dividends and closes may not be published yet when its bars
/// and dividends are judged.
fn own_reference_data(
    checkers: &BTreeMap<String, DatasetChecker>,
    contracts: &Contracts,
) -> Result<ReferenceData> {
    let mut own = ReferenceData::preferring(contracts.preference().clone());
    if let Some(checker) = checkers.get("splits") {
        checker.passed_rows()?.iter().try_for_each(|rows| own.actions.add_splits(rows))?;
    }
    if let Some(checker) = checkers.get("dividends") {
        checker.passed_rows()?.iter().try_for_each(|rows| own.actions.add_dividends(rows))?;
    }
    if let (Some(checker), true) =
        (checkers.get("daily_bars"), checkers.values().any(DatasetChecker::compares_dividends))
    {
        checker.passed_rows()?.iter().try_for_each(|rows| own.closes.add(rows))?;
    }
    Ok(own)
}

/// Finishes a dataset with what its deferred rules need.
async fn finish(
    inputs: CheckInputs<'_>,
    checker: DatasetChecker,
    own: &ReferenceData,
    check_id: &str,
) -> Result<Verdict> {
    let mut reference = own.clone();
    let series = checker.series()?;
    if let (Some(spans), Some(lake)) = (&series, inputs.published) {
        reference.add_published_bars(lake, inputs.contracts, &checker.dataset, spans).await?;
    }
    if let (true, Some(lake)) = (checker.compares_dividends(), inputs.published) {
        reference.add_published_dividends(lake, inputs.contracts, &checker.passed_rows()?).await?;
    }
    let mut history: Arc<dyn History> = Arc::new(MemoryHistory::default());
    if let (true, Some(lake)) = (checker.keeps_history(), inputs.published) {
        let name = &checker.dataset.contract.name;
        history = history::load(lake, name, &checker.context(), check_id).await?;
    }
    let derived = match &series {
        Some(spans) => Some(DerivedColumns::Bars(reference.market(spans.fetched_at().unwrap_or(inputs.now)))),
        None => checker.compares_dividends().then(|| DerivedColumns::Dividends(reference.dividends())),
    };
    checker.finish(&DeferredInputs { derived, history: Some(history) })
}

/// Reads the object once more for the text of rows that turned out bad only at the end. Rare, so nothing is kept for it.
fn quarantine_deferred(object: Bytes, verdicts: &mut [Verdict]) -> Result<()> {
    if verdicts.iter().all(|verdict| verdict.late.is_empty()) {
        return Ok(());
    }
    let mut line = 0;
    for chunk in LandingReader::open(object) {
        let Chunk::Lines(text) = chunk else {
            line += 1;
            continue;
        };
        for span in line_spans(&text) {
            line += 1;
            for verdict in verdicts.iter_mut() {
                if let Some(reasons) = verdict.late.remove(&line) {
                    verdict.quarantine.push(line, &text[span.clone()], reasons)?;
                }
            }
        }
    }
    if verdicts.iter().any(|verdict| !verdict.late.is_empty()) {
        return Err(Error::bug("a row that failed late was not found again"));
    }
    Ok(())
}
