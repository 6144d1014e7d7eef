//! A source in a hundred lines: daily bars of a vendor that does not exist.

mod settings;

use std::time::Duration;

use chrono::NaiveTime;
use quotelake_core::{Envelope, Error, FetchUnit, Result};
use quotelake_sources::origin::Origin;
use quotelake_sources::question::Question;
use quotelake_sources::read::{Raw, Reader, date, decimal};
use quotelake_sources::record::Cell;
use quotelake_sources::units::{unit_of, url_of, wanted_field};
use quotelake_sources::{
    Auth, Capabilities, DatasetName, Disposition, Failure, FailureKind, HttpSpec, Instrument, Interval, Job,
    Mapped, RawResponse, Record, Rows, Source,
};
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use settings::Settings;

pub(crate) const NAME: &str = "toy";
const ENDPOINT: &str = "days";
const MIN_INTERVAL: Duration = Duration::from_secs(1);
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
    if unit.endpoint == ENDPOINT && unit.symbol.as_deref() == Some(&page.symbol) {
        return Ok(page);
    }
    Err(Error::invalid(format!("{:?} was asked for, not days of {:?}", unit.id, page.symbol)))
}

impl Source for Toy {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            datasets: &[DatasetName::DailyBars],
            intervals: &[Interval::Day1],
            symbols_per_request: 1,
            bars_per_page: None,
            rate_window: RATE_WINDOW,
            min_interval: MIN_INTERVAL,
        }
    }

    fn plan(&self, job: &Job) -> Result<Vec<FetchUnit>> {
        job.check_for(NAME, self.capabilities().datasets)?;
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

    fn classify(&self, response: &RawResponse, unit: &FetchUnit) -> Disposition {
        if let Some(verdict) = response.verdict_of_status(RATE_WINDOW) {
            return verdict;
        }
        match page(&response.body, unit) {
            Ok(page) if page.days.is_empty() => Disposition::Empty,
            Ok(page) => Disposition::Ok(Rows(page.days.len() as u64)),
            Err(error) => Disposition::Permanent(Failure::new(FailureKind::Malformed, error.to_string())),
        }
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
        Ok(Question::of(&envelope.unit)?.answer(reader, records))
    }
}
