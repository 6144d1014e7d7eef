//! Small values of the core types, complete and plausible; a test changes the field that it is about.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use quotelake_core::ports::{Event, Message, Partition};
use quotelake_core::{Envelope, FetchUnit, ObjectKey, Page, Zone};

/// The instant that built values carry: 2026-11-21 06:00:00 UTC, a Saturday.
pub fn instant() -> DateTime<Utc> {
    const UNIX_SECONDS: i64 = 1_795_240_800;
    DateTime::from_timestamp(UNIX_SECONDS, 0).unwrap_or_default()
}

/// A request for the daily bars of a symbol at a New York exchange.
pub fn unit(symbol: &str) -> FetchUnit {
    FetchUnit {
        id: format!("polygon/aggregates/{symbol}/1d/2013-03-01/2013-03-28"),
        endpoint: "aggregates".into(),
        symbol: Some(symbol.into()),
        interval: Some("1d".into()),
        from: Some("2013-03-01".into()),
        to: Some("2013-03-28".into()),
        exchange_tz: "America/New_York".into(),
        exchange_mic: Some("XNAS".into()),
        currency: Some("USD".into()),
        asset_class: "equity".into(),
        ..FetchUnit::default()
    }
}

/// A vendor's page with this body.
pub fn page(symbol: &str, body: impl Into<Bytes>) -> Page {
    Page {
        source: "polygon".into(),
        unit: unit(symbol),
        run_id: "run-1".into(),
        fetched_at: instant(),
        request_id: "request-1".into(),
        status: 200,
        content_type: Some("application/json".into()),
        body: body.into(),
    }
}

/// The page, sealed.
pub fn envelope(symbol: &str, body: impl Into<Bytes>) -> Envelope {
    Envelope::seal(page(symbol, body))
}

/// A message without group, id and attributes.
pub fn message(body: &str) -> Message {
    Message { body: body.into(), ..Message::default() }
}

/// A message of a group.
pub fn grouped(group: &str, body: &str) -> Message {
    Message { group: Some(group.into()), ..message(body) }
}

/// A dead letter of this cause.
pub fn dead_letter(body: &str, error_code: &str) -> Message {
    let attributes = BTreeMap::from([
        ("error_code".to_owned(), error_code.to_owned()),
        ("error_message".to_owned(), format!("failed as {error_code}")),
    ]);
    Message { attributes, ..message(body) }
}

/// A monthly partition of a table, at the place where the layout puts it.
pub fn partition(table: &str, month: &str) -> Partition {
    Partition {
        table: table.into(),
        values: vec![month.into()],
        location: ObjectKey::table(Zone::Bronze, table, &[("month".into(), month.into())]).folder(),
    }
}

/// An event about a dataset.
pub fn event(dataset: &str) -> Event {
    Event {
        source: "quotelake.check".into(),
        detail_type: "Data Quality Evaluation Results Available".into(),
        detail: serde_json::json!({ "dataset": dataset, "rows": 3 }),
    }
}
