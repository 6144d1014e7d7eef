//! `quotelake`: see [`quotelake_cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    quotelake_cli::memory::keep_one_heap();
    quotelake_cli::main()
}
