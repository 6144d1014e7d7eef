//! Adjusted prices beside what others computed: a public table of adjusted closes, rational arithmetic elsewhere, worked cases, the form
//! in which vendors give their own adjusted column.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "adjustment/chains.rs"]
mod chains;
#[path = "adjustment/contracts.rs"]
mod contracts;
#[path = "adjustment/excerpts.rs"]
mod excerpts;
#[path = "adjustment/hand.rs"]
mod hand;
mod native;
#[path = "adjustment/public.rs"]
mod public;
#[path = "adjustment/vendors.rs"]
mod vendors;
mod wiki;
