//! How others learn of a new object in the lake: [`ObjectCreated`], and its adapter that sends S3's event to a queue, which is
//! the event source of `check`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use quotelake_core::Result;
use quotelake_core::ports::{Clock, Message, ObjectMeta, Queue};

use crate::fabric::{S3Object, s3_object_created};

/// Hears of every object that a delivery wrote under the landing prefix, at least once.
#[async_trait]
pub trait ObjectCreated: fmt::Debug + Send + Sync {
    /// The object is in the lake. After an error the delivery is done again, and so is this call.
    async fn object_created(&self, object: &ObjectMeta) -> Result<()>;
}

/// Nobody is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNotification;

#[async_trait]
impl ObjectCreated for NoNotification {
    async fn object_created(&self, _: &ObjectMeta) -> Result<()> {
        Ok(())
    }
}

/// Sends S3's own event to a queue, as a bucket notification does.
#[derive(Debug, Clone)]
pub struct QueueNotifier {
    bucket: String,
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
}

impl QueueNotifier {
    /// Notifications of the bucket to the queue.
    pub fn new(bucket: impl Into<String>, queue: Arc<dyn Queue>, clock: Arc<dyn Clock>) -> Self {
        Self { bucket: bucket.into(), queue, clock }
    }
}

#[async_trait]
impl ObjectCreated for QueueNotifier {
    async fn object_created(&self, object: &ObjectMeta) -> Result<()> {
        let event = s3_object_created(&S3Object {
            bucket: &self.bucket,
            key: &object.key,
            size: object.size,
            etag: object.version.as_str(),
            created_at: self.clock.now(),
        });
        self.queue.send(Message { body: event.to_string(), ..Message::default() }).await
    }
}
