//! What the tests of this crate share.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

#[cfg(feature = "http")]
pub mod asking;

use std::path::PathBuf;

use quotelake_core::{Envelope, FetchUnit, Page};
use quotelake_sources::polygon::Polygon;
use quotelake_sources::record::Bar;
use quotelake_sources::{DatasetName, Instrument, Job, Mapped, RawResponse, Record, Source};

pub fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/polygon").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub fn sample_recording() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../samples/polygon/recording.json")
}

pub fn instrument(symbol: &str) -> Instrument {
    Instrument {
        symbol: symbol.into(),
        mic: Some("XNAS".into()),
        exchange_tz: "America/New_York".into(),
        currency: Some("USD".into()),
        asset_class: "equity".into(),
    }
}

/// The sample recording's job, or a part of it.
pub fn job(symbols: &[&str], datasets: &[DatasetName]) -> Job {
    Job {
        instruments: symbols.iter().map(|symbol| instrument(symbol)).collect(),
        datasets: datasets.to_vec(),
        intraday_interval: None,
        from: "2000-03-01".parse().unwrap(),
        to: "2013-03-01".parse().unwrap(),
    }
}

pub fn unit(symbol: &str, dataset: DatasetName) -> FetchUnit {
    Polygon::default().plan(&job(&[symbol], &[dataset])).unwrap().remove(0)
}

pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> RawResponse {
    RawResponse {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into().into(),
    }
}

pub fn envelope(unit: FetchUnit, fetched_at: &str, body: &[u8]) -> Envelope {
    sealed("polygon", unit, fetched_at, "application/json", body)
}

/// A page of a source, as it is put on the stream.
pub fn sealed(
    source: &str,
    unit: FetchUnit,
    fetched_at: &str,
    content_type: &str,
    body: &(impl AsRef<[u8]> + ?Sized),
) -> Envelope {
    Envelope::seal(Page {
        source: source.into(),
        unit,
        run_id: "run-1".into(),
        fetched_at: fetched_at.parse().unwrap(),
        request_id: "ours".into(),
        status: 200,
        content_type: Some(content_type.into()),
        body: body.as_ref().to_vec().into(),
    })
}

/// What a source makes of an answer in JSON.
pub fn map(
    source: &dyn Source,
    unit: &FetchUnit,
    fetched_at: &str,
    body: &(impl AsRef<[u8]> + ?Sized),
) -> Mapped {
    source.transform(&sealed(source.name(), unit.clone(), fetched_at, "application/json", body)).unwrap()
}

pub fn bars(mapped: &Mapped) -> Vec<&Bar> {
    let bars = mapped.records.iter().filter_map(|record| match record {
        Record::DailyBars(bar) | Record::IntradayBars(bar) => Some(bar),
        _ => None,
    });
    bars.collect()
}

pub fn lines(mapped: &Mapped) -> String {
    let mut out = Vec::new();
    for record in &mapped.records {
        record.write_line(&mut out);
    }
    String::from_utf8(out).unwrap()
}
