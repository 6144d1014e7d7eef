//! A durable queue with the semantics of SQS on a folder.

mod folder;
mod message;

pub use folder::{Depth, FolderQueue};
pub use message::{Received, StoredMessage};
