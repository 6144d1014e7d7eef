//! The fetch function against the sample recording, over real HTTP, with streams and queues that fail on purpose.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{FakeStream, Put, Setting, raw, request, sample_event, sqs};
use bytes::Bytes;
use quotelake_fetch::{FetchReport, UnitOutcome, handle};
use quotelake_sources::replay::Fault;
use quotelake_testkit::{CallPlan, Moment};
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[tokio::test]
async fn a_schedule_fetches_its_watchlist() {
    let setting = Setting::new().await;
    let answer = setting.handle(&sample_event("schedule.json")).await.unwrap();
    insta::assert_json_snapshot!("schedule", serde_json::from_str::<Value>(answer.get()).unwrap());
    assert_eq!(setting.server.requests(), 26);
    assert_eq!(setting.rows(), HashMap::from([("daily_bars", 12_154), ("splits", 3), ("dividends", 93)]));
    assert!(setting.dead_letters.bodies().is_empty() && setting.units.bodies().is_empty());
}

#[tokio::test]
async fn a_function_url_is_answered_in_http() {
    let setting = Setting::new().await;
    let answer = setting.handle(&sample_event("function_url.json")).await.unwrap();
    insta::assert_json_snapshot!("function_url", serde_json::from_str::<Value>(answer.get()).unwrap());

    let status = async |method: &str, body: &str| {
        let event = raw(
            json!({ "version": "2.0", "requestContext": { "http": { "method": method } }, "body": body }),
        );
        let answer: Value = serde_json::from_str(setting.handle(&event).await.unwrap().get()).unwrap();
        (answer["statusCode"].as_u64().unwrap(), answer["body"].as_str().unwrap().to_owned())
    };
    assert_eq!(status("GET", "").await.0, 405);
    let (code, body) =
        status("POST", r#"{"source":"polygon","watchlist":"us_samples","from":"today"}"#).await;
    assert_eq!(code, 400);
    assert!(body.contains("missing field `datasets`"), "{body}");
    let wrong =
        r#"{"source":"polygon","watchlist":"none","datasets":["splits"],"from":"today","to":"today"}"#;
    assert_eq!(
        status("POST", wrong).await,
        (
            400,
            r#"{"error":"invalid_input","message":"unknown watchlist \"none\"; known are us_samples"}"#
                .into()
        )
    );
    assert_eq!(status("POST", request(&["TSLA"], &["splits"]).get()).await.0, 502);
    assert_eq!(status("POST", request(&["TSLA", "IBM"], &["splits"]).get()).await.0, 207);
}

#[tokio::test]
async fn a_wrong_event_names_its_field() {
    let setting = Setting::new().await;
    let fault = async |event: Value| setting.handle(&raw(event)).await.unwrap_err().to_string();
    let whole = json!({
        "source": "polygon", "watchlist": "us_samples", "datasets": ["splits"], "from": "today-7d", "to": "today",
    });
    let with = |field: &str, value: Value| {
        let mut event = whole.clone();
        event[field] = value;
        event
    };
    for (event, text) in [
        (with("source", json!("bloomberg")), "unknown source \"bloomberg\""),
        (with("watchlist", json!(7)), "watchlist: neither a name nor an object"),
        (with("watchlist", json!({ "symbols": [{ "ticker": "A" }] })), "watchlist: unknown field `ticker`"),
        (with("datasets", json!(["bars"])), "unknown variant `bars`"),
        (with("datasets", json!(["intraday_bars"])), "no interval is given"),
        (with("to", json!("2013-02-30")), "\"2013-02-30\" is not a day"),
        (with("from", json!("2030-01-01")), "is after to"),
        (with("limit", json!(5)), "unknown field `limit`"),
        (with("run_id", json!("a/b")), "run_id \"a/b\""),
        (json!([]), "the event cannot be read"),
    ] {
        let error = fault(event).await;
        assert!(error.contains(text), "{error:?} does not say {text:?}");
    }
    assert_eq!(setting.server.requests(), 0);
}

#[tokio::test]
async fn relative_days_are_the_exchanges() {
    let setting = Setting::new().await;
    // 02:00Z on 2013-03-02 is still 2013-03-01 in New York. The window is not in the recording: its unit says which it was.
    let report = setting.handle(&sample_event("trailing_window.json")).await.unwrap();
    assert!(report.get().contains("polygon/aggregates/AAPL/1d/2013-02-15/2013-03-01"), "{}", report.get());
}

#[tokio::test]
async fn nothing_is_lost_when_the_stream_takes_a_part() {
    let setting = Setting::new().await;
    setting.stream.script.lock().unwrap().extend([Put::Half, Put::Away, Put::Half]);
    let report = setting.report(&["AAPL"], &["daily_bars"]).await;
    assert_eq!(report.counts.delivered, 1);
    assert_eq!(setting.stream.accepted.lock().unwrap().len(), 4, "each page once");
    assert_eq!(setting.rows()["daily_bars"], 3270);
}

#[tokio::test]
async fn a_stream_that_stays_away_hands_the_unit_back_from_its_start() {
    let setting = Setting::new().await;
    setting.stream.script.lock().unwrap().extend([Put::Away; 4]);
    let report = setting.report(&["AAPL", "FB"], &["daily_bars"]).await;
    assert_eq!((report.counts.handed_back, report.counts.delivered), (1, 1));
    let message = &setting.units.bodies()[0];
    assert_eq!((&message["run_id"], &message["units"][0]["unit"]["page"]), (&json!("run-1"), &json!(0)));
    assert!(message["units"][0].get("resume_at").is_none());
}

#[tokio::test]
async fn a_stream_that_refuses_makes_dead_letters() {
    let setting = Setting::new().await;
    setting.stream.script.lock().unwrap().extend([Put::Refused]);
    let report = setting.report(&["IBM", "FB"], &["splits"]).await;
    assert_eq!((report.counts.failed, report.counts.empty), (1, 1));
    assert_eq!(setting.dead_letters.attribute("error_code"), ["malformed"]);

    setting.stream.script.lock().unwrap().extend([Put::Forbidden]);
    let report = setting.report(&["IBM", "FB"], &["splits"]).await;
    assert_eq!(report.counts.failed, 2, "a stream that may not be written to stops the run");
}

#[tokio::test]
async fn a_page_too_large_for_the_stream_is_a_dead_letter() {
    let mut setting = Setting::new().await;
    let small = FakeStream { script: Mutex::default(), accepted: Mutex::default(), max_record_bytes: 50_000 };
    setting.context.stream = Arc::new(small);
    let report = setting.report(&["AAPL", "FB"], &["daily_bars"]).await;
    assert_eq!((report.counts.failed, report.counts.delivered), (1, 1));
    let UnitOutcome::Failed { code, message, retryable: false, .. } = &report.units[0].outcome else {
        panic!("{report:?}")
    };
    assert_eq!(code, "too_large");
    assert!(message.contains("the stream takes 50000: lower the page limit"), "{message}");
    assert_eq!(setting.dead_letters.attribute("error_code"), ["too_large"]);
}

#[tokio::test]
async fn a_lasting_failure_is_a_dead_letter_that_can_be_sent_again() {
    let setting = Setting::new().await;
    let denied = || Fault::Answer {
        status: 403,
        headers: vec![("content-type", "application/json".into())],
        body: r#"{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data."}"#.into(),
    };
    setting.server.script([denied()]);
    let report = setting.report(&["MSFT", "AAPL"], &["splits"]).await;
    assert_eq!((report.counts.failed, report.counts.delivered), (1, 1), "other units go on");
    let letter = setting.dead_letters.sent.lock().unwrap()[0].clone();
    insta::assert_json_snapshot!(
        "dead_letter",
        json!({
            "body": serde_json::from_str::<Value>(&letter.body).unwrap(), "attributes": letter.attributes,
        })
    );

    // The plan was upgraded: the letter's own text is an event.
    let answer = setting.handle(&RawValue::from_string(letter.body).unwrap()).await.unwrap();
    let report: FetchReport = serde_json::from_str(answer.get()).unwrap();
    assert_eq!(report.units[0].outcome, UnitOutcome::Delivered { pages: 1, rows: 1, short: None });
}

#[tokio::test]
async fn what_was_handed_back_goes_on_where_it_stopped() {
    let setting = Setting::new().await;
    setting.server.script([
        Fault::None,
        Fault::None,
        Fault::Answer { status: 429, headers: vec![("retry-after", "2000".into())], body: Bytes::new() },
    ]);
    let report = setting.report(&["AAPL", "FB"], &["daily_bars"]).await;
    assert_eq!((report.counts.handed_back, report.pages, report.requests), (2, 2, 3));
    let messages = setting.units.sent.lock().unwrap().clone();
    assert_eq!(messages.len(), 1, "they share the vendor's rhythm");
    assert_eq!(messages[0].delay_seconds, 900);

    let answer = setting.handle(&sqs(&[messages[0].body.clone()])).await.unwrap();
    assert_eq!(answer.get(), r#"{"batchItemFailures":[]}"#);
    assert_eq!(setting.rows()["daily_bars"], 3270 + 196);
    assert_eq!(setting.server.requests(), 3 + 3, "no page is asked for twice");
}

#[tokio::test]
async fn too_many_failed_runs_make_a_dead_letter() {
    let setting = Setting::new().await;
    let mut event = request(&["IBM"], &["splits"]);
    for run in 1..=3 {
        setting.server.script(std::iter::repeat_n(Fault::status(503), 4));
        setting.handle(&event).await.unwrap();
        let units = std::mem::take(&mut *setting.units.sent.lock().unwrap());
        match run {
            1 | 2 => event = sqs(&[units[0].body.clone()]),
            _ => assert!(units.is_empty()),
        }
    }
    assert_eq!(setting.dead_letters.attribute("error_code"), ["server"]);
    let message = setting.dead_letters.bodies()[0]["failure"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("given up after 3 runs"), "{message}");
}

/// No time is left in any of them: what a chain of invocations looks like that never gets to its work.
#[tokio::test]
async fn a_chain_of_invocations_ends_at_its_bound_and_loses_no_unit() {
    let setting = Setting::new().await;
    let mut event = request(&["AAPL", "FB"], &["splits"]);
    let mut invocations = 0;
    loop {
        invocations += 1;
        handle(&event, Some(Duration::ZERO), &setting.context).await.unwrap();
        let units = std::mem::take(&mut *setting.units.sent.lock().unwrap());
        let Some(message) = units.first() else { break };
        let body: Value = serde_json::from_str(&message.body).unwrap();
        assert_eq!(body["hops"], invocations);
        event = sqs(std::slice::from_ref(&message.body));
    }
    assert_eq!(invocations, 1 + setting.context.max_hops);
    let letters = setting.dead_letters.bodies();
    assert_eq!(letters.len(), 2);
    let why = letters[0]["failure"]["message"].as_str().unwrap();
    assert_eq!(why, "given up after 4 invocations that handed it on, the last: no time was left");
    // Sent back by a person, a letter starts over.
    assert!(letters[0].get("hops").is_none());
    setting.handle(&sqs(&[letters[0].to_string()])).await.unwrap();
    assert_eq!(setting.rows()["splits"], 2);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_a_dead_letter_at_once() {
    let setting = Setting::new().await;
    let good = json!({ "source": "polygon", "run_id": "r", "units": [] }).to_string();
    let answer = setting
        .handle(&sqs(&["not json".into(), good, r#"{"source":"x","run_id":"r","units":[]}"#.into()]))
        .await
        .unwrap();
    assert_eq!(answer.get(), r#"{"batchItemFailures":[]}"#);
    assert_eq!(setting.dead_letters.attribute("error_code"), ["invalid_input", "invalid_input"]);

    *setting.dead_letters.away.lock().unwrap() = true;
    let answer = setting.handle(&sqs(&["not json".into()])).await.unwrap();
    assert_eq!(answer.get(), r#"{"batchItemFailures":[{"itemIdentifier":"message-0"}]}"#);
}

#[tokio::test]
async fn a_queue_that_fails_fails_the_invocation() {
    let setting = Setting::new().await;
    *setting.dead_letters.away.lock().unwrap() = true;
    let error = setting.handle(&request(&["TSLA", "NFLX"], &["splits"])).await.unwrap_err();
    assert!(error.kind().is_retryable());
    let text = error.to_string();
    assert_eq!(
        text,
        "2 messages could not be sent, the first: dead letter of unit polygon/splits/TSLA: the queue is away"
    );

    *setting.units.away.lock().unwrap() = true;
    setting.server.script(std::iter::repeat_n(Fault::status(503), 4));
    assert!(setting.handle(&request(&["IBM"], &["splits"])).await.is_err());
}

#[tokio::test]
async fn time_that_runs_out_hands_everything_back() {
    let setting = Setting::new().await;
    let event = request(&["AAPL", "FB"], &["daily_bars", "splits"]);
    let answer = handle(&event, Some(Duration::ZERO), &setting.context).await.unwrap();
    let report: FetchReport = serde_json::from_str(answer.get()).unwrap();
    assert_eq!((report.counts.handed_back, report.requests), (4, 0));
    let message = &setting.units.bodies()[0];
    assert_eq!(message["units"].as_array().unwrap().len(), 4);
    assert!(message["units"].as_array().unwrap().iter().all(|work| work["attempt"] == 0));
}

/// A crash at any call of any port, before or after its effect: what did not arrive is in an error, in the report or in a queue,
/// and going on from there brings every row.
#[tokio::test]
async fn no_crash_becomes_silence() {
    let event = request(&["MSFT", "AAPL"], &["splits"]);
    let calls = {
        let setting = Setting::new().await;
        let plan = CallPlan::new();
        setting.faulty(&plan).run(&event).await.unwrap();
        plan.calls()
    };
    assert!(calls >= 2);
    for call in 1..=calls {
        for moment in [Moment::Before, Moment::After] {
            let setting = Setting::new().await;
            let plan = CallPlan::crash_at(call, moment);
            let faulty = setting.faulty(&plan);
            let first = faulty.run(&event).await;
            plan.restart();
            match first {
                // Lambda tries the event again.
                Err(_) => drop(faulty.run(&event).await.unwrap()),
                Ok(report) => {
                    assert_eq!(report.counts.total(), 2);
                    let messages = std::mem::take(&mut *setting.units.sent.lock().unwrap());
                    for message in messages {
                        setting.handle(&sqs(&[message.body])).await.unwrap();
                    }
                }
            }
            let accepted = setting.stream.accepted.lock().unwrap();
            let distinct: std::collections::HashSet<&Bytes> = accepted.iter().collect();
            assert_eq!(distinct.len(), 2, "call {call}, {moment:?}");
        }
    }
}
