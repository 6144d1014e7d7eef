//! Carries units through, one after the other: one vendor, one rhythm.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use quotelake_core::ports::{Clock, Lake, Secrets};
use quotelake_core::time::{instant_from_ms, parse_instant};
use quotelake_core::{Envelope, FetchUnit, Page};

use super::coverage::DaysSeen;
use super::key::Key;
use super::masking;
use super::pace::{Jitter, NoTime, Pacer, Sleep};
use super::{FetchTask, Http, Options, Outgoing, PageSink, TaskOutcome};
use crate::{Disposition, FailedPart, Failure, FailureKind, HttpSpec, RawResponse, Rows, Source};

/// Says of a recorded answer when it was recorded.
const RECORDED_AT: &str = "x-quotelake-recorded-at";

/// Headers in which vendors name a request, the usual one and Yahoo's.
const REQUEST_IDS: [&str; 2] = ["x-request-id", "y-rid"];

/// What a run needs to ask one source.
#[derive(Debug, Clone, Copy)]
pub struct Executor<'a> {
    /// The source.
    pub source: &'a dyn Source,
    /// The connection.
    pub http: &'a dyn Http,
    /// Where the key is.
    pub secrets: &'a dyn Secrets,
    /// Stamps the answers, and is what waits and the deadline are measured on.
    pub clock: &'a dyn Clock,
    /// How to wait.
    pub sleep: &'a dyn Sleep,
    /// Where the pace of a source that has one is shared with other workers; without it, this run keeps to the pace by itself.
    pub pacing: Option<&'a dyn Lake>,
    /// How to ask.
    pub options: &'a Options,
}

/// What became of every unit.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOutcome {
    /// The units in the order given, each with its end. Behind a unit come those of its instruments that failed alone.
    pub units: Vec<(FetchTask, TaskOutcome)>,
    /// Requests sent, retries included.
    pub requests: u64,
}

impl Executor<'_> {
    /// Carries every unit to an end. With `time_left`, no request starts or lasts past it less [`Options::reserve`], and what is
    /// not done by then is handed back.
    ///
    /// A page is delivered before the next is asked for. A 401 makes the key be read again, once a run. A failure that tells
    /// of the whole source (an unknown key, a block) fails the units behind it without asking.
    pub async fn run(
        &self,
        run_id: &str,
        tasks: Vec<FetchTask>,
        sink: &mut dyn PageSink,
        time_left: Option<Duration>,
    ) -> RunOutcome {
        let options = self.options;
        let deadline = time_left.and_then(|left| {
            let left = TimeDelta::from_std(left.saturating_sub(options.reserve)).ok()?;
            self.clock.now().checked_add_signed(left)
        });
        let time = (self.clock, self.sleep);
        let shared = (self.pacing, self.source.name());
        // Workers that share a pace must not wait alike after a lost write.
        let seed =
            options.seed ^ run_id.bytes().fold(0, |hash: u64, byte| hash.rotate_left(7) ^ u64::from(byte));
        let jitter = Jitter::new(seed);
        let rules = options.rules();
        let mut run = Run {
            executor: self,
            run_id,
            sink,
            pacer: Pacer::new(time, rules, options.longest_wait, deadline, shared, jitter),
            jitter: Jitter::new(options.seed),
            key: Key::default(),
            stopped: None,
            requests: 0,
            failed_parts: Vec::new(),
            to_come: tasks.len(),
        };
        let mut units = Vec::with_capacity(tasks.len());
        for task in tasks {
            run.to_come -= 1;
            let end = run.unit(&task).await;
            units.push((task, end));
            let parts = run.failed_parts.drain(..);
            units.extend(parts.map(|part| (FetchTask::new(part.unit), TaskOutcome::Failed(part.failure))));
        }
        run.pacer.finish().await;
        RunOutcome { units, requests: run.requests }
    }
}

struct Run<'a> {
    executor: &'a Executor<'a>,
    run_id: &'a str,
    sink: &'a mut dyn PageSink,
    pacer: Pacer<'a>,
    jitter: Jitter,
    key: Key,
    stopped: Option<Failure>,
    requests: u64,
    failed_parts: Vec<FailedPart>,
    /// Units behind the current one, each a request at least.
    to_come: usize,
}

/// How far the pages of a unit have come in this run.
#[derive(Default)]
struct Progress {
    /// The unit; its `page` is the number of the next page.
    unit: FetchUnit,
    pages: u32,
    rows: u64,
    seen: DaysSeen,
    /// Where each page was asked for.
    asked: HashSet<String>,
}

impl Progress {
    /// Why the page at `resume_at` is not to be asked for: links go in a circle, or on and on.
    fn never_ends(&mut self, resume_at: &str, max_pages: u32) -> Option<String> {
        if !self.asked.insert(resume_at.to_owned()) {
            return Some(format!("next_url leads back to {resume_at:?}, which was asked before"));
        }
        (self.pages == max_pages).then(|| format!("more than {max_pages} pages"))
    }

    fn count(&mut self, Rows(rows): Rows) {
        self.pages += 1;
        self.rows += rows;
        self.unit.page += 1;
    }

    /// After the last page.
    fn ended(self, task: &FetchTask, now: DateTime<Utc>) -> TaskOutcome {
        let from_start = task.resume_at.is_none();
        if self.rows == 0 && from_start {
            return TaskOutcome::Empty;
        }
        let short = self.seen.short(&self.unit, from_start, now);
        TaskOutcome::Delivered { pages: self.pages, rows: self.rows, short }
    }

    /// With the rest to be asked for later, from the page at `resume_at`.
    fn handed_back(
        self,
        task: &FetchTask,
        resume_at: String,
        delay: Duration,
        failure: Option<Failure>,
    ) -> TaskOutcome {
        let tried = failure.as_ref().is_some_and(|failure| failure.kind.is_attempt());
        let before = if self.pages == 0 { task.attempt } else { 0 };
        let rest = FetchTask {
            resume_at: (self.unit.page > 0).then_some(resume_at),
            unit: self.unit,
            attempt: before + u32::from(tried),
        };
        TaskOutcome::HandedBack { task: Box::new(rest), delay, pages: self.pages, failure }
    }
}

/// What asking for one page came to.
enum Asked {
    Answer(RawResponse, Rows, Option<HttpSpec>),
    Later(Duration, Option<Failure>),
    Failed(Failure),
    /// Nothing, but each of the unit's instruments may be asked for by itself.
    Split(Vec<FetchUnit>, Failure),
}

/// What became of a unit, or the units that it has to be asked for as.
enum Asking {
    Ended(TaskOutcome),
    Split(Vec<FetchUnit>, Failure),
}

impl From<TaskOutcome> for Asking {
    fn from(end: TaskOutcome) -> Self {
        Self::Ended(end)
    }
}

/// What one attempt asks the retry loop to do.
enum Attempt {
    Done(Asked),
    RetryAfter(Duration, Failure),
    RetryNow,
}

impl Run<'_> {
    async fn unit(&mut self, task: &FetchTask) -> TaskOutcome {
        match self.one(task).await {
            Asking::Ended(end) => end,
            Asking::Split(units, failure) => self.each(task, units, failure).await,
        }
    }

    /// Asks for the instruments of a unit one by one. Those that fail come behind it; where all do, it has failed itself. Where one
    /// has to wait, the whole is asked for again later: a merge takes no harm.
    async fn each(&mut self, task: &FetchTask, units: Vec<FetchUnit>, whole: Failure) -> TaskOutcome {
        tracing::info!(
            unit_id = task.unit.id,
            instruments = units.len(),
            reason = whole.message,
            "refused together, asked for one by one"
        );
        let (mut pages, mut rows) = (0, 0);
        let (asked, mut failed) = (units.len(), Vec::new());
        for unit in units {
            let part = FetchTask::new(unit);
            let end = match self.one(&part).await {
                Asking::Ended(end) => end,
                Asking::Split(_, failure) => TaskOutcome::Failed(failure),
            };
            match end {
                TaskOutcome::Delivered { pages: of_part, rows: in_part, .. } => {
                    pages += of_part;
                    rows += in_part;
                }
                TaskOutcome::Empty => {}
                TaskOutcome::Failed(failure) => failed.push(FailedPart { unit: part.unit, failure }),
                TaskOutcome::HandedBack { delay, pages: of_part, failure, .. } => {
                    let tried = failure.as_ref().is_some_and(|failure| failure.kind.is_attempt());
                    let again = FetchTask {
                        attempt: task.attempt + u32::from(tried),
                        ..FetchTask::new(task.unit.clone())
                    };
                    let pages = pages + of_part;
                    return TaskOutcome::HandedBack { task: Box::new(again), delay, pages, failure };
                }
            }
        }
        if failed.len() == asked {
            // Where the source stopped the run, that says more than that one symbol is unknown.
            return TaskOutcome::Failed(self.stopped.clone().unwrap_or(whole));
        }
        self.failed_parts.extend(failed);
        if rows == 0 { TaskOutcome::Empty } else { TaskOutcome::Delivered { pages, rows, short: None } }
    }

    async fn one(&mut self, task: &FetchTask) -> Asking {
        if let Some(stopped) = &self.stopped {
            let message = format!("not asked: {}", stopped.message);
            return TaskOutcome::Failed(Failure { message, ..stopped.clone() }).into();
        }
        let source = self.executor.source;
        let spec = match &task.resume_at {
            Some(resume_at) => source.resume(&task.unit, resume_at),
            None => source.request(&task.unit),
        };
        let end = match spec {
            Ok(spec) => self.pages(task, spec).await,
            Err(error) => {
                TaskOutcome::Failed(Failure::new(FailureKind::BadRequest, error.to_string())).into()
            }
        };
        let finished = self.sink.finish().await;
        let end = match end {
            Asking::Ended(end) => end,
            split @ Asking::Split(..) => return split,
        };
        let end = match (end, finished) {
            (end @ TaskOutcome::Failed(_), _) | (end, Ok(())) => end,
            (_, Err(failure)) => self.start_again(task, failure),
        };
        if let TaskOutcome::Failed(failure) = &end
            && failure.kind.stops_source()
        {
            if matches!(failure.kind, FailureKind::Blocked | FailureKind::Quota) {
                self.pacer.blocked(&failure.message).await;
            }
            self.stopped = Some(failure.clone());
        }
        end.into()
    }

    /// The unit from its start, because the stream failed: which pages are missing is unknown, and merging makes second copies
    /// harmless.
    fn start_again(&mut self, task: &FetchTask, failure: Failure) -> TaskOutcome {
        if !failure.kind.is_retryable() {
            return TaskOutcome::Failed(failure);
        }
        let mut again = FetchTask::new(task.unit.clone());
        again.unit.page = 0;
        again.attempt = task.attempt + 1;
        let delay = self.jitter.at_least(Duration::from_secs(30));
        TaskOutcome::HandedBack { task: Box::new(again), delay, pages: 0, failure: Some(failure) }
    }

    async fn pages(&mut self, task: &FetchTask, first: HttpSpec) -> Asking {
        let mut progress = Progress { unit: task.unit.clone(), ..Progress::default() };
        let mut spec = first;
        loop {
            let resume_at = spec.resume_at();
            if let Some(what) = progress.never_ends(&resume_at, self.executor.options.max_pages) {
                let what = self.key.hidden_in(what);
                return TaskOutcome::Failed(Failure::new(FailureKind::Malformed, what)).into();
            }
            let (response, rows, next) = match self.page(&progress.unit, &spec).await {
                Asked::Answer(response, rows, next) => (response, rows, next),
                Asked::Failed(failure) => return TaskOutcome::Failed(failure).into(),
                // Only the first page can say that it is none of all.
                Asked::Split(_, failure) if progress.pages > 0 => return TaskOutcome::Failed(failure).into(),
                Asked::Split(units, failure) => return Asking::Split(units, failure),
                Asked::Later(delay, failure) => {
                    return progress.handed_back(task, resume_at, delay, failure).into();
                }
            };
            let page = self.page_of(&progress.unit, response);
            progress.seen.add(self.executor.source, &page);
            if let Err(failure) = self.sink.deliver(page).await {
                return self.start_again(task, failure).into();
            }
            progress.count(rows);
            match next {
                Some(next) => spec = next,
                None => return progress.ended(task, self.executor.clock.now()).into(),
            }
        }
    }

    fn page_of(&self, unit: &FetchUnit, response: RawResponse) -> Envelope {
        let header = |name| response.header(name).filter(|value| !self.key.is_in(value));
        let given = REQUEST_IDS.iter().find_map(|name| header(name).filter(|id| !id.is_empty()));
        let request_id = match given {
            Some(id) => id.to_owned(),
            None => format!("{}/{}/{}", self.run_id, unit.id, unit.page),
        };
        Envelope::seal(Page {
            source: self.executor.source.name().to_owned(),
            unit: unit.clone(),
            run_id: self.run_id.to_owned(),
            fetched_at: self.fetched_at(&response),
            request_id,
            status: response.status,
            content_type: header("content-type").map(str::to_owned),
            body: response.body,
        })
    }

    /// To the millisecond, which is what the lake keeps.
    fn fetched_at(&self, response: &RawResponse) -> DateTime<Utc> {
        let now = self.executor.clock.now();
        let recorded = response
            .header(RECORDED_AT)
            .filter(|_| self.executor.options.replay)
            .and_then(|text| parse_instant(text.as_bytes()));
        instant_from_ms(recorded.unwrap_or_else(|| now.timestamp_millis())).unwrap_or(now)
    }

    /// Asks for one page until it is there, it never will be, or there is no time.
    async fn page(&mut self, unit: &FetchUnit, spec: &HttpSpec) -> Asked {
        let mut retries = 0;
        let mut last = None;
        loop {
            let options = self.executor.options;
            let timeout = match self.pacer.turn(options.timeout, self.to_come).await {
                Ok(timeout) => timeout,
                Err(NoTime(wait, why)) => return Asked::Later(wait, last.or(why)),
            };
            match self.attempt(unit, spec, timeout, retries).await {
                Attempt::Done(asked) => {
                    if !matches!(&asked, Asked::Failed(failure) if failure.kind.stops_source()) {
                        self.pacer.succeeded().await;
                    }
                    return asked;
                }
                Attempt::RetryNow => {}
                Attempt::RetryAfter(wait, failure) => {
                    tracing::info!(
                        unit_id = unit.id,
                        kind = failure.kind.code(),
                        status = failure.status,
                        wait_ms = wait.as_millis() as u64,
                        retries,
                        reason = failure.message,
                        "answer is to be asked for again"
                    );
                    if failure.kind != FailureKind::RateLimited {
                        self.pacer.failed(&failure.to_string()).await;
                    }
                    // Held even when this unit gives up: the next one would meet the same wall.
                    if failure.kind == FailureKind::RateLimited || retries < options.quick_retries {
                        self.pacer.hold(wait).await;
                    }
                    if retries == options.quick_retries {
                        return Asked::Later(wait, Some(failure));
                    }
                    retries += 1;
                    last = Some(failure);
                }
            }
        }
    }

    async fn attempt(
        &mut self,
        unit: &FetchUnit,
        spec: &HttpSpec,
        timeout: Duration,
        retries: u32,
    ) -> Attempt {
        let options = self.executor.options;
        let secrets = self.executor.secrets;
        if let Err(failure) = self.key.have(spec, options, secrets).await {
            return self.judge(failure, None, retries);
        }
        let request =
            Outgoing { spec, key: self.key.value(), timeout, max_body_bytes: options.max_body_bytes };
        self.requests += 1;
        let response = match self.executor.http.send(request).await {
            Ok(response) => response,
            Err(failure) => return self.judge(self.key.hidden_in_failure(failure), None, retries),
        };
        let disposition = match self.classify(&response, unit) {
            Disposition::Partial { page, failed } => {
                self.failed_parts.extend(failed);
                *page
            }
            whole => whole,
        };
        match disposition {
            Disposition::Ok(rows) => Attempt::Done(Asked::Answer(response, rows, None)),
            Disposition::Empty => Attempt::Done(Asked::Answer(response, Rows(0), None)),
            Disposition::NextPage(rows, next) => {
                let next = self.key.left_out_of(next);
                Attempt::Done(Asked::Answer(response, rows, Some(next)))
            }
            Disposition::RateLimited { after, message } => {
                let failure = Failure::of_status(FailureKind::RateLimited, response.status, message);
                self.judge(failure, Some(after), retries)
            }
            Disposition::Permanent(failure)
                if failure.kind == FailureKind::Auth && self.key.renew(options, secrets).await =>
            {
                Attempt::RetryNow
            }
            Disposition::Transient(failure) => {
                let after = response.retry_after();
                self.judge(failure, after, retries)
            }
            Disposition::Permanent(failure) => Attempt::Done(Asked::Failed(failure)),
            Disposition::Split { units, failure } => Attempt::Done(Asked::Split(units, failure)),
            Disposition::Partial { .. } => Attempt::Done(Asked::Failed(Failure::new(
                FailureKind::Malformed,
                "a page that is partial twice over",
            ))),
        }
    }

    /// What the source makes of an answer. Where that repeats the answer's words and the key is among them, they are taken from a
    /// copy in which it is masked: before anything is cut, so that no part of it stays.
    fn classify(&self, response: &RawResponse, unit: &FetchUnit) -> Disposition {
        let source = self.executor.source;
        let verdict = source.classify(response, unit);
        if !masking::repeats(&verdict) {
            return verdict;
        }
        match self.key.hidden_in_answer(response) {
            Some(masked) => masking::in_words_of(verdict, source.classify(&masked, unit)),
            None => verdict,
        }
    }

    fn judge(&mut self, failure: Failure, after: Option<Duration>, retries: u32) -> Attempt {
        if !failure.kind.is_retryable() {
            return Attempt::Done(Asked::Failed(failure));
        }
        let wait = match after {
            Some(after) => self.jitter.at_least(after),
            None => self.jitter.backoff(self.executor.options.backoff, retries),
        };
        Attempt::RetryAfter(wait, failure)
    }
}
