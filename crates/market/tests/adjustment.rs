//! Adjusted prices beside what others computed: a public table of adjusted closes, rational arithmetic elsewhere, worked cases, the form
//! in which vendors give their own adjusted column.

mod chains;
mod contracts;
mod excerpts;
mod hand;
mod public;
mod vendors;
