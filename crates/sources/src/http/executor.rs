//! Carries units through, one after the other: one vendor, one rhythm.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use quotelake_core::ports::{Clock, Secret, Secrets};
use quotelake_core::time::{instant_from_ms, parse_instant};
use quotelake_core::{ErrorKind, Page};
use tokio::time::Instant;

use super::pace::{Jitter, NoTime, Pacer};
use super::{Http, Options, Outgoing, PageSink, UnitEnd, Work};
use crate::{Auth, Disposition, Failure, FailureKind, HttpSpec, RawResponse, Rows, Source};

/// Says of a recorded answer when it was recorded.
const RECORDED_AT: &str = "x-quotelake-recorded-at";

/// What a run needs to ask one source.
#[derive(Debug, Clone, Copy)]
pub struct Executor<'a> {
    /// The source.
    pub source: &'a dyn Source,
    /// The connection.
    pub http: &'a dyn Http,
    /// Where the key is.
    pub secrets: &'a dyn Secrets,
    /// Stamps the answers.
    pub clock: &'a dyn Clock,
    /// How to ask.
    pub options: &'a Options,
}

/// What became of every unit.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEnd {
    /// The units in the order given, each with its end.
    pub units: Vec<(Work, UnitEnd)>,
    /// Requests sent, retries included.
    pub requests: u64,
}

impl Executor<'_> {
    /// Carries every unit to an end. With `time_left`, no request starts or lasts past it less [`Options::reserve`], and what is
    /// not done by then is handed back.
    ///
    /// A page is delivered before the next is asked for. A 401 makes the key be read anew, once a run. A failure that tells
    /// of the whole source (an unknown key, a block) fails the units behind it without asking.
    pub async fn run(
        &self,
        run_id: &str,
        work: Vec<Work>,
        sink: &mut dyn PageSink,
        time_left: Option<Duration>,
    ) -> RunEnd {
        let options = self.options;
        let deadline =
            time_left.and_then(|left| Instant::now().checked_add(left.saturating_sub(options.reserve)));
        let mut run = Run {
            executor: self,
            run_id,
            sink,
            pacer: Pacer::new(options.min_interval, options.longest_wait, deadline),
            jitter: Jitter::new(options.seed),
            key: None,
            key_renewed: false,
            stopped: None,
            requests: 0,
        };
        let mut units = Vec::with_capacity(work.len());
        for work in work {
            let end = run.unit(&work).await;
            units.push((work, end));
        }
        RunEnd { units, requests: run.requests }
    }
}

struct Run<'a> {
    executor: &'a Executor<'a>,
    run_id: &'a str,
    sink: &'a mut dyn PageSink,
    pacer: Pacer,
    jitter: Jitter,
    key: Option<Secret>,
    key_renewed: bool,
    stopped: Option<Failure>,
    requests: u64,
}

/// What asking for one page came to.
enum Asked {
    Answer(RawResponse, Rows, Option<HttpSpec>),
    Later(Duration, Option<Failure>),
    Failed(Failure),
}

/// What one attempt asks the retry loop to do.
enum Attempt {
    Done(Asked),
    RetryAfter(Duration, Failure),
    RetryNow,
}

impl Run<'_> {
    async fn unit(&mut self, work: &Work) -> UnitEnd {
        if let Some(stopped) = &self.stopped {
            let message = format!("not asked: {}", stopped.message);
            return UnitEnd::Failed(Failure { message, ..stopped.clone() });
        }
        let source = self.executor.source;
        let spec = match &work.resume_at {
            Some(resume_at) => source.resume(&work.unit, resume_at),
            None => source.request(&work.unit),
        };
        let end = match spec {
            Ok(spec) => self.pages(work, spec).await,
            Err(error) => UnitEnd::Failed(Failure::new(FailureKind::BadRequest, error.to_string())),
        };
        let finished = self.sink.finish().await;
        let end = match (end, finished) {
            (end @ UnitEnd::Failed(_), _) | (end, Ok(())) => end,
            (_, Err(failure)) => self.over(work, failure),
        };
        if let UnitEnd::Failed(failure) = &end
            && failure.kind.stops_source()
        {
            self.stopped = Some(failure.clone());
        }
        end
    }

    /// The unit from its start, because the stream failed: which pages are missing is unknown, and merging makes second copies
    /// harmless.
    fn over(&mut self, work: &Work, failure: Failure) -> UnitEnd {
        if !failure.kind.is_retryable() {
            return UnitEnd::Failed(failure);
        }
        let mut again = Work::new(work.unit.clone());
        again.unit.page = 0;
        again.attempt = work.attempt + 1;
        let delay = self.jitter.at_least(Duration::from_secs(30));
        UnitEnd::HandedBack { work: Box::new(again), delay, pages: 0, failure: Some(failure) }
    }

    async fn pages(&mut self, work: &Work, first: HttpSpec) -> UnitEnd {
        let mut unit = work.unit.clone();
        let mut spec = first;
        let (mut pages, mut rows) = (0u32, 0u64);
        let mut asked = HashSet::new();
        loop {
            let resume_at = spec.resume_at();
            if !asked.insert(resume_at.clone()) {
                let what = format!("next_url leads back to {resume_at:?}, which was asked before");
                return UnitEnd::Failed(Failure::new(FailureKind::Malformed, what));
            }
            if pages == self.executor.options.max_pages {
                let what = format!("more than {pages} pages");
                return UnitEnd::Failed(Failure::new(FailureKind::Malformed, what));
            }
            match self.page(&unit, &spec).await {
                Asked::Answer(response, Rows(count), next) => {
                    if let Err(failure) = self.deliver(&unit, response).await {
                        return self.over(work, failure);
                    }
                    pages += 1;
                    rows += count;
                    unit.page += 1;
                    match next {
                        Some(next) => spec = next,
                        None if rows == 0 && work.resume_at.is_none() => return UnitEnd::Empty,
                        None => return UnitEnd::Delivered { pages, rows },
                    }
                }
                Asked::Failed(failure) => return UnitEnd::Failed(failure),
                Asked::Later(delay, failure) => {
                    let begun = unit.page > 0;
                    let attempt = match (&failure, pages) {
                        (Some(_), 0) => work.attempt + 1,
                        (Some(_), _) => 1,
                        (None, 0) => work.attempt,
                        (None, _) => 0,
                    };
                    let work = Work { unit, resume_at: begun.then_some(resume_at), attempt };
                    return UnitEnd::HandedBack { work: Box::new(work), delay, pages, failure };
                }
            }
        }
    }

    async fn deliver(
        &mut self,
        unit: &quotelake_core::FetchUnit,
        response: RawResponse,
    ) -> Result<(), Failure> {
        let request_id = match response.header("x-request-id") {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => format!("{}/{}/{}", self.run_id, unit.id, unit.page),
        };
        let page = Page {
            source: self.executor.source.name().to_owned(),
            unit: unit.clone(),
            run_id: self.run_id.to_owned(),
            fetched_at: self.fetched_at(&response),
            request_id,
            status: response.status,
            content_type: response.header("content-type").map(str::to_owned),
            body: response.body,
        };
        self.sink.deliver(page).await
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
    async fn page(&mut self, unit: &quotelake_core::FetchUnit, spec: &HttpSpec) -> Asked {
        let mut retries = 0;
        let mut last = None;
        loop {
            let options = self.executor.options;
            let timeout = match self.pacer.turn(options.timeout).await {
                Ok(timeout) => timeout,
                Err(NoTime(wait)) => return Asked::Later(wait, last),
            };
            match self.attempt(unit, spec, timeout, retries).await {
                Attempt::Done(asked) => return asked,
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
                    // Held even when this unit gives up: the next one would meet the same wall.
                    if failure.kind == FailureKind::RateLimited || retries < options.quick_retries {
                        self.pacer.hold(wait);
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
        unit: &quotelake_core::FetchUnit,
        spec: &HttpSpec,
        timeout: Duration,
        retries: u32,
    ) -> Attempt {
        let options = self.executor.options;
        if let Err(failure) = self.have_key(spec).await {
            return self.judge(failure, None, retries);
        }
        let request =
            Outgoing { spec, key: self.key.as_ref(), timeout, max_body_bytes: options.max_body_bytes };
        self.requests += 1;
        let response = match self.executor.http.send(request).await {
            Ok(response) => response,
            Err(failure) => return self.judge(failure, None, retries),
        };
        match self.executor.source.classify(&response, unit) {
            Disposition::Ok(rows) => Attempt::Done(Asked::Answer(response, rows, None)),
            Disposition::Empty => Attempt::Done(Asked::Answer(response, Rows(0), None)),
            Disposition::NextPage(rows, next) => Attempt::Done(Asked::Answer(response, rows, Some(next))),
            Disposition::RateLimited { after, message } => {
                let failure = Failure::of_status(FailureKind::RateLimited, response.status, message);
                self.judge(failure, Some(after), retries)
            }
            Disposition::Permanent(failure)
                if failure.kind == FailureKind::Auth && self.renew_key().await =>
            {
                Attempt::RetryNow
            }
            Disposition::Transient(failure) => {
                let after = response.retry_after();
                self.judge(failure, after, retries)
            }
            Disposition::Permanent(failure) => Attempt::Done(Asked::Failed(failure)),
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

    /// Reads the key once a run. A recording needs none, and gets none.
    async fn have_key(&mut self, spec: &HttpSpec) -> Result<(), Failure> {
        let options = self.executor.options;
        if spec.auth == Auth::None || options.replay || self.key.is_some() {
            return Ok(());
        }
        let Some(reference) = &options.secret else {
            return Err(Failure::new(
                FailureKind::Config,
                "no secret is configured that holds the source's key",
            ));
        };
        let secret = self.executor.secrets.read(reference).await.map_err(|error| {
            let kind = match error.kind() {
                ErrorKind::Unavailable | ErrorKind::Throttled => FailureKind::Network,
                _ => FailureKind::Config,
            };
            Failure::new(kind, format!("cannot read the secret {reference}: {error}"))
        })?;
        self.key = Some(secret);
        Ok(())
    }

    /// After a 401: whether there is another key to try. Asked once a run, for a key may have been rotated.
    async fn renew_key(&mut self) -> bool {
        let (Some(reference), Some(old), false) =
            (&self.executor.options.secret, &self.key, self.key_renewed)
        else {
            return false;
        };
        self.key_renewed = true;
        self.executor.secrets.forget(reference).await;
        match self.executor.secrets.read(reference).await {
            Ok(secret) if secret != *old => {
                self.key = Some(secret);
                true
            }
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(error = %error, "cannot read the secret again after a 401");
                false
            }
        }
    }
}
