//! A source in a hundred lines: daily bars of a vendor that does not exist.

use std::time::Duration;

use chrono::NaiveTime;
use quotelake_core::{Envelope, Error, FetchUnit, Result};
use quotelake_sources::origin::Origin;
use quotelake_sources::read::{Raw, Reader, date, decimal};
use quotelake_sources::record::Cell;
use quotelake_sources::units::{unit_of, url_of, wanted_field};
use quotelake_sources::{
    Auth, Capabilities, DatasetName, Disposition, Failure, FailureKind, HttpSpec, Instrument, Interval, Job,
    Mapped, RawResponse, Record, Rows, Source,
};
use serde::Deserialize;
use serde_json::value::RawValue;

const NAME: &str = "toy";
const ENDPOINT: &str = "days";
const DATASETS: &[DatasetName] = &[DatasetName::DailyBars];
const RATE_WINDOW: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Toy(pub(crate) url::Url);

#[derive(Deserialize)]
struct Page<'a> {
    symbol: String,
    #[serde(borrow)]
    days: Vec<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Day<'a>(#[serde(borrow)] Raw<'a>, Raw<'a>, Raw<'a>, Raw<'a>, Raw<'a>, Raw<'a>);

/// The page, if it is one of the symbol that was asked for.
fn page<'a>(body: &'a [u8], unit: &FetchUnit) -> Result<Page<'a>> {
    let page: Page<'_> =
        serde_json::from_slice(body).map_err(|e| Error::invalid("the body is no page").with_source(e))?;
    match unit.endpoint == ENDPOINT && unit.symbol.as_deref() == Some(&page.symbol) {
        true => Ok(page),
        false => Err(Error::invalid(format!("{:?} was asked for, not days of {:?}", unit.id, page.symbol))),
    }
}

impl Source for Toy {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        let intervals = &[Interval::Day1];
        Capabilities {
            datasets: DATASETS,
            intervals,
            symbols_per_request: 1,
            pages: false,
            rate_window: RATE_WINDOW,
        }
    }

    fn plan(&self, job: &Job) -> Result<Vec<FetchUnit>> {
        job.check()?;
        job.check_datasets(NAME, DATASETS)?;
        let (from, to) = (job.from.to_string(), job.to.to_string());
        let unit = |instrument: &Instrument| FetchUnit {
            id: format!("{NAME}/{ENDPOINT}/{}/{from}/{to}", instrument.symbol),
            interval: Some("1d".into()),
            from: Some(from.clone()),
            to: Some(to.clone()),
            ..unit_of(ENDPOINT, instrument)
        };
        Ok(job.instruments.iter().map(unit).collect())
    }

    fn request(&self, unit: &FetchUnit) -> Result<HttpSpec> {
        let mut url = url_of(&self.0, &[ENDPOINT, wanted_field(unit, &unit.symbol, "symbol")?])?;
        let (from, to) = (wanted_field(unit, &unit.from, "from")?, wanted_field(unit, &unit.to, "to")?);
        url.query_pairs_mut().append_pair("from", from).append_pair("to", to);
        Ok(HttpSpec { url, auth: Auth::Bearer, accept: "application/json" })
    }

    fn resume(&self, unit: &FetchUnit, resume_at: &str) -> Result<HttpSpec> {
        Err(Error::invalid(format!("unit {}: there is no page at {resume_at:?}", unit.id)))
    }

    fn classify(&self, response: &RawResponse, unit: &FetchUnit) -> Disposition {
        let failure = |kind| Failure::of_status(kind, response.status, response.quote());
        let kind = match (response.status, page(&response.body, unit)) {
            (200, Ok(page)) if page.days.is_empty() => return Disposition::Empty,
            (200, Ok(page)) => return Disposition::Ok(Rows(page.days.len() as u64)),
            (429, _) => {
                let after = response.retry_after().unwrap_or(RATE_WINDOW);
                return Disposition::RateLimited { after, message: response.quote() };
            }
            (408 | 500..=599, _) => return Disposition::Transient(failure(FailureKind::Server)),
            (401 | 403, _) => FailureKind::Auth,
            (404, _) => FailureKind::NotFound,
            (300..=399, _) => FailureKind::Blocked,
            (200, _) if response.is_html() => FailureKind::Blocked,
            (200, _) => FailureKind::Malformed,
            _ => FailureKind::BadRequest,
        };
        Disposition::Permanent(failure(kind))
    }

    fn transform(&self, envelope: &Envelope) -> Result<Mapped> {
        if envelope.status != 200 {
            return Err(Error::invalid(format!("the answer's status is {}", envelope.status)));
        }
        let (body, origin) = (envelope.body_bytes()?, Origin::of(NAME, envelope, None)?);
        let named = origin.instruments().first().ok_or_else(|| Error::invalid("no symbol"))?;
        let (mut reader, mut records) = (Reader::default(), Vec::new());
        for (index, raw) in page(&body, &envelope.unit)?.days.into_iter().enumerate() {
            reader.at(format!("days[{index}]"));
            let day: Day<'_> = reader.row(raw);
            let on = reader.required(day.0, "day", date).as_ref().and_then(Cell::value).copied();
            let stamp = on.map(|date| date.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
            let mut bar = origin.bar_on(named, Interval::Day1, stamp, on);
            bar.open = reader.optional(day.1, "open", decimal);
            bar.high = reader.optional(day.2, "high", decimal);
            bar.low = reader.optional(day.3, "low", decimal);
            bar.close = reader.required(day.4, "close", decimal);
            bar.volume = reader.optional(day.5, "volume", decimal);
            records.push(Record::DailyBars(bar));
        }
        Ok(Mapped { records, warnings: reader.into_warnings() })
    }
}
