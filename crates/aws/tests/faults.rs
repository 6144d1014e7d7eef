//! What the emulators never do: refuse some records of a batch, throttle, fail in the middle. A server on a loopback port answers
//! from a script and keeps what it was asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use quotelake_aws::{BusEvents, FirehoseStream, GlueCatalog, S3Lake};
use quotelake_core::ErrorKind;
use quotelake_core::ports::{
    Catalog as _, Events as _, Lake as _, Precondition, PutOutcome, RecordStream as _,
};
use quotelake_testkit::build;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::aws_at;

/// Status, headers and body.
type Answer = (u16, Vec<(&'static str, &'static str)>, String);

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    asked: Vec<Bytes>,
}

/// A service that answers from a script; one that is asked more often than that fails with 500.
struct Fake {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    server: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Fake {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, script) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Script::default())));
        let shared = Arc::clone(&script);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&shared);
                let service = service_fn(move |request| answer(request, Arc::clone(&script)));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, script, server }
    }

    fn answers(&self, status: u16, body: &Value) -> &Self {
        self.answers_with(status, &[], &body.to_string())
    }

    fn answers_with(&self, status: u16, headers: &[(&'static str, &'static str)], body: &str) -> &Self {
        self.script.lock().unwrap().answers.push_back((status, headers.to_vec(), body.to_owned()));
        self
    }

    fn asked(&self) -> Vec<Bytes> {
        self.script.lock().unwrap().asked.clone()
    }

    /// The data of every record of every `PutRecordBatch`.
    fn puts(&self) -> Vec<Vec<String>> {
        let texts = |body: Bytes| {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let records = body["Records"].as_array().unwrap().clone();
            records.iter().map(|record| record["Data"].as_str().unwrap().to_owned()).collect()
        };
        self.asked().into_iter().map(texts).collect()
    }

    async fn aws(&self) -> quotelake_aws::Aws {
        aws_at(&format!("http://{}", self.address)).await
    }
}

async fn answer(
    request: Request<Incoming>,
    script: Arc<Mutex<Script>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut script = script.lock().unwrap();
    script.asked.push(body);
    let (status, headers, body) =
        script.answers.pop_front().unwrap_or((500, Vec::new(), r#"{"__type":"InternalFailure"}"#.into()));
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    let response = headers.iter().fold(response, |response, (name, value)| response.header(*name, *value));
    Ok(response.body(Full::from(body)).unwrap())
}

fn batch(outcomes: &[Option<&str>]) -> Value {
    let entry = |outcome: &Option<&str>| match outcome {
        None => json!({ "RecordId": "id" }),
        Some(code) => json!({ "ErrorCode": code, "ErrorMessage": "Slow down." }),
    };
    json!({
        "FailedPutCount": outcomes.iter().flatten().count(),
        "RequestResponses": outcomes.iter().map(entry).collect::<Vec<_>>(),
    })
}

fn records(texts: &[&'static str]) -> Vec<Bytes> {
    texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect()
}

fn kinds(outcomes: &[PutOutcome]) -> Vec<Option<ErrorKind>> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            PutOutcome::Accepted => None,
            PutOutcome::Rejected(error) => Some(error.kind()),
        })
        .collect()
}

const BUSY: Option<&str> = Some("ServiceUnavailableException");

#[tokio::test]
async fn only_the_records_that_were_refused_are_put_again() {
    let fake = Fake::start().await;
    fake.answers(200, &batch(&[None, BUSY, None, BUSY]))
        .answers(200, &batch(&[None, BUSY]))
        .answers(200, &batch(&[None]));
    let stream = FirehoseStream::new(&fake.aws().await, "quotes");
    let outcomes = stream.put(&records(&["a", "b", "c", "d"])).await.unwrap();
    assert_eq!(kinds(&outcomes), [None; 4]);
    let [a, b, c, d] = ["YQ==", "Yg==", "Yw==", "ZA=="];
    assert_eq!(fake.puts(), [vec![a, b, c, d], vec![b, d], vec![d]]);
}

#[tokio::test]
async fn what_stays_refused_is_the_callers_with_its_place() {
    let fake = Fake::start().await;
    fake.answers(200, &batch(&[BUSY, None])).answers(200, &batch(&[BUSY])).answers(200, &batch(&[BUSY]));
    let stream = FirehoseStream::new(&fake.aws().await, "quotes");
    let outcomes = stream.put(&records(&["a", "b"])).await.unwrap();
    assert_eq!(kinds(&outcomes), [Some(ErrorKind::Unavailable), None]);
    let PutOutcome::Rejected(error) = &outcomes[0] else { panic!("the first is refused") };
    assert_eq!(
        error.to_string(),
        "firehose://quotes refuses a record: ServiceUnavailableException: Slow down."
    );
    assert_eq!(fake.puts().len(), 3, "a few tries, not more");
}

#[tokio::test]
async fn a_call_that_fails_after_an_accepted_record_costs_only_the_others() {
    let fake = Fake::start().await;
    fake.answers(200, &batch(&[None, BUSY])).answers(400, &json!({ "__type": "AccessDeniedException" }));
    let stream = FirehoseStream::new(&fake.aws().await, "quotes");
    let outcomes = stream.put(&records(&["a", "b"])).await.unwrap();
    assert_eq!(kinds(&outcomes), [None, Some(ErrorKind::Unauthorized)]);

    let fake = Fake::start().await;
    fake.answers(400, &json!({ "__type": "ResourceNotFoundException", "message": "no stream" }));
    let stream = FirehoseStream::new(&fake.aws().await, "quotes");
    let error = stream.put(&records(&["a", "b"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "nothing was accepted: {error}");
}

#[tokio::test]
async fn a_second_call_that_fails_leaves_the_first_accepted() {
    let fake = Fake::start().await;
    fake.answers(200, &batch(&[None; 500])).answers(400, &json!({ "__type": "AccessDeniedException" }));
    let stream = FirehoseStream::new(&fake.aws().await, "quotes");
    let outcomes = stream.put(&vec![Bytes::from_static(b"x"); 502]).await.unwrap();
    assert!(kinds(&outcomes[..500]).iter().all(Option::is_none));
    assert_eq!(kinds(&outcomes[500..]), [Some(ErrorKind::Unauthorized); 2]);
}

#[tokio::test]
async fn an_answer_of_another_length_is_no_answer() {
    let fake = Fake::start().await;
    fake.answers(200, &batch(&[None]));
    let stream = FirehoseStream::new(&fake.aws().await, "quotes");
    let error = stream.put(&records(&["a", "b"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("1 were answered"), "{error}");
}

#[tokio::test]
async fn the_sdk_tries_again_where_the_service_is_busy() {
    let fake = Fake::start().await;
    fake.answers(503, &json!({ "__type": "ServiceUnavailableException" })).answers(200, &batch(&[None]));
    let stream = FirehoseStream::new(&fake.aws().await, "quotes");
    assert_eq!(kinds(&stream.put(&records(&["a"])).await.unwrap()), [None]);
    assert_eq!(fake.asked().len(), 2);
}

fn table() -> Value {
    json!({ "Table": { "Name": "daily_bars", "StorageDescriptor": { "Location": "s3://lake/bronze/daily_bars/" } } })
}

fn refused_partition(month: &str, code: &str) -> Value {
    json!({ "Errors": [{ "PartitionValues": [month], "ErrorDetail": { "ErrorCode": code, "ErrorMessage": "words" } }] })
}

#[tokio::test]
async fn a_partition_is_tried_again_while_others_change_its_table() {
    let fake = Fake::start().await;
    fake.answers(200, &table());
    fake.answers(200, &refused_partition("2013-02", "ConcurrentModificationException"));
    fake.answers(200, &json!({ "Errors": [] }));
    let catalog = GlueCatalog::new(&fake.aws().await, "quotelake", "lake");
    let months = ["2013-01", "2013-02"].map(|month| build::partition("daily_bars", month));
    catalog.ensure_partitions(&months).await.unwrap();
    let asked = fake.asked();
    assert_eq!(asked.len(), 3, "and its table is read once");
    let places = |body: &Bytes| String::from_utf8_lossy(body).matches("s3://lake/bronze/").count();
    let wanted: Vec<usize> = asked[1..].iter().map(places).collect();
    assert_eq!(wanted, [2, 1], "what was created is not asked for again");

    fake.answers(200, &refused_partition("2013-01", "InternalServiceException"));
    let error = catalog.ensure_partitions(&months).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        error.to_string(),
        "creating partition 2013-01 of glue://quotelake/daily_bars: InternalServiceException: words"
    );
}

#[tokio::test]
async fn an_event_that_the_bus_refuses_is_an_error() {
    let fake = Fake::start().await;
    let entry = |code: &str| json!({ "FailedEntryCount": 1, "Entries": [{ "ErrorCode": code, "ErrorMessage": "words" }] });
    for (code, kind) in [
        ("ThrottlingException", ErrorKind::Throttled),
        ("InternalFailure", ErrorKind::Unavailable),
        ("MalformedDetail", ErrorKind::InvalidInput),
    ] {
        fake.answers(200, &entry(code));
        let events = BusEvents::new(&fake.aws().await, "quotelake", None);
        let error = events.publish(build::event("daily_bars")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        events.notify("no topic", "is no error").await.unwrap();
    }
}

#[tokio::test]
async fn an_object_that_is_not_what_was_put_is_not_taken_for_it() {
    let fake = Fake::start().await;
    let lake = S3Lake::new(&fake.aws().await, "lake");
    // The checksum of other bytes, of the kind that is put now and of the one before it.
    for checksum in [("x-amz-checksum-crc64nvme", "NBDEczomnLM="), ("x-amz-checksum-crc32", "AAAAAA==")] {
        let headers = [("etag", "\"1\""), checksum];
        let damaged = || fake.answers_with(200, &headers, "close,10.58");
        damaged();
        damaged();
        let error = lake.get("key").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        let text = error.to_string();
        assert!(text.starts_with("s3://lake/key is damaged: it was written with the checksum "), "{text}");
        // It can be looked at.
        damaged();
        let object = lake.get_unchecked("key").await.unwrap();
        assert_eq!((&object.bytes[..], object.verified), (&b"close,10.58"[..], false));
    }
    // What was damaged on its way is asked for again.
    let headers = [("etag", "\"1\""), ("x-amz-checksum-crc64nvme", "NBDEczomnLM=")];
    fake.answers_with(200, &headers, "close,10.58").answers_with(200, &headers, "close,10.50");
    let object = lake.get("key").await.unwrap();
    assert!(object.verified && object.bytes == "close,10.50");
    // No checksum, or one of parts: read as it is.
    for headers in [vec![("etag", "\"1\"")], vec![("etag", "\"1\""), ("x-amz-checksum-crc32", "AAAAAA==-2")]]
    {
        fake.answers_with(200, &headers, "close,10.50");
        assert!(!lake.get("key").await.unwrap().verified);
    }

    fake.answers_with(409, &[], "<Error><Code>ConditionalRequestConflict</Code></Error>");
    let error = lake.put("key", Bytes::from_static(b"x"), Precondition::IfAbsent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_a_passing_fault() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let lake = S3Lake::new(&aws_at(&format!("http://{address}")).await, "lake");
    let error = tokio::time::timeout(Duration::from_secs(30), lake.get("key")).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().starts_with("reading s3://lake/key: the service cannot be reached"), "{error}");
}
