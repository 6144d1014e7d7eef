//! The parity table is current.

#[allow(unreachable_pub, reason = "shared with an example")]
mod table;

#[test]
fn the_parity_table_is_current() {
    let current = table::document().unwrap();
    let stored = include_str!("../../docs/parity.md");
    assert!(current == stored, "run `cargo run -p dqdl --example parity > crates/dqdl/docs/parity.md`");
}
