//! The core of Quotelake: what every stage shares and nothing that touches the world.
//!
//! - [`Error`]: one error type whose kind tells the caller what to do.
//! - [`ports`]: the traits through which stages reach a lake, a stream, a queue, a catalog; adapters live elsewhere.
//! - [`ObjectKey`]: the one owner of the lake's key layout.
//! - [`percent`]: the percent coding of partition values in keys, and of keys in events.
//! - [`Envelope`]: a vendor page on its way through the delivery stream.
//! - [`Decimal`], [`time`]: exact numbers and trading dates.
//! - [`fn@visible`]: text from outside, safe to show.
//! - [`Finding`]: what a look at a lake or a stack found.

mod decimal;
mod envelope;
mod error;
mod finding;
mod keys;
pub mod percent;
pub mod ports;
pub mod time;
mod visible;
mod yaml;

pub use decimal::{Decimal, DecimalError, divide_half_even, parse_scaled, without_float_noise};
pub use envelope::{BodyEncoding, ENVELOPE_VERSION, Envelope, FetchUnit, Page, UnitInstrument};
pub use error::{BoxError, Context, Error, ErrorKind, Result};
pub use finding::{Finding, FindingLevel};
pub use keys::{ObjectKey, Zone, check_id, check_key, is_valid_key, pacing_key, sha256_hex};
pub use visible::{is_hidden, visible, visible_json, visible_lines};
pub use yaml::{MAX_YAML_BYTES, MAX_YAML_DEPTH, check_yaml, from_yaml};
