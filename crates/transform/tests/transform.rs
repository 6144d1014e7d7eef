//! The delivery stream's contract, on the sample events and on anything at all.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;
use quotelake_core::{Envelope, FetchUnit, Page, Result};
use quotelake_sources::page::write_lines;
use quotelake_sources::size::fits_stream;
use quotelake_sources::{Capabilities, Disposition, HttpSpec, Job, Mapped, RawResponse, Source, Sources};
use quotelake_transform::{
    Context, DEFAULT_MAX_RESPONSE_BYTES, FirehoseEvent, FirehoseRecord, FirehoseResponse,
    RECOMMENDED_BUFFER_BYTES, RecordResult, handle,
};

fn samples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../samples")
}

fn sample(name: &str) -> FirehoseEvent {
    let path = samples().join("events/transform").join(name);
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

fn event(records: Vec<Vec<u8>>) -> FirehoseEvent {
    let record = |(n, data): (usize, Vec<u8>)| FirehoseRecord {
        record_id: format!("record-{n}"),
        approximate_arrival_timestamp: None,
        data: BASE64.encode(data),
    };
    FirehoseEvent {
        invocation_id: "test".into(),
        delivery_stream_arn: "arn:aws:firehose:us-east-1:123456789012:deliverystream/test".into(),
        region: "us-east-1".into(),
        records: records.into_iter().enumerate().map(record).collect(),
    }
}

/// A page of `bars` bars, as it goes over the stream.
fn page(bars: usize) -> Vec<u8> {
    let bar = |n: usize| {
        let t = 951_886_800_000 + n as u64 * 86_400_000;
        format!(
            r#"{{"v":9616100,"vw":124.4871,"o":118.5625,"c":130.3125,"h":132.0625,"l":118.5021,"t":{t},"n":104817}}"#
        )
    };
    let rows: Vec<String> = (0..bars).map(bar).collect();
    let body = format!(
        r#"{{"ticker":"AAPL","adjusted":false,"status":"OK","request_id":"{:032}","results":[{}]}}"#,
        7,
        rows.join(",")
    );
    seal("polygon", unit_of_bars(), body)
}

fn unit_of_bars() -> FetchUnit {
    FetchUnit {
        id: "polygon/aggregates/AAPL/1d/2000-03-01/2013-03-01".into(),
        endpoint: "aggregates".into(),
        symbol: Some("AAPL".into()),
        interval: Some("1d".into()),
        from: Some("2000-03-01".into()),
        to: Some("2030-03-01".into()),
        exchange_tz: "America/New_York".into(),
        exchange_mic: Some("XNAS".into()),
        currency: Some("USD".into()),
        asset_class: "equity".into(),
        ..FetchUnit::default()
    }
}

fn seal(source: &str, unit: FetchUnit, body: String) -> Vec<u8> {
    let page = Page {
        source: source.into(),
        unit,
        run_id: "20130302T020000.000Z-5eed5eed".into(),
        fetched_at: "2013-03-02T02:00:00Z".parse().unwrap(),
        request_id: "ours".into(),
        status: 200,
        content_type: Some("application/json".into()),
        body: body.into(),
    };
    Envelope::seal(page).to_record().unwrap().to_vec()
}

fn results(response: &FirehoseResponse) -> Vec<RecordResult> {
    response.records.iter().map(|record| record.result).collect()
}

fn size(response: &FirehoseResponse) -> usize {
    serde_json::to_vec(response).unwrap().len()
}

#[test]
fn sample_events() {
    for name in ["one_page", "empty_page", "poison_record", "mixed_batch"] {
        let event = sample(&format!("{name}.json"));
        let response = handle(&event, &Context::default());
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&response).unwrap());
        // And once more for people: what the base64 says.
        let text = |record: &quotelake_transform::TransformedRecord| {
            String::from_utf8_lossy(&BASE64.decode(record.data.text()).unwrap()).into_owned()
        };
        let plain: Vec<String> =
            response.records.iter().filter(|record| record.result == RecordResult::Ok).map(text).collect();
        insta::assert_snapshot!(format!("{name}_lines"), plain.concat());
    }
}

/// Every page of the sample recording, as it goes over the stream.
fn recorded_pages() -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(samples().join("polygon/pages"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let record = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (symbol, kind) = name.split_once('-').unwrap();
        let endpoint = match kind.split_once('-').unwrap().0 {
            "1day" => "aggregates",
            other => other,
        };
        let unit = FetchUnit {
            id: name.clone(),
            endpoint: endpoint.into(),
            symbol: Some(symbol.into()),
            interval: (endpoint == "aggregates").then(|| "1d".into()),
            from: None,
            to: None,
            exchange_tz: "America/New_York".into(),
            exchange_mic: Some("XNAS".into()),
            currency: None,
            asset_class: "equity".into(),
            ..FetchUnit::default()
        };
        seal("polygon", unit, std::fs::read_to_string(path).unwrap())
    };
    paths.iter().map(record).collect()
}

#[test]
fn the_whole_recording() {
    let mut lines = 0;
    let pages = recorded_pages();
    for (number, record) in pages.iter().enumerate() {
        let response = handle(&event(vec![record.clone()]), &Context::default());
        let answer = &response.records[0];
        let text = BASE64.decode(answer.data.text()).unwrap();
        assert_ne!(answer.result, RecordResult::ProcessingFailed, "page {number}");
        assert!(text.is_empty() || text.ends_with(b"\n"));
        lines += text.iter().filter(|byte| **byte == b'\n').count();
    }
    assert_eq!((pages.len(), lines), (26, 12_154 + 3 + 93));
}

#[test]
fn the_largest_configurable_page_is_answered() {
    let record = page(quotelake_sources::polygon::MAX_PAGE_LIMIT as usize);
    assert!(record.len() <= 1_024_000, "{} bytes do not fit a stream record", record.len());
    let response = handle(&event(vec![record]), &Context::default());
    assert_eq!(results(&response), [RecordResult::Ok]);
    assert!(size(&response) <= DEFAULT_MAX_RESPONSE_BYTES, "{}", size(&response));
}

#[test]
fn the_recommended_buffer_is_always_answered() {
    for bars in [50, 250, 1000] {
        let page = page(bars);
        let records = vec![page.clone(); RECOMMENDED_BUFFER_BYTES.div_ceil(page.len())];
        let response = handle(&event(records), &Context::default());
        assert!(results(&response).iter().all(|result| *result == RecordResult::Ok), "{bars}");
        assert!(size(&response) <= DEFAULT_MAX_RESPONSE_BYTES);
    }
}

/// The shortest rows that a vendor sends: a penny stock that hardly trades. Each becomes a line as long as any other.
fn low_priced(bars: usize) -> Vec<u8> {
    let bar = |n: usize| {
        let t = 951_886_800_000 + n as u64 * 86_400_000;
        format!(r#"{{"v":1,"o":0.1,"c":0.1,"h":0.1,"l":0.1,"t":{t}}}"#)
    };
    let rows: Vec<String> = (0..bars).map(bar).collect();
    let body = format!(
        r#"{{"ticker":"AAPL","adjusted":false,"status":"OK","request_id":"{:032}","results":[{}]}}"#,
        7,
        rows.join(",")
    );
    seal("polygon", unit_of_bars(), body)
}

/// The bytes of the buffer in front of this function, as the infrastructure sets it.
fn configured_buffer_bytes() -> usize {
    #[derive(serde::Deserialize)]
    struct Stream {
        transform_buffer_mb: String,
    }
    let path = samples().join("../infra/generated/stream.json");
    let stream: Stream = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let tenths: usize = stream.transform_buffer_mb.strip_prefix("0.").unwrap().parse().unwrap();
    tenths * (1 << 20) / 10
}

/// How a stream fills its buffer: the record that fills it closes it. What `fetch` does not send by it never comes here.
fn buffer_of(pages: &[Vec<u8>], bytes: usize) -> Vec<Vec<u8>> {
    let mut buffer = Vec::new();
    let mut buffered = 0;
    for page in pages.iter().cycle() {
        buffered += page.len();
        buffer.push(page.clone());
        if buffered >= bytes {
            break;
        }
    }
    buffer
}

#[test]
fn a_buffer_of_the_worst_pages_is_answered_as_it_is_configured() {
    let context = Context::default();
    let lines_of = |record: &Vec<u8>| {
        let (mut lines, envelope) = (Vec::new(), Envelope::from_record(record).unwrap());
        write_lines(&context.sources, &envelope, &mut lines).unwrap();
        lines.len()
    };
    let mut pages = recorded_pages();
    pages.extend([1, 10, 100, 500, 1000, 1900].map(low_priced));
    pages.retain(|page| fits_stream(1_024_000, page.len(), lines_of(page)));
    let growth = |page: &Vec<u8>| lines_of(page) * 1000 / page.len();
    pages.sort_by_key(|page| std::cmp::Reverse(growth(page)));
    assert!(pages.len() > 20 && growth(&pages[0]) > 9_000, "{} pages, {}", pages.len(), growth(&pages[0]));

    let configured = configured_buffer_bytes();
    assert!(configured <= RECOMMENDED_BUFFER_BYTES, "{configured}");
    for worst in 1..=5 {
        let response = handle(&event(buffer_of(&pages[..worst], configured)), &context);
        assert!(results(&response).iter().all(|result| *result != RecordResult::ProcessingFailed), "{worst}");
    }
    // With the buffer of half a megabyte that once was set, the same pages are given back.
    let response = handle(&event(buffer_of(&pages[..1], 500_000)), &context);
    assert!(results(&response).contains(&RecordResult::ProcessingFailed), "the test would not notice");
}

#[test]
fn what_does_not_fit_comes_back_whole() {
    let event = event(vec![page(2500), page(2500), page(2500), page(1)]);
    let response = handle(&event, &Context::default());
    use RecordResult::{Ok, ProcessingFailed};
    assert_eq!(results(&response), [Ok, ProcessingFailed, ProcessingFailed, Ok]);
    assert_eq!(response.records[1].data.text(), event.records[1].data);
    assert!(size(&response) <= DEFAULT_MAX_RESPONSE_BYTES, "{}", size(&response));
}

#[test]
fn input_that_is_not_base64_comes_back_as_it_was() {
    let mut event = event(vec![page(1), page(1)]);
    event.records[0].data = "\"%\n\u{1}".into();
    let response = handle(&event, &Context::default());
    assert_eq!(results(&response), [RecordResult::ProcessingFailed, RecordResult::Ok]);
    assert_eq!(response.records[0].data.text(), event.records[0].data);
}

/// A source whose mapper panics.
#[derive(Debug)]
struct Panicking;

impl Source for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }
    fn capabilities(&self) -> Capabilities {
        unreachable!()
    }
    fn plan(&self, _: &Job) -> Result<Vec<FetchUnit>> {
        unreachable!()
    }
    fn request(&self, _: &FetchUnit) -> Result<HttpSpec> {
        unreachable!()
    }
    fn resume(&self, _: &FetchUnit, _: &str) -> Result<HttpSpec> {
        unreachable!()
    }
    fn classify(&self, _: &RawResponse, _: &FetchUnit) -> Disposition {
        unreachable!()
    }
    fn transform(&self, envelope: &Envelope) -> Result<Mapped> {
        panic!("{} was too much", envelope.unit.id)
    }
}

#[test]
fn a_panic_costs_one_record() {
    let mut envelope = Envelope::from_record(&page(1)).unwrap();
    envelope.source = "panicking".into();
    let record = envelope.to_record().unwrap().to_vec();
    let context = Context::new(Sources::default().with(Arc::new(Panicking)));
    let event = event(vec![page(1), record, page(2)]);
    let response = handle(&event, &context);
    use RecordResult::{Ok, ProcessingFailed};
    assert_eq!(results(&response), [Ok, ProcessingFailed, Ok]);
    assert_eq!(response.records[1].data.text(), event.records[1].data);
}

fn any_record() -> impl Strategy<Value = (String, String)> {
    let data = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..400).prop_map(|bytes| BASE64.encode(bytes)),
        2 => ".{0,60}",
        3 => (0usize..60).prop_map(|bars| BASE64.encode(page(bars))),
        1 => (1usize..20, any::<u8>(), 0usize..2000).prop_map(|(bars, byte, at)| {
            let mut record = page(bars);
            let at = at % record.len();
            record[at] = byte;
            BASE64.encode(record)
        }),
    ];
    (".{0,20}", data)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_id_is_answered_once_in_order_within_the_bound(
        records in proptest::collection::vec(any_record(), 0..12),
        extra in 0usize..200_000,
    ) {
        let mut event = event(Vec::new());
        event.records = records
            .into_iter()
            .map(|(record_id, data)| FirehoseRecord { record_id, approximate_arrival_timestamp: None, data })
            .collect();
        // A response has to name every record at least.
        let least = 20 + event.records.iter().map(|r| 60 + 6 * r.record_id.len()).sum::<usize>();
        let context = Context { max_response_bytes: least + extra, ..Context::default() };
        let response = handle(&event, &context);
        let asked: Vec<_> = event.records.iter().map(|record| &record.record_id).collect();
        let answered: Vec<_> = response.records.iter().map(|record| &record.record_id).collect();
        prop_assert_eq!(asked, answered);
        prop_assert!(size(&response) <= context.max_response_bytes);
        for (record, answer) in event.records.iter().zip(&response.records) {
            match answer.result {
                RecordResult::Ok => {
                    let text = BASE64.decode(answer.data.text()).unwrap();
                    prop_assert!(text.ends_with(b"\n"));
                    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                        let value: serde_json::Value = serde_json::from_slice(line).unwrap();
                        prop_assert_eq!(&value["dataset"], "daily_bars");
                    }
                }
                RecordResult::Dropped => prop_assert!(answer.data.text().is_empty()),
                RecordResult::ProcessingFailed => {
                    prop_assert!(answer.data.text() == record.data || answer.data.text().is_empty());
                }
            }
        }
        prop_assert_eq!(&response, &handle(&event, &context));
    }
}
