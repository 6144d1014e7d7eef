//! Quotelake on the command line: the same handlers on a laptop.

fn main() {}
