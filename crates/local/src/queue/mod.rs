//! A durable queue with the semantics of SQS on a folder.

mod folder;
mod hand_back;
mod message;

pub use folder::{Depth, FolderQueue};
pub use message::{Received, StoredMessage};
