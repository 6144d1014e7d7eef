//! Prints the parity table: `cargo run -p dqdl --example parity > crates/dqdl/docs/parity.md`

#![allow(clippy::print_stdout, reason = "its output is the document")]

#[path = "../tests/parity/table.rs"]
#[allow(unreachable_pub, reason = "shared with a test")]
mod table;

fn main() -> Result<(), &'static str> {
    print!("{}", table::document().ok_or("a rule of the table does not parse")?);
    Ok(())
}
