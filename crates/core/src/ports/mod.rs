//! The ports: small traits, named for what they permit. The doc comment of each is its contract, and the suites in
//! `quotelake-testkit` assert it on every adapter. A behaviour that a doc comment does not state may not be relied on.

mod catalog;
mod clock;
mod events;
mod lake;
mod queue;
mod secrets;
mod stream;

pub use catalog::{Catalog, Partition};
pub use clock::{Clock, FixedClock};
pub use events::{Event, Events};
pub use lake::{Lake, Object, ObjectMeta, Precondition, Version};
pub use queue::{HandBack, Message, Queue};
pub use secrets::{
    SECRET_TIME_TO_LIVE, Secret, SecretCache, Secrets, check_secret_reference, is_secret_reference,
};
pub use stream::{PutOutcome, RecordStream};
