//! What every adapter of `Events` has to do, as one test, seen by a subscriber that the adapter's test provides.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use quotelake_core::ports::{Event, Events};

use crate::build::event;

/// A subscriber, as the suite needs it.
#[async_trait]
pub trait EventReader: Send + Sync {
    /// Every event that reached it so far.
    async fn events(&self) -> Vec<Event>;
    /// Subject and text of every notification so far.
    async fn notices(&self) -> Vec<(String, String)>;
}

/// The contract of an [`Events`], seen from a subscriber's end.
pub async fn events_suite(events: Arc<dyn Events>, reader: &dyn EventReader) {
    assert!(
        reader.events().await.is_empty() && reader.notices().await.is_empty(),
        "the suite starts with silence"
    );
    let odd = event("preço \"médio\"\nlinha 2");
    events.publish(odd.clone()).await.unwrap();
    assert_eq!(reader.events().await, [odd], "a subscriber gets what was published");

    let publishes = (0..16).map(|number| {
        let events = Arc::clone(&events);
        tokio::spawn(async move { events.publish(event(&format!("dataset_{number}"))).await })
    });
    for published in join_all(publishes).await {
        published.unwrap().unwrap();
    }
    let seen = reader.events().await;
    for number in 0..16 {
        assert!(seen.contains(&event(&format!("dataset_{number}"))), "at least once each");
    }

    events.notify("3 dead letters", "queue check\nsee the runbook").await.unwrap();
    let notice = ("3 dead letters".to_owned(), "queue check\nsee the runbook".to_owned());
    assert!(reader.notices().await.contains(&notice));
}
