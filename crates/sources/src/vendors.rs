//! The vendors: a folder each, and two lines here, which are all that the rest of Quotelake knows of one.
//!
//! A folder holds the vendor's shapes (`wire.rs`), what to ask (`plan.rs`), what an answer is worth (`classify.rs`), a page to rows
//! (`map.rs`), and the settings with what is made of them (`settings.rs`).

pub mod brapi;
pub mod fii;
pub mod polygon;
pub mod yahoo;

use crate::settings::Registration;

/// Every source that ships, by the name that envelopes, configurations and records carry.
pub(crate) const SHIPPED: &[Registration] = &[
    Registration::of::<polygon::Settings>(polygon::NAME),
    Registration::of::<yahoo::Settings>(yahoo::NAME),
    Registration::of::<brapi::Settings>(brapi::NAME),
    Registration::of::<fii::Settings>(fii::NAME),
];
