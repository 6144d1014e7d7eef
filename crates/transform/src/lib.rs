//! The transform function: delivery-stream records in, canonical NDJSON out.
//!
//! Firehose hands over a batch of records, each an [`Envelope`](quotelake_core::Envelope) line with one vendor page, and gets
//! each back as the page's canonical lines. The function reads nothing else and writes nothing else: its whole permission is to
//! log.
//!
//! - `firehose.rs`: the service's request and response, to the letter.
//! - `handler.rs`: [`handle`], record by record, and the response's size.
//! - `context.rs`: the sources it can read.
//!
//! # What becomes of a record
//!
//! | record | answer | then |
//! |---|---|---|
//! | a page with rows | `Ok`, one line per row | `landing/` |
//! | a page without rows | `Dropped` | nothing; the raw zone keeps the page |
//! | not an envelope, an unknown source, a page that cannot be read or believed | `ProcessingFailed`, the record itself | the error prefix |
//! | a page whose lines do not fit the response | `ProcessingFailed`, the record itself | the error prefix |
//!
//! A row that is wrong in itself is no failure here: its line goes on with what could be read, and `check` quarantines it.
//!
//! # Size
//!
//! Lambda's response ends at 6 MB, and one answer too many fails the whole batch, over and over. A bar of 90 bytes becomes a
//! line of about 700, so an answer is about ten times its record. [`DEFAULT_MAX_RESPONSE_BYTES`] is held whatever comes. `fetch`
//! makes the same lines before it puts a page on the stream, and lands a page itself that would not fit
//! ([`quotelake_sources::size`]); [`RECOMMENDED_BUFFER_BYTES`] is the buffer hint of the stream's processor that belongs to it.

mod context;
mod firehose;
mod handler;

pub use context::Context;
pub use firehose::{Data, FirehoseEvent, FirehoseRecord, FirehoseResponse, RecordResult, TransformedRecord};
pub use handler::handle;

/// The largest response in bytes of JSON.
pub const DEFAULT_MAX_RESPONSE_BYTES: usize = quotelake_sources::size::MAX_RESPONSE_BYTES;

/// What `BufferSizeInMBs` of the stream's Lambda processor should be, in bytes: with it the bound is never met by pages that `fetch`
/// put on the stream.
pub const RECOMMENDED_BUFFER_BYTES: usize = quotelake_sources::size::INVOCATION_BYTES;
