//! Adjusted prices beside what others computed: a public table of adjusted closes, rational arithmetic elsewhere, worked cases, the form
//! in which vendors give their own adjusted column.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "adjustment/hand.rs"]
mod hand;
mod native;
