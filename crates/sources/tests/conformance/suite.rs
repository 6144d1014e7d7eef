//! What every source has to hold. A source is a [`Case`]: what to ask it for, and what its vendor would answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use quotelake_contract::Contracts;
use quotelake_core::ports::Clock as _;
use quotelake_core::{Envelope, FetchUnit, Page};
use quotelake_sources::http::{Executor, FetchTask, Http, Options, Outgoing, TaskOutcome};
use quotelake_sources::{Disposition, Failure, FailureKind, Job, Mapped, RawResponse, Source};
use quotelake_table::{RowDecoder, merge, unfit_values};

use crate::support;
use crate::support::asking::{Collected, RotatedSecret, TestClock};

/// A source under test.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) source: Arc<dyn Source>,
    /// What to ask for: every dataset and kind of instrument that the source has pages for.
    pub(crate) job: Job,
    /// The vendor's good answer to a unit's first request: media type and body.
    pub(crate) answer: fn(&FetchUnit) -> (&'static str, String),
}

/// When pages were fetched: long after the days that they are of.
const FETCHED_AT: &str = "2013-06-03T15:00:00Z";

impl Case {
    fn units(&self) -> Vec<FetchUnit> {
        let units = self.source.plan(&self.job).unwrap();
        assert!(!units.is_empty(), "{}: nothing is planned", self.source.name());
        units
    }

    fn good(&self, unit: &FetchUnit) -> RawResponse {
        let (content_type, body) = (self.answer)(unit);
        answer(200, content_type, body)
    }

    fn envelope(&self, unit: &FetchUnit, run_id: &str, fetched_at: DateTime<Utc>) -> Envelope {
        let (content_type, body) = (self.answer)(unit);
        let envelope = Envelope::seal(Page {
            source: self.source.name().into(),
            unit: unit.clone(),
            run_id: run_id.into(),
            fetched_at,
            request_id: format!("{run_id}/{}", unit.id),
            status: 200,
            content_type: Some(content_type.into()),
            body: body.into(),
        });
        Envelope::from_record(&envelope.to_record().unwrap()).unwrap()
    }

    fn map(&self, envelope: &Envelope) -> Mapped {
        let mapped = self.source.transform(envelope);
        mapped.unwrap_or_else(|error| panic!("{}: {error}", envelope.unit.id))
    }
}

fn answer(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> RawResponse {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    RawResponse { status, headers, body: body.into().into() }
}

/// The same job gives the same units, each under an id of its own, as they come back from a queue.
pub(crate) fn plan_is_stable(case: &Case) {
    let units = case.units();
    assert_eq!(units, case.units(), "the same job twice");
    let ids: BTreeSet<&str> = units.iter().map(|unit| unit.id.as_str()).collect();
    assert_eq!(ids.len(), units.len(), "an id twice: {ids:?}");
    for unit in &units {
        assert!(unit.id.starts_with(case.source.name()) && unit.id.len() <= 200, "{}", unit.id);
        assert!(!unit.exchange_tz.is_empty(), "{}", unit.id);
        let text = serde_json::to_string(unit).unwrap();
        assert_eq!(serde_json::from_str::<FetchUnit>(&text).unwrap(), *unit);
    }
    let capabilities = case.source.capabilities();
    for dataset in &case.job.datasets {
        assert!(capabilities.datasets.contains(dataset), "{dataset} is not among the capabilities");
    }
    let nothing = Job { instruments: Vec::new(), ..case.job.clone() };
    assert!(case.source.plan(&nothing).is_err(), "a job without instruments");
}

/// Requests stay on the base, name no key, and are the same each time; a later page cannot lead elsewhere.
pub(crate) fn requests_stay_at_home(case: &Case) {
    for unit in case.units() {
        let spec = case.source.request(&unit).unwrap();
        assert_eq!(spec, case.source.request(&unit).unwrap());
        for (name, _) in spec.url.query_pairs() {
            assert!(!["apikey", "token", "key"].contains(&name.to_lowercase().as_str()), "{}", spec.url);
        }
        for elsewhere in ["https://example.com/steal", "//example.com/steal", "/another/path", "../../x"] {
            if let Ok(resumed) = case.source.resume(&unit, elsewhere) {
                panic!("{}: {elsewhere:?} leads to {}", unit.id, resumed.url);
            }
        }
        if let Disposition::NextPage(_, next) = case.source.classify(&case.good(&unit), &unit) {
            assert_eq!(next.url.origin(), spec.url.origin());
            assert_eq!(case.source.resume(&unit, &next.resume_at()).unwrap(), next);
        }
    }
}

/// Every answer has the consequence that its status calls for, and none that makes no sense is taken for data.
pub(crate) fn answers_are_judged(case: &Case) {
    let window = case.source.capabilities().rate_window;
    for unit in case.units() {
        let judge = |response: &RawResponse| case.source.classify(response, &unit);
        let good = case.good(&unit);
        assert!(
            matches!(judge(&good), Disposition::Ok(_) | Disposition::NextPage(..)),
            "{}: {:?}",
            unit.id,
            judge(&good)
        );
        for content_type in ["application/json", "text/html", "text/plain"] {
            let mut refused = answer(429, content_type, "Too Many Requests");
            let Disposition::RateLimited { after, .. } = judge(&refused) else { panic!("{}", unit.id) };
            assert!(after >= window, "{}: {after:?} after a 429 that names no time", unit.id);
            refused.headers.push(("retry-after".into(), "0".into()));
            let Disposition::RateLimited { after, .. } = judge(&refused) else { panic!("{}", unit.id) };
            assert!(after >= Duration::from_secs(1), "{}: {after:?} would be a tight loop", unit.id);
            refused.headers.pop();
            refused.headers.push(("retry-after".into(), "90".into()));
            let Disposition::RateLimited { after, .. } = judge(&refused) else { panic!("{}", unit.id) };
            assert!(after >= Duration::from_secs(90), "{}: {after:?}", unit.id);
        }
        for status in [408, 500, 502, 503, 504] {
            let judged = judge(&answer(status, "text/plain", "later"));
            assert!(
                matches!(&judged, Disposition::Transient(failure) if failure.kind.is_retryable()),
                "{status}"
            );
        }
        for status in [301, 302, 400, 401, 402, 403, 404] {
            let judged = judge(&answer(status, "application/json", "{}"));
            assert!(
                matches!(&judged, Disposition::Permanent(failure) | Disposition::Split { failure, .. } if !failure.kind.is_retryable()),
                "{status}: {judged:?}"
            );
        }
        let page = "<html><title>Just a moment...</title></html>";
        for body in ["", "{", "null", "[]", "{}", "Will be right back", page] {
            // An empty list is an answer of pages that are lists.
            let judged = judge(&answer(200, "application/json", body));
            let is_data = matches!(judged, Disposition::Ok(_) | Disposition::NextPage(..));
            assert!(!is_data, "{}: {body:?} is {judged:?}", unit.id);
        }
        if good.header("content-type") == Some("application/json") {
            let half = answer(200, "application/json", &good.body[..good.body.len() / 2]);
            assert!(matches!(judge(&half), Disposition::Permanent(_)), "{}: half a page", unit.id);
        }
    }
}

/// No bytes, whatever they are, make a source panic.
pub(crate) fn no_answer_panics(case: &Case, status: u16, noise: &[u8], cut: usize) {
    for unit in case.units() {
        let good = case.good(&unit).body;
        let mut torn = good[..cut.min(good.len())].to_vec();
        torn.extend_from_slice(noise);
        for body in [noise.to_vec(), torn] {
            case.source.classify(&answer(status, "application/json", body.clone()), &unit);
            let mut envelope = case.envelope(&unit, "run-1", FETCHED_AT.parse().unwrap());
            envelope.status = status;
            envelope.body = String::from_utf8_lossy(&body).into_owned();
            let _ = case.source.transform(&envelope);
        }
    }
}

/// A page of something else, or of a failure, is refused.
pub(crate) fn other_pages_are_refused(case: &Case) {
    for unit in case.units() {
        let mut envelope = case.envelope(&unit, "run-1", FETCHED_AT.parse().unwrap());
        envelope.status = 500;
        assert!(case.source.transform(&envelope).is_err(), "{}: status 500", unit.id);
        envelope.status = 200;
        envelope.unit.endpoint = "no-such-page".into();
        assert!(case.source.transform(&envelope).is_err(), "{}: an unknown endpoint", unit.id);
    }
}

/// Pages map to rows that fit their contracts as they are, of instruments that were asked for; from the raw zone they map to the
/// same bytes; fetched a second time they change nothing.
pub(crate) fn rows_fit_their_contracts(case: &Case) {
    let contracts = Contracts::built_in().unwrap();
    let first: DateTime<Utc> = FETCHED_AT.parse().unwrap();
    let mut datasets = BTreeSet::new();
    for unit in case.units() {
        let (page, again) = (
            case.envelope(&unit, "run-1", first),
            case.envelope(&unit, "run-2", first + TimeDelta::hours(1)),
        );
        let (mapped, later) = (case.map(&page), case.map(&again));
        assert_eq!(mapped.warnings, Vec::<String>::new(), "{}", unit.id);
        assert!(!mapped.records.is_empty(), "{}: no rows", unit.id);
        assert_eq!(support::lines(&mapped), support::lines(&case.map(&page)), "{}: twice", unit.id);
        if let Disposition::Ok(rows) | Disposition::NextPage(rows, _) =
            case.source.classify(&case.good(&unit), &unit)
        {
            assert_eq!(rows.0, mapped.records.len() as u64, "{}: rows as counted and as mapped", unit.id);
        }
        let (before, after) = (batches(&contracts, &mapped), batches(&contracts, &later));
        for (dataset, batch) in before {
            let contract = &contracts.get(dataset).unwrap().contract;
            let published = merge(contract, None, &batch).unwrap();
            assert_eq!(published.counts.inserted, batch.num_rows(), "{}: one key for each row", unit.id);
            let table = published.batch().unwrap();
            let merged = merge(contract, Some(&table), &after[dataset]).unwrap();
            assert!(
                !merged.changed,
                "{}: {dataset} changes when fetched again: {:?}",
                unit.id, merged.counts
            );
            datasets.insert(dataset);
        }
    }
    for dataset in &case.job.datasets {
        assert!(datasets.contains(dataset.as_str()), "no page brought {dataset}");
    }
}

/// Bars of days that were not asked for are refused by the column of their day, or left out and counted: they replace nothing.
pub(crate) fn rows_answer_the_question(case: &Case) {
    for unit in case.units().into_iter().filter(|unit| unit.from.is_some()) {
        let mut page = case.envelope(&unit, "run-1", FETCHED_AT.parse().unwrap());
        let day = Some("2013-04-01".to_owned());
        (page.unit.from, page.unit.to) = (day.clone(), day);
        let mapped = case.map(&page);
        let bars = mapped.records.iter().filter(|record| record.dataset().ends_with("_bars"));
        for bar in bars {
            let columns: Vec<&str> = bar.refusals().iter().map(|(column, _)| *column).collect();
            assert_eq!(columns, ["trading_date"], "{}", unit.id);
        }
        assert!(!mapped.records.is_empty() || mapped.skipped > 0, "{}: lost without a word", unit.id);
    }
}

/// A page's rows by dataset, as `check` reads them. Panics on a row that a contract does not take.
pub(crate) fn batches(
    contracts: &Contracts,
    mapped: &Mapped,
) -> BTreeMap<&'static str, arrow::array::RecordBatch> {
    let mut decoders: BTreeMap<&'static str, RowDecoder> = BTreeMap::new();
    for record in &mapped.records {
        let dataset = record.dataset();
        let contract = &contracts.get(dataset).unwrap().contract;
        let decoder = decoders.entry(dataset).or_insert_with(|| RowDecoder::new(Arc::clone(contract)));
        let mut line = Vec::new();
        record.write_line(&mut line);
        let line = String::from_utf8(line).unwrap();
        if let Err(faults) = decoder.push(line.trim_end()) {
            panic!("{faults:?} in {line}");
        }
    }
    decoders
        .into_iter()
        .map(|(dataset, mut decoder)| {
            assert!(decoder.unknown_fields().is_empty(), "{:?}", decoder.unknown_fields());
            let batch = decoder.take_batch().unwrap();
            let missing = unfit_values(&contracts.get(dataset).unwrap().contract, &batch);
            let missing: Vec<_> = missing.into_iter().map(|(fault, _)| fault).collect();
            assert!(missing.is_empty(), "{dataset}: {missing:?}");
            (dataset, batch)
        })
        .collect()
}

/// A vendor that answers by a script, then well.
#[derive(Debug)]
struct Scripted<'a> {
    case: &'a Case,
    units: Vec<FetchUnit>,
    clock: TestClock,
    script: Mutex<VecDeque<RawResponse>>,
    seen: Mutex<Vec<(DateTime<Utc>, String)>>,
}

#[async_trait]
impl Http for Scripted<'_> {
    async fn send(&self, request: Outgoing<'_>) -> Result<RawResponse, Failure> {
        self.seen.lock().unwrap().push((self.clock.now(), request.spec.url.to_string()));
        if let Some(scripted) = self.script.lock().unwrap().pop_front() {
            return Ok(scripted);
        }
        let asked = |unit: &&FetchUnit| self.case.source.request(unit).unwrap() == *request.spec;
        match self.units.iter().find(asked) {
            Some(unit) => Ok(self.case.good(unit)),
            // A page that follows another: the first one has shown how it is asked for.
            None => Err(Failure::new(FailureKind::NotFound, "a further page")),
        }
    }
}

/// On a paused clock: faults are sat out, a limit is kept, a pause is kept, every page arrives, and no key is in a URL.
pub(crate) async fn asking_is_polite(case: &Case) {
    let clock = TestClock::new("2026-11-26T10:00:00Z", 1);
    let mut slow_down = answer(429, "text/plain", "Too Many Requests");
    slow_down.headers.push(("retry-after".into(), "90".into()));
    let script = VecDeque::from([answer(503, "text/plain", "later"), slow_down]);
    let units = case.units();
    let http = Scripted { case, units: units.clone(), clock, script: script.into(), seen: Mutex::default() };
    let secrets = RotatedSecret::new("s3cret", "s3cret");
    let options = Options {
        secret: Some("test:key".into()),
        min_interval: Duration::from_secs(20),
        longest_wait: Duration::from_secs(300),
        ..Options::default()
    };
    let executor = Executor {
        source: case.source.as_ref(),
        http: &http,
        secrets: &secrets,
        clock: &clock,
        sleep: &clock,
        pacing: None,
        options: &options,
    };
    let mut sink = Collected::default();
    let task = units.iter().cloned().map(FetchTask::new).collect();
    let end = executor.run("run-1", task, &mut sink, None).await;
    for (task, end) in &end.units {
        let further = matches!(end, TaskOutcome::Failed(failure) if failure.message == "a further page");
        assert!(further || matches!(end, TaskOutcome::Delivered { .. }), "{}: {end:?}", task.unit.id);
    }
    assert_eq!(sink.pages.len(), units.len(), "each unit's first page");
    let seen = http.seen.into_inner().unwrap();
    assert!(seen[2].0 - seen[1].0 >= TimeDelta::seconds(90), "the pause that a 429 asks for");
    for two in seen.windows(2) {
        assert!(two[1].0 - two[0].0 >= TimeDelta::seconds(20), "the least time between calls");
        assert!(!two[0].1.contains("s3cret"));
    }
}
