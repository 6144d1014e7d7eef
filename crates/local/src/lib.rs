//! The platform on a laptop: the ports on files and memory, an embedded delivery stream and an event fabric. No network.
//!
//! How the parts meet, from a fetched page to a published table:
//!
//! ```text
//!  fetch --put--> SpoolStream ==journal==> Delivery --invoke--> transform (Function)
//!                                             |  raw/ landing/ undelivered/ (Lake)
//!                                             +--object created--> FolderQueue "check"
//!  Fabric: FolderQueue "check" --SQS event--> check (Function) --send--> FolderQueue "publish" --> publish (Function)
//!          what fails too often --> FolderQueue "...-dlq" --redrive--> back to its queue
//! ```
//!
//! - [`FolderLake`], [`MemoryLake`], [`ReadOnlyFiles`]: the `Lake` port on a folder, in memory, over files read in place.
//! - [`SpoolStream`] and [`Delivery`]: the two halves of the delivery stream, accepting and delivering, joined by a journal
//!   on disk. Together they keep the promises, limits and JSON of Amazon Data Firehose.
//! - [`FolderQueue`]: a durable queue with the semantics of SQS, one file per message.
//! - [`Fabric`]: binds queues to [`Function`]s the way Lambda's event source mapping does; [`Chaos`] makes it misbehave on
//!   purpose. [`dead_letters`] and [`redrive`] work on what was given up.
//! - [`JsonCatalog`], [`LogEvents`], [`LocalSecrets`], [`SystemClock`]: the small ports.
//!
//! A handler never learns where it runs: it gets the same JSON as on AWS and the same ports.
//!
//! Everything private lives below `_platform/` of a lake's root, which is not part of the lake's key space. File calls
//! are blocking calls on tokio's blocking pool, so an executor thread never waits for a disk. All of them are safe
//! between processes: writes are a temporary file and a rename, decisions are taken under advisory file locks.

mod catalog;
mod checksum;
mod clock;
mod events;
mod fabric;
mod files;
mod function;
mod lake;
mod notify;
mod queue;
mod secrets;
mod stream;
mod turn;

pub use catalog::JsonCatalog;
pub use clock::SystemClock;
pub use events::{LogEntry, LogEvents};
pub use fabric::{
    Binding, Cause, Chaos, Fabric, FabricReport, Redrive, RedriveReport, S3Object, by_cause, dead_letters,
    redrive, s3_object_created, sqs_event,
};
pub use files::Durability;
pub use function::{Function, FunctionError, FunctionFn, function_fn};
pub use lake::{FolderLake, MemoryLake, NotifyingLake, PRIVATE_FOLDER, ReadOnlyFiles};
pub use notify::{NoNotification, ObjectCreated, QueueNotifier};
pub use queue::{Depth, FolderQueue, Received, StoredMessage};
pub use secrets::LocalSecrets;
pub use stream::{Delivery, DeliveryReport, DeliverySettings, SpoolDepth, SpoolStream};
pub use turn::Turn;
