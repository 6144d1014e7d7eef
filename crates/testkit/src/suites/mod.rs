//! The contract of each port as a test: an async function over the port that panics at the first broken sentence.
//!
//! Every suite writes below a prefix or name of its own choice and expects to be alone there. Run it on a fresh adapter:
//!
//! ```ignore
//! #[tokio::test]
//! async fn folder_lake_keeps_the_contract() {
//!     let dir = tempfile::tempdir().unwrap();
//!     lake_suite(Arc::new(FolderLake::open(dir.path()).unwrap())).await;
//! }
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a suite is a test: it panics where the contract is broken"
)]

mod catalog;
mod events;
mod lake;
mod queue;
mod secrets;
mod stream;

pub use catalog::catalog_suite;
pub use events::{EventReader, events_suite};
pub use lake::{lake_suite, read_only_lake_suite};
pub use queue::{Delivered, MovableClock, QueueGap, ReceivingQueue, queue_suite, queue_suite_but};
pub use secrets::secrets_suite;
pub use stream::stream_suite;
